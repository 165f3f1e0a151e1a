"""Gzipped tar archives, walked without extracting, under the standard data filter (PEP 721).

`tarfile` reads pax headers and sparse maps into memory whole, whatever their size: the reader below it counts,
so that a header of gigabytes is refused after some kilobytes.
"""

import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from holdfast.core.archive_limits import ArchiveLimits, Hostile, Member, check_name_length, check_ratio, is_safe_name
from holdfast.core.tar_headers import HeaderWatch, check_headers
from holdfast.core.upload_problems import Problem, problem

_CHUNK = 256 * 1024
_NOWHERE = "/nonexistent"  # the filter wants a folder to compare with; nothing is ever written
_NOT_GZIP = "it is not a well-formed gzipped tar archive"


@dataclass(slots=True)
class TarFound:
    """What a walk saw. `metadata` holds the PKG-INFO file of the first member's top folder by its path."""

    members: list[Member] = field(default_factory=list)
    metadata: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_tar(path: Path, limits: ArchiveLimits) -> TarFound:
    """Walk every member and read the stream to its end. Raises Hostile when it cannot be walked in bounds."""
    found = TarFound()
    with path.open("rb") as file, GunzipReader(file, path.stat().st_size, limits) as reader:
        try:
            with tarfile.open(fileobj=reader, mode="r:", errorlevel=1) as tar:  # type: ignore[call-overload]
                _walk(tar, reader, limits, found)
            reader.headers.check_end()
            reader.drain()
        except (tarfile.TarError, zlib.error, EOFError) as error:
            raise Hostile(_NOT_GZIP) from error
        except (RecursionError, OverflowError, ValueError) as error:
            raise Hostile("its tar headers do not make sense") from error
    return found


def _walk(tar: tarfile.TarFile, reader: "GunzipReader", limits: ArchiveLimits, found: TarFound) -> None:
    names_left = limits.directory_bytes_max
    while (info := tar.next()) is not None:
        tar.members = []  # type: ignore[attr-defined]  # else every header stays in memory
        if len(found.members) >= limits.entries_max:
            raise Hostile(f"it has more than {limits.entries_max} entries")
        name_bytes = len(info.name.encode("utf-8", "surrogatepass"))
        check_name_length(name_bytes, limits)
        names_left -= name_bytes
        if names_left < 0:
            raise Hostile(f"its names are longer than {limits.directory_bytes_max} bytes together")
        check_global_records(tar.pax_headers, limits)
        found.members.append(Member(info.name, info.size if info.isreg() else 0, info.isdir()))
        if len(found.problems) < 20:  # enough to learn from; an archive of 100,000 links needs no more
            found.problems += check_kind(info) + check_data_filter(info)
            found.problems += check_headers(info, reader.headers.blocks, tar.pax_headers)
        if info.isreg() and info.name == f"{found.members[0].name.split('/', 1)[0]}/PKG-INFO":
            found.metadata[info.name] = _read_metadata(tar, info, reader, limits)
        reader.start_member()


def check_global_records(records: Mapping[str, str], limits: ArchiveLimits) -> None:
    """`tarfile` keeps the global pax records of the whole archive. Raises Hostile when they are many or long."""
    if len(records) > limits.global_records_max:
        raise Hostile(f"it has more than {limits.global_records_max} global pax records")
    if records and sum(map(len, records.values())) + sum(map(len, records)) > limits.global_chars_max:
        raise Hostile(f"its global pax records are longer than {limits.global_chars_max} characters")


def check_kind(info: tarfile.TarInfo) -> list[Problem]:
    """Only files, folders and links inside the archive: no devices, pipes or sparse files."""
    if (info.isreg() or info.isdir() or info.issym() or info.islnk()) and not info.issparse():
        return []
    return [problem("content", info.name, "a member is a device, a pipe or a sparse file", "Ship regular files only.")]


def check_data_filter(info: tarfile.TarInfo) -> list[Problem]:
    """What an installer's own filter would refuse must not be published (PEP 721)."""
    if is_safe_name(info.name) and (info.isreg() or info.isdir()):
        return []  # nothing the filter could object to, and asking it costs several system calls for each name
    try:
        tarfile.data_filter(info, _NOWHERE)
    except tarfile.FilterError:
        rule = "installers would refuse to unpack this member (Python's tar data filter)"
        return [problem("content", info.name, rule, "Ship plain files and links that stay inside the archive.")]
    return []


def _read_metadata(tar: tarfile.TarFile, info: tarfile.TarInfo, reader: "GunzipReader", limits: ArchiveLimits) -> bytes:
    if info.size > limits.metadata_bytes_max:
        raise Hostile(f"PKG-INFO is larger than {limits.metadata_bytes_max} bytes")
    reader.allow(info.size)
    reader.headers.watching = False
    member = tar.extractfile(info)
    data = member.read() if member is not None else b""
    reader.headers.watching = True
    if len(data) != info.size:
        raise Hostile(_NOT_GZIP)
    return data


class GunzipReader:
    """A forward-only view of one gzip member for `tarfile`: bounded reads, skips that inflate and forget."""

    def __init__(self, file: BinaryIO, packed_bytes: int, limits: ArchiveLimits) -> None:
        self._file = file
        self._packed_bytes = packed_bytes
        self._limits = limits
        self._inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self._buffer = b""
        self._start = 0  # of the part of the buffer not yet read
        self._position = 0
        self._budget = limits.header_bytes_max
        self.headers = HeaderWatch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._buffer = b""

    def start_member(self) -> None:
        """The next reads are the headers of another member."""
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
        while self._position < position:
            if not self._take(position - self._position):
                break
        return self._position

    def read(self, count: int) -> bytes:
        self._budget -= count
        if self._budget < 0:
            raise Hostile(f"the headers of one member are larger than {self._limits.header_bytes_max} bytes")
        parts, left = [], count
        while left > 0 and (part := self._take(left)):
            parts.append(part)
            left -= len(part)
        data = b"".join(parts)
        self.headers.note(data, count)
        return data

    def drain(self) -> None:
        """Read to the end: only zero padding may follow the last member, and nothing the gzip stream."""
        while part := self._take(_CHUNK):
            if part.count(0) != len(part):
                raise Hostile("bytes follow the end of the tar archive")
        if not self._inflater.eof:
            raise Hostile("the gzip stream is cut off")
        if self._inflater.unused_data or self._file.read(1):
            raise Hostile("bytes follow the end of the gzip stream")

    def _take(self, count: int) -> bytes:
        """Some of the next bytes, at most `count`; none at the end."""
        if self._start == len(self._buffer) and not self._fill():
            return b""
        part = self._buffer[self._start : self._start + count]
        self._start += len(part)
        self._position += len(part)
        return part

    def _fill(self) -> bool:
        """Inflate the next piece. Raises Hostile on a bomb, zlib.error on rubbish."""
        while not self._inflater.eof:
            packed = self._inflater.unconsumed_tail or self._file.read(_CHUNK // 4)
            if not packed:
                raise Hostile("the gzip stream is cut off")
            self._buffer, self._start = self._inflater.decompress(packed, _CHUNK), 0
            check_ratio(self._packed_bytes, self._position + len(self._buffer), self._limits)
            if self._buffer:
                return True
        return False
