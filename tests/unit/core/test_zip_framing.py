"""A zip's bytes and its directory tell the same story, or the archive is refused."""

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import wheels
from zip_edits import directory_start, extra_field, insert, rewritten, second_member, set_local, with_extra

from holdfast.core.archive import examine

NAME, DATA = wheels.wheel("demo", "1.0", files={"demo/a.py": b"a" * 100, "demo/b.py": b"b" * 100})


def told(folder: Path, data: bytes) -> list[str]:
    path = folder / "content"
    path.write_bytes(data)
    return [p.rule for p in examine(path, NAME).problems]


DIRECTORY = directory_start(DATA)
SECOND = second_member(DATA)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (insert(DATA, 0, b"#!/bin/sh\n"), "bytes of the archive belong to no member"),
        (insert(DATA, SECOND, b"hidden"), "bytes of the archive belong to no member"),
        (insert(DATA, DIRECTORY, DATA[:SECOND]), "bytes of the archive belong to no member"),
        (DATA.replace(b"demo/a.py", b"demo/x.py", 1), "a local header disagrees with the directory"),
        (set_local(DATA, 8, "H", 0), "a local header disagrees with the directory"),
        (set_local(DATA, 14, "L", 1), "a local header disagrees with the directory"),
        (set_local(DATA, 18, "L", 1), "a local header disagrees with the directory"),
        (set_local(DATA, 22, "L", 1), "a local header disagrees with the directory"),
        (set_local(DATA, 22, "L", 0xFFFFFFFF), "a ZIP64 size is missing"),
        (set_local(DATA, 6, "H", 1), "a local header disagrees with the directory"),
        (set_local(DATA, 6, "H", 8), "a member is followed by a data descriptor"),
        (set_local(DATA, 0, "L", 0), "a local header is missing"),
        (set_local(DATA, 28, "H", 0xFFFF), "a local header is cut off"),
    ],
)
def test_bytes_that_two_unpackers_would_read_differently_are_refused(tmp_path, data, rule):
    assert told(tmp_path, data) == [rule]


def test_a_member_ends_where_its_stream_does_and_not_where_its_packed_bytes_do(tmp_path):
    """zlib has taken every packed byte of these while their last ones are still to come."""
    _, data = wheels.wheel("demo", "1.0", files={"demo/a.txt": b"abc" + b"A:\n" * (1 << 20)})

    assert told(tmp_path, data) == []


def test_harmless_extra_fields_are_fine(tmp_path):
    assert told(tmp_path, with_extra(DATA, extra_field(0x5455, b"\1" + b"\0" * 4))) == []


def test_a_second_name_in_an_extra_field_is_refused(tmp_path):
    assert told(tmp_path, with_extra(DATA, extra_field(0x7075, b"\1" + b"\0" * 4 + b"evil.py"))) == [
        "a member has a second name in an extra field"
    ]


def test_zip64_sizes_beside_other_plain_ones_are_refused(tmp_path):
    assert told(tmp_path, with_extra(DATA, extra_field(1, b"\1" + b"\0" * 15))) == [
        "a ZIP64 field gives other sizes than its record"
    ]


def test_zip64_sizes_that_repeat_the_plain_ones_are_fine(tmp_path):
    """Wheels of protobuf and selenium have them."""

    def edit(entry: zipfile.ZipInfo) -> None:
        size = source.getinfo(entry.filename).file_size
        entry.extra = extra_field(1, struct.pack("<2Q", size, size))

    with zipfile.ZipFile(io.BytesIO(DATA)) as source:
        assert told(tmp_path, rewritten(DATA, edit, zipfile.ZIP_STORED)) == []


def test_zip64_sizes_as_the_standard_library_writes_them_are_read(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(DATA)) as source, zipfile.ZipFile(out, "w") as archive:
        for entry in source.infolist():
            with archive.open(zipfile.ZipInfo(entry.filename), "w", force_zip64=True) as member:
                member.write(source.read(entry))

    assert told(tmp_path, out.getvalue()) == []


def test_bytes_hidden_behind_a_deflate_stream_are_refused(tmp_path):
    """The sizes agree, the checksum too: only who counts packed bytes sees that some belong to nothing."""
    packed = struct.unpack_from("<L", DATA, 18)[0]
    data = bytearray(insert(DATA, SECOND, b"hidden"))
    struct.pack_into("<L", data, 18, packed + 6)
    struct.pack_into("<L", data, data.find(b"PK\1\2") + 20, packed + 6)

    assert told(tmp_path, bytes(data)) == ["a member's packed bytes are more or fewer than one deflate stream"]


def test_reading_every_member_through_takes_little_memory(tmp_path):
    name, data = wheels.wheel("demo", "1.0", files={f"demo/{n}": bytes(20_000_000) for n in range(3)})
    path = tmp_path / "content"
    path.write_bytes(data)
    del data
    tracemalloc.start()

    found = examine(path, name)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.problems == ()
    assert peak < 4_000_000
