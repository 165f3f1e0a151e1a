"""A zip's bytes from the first to the directory: every one belongs to a member, and is what the directory says of it.

Installers disagree on what counts: some walk the local headers, others the directory. Where the two differ, one file
is two files, so every record is compared and nothing may stand between, before or behind them (APPNOTE.TXT 4.3, 4.5).
"""

from collections.abc import Iterator
from typing import BinaryIO

from holdfast.core.archive_limits import Hostile
from holdfast.core.inflating import InflateError, crc32, deflate_inflater
from holdfast.core.zip_reading import (
    ENCRYPTED,
    LOCAL,
    MAX32,
    STORED,
    UTF8,
    ZIP64_EXTRA,
    Directory,
    Entry,
    check_extra,
    extra_kinds,
    zip64_values,
)

_CHUNK = 256 * 1024
DESCRIPTOR = 0x8
_COMPARED_FLAGS = ENCRYPTED | DESCRIPTOR | UTF8


def member_starts(file: BinaryIO, directory: Directory) -> dict[str, int]:
    """Where the packed bytes of each member begin. Raises Hostile when local headers and directory disagree."""
    starts: dict[str, int] = {}
    expected = 0
    for entry in sorted(directory.entries, key=lambda e: e.offset):
        if entry.offset != expected:
            raise Hostile(_gap(entry.offset > expected))
        start = _check_local(file, entry)
        starts[entry.member.name] = start
        expected = start + entry.packed
    if expected != directory.start:
        raise Hostile(_gap(directory.start > expected))
    return starts


def _gap(hidden: bool) -> str:
    return "bytes of the archive belong to no member" if hidden else "members of the archive overlap"


def _check_local(file: BinaryIO, entry: Entry) -> int:
    """Compare one local header with the directory; answers where the member's bytes begin."""
    file.seek(entry.offset)
    header = file.read(LOCAL.size)
    if len(header) < LOCAL.size or header[:4] != b"PK\3\4":
        raise Hostile("a local header is missing")
    _, _, flags, method, _, _, crc, packed, size, name_len, extra_len = LOCAL.unpack(header)
    raw_name, extra = file.read(name_len), file.read(extra_len)
    if len(extra) < extra_len:
        raise Hostile("a local header is cut off")
    if (flags | entry.flags) & DESCRIPTOR:
        raise Hostile("a member is followed by a data descriptor", "Write the archive to a file, not to a pipe.")
    check_extra(extra, size, packed)
    size, packed = widen_local(extra, size, packed)
    told = (raw_name, method, crc, packed, size, flags & _COMPARED_FLAGS)
    listed = (entry.raw_name, entry.method, entry.crc, entry.packed, entry.member.size, entry.flags & _COMPARED_FLAGS)
    if told != listed:
        raise Hostile("a local header disagrees with the directory")
    return entry.offset + LOCAL.size + len(raw_name) + len(extra)


def widen_local(extra: bytes, size: int, packed: int) -> tuple[int, int]:
    """A local header has its ZIP64 sizes both or not at all (4.5.3)."""
    if size != MAX32 and packed != MAX32:
        return size, packed
    wide = zip64_values(extra)
    if len(wide) != 2 or (size, packed) != (MAX32, MAX32) or extra_kinds(extra).count(ZIP64_EXTRA) != 1:
        raise Hostile("a ZIP64 size is missing")
    return wide[0], wide[1]


def unpacked(file: BinaryIO, entry: Entry, start: int) -> Iterator[bytes]:
    """A member's bytes, piece by piece. Raises Hostile when their number or checksum is not the directory's."""
    file.seek(start)
    size = crc = 0
    pieces = _stored(file, entry.packed) if entry.method == STORED else _inflated(file, entry.packed)
    for piece in pieces:
        size += len(piece)
        if size > entry.member.size:
            break
        crc = crc32(piece, crc)
        yield piece
    if size != entry.member.size or crc != entry.crc:
        raise Hostile("a member's bytes do not match its size or checksum")


def _stored(file: BinaryIO, left: int) -> Iterator[bytes]:
    while left and (piece := file.read(min(_CHUNK, left))):
        left -= len(piece)
        yield piece


def _inflated(file: BinaryIO, left: int) -> Iterator[bytes]:
    inflater = deflate_inflater()
    try:
        while not inflater.eof:
            packed = inflater.unconsumed_tail
            if not packed:
                packed = file.read(min(_CHUNK, left))
                left -= len(packed)
            piece = inflater.decompress(packed, _CHUNK)
            if not packed and not piece:  # it may hold back bytes of a stream whose packed ones it has all taken
                break
            yield piece
    except InflateError as error:
        raise Hostile("a member does not inflate") from error
    if not inflater.eof or inflater.unused_data or left:
        raise Hostile("a member's packed bytes are more or fewer than one deflate stream")
