"""METADATA is found in a few bytes of a wheel, exactly as it is, or the wheel is refused with a reason."""

import io
import random
import struct
import zipfile

import pytest
from wheels import wheel, zip_bytes

from holdfast.pull.wheel_metadata import TAIL_BYTES, WHEEL_BYTES_MAX, Piece, WheelJob, read_wheel

METADATA = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: other\n\nSome words: \xc3\xa9\r\n"
NAME = "demo-1.0-py3-none-any.whl"


def noise(size):
    return random.Random(size).randbytes(size)


def members(**more):
    return {**more, "demo-1.0.dist-info/METADATA": METADATA, "demo-1.0.dist-info/RECORD": b""}


def asked(data, filename=NAME, tail=TAIL_BYTES, rounds=4):
    """Play the dialogue; answers the last word, and the extents that were fetched."""
    total = len(data)
    extents = [(max(0, total - tail), total)]
    for _ in range(rounds):
        pieces = tuple(Piece(start, data[start:end]) for start, end in extents)
        answer = read_wheel(WheelJob(filename, total, pieces))
        if answer.wanted is None:
            return answer, extents
        start, end = answer.wanted
        assert 0 <= start < end <= total, answer
        extents.append(answer.wanted)
    raise AssertionError(f"still not found after {extents}")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_metadata_near_the_end_is_found_in_the_tail_byte_for_byte(compression):
    data = zip_bytes(members(**{"demo/big.bin": noise(3_000_000)}), compression)

    answer, extents = asked(data)

    assert (METADATA, "") == (answer.metadata, answer.refused)
    assert 1 == len(extents)


def test_metadata_at_the_start_of_a_large_wheel_takes_one_more_extent():
    data = zip_bytes({"demo-1.0.dist-info/METADATA": METADATA, "demo/big.bin": noise(3_000_000)})

    answer, extents = asked(data)

    assert METADATA == answer.metadata
    assert 2 == len(extents)
    assert sum(end - start for start, end in extents) < TAIL_BYTES + 4096


def test_a_directory_longer_than_the_tail_is_fetched_with_what_lies_before_it():
    many = {f"demo/{number:05}.py": b"" for number in range(5000)}

    answer, extents = asked(zip_bytes({"demo/big.bin": noise(1_000_000), **members(**many)}))

    assert METADATA == answer.metadata
    assert 2 == len(extents)


def test_a_long_archive_comment_is_read_past():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members(**{"demo/big.bin": noise(200_000)}).items():
            archive.writestr(name, data)
        archive.comment = noise(65_000)

    answer, extents = asked(buffer.getvalue())

    assert METADATA == answer.metadata
    assert len(extents) <= 3


def test_a_zip64_archive_is_read():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members(**{"demo/big.bin": noise(200_000)}).items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(data)
    data = buffer.getvalue()
    # The same end in ZIP64 words: its own record, its locator, and an end record of ones.
    at = data.rindex(b"PK\5\6")
    count, size, offset = struct.unpack_from("<HLL", data, at + 10)
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
    ones = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)

    assert METADATA == asked(data[:at] + record + locator + ones)[0].metadata


@pytest.mark.parametrize(
    ("folder", "filename"),
    [
        ("Demo.Pkg-1.0.dist-info", "demo_pkg-1.0-py3-none-any.whl"),
        ("demo-pkg-1.0.dist-info", "Demo_Pkg-1.0-py3-none-any.whl"),
        ("demo_pkg-1.0+cpu.dist-info", "demo_pkg-1.0+cpu-cp311-cp311-linux_x86_64.whl"),
    ],
)
def test_the_folder_may_be_spelt_otherwise_than_the_file(folder, filename):
    assert METADATA == asked(zip_bytes({f"{folder}/METADATA": METADATA}), filename)[0].metadata


REFUSED = {
    "no .dist-info": {"demo/__init__.py": b""},
    "no METADATA": {"demo-1.0.dist-info/WHEEL": b""},
    "two .dist-info folders": {**members(), "demo-2.0.dist-info/METADATA": METADATA},
    "another project's folder": {"other-1.0.dist-info/METADATA": METADATA},
    "METADATA that is none": {"demo-1.0.dist-info/METADATA": b"<html>"},
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_a_wheel_without_one_metadata_of_its_own_is_refused(content):
    answer, _ = asked(zip_bytes(content))

    assert answer.refused
    assert b"" == answer.metadata


def test_the_same_metadata_twice_is_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("demo-1.0.dist-info/METADATA", METADATA)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("demo-1.0.dist-info/METADATA", METADATA + b"x")

    assert "2 files METADATA" in asked(buffer.getvalue())[0].refused


def damaged(how):
    data = bytearray(zip_bytes(members(), zipfile.ZIP_DEFLATED))
    record = data.index(b"PK\1\2")
    match how:
        case "encrypted":
            data[record + 8] |= 1
        case "packed otherwise":
            data[record + 10] = 12  # bzip2
        case "another checksum":
            data[record + 16] ^= 1
        case "a size it does not have":
            data[record + 24 : record + 28] = b"\xff\xff\xff\x7f"
        case "cut off":
            del data[-10:]
        case "no zip":
            data = bytearray(noise(1000))
        case "empty":
            data = bytearray()
        case "a directory larger than the file":
            end = data.rindex(b"PK\5\6")
            data[end + 12 : end + 16] = b"\xff\xff\xff\x7f"
    return bytes(data)


@pytest.mark.parametrize(
    "how",
    [
        "encrypted",
        "packed otherwise",
        "another checksum",
        "a size it does not have",
        "cut off",
        "no zip",
        "empty",
        "a directory larger than the file",
    ],
)
def test_a_broken_wheel_is_refused_and_asks_for_nothing_it_does_not_have(how):
    assert asked(damaged(how))[0].refused


def test_a_bomb_unpacks_no_further_than_the_limit():
    answer, _ = asked(zip_bytes({"demo-1.0.dist-info/METADATA": METADATA + bytes(50_000_000)}))

    assert "larger" in answer.refused


def test_what_a_hostile_directory_asks_for_can_be_told_to_be_too_much():
    data = zip_bytes({"demo/big.bin": noise(WHEEL_BYTES_MAX + TAIL_BYTES), **members()}, zipfile.ZIP_STORED)
    record = data.rindex(b"PK\1\2", 0, data.rindex(b"PK\1\2"))  # METADATA's, before RECORD's
    claims = data[: record + 20] + struct.pack("<L", WHEEL_BYTES_MAX * 2) + data[record + 24 : record + 42]
    hostile = claims + struct.pack("<L", 0) + data[record + 46 :]

    answer = read_wheel(WheelJob(NAME, len(hostile), (Piece(len(hostile) - TAIL_BYTES, hostile[-TAIL_BYTES:]),)))

    assert answer.wanted is not None
    assert answer.wanted[1] - answer.wanted[0] > WHEEL_BYTES_MAX


@pytest.mark.parametrize("seed", range(200))
def test_flipped_bytes_never_end_in_anything_but_an_answer(seed):
    dice = random.Random(seed)
    data = bytearray(wheel("demo", "1.0", requires=["other"], size=2000)[1])
    for _ in range(dice.randint(1, 8)):
        data[dice.randrange(len(data) - 400, len(data))] = dice.randrange(256)
    tail = dice.choice([100, 400, 3000])

    pieces = (Piece(max(0, len(data) - tail), bytes(data[-tail:])),)

    answer = read_wheel(WheelJob(NAME, len(data), pieces))

    assert 1 == sum([bool(answer.metadata), bool(answer.refused), answer.wanted is not None])
