"""Whatever the bytes, looking into an archive ends with facts or with problems, never with a crash."""

import tempfile
from pathlib import Path

import wheels
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.archive import examine
from holdfast.core.archive_limits import ArchiveLimits
from holdfast.core.core_metadata import MetadataRules, parse

WHEEL = wheels.wheel("demo", "1.0", files={"demo/a.py": b"x" * 50})
SDIST = wheels.sdist("demo", "1.0", files={"a.py": b"x" * 50})
ZIP_SDIST = wheels.sdist("demo", "1.0", suffix=".zip")
LIMITS = ArchiveLimits(entries_max=50, metadata_bytes_max=10_000)


def verdict(filename: str, data: bytes) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "content"
        path.write_bytes(data)
        found = examine(path, filename, LIMITS)
    assert found.facts is not None or found.problems
    assert all(p.sentence().isascii() and p.sentence().isprintable() for p in found.problems)
    return not found.problems


@given(st.sampled_from([WHEEL, SDIST, ZIP_SDIST]), st.data())
def test_an_archive_with_some_bytes_overwritten_is_judged_without_a_crash(archive, data):
    filename, content = archive
    spoiled = bytearray(content)
    for _ in range(data.draw(st.integers(1, 8))):
        spoiled[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    verdict(filename, bytes(spoiled))


@given(st.sampled_from([WHEEL, SDIST, ZIP_SDIST]), st.data())
def test_every_truncated_archive_is_refused(archive, data):
    filename, content = archive
    assert not verdict(filename, content[: data.draw(st.integers(0, len(content) - 1))])


@given(st.sampled_from([WHEEL[0], SDIST[0], ZIP_SDIST[0]]), st.binary(max_size=2000))
def test_random_bytes_are_refused(filename, content):
    assert not verdict(filename, content)


@given(st.binary(max_size=500))
def test_metadata_of_any_bytes_is_judged_without_a_crash(data):
    found = parse(b"Metadata-Version: 2.1\nName: demo\n" + data, MetadataRules())
    assert found.metadata is not None or found.problems
