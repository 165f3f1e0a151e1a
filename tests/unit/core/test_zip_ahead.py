"""Walking an archive that still arrives: facts of what is exactly right, silence about everything else."""

import hashlib
import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
import wheels
from walking import walked

from holdfast.core import zip_framing, zip_reading
from holdfast.core.archive import examine
from holdfast.core.archive_limits import LIMITS, ArchiveLimits
from holdfast.core.read_ahead import NOTHING_KNOWN, Known
from holdfast.core.zip_ahead import CHUNK_BYTES, FACTS_MAX, KnownMembers, ZipWalk
from holdfast.core.zip_reading import Entry
from holdfast.drill.giant import GiantWheel

FILES = {"demo/a.py": b"a = 1\n" * 100, "demo/empty": b"", "demo/big.bin": bytes(range(256)) * 2_000}
NAME, WHEEL = wheels.wheel("demo", "1.0", files=FILES)


def members(data: bytes) -> dict[str, tuple[Entry, int]]:
    """Each member's record and where its bytes begin, by every rule."""
    file = io.BytesIO(data)
    directory = zip_reading.read_directory(file, LIMITS)
    starts = zip_framing.member_starts(file, directory)
    return {name: (directory.by_name[name], start) for name, start in starts.items()}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("step", [4999, 100_003, 10**9])
def test_every_member_of_an_ordinary_archive_is_known_by_its_place(compression: int, step: int):
    data = wheels.zip_bytes(FILES, compression)

    walk = walked(data, range(step, len(data), step))

    found = {name: walk.known.sha256_of(*place) for name, place in members(data).items()}
    assert {name: hashlib.sha256(content).digest() for name, content in FILES.items()} == found
    assert walk.position <= members(data)["demo/big.bin"][1] + members(data)["demo/big.bin"][0].packed


def test_a_fact_is_of_one_place_and_of_one_record():
    """A directory that says anything else of those bytes gets no digest for them."""
    data = wheels.zip_bytes(FILES)
    known = walked(data).known
    entry, start = members(data)["demo/a.py"]

    others = [
        (entry, start + 1),
        (entry, 0),
        (entry, 10**9),
        (_changed(entry, packed=entry.packed - 1), start),
        (_changed(entry, crc=entry.crc ^ 1), start),
        (_changed(entry, method=0), start),
        (members(data)["demo/empty"][0], start),
    ]

    assert [None] * 7 == [known.sha256_of(*other) for other in others]
    assert known.sha256_of(entry, start) is not None


def _changed(entry: Entry, **fields: int) -> Entry:
    slots = {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
    return Entry(**{**slots, **fields})


def test_a_known_wheel_is_judged_without_reading_its_files_again(tmp_path: Path):
    """The one thing all of this is for: after the last byte only the small members are read."""
    made = GiantWheel("demo", "1.0", 3 * CHUNK_BYTES)
    data = b"".join(made.pieces())
    known = Known(walked(data, (1000, 2 * CHUNK_BYTES)).known)
    start = members(data)["demo/filler.bin"][1]
    hollow = data[:start] + bytes(made.filler_bytes) + data[start + made.filler_bytes :]
    (tmp_path / "content").write_bytes(hollow)

    ahead = examine(tmp_path / "content", made.filename, known=lambda _path: known)
    plain = examine(tmp_path / "content", made.filename)

    assert () == ahead.problems
    assert ["a member's bytes do not match its size or checksum"] == [problem.rule for problem in plain.problems]


def test_sizes_in_a_zip64_field_are_understood():
    packed = b"z" * 1000
    extra = struct.pack("<2H2Q", 1, 16, 1000, 1000)
    head = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 33, zlib.crc32(packed), 2**32 - 1, 2**32 - 1, 1, 20)

    assert 1 == len(walked(head + b"z" + extra + packed).known)


@pytest.mark.parametrize(
    ("offset", "form", "value"),
    [
        (0, "4s", b"PK\1\2"),  # no local header
        (6, "<H", 0x1),  # encrypted
        (6, "<H", 0x8),  # a data descriptor follows
        (8, "<H", 12),  # bzip2
        (14, "<L", 7),  # another checksum
        (18, "<L", 5),  # fewer packed bytes than the stream has
        (18, "<L", 900),  # more of them
        (22, "<L", 599),  # a byte fewer unpacked than there are
        (22, "<L", 601),
        (22, "<L", 2**32 - 1),  # a ZIP64 size that is missing
        (28, "<H", 60_000),  # an endless extra area
    ],
)
def test_what_is_odd_ends_the_walk_without_a_fact(offset: int, form: str, value: object):
    data = bytearray(wheels.zip_bytes(FILES))
    struct.pack_into(form, data, offset, value)

    walk = walked(bytes(data), (10, 100))

    assert 0 == len(walk.known)
    assert walk.is_over or (form == "<H" and value == 60_000)  # whose header goes on behind what arrived


def test_a_bomb_is_not_unpacked_further_than_the_limits_allow():
    """Nobody can know yet how large the whole will be: what arrived so far is what the ratio is held against."""
    limits = ArchiveLimits(ratio_floor_bytes=1 << 20, ratio_max=50)
    small, bomb = {"a": b"a"}, {"zeros": bytes(8 << 20)}

    walk = walked(wheels.zip_bytes({**small, **bomb, "after": b"b"}), limits=limits)

    assert (1, True) == (len(walk.known), walk.is_over)
    assert walk.position < 200


def test_a_member_that_unpacks_to_more_than_it_says_is_left_at_once():
    data = bytearray(wheels.zip_bytes({"zeros": bytes(40 << 20)}))
    struct.pack_into("<L", data, 22, 1000)
    struct.pack_into("<L", data, len(data) - 22 + 12, 0)
    walk = ZipWalk()

    more = walk.advance(io.BytesIO(bytes(data)), len(data), 1 << 30)

    assert (False, True, 0) == (more, walk.is_over, len(walk.known))


def test_one_turn_does_so_much_work_and_no_more():
    stored = wheels.zip_bytes({f"{number}": b"x" * 100_000 for number in range(50)}, zipfile.ZIP_STORED)
    tiny = wheels.zip_bytes({f"{number}": b"" for number in range(1000)}, zipfile.ZIP_STORED)
    first, second = ZipWalk(), ZipWalk()

    assert first.advance(io.BytesIO(stored), len(stored), 1 << 20)
    assert second.advance(io.BytesIO(tiny), len(tiny), 1 << 20)

    assert (6, 255) == (len(first.known), len(second.known))


def test_a_file_that_got_shorter_brings_no_facts_of_what_is_gone():
    data = wheels.zip_bytes(FILES, zipfile.ZIP_STORED)
    walk = ZipWalk()
    walk.advance(io.BytesIO(data), 2000, 1 << 30)

    assert not walk.advance(io.BytesIO(data[:1000]), len(data), 1 << 30)
    assert 2 == len(walk.known)


def test_facts_are_few_enough_to_be_kept():
    known = KnownMembers()
    for number in range(10):
        known.add(number, 1, 1, 1, 0, bytes(32))

    assert FACTS_MAX * len(known._facts) / len(known) < 4 << 20
    assert 0 == len(NOTHING_KNOWN.members)
