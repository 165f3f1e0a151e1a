"""Zips spoilt on purpose: single fields of records changed, bytes slipped in where no reader looks for them."""

import io
import struct
import zipfile
from collections.abc import Callable


def set_local(data: bytes, offset: int, form: str, value: int) -> bytes:
    """One field of the first local header changed."""
    return _set(data, 0, offset, form, value)


def set_central(data: bytes, offset: int, form: str, value: int) -> bytes:
    """One field of the first central record changed."""
    return _set(data, directory_start(data), offset, form, value)


def set_end(data: bytes, offset: int, form: str, value: int) -> bytes:
    """One field of the end record changed."""
    return _set(data, len(data) - 22, offset, form, value)


def _set(data: bytes, at: int, offset: int, form: str, value: int) -> bytes:
    out = bytearray(data)
    struct.pack_into("<" + form, out, at + offset, value)
    return bytes(out)


def directory_start(data: bytes) -> int:
    """Where the central directory begins."""
    return int(struct.unpack_from("<L", data, len(data) - 6)[0])


def second_member(data: bytes) -> int:
    """Where the second local header begins."""
    return data.find(b"PK\3\4", 1)


def insert(data: bytes, at: int, more: bytes) -> bytes:
    """Bytes before offset `at`, every offset of the directory and the end record corrected."""
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


def rewritten(data: bytes, edit: Callable[[zipfile.ZipInfo], None], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The same members through the standard library, each entry edited first."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", compression) as archive:
        for entry in source.infolist():
            copy = zipfile.ZipInfo(entry.filename)
            copy.compress_type = compression
            edit(copy)
            archive.writestr(copy, source.read(entry))
    return out.getvalue()


def with_extra(data: bytes, extra: bytes) -> bytes:
    """The same members, each with this extra area in both of its records."""

    def edit(entry: zipfile.ZipInfo) -> None:
        entry.extra = extra

    return rewritten(data, edit)


def extra_field(kind: int, data: bytes) -> bytes:
    """One field of an extra area."""
    return struct.pack("<2H", kind, len(data)) + data
