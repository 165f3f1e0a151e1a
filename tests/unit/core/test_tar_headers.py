"""A tar whose headers two unpackers would read differently is refused, whatever Python's own reader makes of it."""

import gzip
from pathlib import Path

import pytest
import wheels

from holdfast.core.archive import examine
from tests.fuzz.tar_edits import BLOCK, header_of, pax_record, with_checksum

METADATA = wheels.metadata_text("demo", "1.0")
INFO = [header_of(b"demo-1.0/PKG-INFO", len(METADATA), b"0"[0]), METADATA.ljust(BLOCK, b"\0")]
END = [bytes(BLOCK), bytes(BLOCK)]


def problems(tmp_path: Path, *blocks: bytes) -> str:
    """What is said of an sdist of a legal PKG-INFO and these blocks."""
    path = tmp_path / "content"
    path.write_bytes(gzip.compress(b"".join((*INFO, *blocks))))
    return "; ".join(problem.rule for problem in examine(path, "demo-1.0.tar.gz").problems)


def pax(*records: bytes, kind: bytes = b"x") -> list[bytes]:
    body = b"".join(map(pax_record, records))
    return [header_of(b"pax", len(body), kind[0]), body.ljust(BLOCK, b"\0")]


def member(name: bytes = b"demo-1.0/a", size: int = 0, kind: bytes = b"0") -> bytes:
    return header_of(name, size, kind[0])


def long_name(name: bytes) -> list[bytes]:
    return [header_of(b"L", len(name) + 1, b"L"[0]), name.ljust(BLOCK, b"\0")]


def test_headers_as_build_tools_write_them_are_taken(tmp_path: Path):
    records = pax(b"path=demo-1.0/c", b"mtime=1.5")
    plain = [*pax(b"comment=x", kind=b"g"), *records, member(), *long_name(b"demo-1.0/b"), member()]

    unended = [header_of(b"L", 10, b"L"[0]), *long_name(b"demo-1.0/f")[1:], member()]  # some leave the NUL out

    assert "" == problems(tmp_path, *plain, *unended, *END)
    assert "" == problems(tmp_path, member(), END[0])
    assert "" == problems(tmp_path, member()), "no unpacker misses the end mark"


def test_a_name_cut_off_at_a_slash_is_still_a_files(tmp_path: Path):
    """The field has room for 100 bytes: of a longer path it may show a folder, and the long name before it counts."""
    data = [member(b"demo-1.0/c/", 5), b"x" * BLOCK]

    assert "" == problems(tmp_path, *long_name(b"demo-1.0/c/d"), *data, *END)
    assert "" == problems(tmp_path, *pax(b"path=demo-1.0/c/d"), *data, *END)


def test_folders_in_any_format_are_taken(tmp_path: Path):
    old = member(b"demo-1.0/c/", kind=b"\0")
    plain = [*pax(b"path=demo-1.0/d/"), member(b"demo-1.0/d/", kind=b"5"), old, member(b"demo-1.0/e", kind=b"5")]

    assert "" == problems(tmp_path, *plain, *END)


@pytest.mark.parametrize(
    ("rule", "blocks"),
    [
        ("a tar header is broken", [member()[:-1] + b"x", *END]),
        ("a tar header is broken", [member()[:100]]),
        ("only some unpackers know", [member(kind=b"7"), *END]),
        ("only some unpackers know", [*pax(b"path=demo-1.0/b", kind=b"X"), member(), *END]),
        ("more than one extended header", [*pax(b"mtime=1"), *pax(b"mtime=2"), member(), *END]),
        (
            "more than one extended header",
            [header_of(b"L", 2, b"L"[0]), b"a\0".ljust(BLOCK, b"\0"), *pax(b"a=1"), member()],
        ),
        ("another meaning", [*pax(b"GNU.sparse.name=demo-1.0/b"), member(), *END]),
        ("another meaning", [*pax(b"hdrcharset=BINARY"), member(), *END]),
        ("the same name or size", [*pax(b"path=demo-1.0/b", kind=b"g"), member(), *END]),
        ("different sizes", [*pax(b"size=5"), member(), b"x" * BLOCK, *END]),
        ("bytes of its own", [member(b"demo-1.0/d/", 5, b"5"), b"x" * BLOCK, *END]),
        ("the name of a folder", [member(b"demo-1.0/d/"), *END]),
        ("the name of a folder", [*pax(b"path=demo-1.0/d/"), member(), *END]),
        ("a folder in one of its headers", [*long_name(b"demo-1.0/d"), member(b"demo-1.0/c/", kind=b"\0"), *END]),
        ("a folder in one of its headers", [*pax(b"path=demo-1.0/d"), member(b"demo-1.0/c/", kind=b"\0"), *END]),
        (
            "pax record of the tar is broken",
            [header_of(b"x", 9, b"x"[0]), b"9 a=b\n---".ljust(BLOCK, b"\0"), member(), *END],
        ),
        ("a long name of the tar", [header_of(b"L", 5, b"L"[0]), *long_name(b"demo-1.0/b")[1:], member(), *END]),
        ("a long name of the tar", [header_of(b"L", 13, b"L"[0]), *long_name(b"demo-1.0/b")[1:], member(), *END]),
        ("a long name of the tar", [header_of(b"K", 13, b"K"[0]), b"demo\0more\0".ljust(BLOCK, b"\0"), member(), *END]),
        ("comes twice", [*pax(b"path=demo-1.0/b", b"path=demo-1.0/c"), member(), *END]),
        ("is not a number", [with_checksum(member()[:124] + b"0o000000001\0" + member()[136:]), b"x" * BLOCK, *END]),
        (
            "not of the POSIX format",
            [with_checksum(member()[:257] + b"ustar  \0" + member()[265:345] + b"p" + bytes(166))],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_headers_with_two_readings_are_refused(tmp_path: Path, rule: str, blocks: list[bytes]):
    assert rule in problems(tmp_path, *blocks)


def test_a_size_above_the_field_may_stand_in_a_pax_record_alone(tmp_path: Path):
    """Eight gigabytes and more fit nowhere else; the archive here is cut off after the header."""
    said = problems(tmp_path, *pax(b"size=8589934593"), member())

    assert "different sizes" not in said
    assert "" != said
