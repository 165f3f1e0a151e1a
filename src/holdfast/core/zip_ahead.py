"""A zip's members, read in the order of their bytes while the archive still arrives: facts for whoever judges it later.

This judges nothing. A fact says of so many bytes at one place that they unpack, by that method, to a size, a checksum
and a sha256; whoever has read the directory by every rule may take it instead of reading those bytes again. What is
odd in any way ends the walk, and is read when the archive is whole, as if nobody had walked.
"""

import hashlib
import struct
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from holdfast.core.archive_limits import LIMITS, MIB, ArchiveLimits, Hostile, check_name_length, check_ratio
from holdfast.core.inflating import InflateError, crc32, deflate_inflater
from holdfast.core.zip_framing import DESCRIPTOR, widen_local
from holdfast.core.zip_reading import DEFLATED, ENCRYPTED, LOCAL, STORED, Entry, check_extra

FACTS_MAX = 50_000  # of one archive; 61 bytes each, and more members than any real wheel of gigabytes has
CHUNK_BYTES = 1 * MIB  # other threads run while one is unpacked or hashed: small ones would fight for Python's lock
_MEMBER_WORK = 4096  # what a member costs however small it is, in bytes that are unpacked in that time
_FACT = struct.Struct("<QQQLB32s")  # start, packed, size, crc, method, sha256


class KnownMembers:
    """What is known of members by where their packed bytes begin. Added in that order, kept small."""

    def __init__(self) -> None:
        self._facts = bytearray()

    def __len__(self) -> int:
        return len(self._facts) // _FACT.size

    def add(self, start: int, packed: int, size: int, crc: int, method: int, sha256: bytes) -> None:
        """Note a member whose bytes were read; `start` is larger than all before."""
        self._facts += _FACT.pack(start, packed, size, crc, method, sha256)

    def sha256_of(self, entry: Entry, start: int) -> bytes | None:
        """The digest of exactly this member's bytes at exactly this place, None when they were not read."""
        found = bisect_left(range(len(self)), start, key=lambda number: self._fact(number)[0])
        if found == len(self):
            return None
        *fact, sha256 = self._fact(found)
        told = [start, entry.packed, entry.member.size, entry.crc, entry.method]
        return sha256 if fact == told else None

    def _fact(self, number: int) -> tuple[Any, ...]:
        return _FACT.unpack_from(self._facts, number * _FACT.size)


@dataclass(slots=True)
class _Open:
    """The member that is being read."""

    start: int
    packed: int
    size: int
    crc: int
    method: int
    left: int  # packed bytes not yet read
    unpacked: int = 0
    unpacked_crc: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    inflater: Any = None  # of a deflated member


class ZipWalk:
    """The way through one arriving archive, from local header to local header."""

    def __init__(self, limits: ArchiveLimits = LIMITS) -> None:
        self.known = KnownMembers()
        self.is_over = False  # nothing more will be learnt
        self.position = 0  # bytes of the archive that were read
        self._limits = limits
        self._declared = 0  # unpacked bytes of all members so far, as their headers say
        self._member: _Open | None = None

    def advance(self, file: BinaryIO, available: int, work_max: int) -> bool:
        """Read on, not past byte `available`, until about `work_max` bytes were unpacked; True when there is more."""
        file.seek(self.position)
        while work_max > 0 and not self.is_over:
            work = self._read_on(file, available) if self._member else self._begin(file, available)
            if not work:
                return False
            work_max -= work
        return not self.is_over

    def _begin(self, file: BinaryIO, available: int) -> int:
        """Read a local header; 0 when it is not there as a whole, or is none."""
        header = _read(file, min(LOCAL.size, available - self.position))
        if len(header) < LOCAL.size:
            return 0
        magic, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = LOCAL.unpack(header)
        start = self.position + LOCAL.size + name_bytes + extra_bytes
        if magic != b"PK\3\4" or flags & (ENCRYPTED | DESCRIPTOR) or method not in (STORED, DEFLATED):
            return self._end()
        if start > available:
            return 0
        rest = _read(file, name_bytes + extra_bytes)
        try:
            check_name_length(name_bytes, self._limits)
            extra = rest[name_bytes:]
            check_extra(extra, size, packed)
            size, packed = widen_local(extra, size, packed)
            self._declared += size
            # Of an archive that is not yet whole, so much is sure to be there: the rule can only be stricter here.
            check_ratio(start + packed, self._declared, self._limits)
        except Hostile:
            return self._end()
        if (
            len(rest) < name_bytes + extra_bytes
            or len(self.known) >= FACTS_MAX
            or (method == STORED and packed != size)
        ):
            return self._end()
        self.position = start
        inflater = deflate_inflater() if method == DEFLATED else None
        self._member = _Open(start, packed, size, crc, method, packed, inflater=inflater)
        return _MEMBER_WORK

    def _read_on(self, file: BinaryIO, available: int) -> int:
        """Unpack some more of the member; answers the work done, 0 when its next bytes are not there."""
        assert self._member is not None
        member = self._member
        data: bytes = member.inflater.unconsumed_tail if member.inflater else b""
        if not data and member.left:
            data = _read(file, min(CHUNK_BYTES, member.left, available - self.position))
            if not data:
                return 0
            self.position += len(data)
            member.left -= len(data)
        try:
            piece = member.inflater.decompress(data, CHUNK_BYTES) if member.inflater else data
        except InflateError:
            return self._end()
        member.unpacked += len(piece)
        if member.unpacked > member.size:
            return self._end()
        member.unpacked_crc = crc32(piece, member.unpacked_crc)
        member.digest.update(piece)
        if member.inflater.eof if member.inflater else not member.left:
            self._finish(member)
        elif not data and not piece:  # the stream goes on behind its last byte
            return self._end()
        return len(data) + len(piece) or 1

    def _finish(self, member: _Open) -> None:
        """Keep what was found of a member that was read to its end, if it is what its header says."""
        self._member = None
        is_longer = member.left or (member.inflater and member.inflater.unused_data)
        if is_longer or (member.unpacked, member.unpacked_crc) != (member.size, member.crc):
            self._end()
            return
        digest = member.digest.digest()
        self.known.add(member.start, member.packed, member.size, member.crc, member.method, digest)

    def _end(self) -> int:
        self.is_over, self._member = True, None
        return 0


def _read(file: BinaryIO, count: int) -> bytes:
    return file.read(count) if count > 0 else b""
