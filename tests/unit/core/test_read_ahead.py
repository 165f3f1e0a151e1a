"""Reading an archive of any kind while it arrives: the same reading as at once, or nothing at all."""

import io
import tarfile
import zlib
from pathlib import Path

import pytest
import wheels
from walking import grow, known_of

from holdfast.core.archive import examine
from holdfast.core.archive_limits import LIMITS, ArchiveLimits
from holdfast.core.read_ahead import NOTHING_KNOWN, ArchiveWalk
from holdfast.drill.giant_packed import GiantDeflatedWheel, GiantSdist

FILES = {"a.py": b"a = 1\n" * 300, "deep/" + "n" * 150 + ".py": b"", "big.bin": bytes(range(256)) * 2_000}
NAME, SDIST = wheels.sdist("demo", "1.0", files=FILES)
MEMBERS = len(FILES) + 2


@pytest.mark.parametrize("step", [1, 97, 4000, 10**9])
@pytest.mark.parametrize("work_max", [1, 10_000, 1 << 30])
def test_an_sdist_that_arrives_in_any_pieces_is_known_when_it_is_whole(tmp_path: Path, step: int, work_max: int):
    (tmp_path / "content").write_bytes(SDIST)

    known = known_of(SDIST, range(step, len(SDIST), step), work_max=work_max)

    assert known.tar is not None
    assert (MEMBERS, len(SDIST)) == (len(known.tar.found.members), known.tar.size)
    plain = examine(tmp_path / "content", NAME)
    assert plain == examine(tmp_path / "content", NAME, known=lambda _path: known)
    assert plain.facts is not None


def test_a_known_sdist_is_judged_without_reading_it_again(tmp_path: Path):
    """The one thing all of this is for: nothing of the stream is inflated after its last byte."""
    known = known_of(SDIST, (100, 200))
    (tmp_path / "content").write_bytes(bytes(len(SDIST)))

    ahead = examine(tmp_path / "content", NAME, known=lambda _path: known)

    assert () == ahead.problems
    assert ["it is not a well-formed gzipped tar archive"] == [
        one.rule for one in examine(tmp_path / "content", NAME).problems
    ]


@pytest.mark.parametrize("size", [0, len(SDIST) - 1, len(SDIST) + 1])
def test_a_reading_is_of_one_size_and_of_one_set_of_limits(size: int):
    known = known_of(SDIST)

    assert known.tar_of(len(SDIST), LIMITS) is not None
    assert known.tar_of(size, LIMITS) is None
    assert known.tar_of(len(SDIST), ArchiveLimits(entries_max=MEMBERS)) is None
    assert NOTHING_KNOWN.tar_of(0, LIMITS) is None


def tar_of(*pieces: bytes) -> bytes:
    """A gzipped tar of these blocks, closed."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(b"".join(pieces) + bytes(1024)) + packer.flush()


def header(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE) -> bytes:
    made = tarfile.TarInfo(name)
    made.size, made.type = size, kind
    return made.tobuf(tarfile.USTAR_FORMAT)


def shared(*records: bytes) -> bytes:
    """A global pax header."""
    data = b"".join(b"%d %s\n" % (len(record) + 4, record) for record in records)
    return header("pax", len(data), tarfile.XGLTYPE) + data.ljust(512, b"\0")


@pytest.mark.parametrize(
    "data",
    [
        SDIST[:-9],  # cut off
        SDIST + b"tail",
        SDIST + SDIST,
        SDIST[:100] + b"\xff" * 50 + SDIST[150:],
        SDIST[:-8] + bytes(8),  # another checksum
        tar_of(header("demo-1.0/a", 6000)),  # a member that is not all there
        tar_of(header("demo-1.0/a"), b"x" * 512),  # a broken header
        tar_of(header("demo-1.0/a"), bytes(1024), b"x" * 512),  # bytes behind the end
        tar_of(header("demo-1.0/PKG-INFO", LIMITS.metadata_bytes_max + 1)),
        tar_of(header("pax", LIMITS.header_bytes_max, tarfile.XHDTYPE), bytes(LIMITS.header_bytes_max)),
        tar_of(b"".join(header("pax", 1000, tarfile.GNUTYPE_LONGNAME) + bytes(1024) for _ in range(400))),
        b"\x1f\x8b",
    ],
)
def test_what_is_refused_is_never_known_from_its_way(tmp_path: Path, data: bytes):
    (tmp_path / "content").write_bytes(data)

    known = known_of(data, range(50, len(data), 50), work_max=600)

    assert examine(tmp_path / "content", NAME).problems
    assert known.tar_of(len(data), LIMITS) is None


def test_records_for_all_members_are_read_once_however_often_a_header_is_begun():
    """`BINARY` of a later record would change how an earlier one is read, if what was read of it stayed."""
    records = shared(b"comment=\xc3\xa4"), shared(b"hdrcharset=BINARY")
    data = tar_of(*records, header("demo-1.0/PKG-INFO", 3), b"abc".ljust(512, b"\0"))

    whole, pieces = known_of(data).tar, known_of(data, range(len(data)), work_max=1).tar

    assert whole is not None and pieces is not None
    assert whole.found.problems == pieces.found.problems != []
    assert [*whole.found.members] == [*pieces.found.members]


def test_the_ratio_is_held_against_what_arrived():
    """Nobody can know yet how large the whole will be: a bomb costs no more than what came with it may unpack to."""
    limits = ArchiveLimits(ratio_floor_bytes=1 << 20)
    data = tar_of(header("demo-1.0/zeros", 40 << 20), bytes(40 << 20), header("demo-1.0/PKG-INFO"))
    walk = ArchiveWalk(limits)

    grow(walk, data, (1000,), 1 << 30)

    assert (True, None) == (walk.is_over, walk.known.tar)
    assert walk.position <= 1000


def test_one_turn_does_so_much_work_and_no_more():
    data = b"".join(GiantSdist("demo", "1.0", 2_000_000).pieces())
    tiny = tar_of(*(header(f"demo-1.0/{number}") for number in range(3_000)))
    first, second = ArchiveWalk(), ArchiveWalk()

    assert first.advance(io.BytesIO(data), len(data), 2 << 20)
    assert first.position < len(data) // 2
    turns = 1
    while second.advance(io.BytesIO(tiny), len(tiny), 16 << 20):
        turns += 1
    assert 3_000 * 16 * 1024 // (16 << 20) <= turns <= 6
    assert second.known.tar is not None


def test_what_would_take_much_memory_is_left_to_who_reads_it_whole():
    many = tar_of(*(header(f"demo-1.0/{number:041}") for number in range(100)))
    long = tar_of(header("demo-1.0/PKG-INFO", 6300), b"x" * 6656)
    sizes = {"many": (many, 100 * (50 + 13)), "long": (long, 6300 + 17 + 13)}

    for data, kept in sizes.values():
        enough, little = ArchiveWalk(kept_bytes_max=kept), ArchiveWalk(kept_bytes_max=kept - 1)
        for walk in (enough, little):
            grow(walk, data, (), 64 << 20)
        assert enough.known.tar is not None
        assert (True, None) == (little.is_over, little.known.tar)


def test_the_kind_is_what_the_first_bytes_say():
    wheel = wheels.wheel("demo", "1.0")[1]

    assert 0 == len(known_of(SDIST).members) and known_of(SDIST).tar is not None
    assert 0 < len(known_of(wheel, (1, 2, 3)).members) and known_of(wheel).tar is None
    assert 0 == ArchiveWalk().advance(io.BytesIO(b"P"), 1, 1000)


def test_giants_of_source_text_are_true_archives(tmp_path: Path):
    for made in (GiantSdist("demo", "1.0", 500_000), GiantDeflatedWheel("demo", "1.0", 500_000)):
        path = tmp_path / made.filename
        path.write_bytes(b"".join(made.pieces()))
        found = examine(path, made.filename)

        assert (made.size, ()) == (path.stat().st_size, found.problems)
        assert found.facts is not None and found.facts.unpacked_bytes > 2 * made.size
