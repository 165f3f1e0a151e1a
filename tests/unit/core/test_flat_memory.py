"""What small uploads could blow up to: each reader stops at a bound, far below the memory that the bytes ask for."""

import gzip
import tarfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import wheels

from holdfast.core.archive import examine
from holdfast.core.archive_limits import MIB, ArchiveLimits
from holdfast.core.attestations import ATTESTATION_CHARS_MAX, read_attestations
from holdfast.core.core_metadata import MetadataRules, parse
from holdfast.core.wheel_record import read_rows

HEAD = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"


@contextmanager
def memory_below(mebibytes: int) -> Iterator[None]:
    """What Python allocates inside stays below that."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < mebibytes * MIB, f"{peak / MIB:.0f} MiB"


@pytest.mark.parametrize(
    ("record", "rule"),
    [
        (b"a\n" * 500_000, "has more than 1000 rows"),
        (b",,\n" * 500_000, "has more than 1000 rows"),
        (b"n" * 500_000 + "\U0001f680,,\n".encode(), "has a line longer than 4096 bytes"),
        (b'"' + b"n\n" * 500_000, "is not a CSV file in UTF-8"),
    ],
    ids=["short rows", "whole rows", "one row", "an open quote"],
)
def test_a_record_is_read_row_by_row_and_no_further_than_its_bound(record: bytes, rule: str):
    with memory_below(3):
        rows, problems = read_rows(record, "demo-1.0.dist-info/RECORD", 1000)

    assert ({}, [rule]) == (rows, [p.rule for p in problems])


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        (b"A:\n" * 300_000, "has more than 100000 lines of headers"),
        (b"Description: x\n" + b" x\n" * 300_000, "has more than 100000 lines of headers"),
        (b"A:\r" * 300_000, "has more than 100000 lines of headers"),
        (b"Classifier:\n" * 10_000, "has more than 10000 fields"),
        (b"".join(b"x%d:\n" % n for n in range(200)), "has more than 200 kinds of fields"),
    ],
    ids=["fields", "a folded field", "carriage returns", "classifiers", "kinds"],
)
def test_metadata_of_too_many_headers_is_not_parsed(headers: bytes, rule: str):
    with memory_below(8):
        parsed = parse(HEAD + headers, MetadataRules())

    assert (None, [rule]) == (parsed.metadata, [p.rule for p in parsed.problems])


def test_a_description_of_a_million_lines_is_read_as_one_text():
    with memory_below(12):
        parsed = parse(HEAD + b"\n" + b"a\r\n" * 1_000_000, MetadataRules())

    assert parsed.metadata is not None
    assert () == parsed.problems
    assert "a\n" * 1_000_000 == parsed.metadata.raw["description"]


@pytest.mark.parametrize(
    "field",
    [
        "[" + "[]," * 300_000 + "[]]",
        "[[" + "[]," * 300_000 + "[]]]",
        "[[" + '{"":0},' * 100_000 + "{}]]",
        "[" * 900_000,
    ],
    ids=["lists", "lists in one", "objects in one", "depth"],
)
def test_attestations_are_read_no_further_than_there_may_be(field: str):
    with memory_below(8):
        attested = read_attestations(field, "demo-1.0-py3-none-any.whl", "0" * 64)

    ((), (told,)) = (attested.attestations, attested.problems)
    assert told.rule in (
        "is not a JSON list of 1 to 16 attestations",
        f"is longer than {ATTESTATION_CHARS_MAX} characters, or is not JSON",
    )


def pax(records: dict[str, str], kind: bytes) -> bytes:
    made = tarfile.TarInfo("pax")
    return made._create_pax_generic_header(records, kind, "utf-8")  # type: ignore[attr-defined]


def entry(name: str, data: bytes = b"") -> bytes:
    made = tarfile.TarInfo(name)
    made.size = len(data)
    return made.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512)


PKG_INFO = entry("demo-1.0/PKG-INFO", HEAD)
LONG = "demo-1.0/" + "n" * 200_000


@pytest.mark.parametrize(
    ("blocks", "rule"),
    [
        (
            (pax({"path": f"{LONG}{n}"}, tarfile.XHDTYPE) + entry("x") for n in range(40)),
            "a name inside the archive is longer than 1000 bytes",
        ),
        (
            (pax({"path": f"demo-1.0/{n:0900}"}, tarfile.XHDTYPE) + entry("x") for n in range(2000)),
            "its names are longer than 1000000 bytes together",
        ),
        (
            (pax({f"k{n}-{m}": "" for m in range(3000)}, tarfile.XGLTYPE) + entry(f"demo-1.0/{n}") for n in range(30)),
            "it has more than 100 global pax records",
        ),
        (
            (pax({f"k{n}": "v" * 9000}, tarfile.XGLTYPE) + entry(f"demo-1.0/{n}") for n in range(30)),
            "its global pax records are longer than 16384 characters",
        ),
        (
            (entry(f"demo-{n}/PKG-INFO", bytes(2 * MIB)) for n in range(8)),
            "an sdist holds exactly one top folder, and everything is inside it",
        ),
    ],
    ids=["long names", "many names", "global records", "long global records", "PKG-INFO"],
)
def test_a_tar_is_walked_no_further_than_its_bounds(tmp_path: Path, blocks: Iterator[bytes], rule: str):
    path = tmp_path / "content"
    path.write_bytes(gzip.compress(PKG_INFO + b"".join(blocks) + bytes(1024), 1))

    with memory_below(9):
        found = examine(path, "demo-1.0.tar.gz", ArchiveLimits(directory_bytes_max=1_000_000))

    assert [rule] == [p.rule for p in found.problems]


def test_a_zip_of_long_names_is_refused_at_the_first(tmp_path: Path):
    path = tmp_path / "content"
    path.write_bytes(wheels.zip_bytes({"n/" * 30_000 + str(number): b"" for number in range(20)}))

    with memory_below(9):
        found = examine(path, "demo-1.0-py3-none-any.whl")

    assert ["a name inside the archive is longer than 1000 bytes"] == [p.rule for p in found.problems]


def test_a_zip_keeps_of_each_member_little_more_than_its_name(tmp_path: Path):
    path = tmp_path / "content"
    path.write_bytes(wheels.zip_bytes({f"demo/{number:0990}": b"" for number in range(5000)}))

    with memory_below(13):  # 5 MB of names, twice while the directory is parsed
        examine(path, "demo-1.0-py3-none-any.whl")
