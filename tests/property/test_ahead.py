"""An archive that was looked into while it arrived is judged like one that nobody looked into before it was whole."""

import gzip
import random
import tempfile
from pathlib import Path

import wheels
from hypothesis import given
from hypothesis import strategies as st
from walking import known_of
from zip_edits import directory_start, rewritten

from holdfast.core.archive import examine
from holdfast.core.archive_limits import ArchiveLimits
from tests.fuzz.seeds import seeds
from tests.fuzz.tar_edits import edited_tar
from tests.fuzz.targets import FILENAMES

LIMITS = ArchiveLimits(entries_max=50, ratio_floor_bytes=1 << 16)
FILES = {"demo/a.py": b"x" * 50, "demo/b.bin": bytes(range(256)) * 40, "demo/c": b""}
ARCHIVES = [
    wheels.wheel("demo", "1.0", files=FILES),
    wheels.sdist("demo", "1.0", files=FILES, suffix=".zip"),
    wheels.sdist("demo", "1.0", files=FILES),
]
CORPUS = [(FILENAMES[seed[0]], seed[1:]) for seed in seeds("archive") if seed]
CUTS = st.lists(st.integers(0, 40_000), max_size=5)
WORK = st.sampled_from([1, 5000, 1 << 20])


def agrees(filename: str, data: bytes, cuts: list[int], work_max: int) -> None:
    """Both ways of reading, both with this archive's answer."""
    known = known_of(data, sorted(cuts), LIMITS, work_max)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "content"
        path.write_bytes(data)

        assert examine(path, filename, LIMITS) == examine(path, filename, LIMITS, lambda _path: known)


@given(st.sampled_from(CORPUS), CUTS, WORK)
def test_every_hostile_and_legal_archive_of_the_corpus_gets_the_same_answer(archive, cuts, work_max):
    agrees(*archive, cuts, work_max)


def test_the_whole_corpus_gets_the_same_answers():
    """Each of its archives once, however few examples chance draws."""
    for filename, data in CORPUS:
        agrees(filename, data, [len(data) // 3, len(data) // 2], 1 << 20)


@given(st.sampled_from(ARCHIVES), st.data())
def test_an_archive_with_some_bytes_overwritten_gets_the_same_answer(archive, data):
    filename, content = archive
    spoiled = bytearray(content)
    for _ in range(data.draw(st.integers(1, 8))):
        spoiled[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    agrees(filename, bytes(spoiled), data.draw(CUTS), data.draw(WORK))


MEMBERS = st.dictionaries(
    st.text("abc_", min_size=1, max_size=6).map("demo/{}".format),
    st.binary(max_size=300) | st.integers(0, 20_000).map(bytes),
    max_size=8,
)


@given(MEMBERS, st.sampled_from([0, 8]), st.booleans(), CUTS, WORK)
def test_a_wheel_of_any_members_gets_the_same_answer(members, method, is_torn, cuts, work_max):
    """Torn: its directory is another archive's, so that what was found on the way is of other members."""
    filename, made = wheels.wheel("demo", "1.0", files=members)
    data = rewritten(made, lambda _entry: None, method)
    if is_torn:
        other = rewritten(
            wheels.wheel("demo", "1.0", files={**members, "demo/z": b"z"})[1], lambda _entry: None, method
        )
        data = data[: directory_start(data)] + other[directory_start(other) :]

    agrees(filename, data, cuts, work_max)


@given(MEMBERS, st.lists(st.sampled_from([b"", b"x", bytes(512), bytes(1024)]), max_size=2), CUTS, WORK)
def test_an_sdist_of_any_members_gets_the_same_answer(members, behind, cuts, work_max):
    """Behind the tar, in its stream: nothing, zeros as padding, or what must not be there."""
    filename, made = wheels.sdist("demo", "1.0", files=members)
    data = gzip.compress(gzip.decompress(made) + b"".join(behind), mtime=0)

    agrees(filename, data, cuts, work_max)


@given(st.sampled_from([seed for seed in CORPUS if seed[0].endswith(".tar.gz")]), st.integers(0, 10**6), CUTS, WORK)
def test_a_tar_whose_headers_were_changed_gets_the_same_answer(archive, seed, cuts, work_max):
    """By the fuzz lane's edits: pax records, long names, sizes, kinds, blocks doubled and gone."""
    filename, data = archive

    agrees(filename, edited_tar(random.Random(seed), data, (b"Name: demo",)), cuts, work_max)
