"""One gzip member (RFC 1952), inflated forward only and in bounds, of a file that is whole or still arrives.

`tarfile` reads pax headers and sparse maps into memory whole, whatever their size: the reader below it counts, so that
a header of gigabytes is refused after some kilobytes. What it read of a member's headers can be given back, so that a
reading which met the end of what arrived begins with that member again.
"""

from typing import BinaryIO

from holdfast.core.archive_limits import MIB, ArchiveLimits, Hostile, check_ratio
from holdfast.core.inflating import gzip_inflater
from holdfast.core.tar_headers import HeaderWatch

# Other threads run meanwhile: small pieces would fight for Python's lock. Source text unpacks to more than twice its
# size: so nearly all unpacked pieces are full, and pieces of one size leave no holes in the process's memory.
_UNPACKED_BYTES = 1 * MIB
_PACKED_BYTES = 512 * 1024
_MEMBER_WORK = 16 * 1024  # what reading a member's headers costs, in bytes that are inflated in that time


class NotYet(Exception):  # noqa: N818 - no defect: there is more to read, later
    """What comes next did not arrive yet, or belongs to the next turn (`is_more`)."""

    def __init__(self, is_more: bool) -> None:
        super().__init__()
        self.is_more = is_more


class GunzipReader:
    """What `tarfile` reads from: bounded reads, skips that inflate and forget."""

    def __init__(self, limits: ArchiveLimits) -> None:
        self.packed = 0  # bytes of the file that were read
        self.headers = HeaderWatch()
        self._limits = limits
        self._inflater = gzip_inflater()
        self._buffer = b""
        self._start = 0  # of the part of the buffer not yet taken
        self._position = 0  # in what was inflated
        self._budget = limits.header_bytes_max
        self._member: list[bytes] = []  # what was read since the member began
        self._file: BinaryIO
        self._available = 0  # bytes of the file that may be read
        self._is_whole = False
        self._work_left = 0

    def begin_turn(self, file: BinaryIO, available: int, work_max: int | None = None) -> None:
        """Read on from `file`, of which so many bytes are there: all of them when `work_max` is None.

        Otherwise about `work_max` bytes are inflated at most, and both ends raise NotYet.
        """
        file.seek(self.packed)
        self._file, self._available = file, available
        self._is_whole, self._work_left = work_max is None, work_max or 0

    def start_member(self) -> None:
        """The next reads are the headers of another member."""
        self._member = []
        self._work_left -= _MEMBER_WORK
        self._start_headers()

    def read_again(self) -> None:
        """Give back what was read since the member began: the next reads begin there again."""
        again = b"".join(self._member)
        self._buffer, self._start = again + self._buffer[self._start :], 0
        self._position -= len(again)
        self._member = []
        self._start_headers()

    def _start_headers(self) -> None:
        self.headers.start_member()
        self._budget = self._limits.header_bytes_max

    def allow(self, count: int) -> None:
        """The next `count` bytes are wanted content, not headers."""
        self._budget += count

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        """Skip forward; `tarfile` never goes back once the walk has begun."""
        if position < self._position:
            raise Hostile("its tar headers do not make sense")
        while (left := position - self._position) and self._is_filled():
            step = min(left, len(self._buffer) - self._start)
            self._start += step
            self._position += step
        return self._position

    def read(self, count: int) -> bytes:
        self._budget -= count
        if self._budget < 0:
            raise Hostile(f"the headers of one member are larger than {self._limits.header_bytes_max} bytes")
        data = b""
        while len(data) < count and (part := self.take(count - len(data))):
            self._member.append(part)
            data = data + part if data else part
        self.headers.note(data, count)
        return data

    def take(self, count: int) -> bytes:
        """Some of the next bytes, at most `count`; none at the end. They are not given back."""
        if not self._is_filled():
            return b""
        part = self._buffer[self._start : self._start + count]
        self._start += len(part)
        self._position += len(part)
        return part

    def drain(self) -> None:
        """Read to the end: only zero padding may follow the last member, and nothing the gzip stream."""
        while part := self.take(_UNPACKED_BYTES):
            if part.count(0) != len(part):
                raise Hostile("bytes follow the end of the tar archive")
        if self._inflater.unused_data or self.packed < self._available:
            raise Hostile("bytes follow the end of the gzip stream")

    def _is_filled(self) -> bool:
        """True when there is a next byte. Raises NotYet, Hostile on a bomb, InflateError on rubbish."""
        while self._start == len(self._buffer):
            # Of a file that is not yet whole, so much is sure to be there: the rule can only be stricter here.
            check_ratio(self._available, self._position, self._limits)
            if self._inflater.eof:
                return False
            if not self._is_whole and self._work_left <= 0:
                raise NotYet(is_more=True)
            self._inflate(self._inflater.unconsumed_tail or self._more())
        return True

    def _more(self) -> bytes:
        packed = self._file.read(max(min(_PACKED_BYTES, self._available - self.packed), 0))
        if packed:
            self.packed += len(packed)
            return packed
        if self._is_whole:
            raise Hostile("the gzip stream is cut off")
        raise NotYet(is_more=False)

    def _inflate(self, packed: bytes) -> None:
        self._buffer, self._start = self._inflater.decompress(packed, _UNPACKED_BYTES), 0
        self._work_left -= len(packed) - len(self._inflater.unconsumed_tail) + len(self._buffer)
