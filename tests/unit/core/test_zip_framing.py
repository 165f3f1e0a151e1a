"""A zip's bytes and its directory tell the same story, or the archive is refused."""

import io
import struct
import zipfile
from pathlib import Path

import pytest
import wheels

from holdfast.core.archive import examine

NAME, DATA = wheels.wheel("demo", "1.0", files={"demo/a.py": b"a" * 100, "demo/b.py": b"b" * 100})


def told(folder: Path, data: bytes) -> list[str]:
    path = folder / "content"
    path.write_bytes(data)
    return [p.rule for p in examine(path, NAME).problems]


def set_local(offset: int, form: str, value: int) -> bytes:
    """The wheel with one field of its first local header changed."""
    out = bytearray(DATA)
    struct.pack_into("<" + form, out, offset, value)
    return bytes(out)


def insert(data: bytes, at: int, more: bytes) -> bytes:
    """Bytes before offset `at`, the directory moved behind them and its records told so."""
    out = bytearray(data[:at] + more + data[at:])
    end = len(out) - 22
    start = struct.unpack_from("<L", out, end + 16)[0] + len(more)
    struct.pack_into("<L", out, end + 16, start)
    position = start
    while out[position : position + 4] == b"PK\1\2":
        name, extra, comment = struct.unpack_from("<3H", out, position + 28)
        offset = struct.unpack_from("<L", out, position + 42)[0]
        struct.pack_into("<L", out, position + 42, offset + len(more) if offset >= at else offset)
        position += 46 + name + extra + comment
    return bytes(out)


def second_member(data: bytes = DATA) -> int:
    return data.find(b"PK\3\4", 1)


DIRECTORY = struct.unpack_from("<L", DATA, len(DATA) - 6)[0]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (insert(DATA, 0, b"#!/bin/sh\n"), "bytes of the archive belong to no member"),
        (insert(DATA, second_member(), b"hidden"), "bytes of the archive belong to no member"),
        (insert(DATA, DIRECTORY, DATA[: second_member()]), "bytes of the archive belong to no member"),
        (DATA.replace(b"demo/a.py", b"demo/x.py", 1), "a local header disagrees with the directory"),
        (set_local(8, "H", 0), "a local header disagrees with the directory"),
        (set_local(14, "L", 1), "a local header disagrees with the directory"),
        (set_local(18, "L", 1), "a local header disagrees with the directory"),
        (set_local(22, "L", 1), "a local header disagrees with the directory"),
        (set_local(22, "L", 0xFFFFFFFF), "a ZIP64 size is missing"),
        (set_local(6, "H", 1), "a local header disagrees with the directory"),
        (set_local(6, "H", 8), "a member is followed by a data descriptor"),
        (set_local(0, "L", 0), "a local header is missing"),
        (set_local(28, "H", 0xFFFF), "a local header is cut off"),
    ],
)
def test_bytes_that_two_unpackers_would_read_differently_are_refused(tmp_path, data, rule):
    assert told(tmp_path, data) == [rule]


def with_extra(extra: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(DATA)) as source, zipfile.ZipFile(out, "w") as archive:
        for entry in source.infolist():
            copy = zipfile.ZipInfo(entry.filename)
            copy.extra = extra
            archive.writestr(copy, source.read(entry))
    return out.getvalue()


def field(kind: int, data: bytes) -> bytes:
    return struct.pack("<2H", kind, len(data)) + data


def test_harmless_extra_fields_are_fine(tmp_path):
    assert told(tmp_path, with_extra(field(0x5455, b"\1" + b"\0" * 4))) == []


def test_a_second_name_in_an_extra_field_is_refused(tmp_path):
    assert told(tmp_path, with_extra(field(0x7075, b"\1" + b"\0" * 4 + b"evil.py"))) == [
        "a member has a second name in an extra field"
    ]


def test_zip64_sizes_beside_plain_ones_are_refused(tmp_path):
    assert told(tmp_path, with_extra(field(1, b"\1" + b"\0" * 15))) == [
        "a ZIP64 field gives sizes that its record gives too"
    ]


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
    data = bytearray(insert(DATA, second_member(), b"hidden"))
    struct.pack_into("<L", data, 18, packed + 6)
    struct.pack_into("<L", data, data.find(b"PK\1\2") + 20, packed + 6)

    assert told(tmp_path, bytes(data)) == ["a member's packed bytes are more or fewer than one deflate stream"]
