"""ZIP archives, read strictly: the central directory is streamed, members are inflated only on request.

The standard library's reader loads a directory of any size and forgives much; an index must neither fill its
memory on a client's word nor accept what two unpackers would read differently. Layout: APPNOTE.TXT 4.3.
"""

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from holdfast.core.archive_limits import ArchiveLimits, Hostile, Member, check_name_length, check_ratio
from holdfast.core.inflating import InflateError, crc32, deflate_inflater
from holdfast.core.upload_problems import Problem, problem

_END = struct.Struct("<4s4H2LH")  # end of central directory
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
STORED, DEFLATED = 0, 8
ENCRYPTED, UTF8, _STRONG = 0x1, 0x800, 0x40
_MAX16, MAX32 = 0xFFFF, 0xFFFFFFFF
ZIP64_EXTRA = 0x0001
_UNICODE_PATH_EXTRA = 0x7075  # a second name for the member, which only some unpackers use (4.6.9)
_BROKEN = "it is not a well-formed zip archive"


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of the central directory."""

    member: Member
    method: int
    flags: int
    packed: int  # bytes
    crc: int
    offset: int  # of the local header
    mode: int  # Unix mode bits, 0 when the maker was another system

    @property
    def raw_name(self) -> bytes:
        """The name as it stands in the archive: decoding was strict, so this is the way back."""
        return self.member.name.encode()


@dataclass(frozen=True, slots=True)
class Directory:
    """The whole central directory, and where it starts."""

    entries: list[Entry]
    start: int
    by_name: dict[str, Entry]


def read_directory(file: BinaryIO, limits: ArchiveLimits) -> Directory:
    """Read every central record. Raises Hostile when the framing is broken or a bound is passed."""
    file_bytes = file.seek(0, os.SEEK_END)
    count, size, start = _find_end(file, file_bytes)
    if count > limits.entries_max:
        raise Hostile(f"it has more than {limits.entries_max} entries")
    if size > limits.directory_bytes_max:
        raise Hostile(f"its directory is larger than {limits.directory_bytes_max} bytes")
    file.seek(start)
    entries = _parse_records(file.read(size), count, limits)
    check_ratio(file_bytes, sum(e.member.size for e in entries), limits)
    return Directory(entries, start, {e.member.name: e for e in entries})


def _find_end(file: BinaryIO, file_bytes: int) -> tuple[int, int, int]:
    """(entry count, directory bytes, directory offset) from the end record, which must close the file."""
    if file_bytes < _END.size:
        raise Hostile(_BROKEN)
    file.seek(file_bytes - _END.size)
    magic, disk, start_disk, here, count, size, offset, comment = _END.unpack(file.read(_END.size))
    # An archive comment would let bytes hide behind the end; no build tool writes one.
    if magic != b"PK\5\6" or comment:
        raise Hostile("it does not end with a zip end record")
    if disk or start_disk or here != count:
        raise Hostile("it is split over several disks")
    end = file_bytes - _END.size
    if count == _MAX16 or size == MAX32 or offset == MAX32:
        narrow = ((count, _MAX16), (size, MAX32), (offset, MAX32))
        count, size, offset, end = _find_end64(file, end)
        wide = (count, size, offset)
        if any(value not in (ones, told) for (value, ones), told in zip(narrow, wide, strict=True)):
            raise Hostile("its two end records disagree")
    if offset + size != end:
        raise Hostile("its directory does not end where the end record begins")
    return count, size, offset


def _find_end64(file: BinaryIO, end: int) -> tuple[int, int, int, int]:
    """The same from the ZIP64 end record, and where that record begins."""
    if end < _LOCATOR64.size + _END64.size:
        raise Hostile(_BROKEN)
    file.seek(end - _LOCATOR64.size)
    magic, disk, where, disks = _LOCATOR64.unpack(file.read(_LOCATOR64.size))
    if magic != b"PK\6\7" or disk or disks != 1 or where != end - _LOCATOR64.size - _END64.size:
        raise Hostile("its ZIP64 locator is wrong")
    file.seek(where)
    magic, length, _, _, disk, start_disk, here, count, size, offset = _END64.unpack(file.read(_END64.size))
    if magic != b"PK\6\6" or length != _END64.size - 12 or disk or start_disk or here != count:
        raise Hostile("its ZIP64 end record is wrong")
    return count, size, offset, where


def _parse_records(data: bytes, count: int, limits: ArchiveLimits) -> list[Entry]:
    entries: list[Entry] = []
    position = 0
    for _ in range(count):
        if position + _CENTRAL.size > len(data):
            raise Hostile("its directory is shorter than it says")
        entry, position = _parse_record(data, position, limits)
        entries.append(entry)
    if position != len(data):
        raise Hostile("its directory is longer than it says")
    return entries


def _parse_record(data: bytes, position: int, limits: ArchiveLimits) -> tuple[Entry, int]:
    fields = _CENTRAL.unpack_from(data, position)
    magic, made_by, _, flags, method, _, _, crc, packed, size, name_len, extra_len, comment_len = fields[:13]
    disk, _, attributes, offset = fields[13:]
    if magic != b"PK\1\2" or comment_len:
        raise Hostile("its directory has a broken or commented record")
    name_end = position + _CENTRAL.size + name_len
    extra_end = name_end + extra_len
    if extra_end > len(data):
        raise Hostile("its directory is shorter than it says")
    check_name_length(name_len, limits)
    extra = data[name_end:extra_end]
    check_extra(extra, size, packed, offset)
    size, packed, offset = _widen(extra, size, packed, offset)
    if disk not in (0, _MAX16):
        raise Hostile("it is split over several disks")
    name = _decode_name(data[name_end - name_len : name_end], flags)
    mode = attributes >> 16 if made_by >> 8 == 3 else 0
    member = Member(name, size, name.endswith("/"))
    return Entry(member, method, flags, packed, crc, offset, mode), extra_end


def _widen(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """Sizes and offset with their ZIP64 values, given in this order for those that are all ones (4.5.3)."""
    wide = zip64_values(extra)
    values = []
    for value in (size, packed, offset):
        if value != MAX32:
            values.append(value)
            continue
        if not wide:
            raise Hostile("a ZIP64 size is missing")
        values.append(wide.pop(0))
    return values[0], values[1], values[2]


def check_extra(extra: bytes, *narrow: int) -> None:
    """Refuse extra fields that give a member a second name, or sizes that only some readers would take.

    `narrow`: the sizes as the record itself says, all ones where ZIP64 has them.
    """
    wide = zip64_values(extra)
    # Bazel's and older Pythons' zips say plain sizes twice, which is harmless as long as they are equal.
    if len(wide) > narrow.count(MAX32) and tuple(wide) != narrow[: len(wide)]:
        raise Hostile("a ZIP64 field gives other sizes than its record")
    if _UNICODE_PATH_EXTRA in extra_kinds(extra):
        raise Hostile("a member has a second name in an extra field")


def extra_kinds(extra: bytes) -> list[int]:
    """The kinds of the fields in an extra area, in order; what is too short for a field's head is left out."""
    kinds, position = [], 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        kinds.append(kind)
        position += 4 + length
    return kinds


def zip64_values(extra: bytes) -> list[int]:
    """The 8-byte numbers of the ZIP64 extra field. Raises Hostile when the extra area does not parse or repeats it."""
    found: list[int] | None = None
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        position += 4
        if position + length > len(extra):
            raise Hostile("an extra field is longer than its record")
        if kind == ZIP64_EXTRA:
            if found is not None:
                raise Hostile("a record has two ZIP64 fields")
            found = list(struct.unpack_from(f"<{min(length // 8, 3)}Q", extra, position))
        position += length
    return found or []


def _decode_name(raw: bytes, flags: int) -> str:
    """UTF-8 when the flag says so, and also without it when the bytes are; else undecodable bytes stay visible."""
    try:
        return raw.decode("utf-8" if flags & UTF8 or not raw.isascii() else "ascii")
    except UnicodeDecodeError as error:
        raise Hostile("a name inside it is not UTF-8") from error


# Checks over the directory: each returns problems so that all are told together.


def check_entries(directory: Directory, filename: str) -> list[Problem]:
    """Rules for zip entries beyond their names."""
    checks = (check_methods, check_encryption, check_file_types, check_overlaps)
    return [found for check in checks for found in check(directory, filename)]


def check_methods(directory: Directory, filename: str) -> list[Problem]:
    """Only stored and deflated members are readable by every installer."""
    bad = [e for e in directory.entries if e.method not in (STORED, DEFLATED)]
    return _first(bad, "a member is compressed by other means than deflate", "Build with standard zip compression.")


def check_encryption(directory: Directory, filename: str) -> list[Problem]:
    """Encrypted members cannot be installed."""
    bad = [e for e in directory.entries if e.flags & (ENCRYPTED | _STRONG)]
    return _first(bad, "a member is encrypted", "Build without encryption.")


def check_file_types(directory: Directory, filename: str) -> list[Problem]:
    """Links and devices, by the Unix mode: an unpacker that honours them writes elsewhere."""
    bad = [e for e in directory.entries if e.mode >> 12 not in (0, 0o10, 0o04)]
    return _first(bad, "a member is a link or a device", "Ship regular files only.")


def check_overlaps(directory: Directory, filename: str) -> list[Problem]:
    """Members sharing bytes: the classic way to a bomb that no ratio shows."""
    end = 0
    for entry in sorted(directory.entries, key=lambda e: e.offset):
        if entry.offset < end:
            return _first([entry], "members of the archive overlap", "Build the file again.")
        end = entry.offset + LOCAL.size + len(entry.raw_name) + entry.packed
    if end > directory.start:
        return [problem("content", filename, "a member runs into the zip directory", "Build the file again.")]
    return []


def read_entry(file: BinaryIO, entry: Entry, bytes_max: int) -> bytes:
    """The unpacked bytes of one member. Raises Hostile when they are too many or disagree with the directory."""
    name = entry.member.name
    if entry.member.size > bytes_max:
        raise Hostile(f"{name.rsplit('/', 1)[-1]} is larger than {bytes_max} bytes")
    file.seek(entry.offset)
    header = file.read(LOCAL.size)
    if len(header) < LOCAL.size:
        raise Hostile(_BROKEN)
    magic, _, _, method, _, _, _, _, _, name_len, extra_len = LOCAL.unpack(header)
    raw_name = file.read(name_len)
    if magic != b"PK\3\4" or method != entry.method or raw_name != entry.raw_name:
        raise Hostile("a local header disagrees with the directory")
    file.seek(extra_len, os.SEEK_CUR)
    data = _unpack(file.read(min(entry.packed, 2 * bytes_max)), entry)
    if len(data) != entry.member.size or crc32(data) != entry.crc:
        raise Hostile("a member's bytes do not match its size or checksum")
    return data


def _unpack(packed: bytes, entry: Entry) -> bytes:
    if entry.method == STORED:
        return packed
    inflater = deflate_inflater()
    try:
        # One byte more than declared is enough to see a lie, and bounds the memory.
        data = inflater.decompress(packed, entry.member.size + 1)
    except InflateError as error:
        raise Hostile("a member does not inflate") from error
    if not inflater.eof and len(data) <= entry.member.size:
        data += inflater.flush()
    return data


def _first(entries: list[Entry], rule: str, step: str) -> list[Problem]:
    if not entries:
        return []
    more = f" ({len(entries)} such members)" if len(entries) > 1 else ""
    return [problem("content", entries[0].member.name, rule + more, step)]
