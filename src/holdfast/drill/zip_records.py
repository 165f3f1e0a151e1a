"""Records of a zip (APPNOTE.TXT 4.3, 4.5.3): sizes that do not fit stand in a ZIP64 field."""

import struct

STORED, DEFLATED = 0, 8
_MAX32 = 0xFFFFFFFF
_STAMP = (0, 0x5C21)  # midnight of 2026-01-01, as zips write it


def local(name: str, crc: int, size: int, packed: int | None = None) -> bytes:
    """A member's own header; `packed`: bytes of it deflated, None when it is stored."""
    method, there = (STORED, size) if packed is None else (DEFLATED, packed)
    extra = struct.pack("<2H2Q", 1, 16, size, there) if size >= _MAX32 else b""
    told, wide = (min(there, _MAX32), min(size, _MAX32)) if not extra else (_MAX32, _MAX32)
    head = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, method, *_STAMP, crc, told, wide, len(name), len(extra))
    return head + name.encode() + extra


def central(name: str, crc: int, size: int, offset: int, packed: int | None = None) -> bytes:
    """The member's record in the directory."""
    method, there = (STORED, size) if packed is None else (DEFLATED, packed)
    wide = [value for value in (size, there, offset) if value >= _MAX32]
    extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    sizes, at = (min(there, _MAX32), min(size, _MAX32)), min(offset, _MAX32)
    head = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, method, *_STAMP, crc, *sizes, len(name), len(extra), 0, 0, 0, 0, at
    )
    return head + name.encode() + extra


def end(count: int, directory_bytes: int, offset: int) -> bytes:
    """What closes the archive, behind the directory that begins at `offset`."""
    wide = b""
    if offset >= _MAX32:
        wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, directory_bytes, offset)
        wide += struct.pack("<4sLQL", b"PK\6\7", 0, offset + directory_bytes, 1)
    return wide + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, directory_bytes, min(offset, _MAX32), 0)
