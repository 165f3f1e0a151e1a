"""Gzipped tar archives, walked without extracting, under the standard data filter (PEP 721).

The walk can stop wherever the bytes do, and go on when more of them arrived. That changes nothing of what it finds: a
member whose headers were not all there is begun again, with `tarfile` in the state it had before.
"""

import struct
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from holdfast.core.archive_limits import ArchiveLimits, Hostile, Member, check_name_length, is_safe_name
from holdfast.core.gunzip import GunzipReader, NotYet
from holdfast.core.inflating import InflateError
from holdfast.core.tar_headers import check_headers
from holdfast.core.upload_problems import Problem, problem

_NOWHERE = "/nonexistent"  # the filter wants a folder to compare with; nothing is ever written
_NOT_GZIP = "it is not a well-formed gzipped tar archive"
_MEMBER = struct.Struct("<QLB")  # size, bytes of the name, whether it is a folder
_SIZE_MAX = (1 << 63) - 1  # only a sparse file says more, or less than 0, and none is taken


class MemberList:
    """Members in the order of the archive, in a few bytes more than their names have."""

    def __init__(self) -> None:
        self._packed = bytearray()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Member]:
        at = 0
        while at < len(self._packed):
            size, name_bytes, is_folder = _MEMBER.unpack_from(self._packed, at)
            at += _MEMBER.size + name_bytes
            name = self._packed[at - name_bytes : at].decode("utf-8", "surrogatepass")
            yield Member(name, size, bool(is_folder))

    @property
    def packed_bytes(self) -> int:
        """What they take."""
        return len(self._packed)

    def add(self, name: bytes, size: int, is_folder: bool) -> None:
        """`name`: at most 1,000 bytes of UTF-8, surrogates for what was none."""
        self._packed += _MEMBER.pack(min(max(size, 0), _SIZE_MAX), len(name), is_folder) + name
        self._count += 1


@dataclass(slots=True)
class TarFound:
    """What a walk saw. `metadata` holds the PKG-INFO file of the first member's top folder by its path."""

    members: MemberList = field(default_factory=MemberList)
    metadata: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def kept_bytes(self) -> int:
        """What it takes; the problems are few."""
        return self.members.packed_bytes + sum(map(len, self.metadata.values()))


def read_tar(path: Path, limits: ArchiveLimits) -> TarFound:
    """Walk every member and read the stream to its end. Raises Hostile when it cannot be walked in bounds."""
    with path.open("rb") as file:
        walk = TarReading(limits)
        walk.read_on(file, path.stat().st_size)
    return walk.found


class TarReading:
    """The way through one archive, member by member."""

    def __init__(self, limits: ArchiveLimits) -> None:
        self.found = TarFound()
        self.reader = GunzipReader(limits)
        self.is_whole = False  # read to the end of its stream, which ended with the file as it was then
        self._limits = limits
        self._tar: tarfile.TarFile | None = None
        self._top = ""  # of the first member
        self._names_left = limits.directory_bytes_max
        self._wanted: tuple[str, int] | None = None  # a file to be kept, and its size
        self._has_ended = False  # no member follows

    def read_on(self, file: BinaryIO, available: int, work_max: int | None = None) -> bool:
        """Read to the end of the archive, all of whose bytes are available; or, with `work_max`, as far as they are.

        Then about `work_max` bytes are inflated at most, and True means that there is more to read now. Raises Hostile
        when the archive cannot be walked in bounds; nothing may be read after that.
        """
        self.reader.begin_turn(file, available, work_max)
        try:
            self._walk()
        except NotYet as pause:
            return pause.is_more
        except (tarfile.TarError, InflateError, EOFError) as error:
            raise Hostile(_NOT_GZIP) from error
        except (RecursionError, OverflowError, ValueError) as error:
            raise Hostile("its tar headers do not make sense") from error
        return False

    def _walk(self) -> None:
        while not self._has_ended:
            if self._wanted is not None:
                self._keep(*self._wanted)
            elif (info := self._next()) is not None:
                self._see(info)
                self.reader.start_member()
            else:
                self.reader.headers.check_end()
                self._has_ended = True
        self.reader.drain()
        self.is_whole = True

    def _next(self) -> tarfile.TarInfo | None:
        """The next member, None at the end. Raises NotYet, and then it is as if it had not been asked for."""
        tar = self._tar
        before = (tar.offset, tar.pax_headers.copy()) if tar is not None else None  # type: ignore[attr-defined]
        try:
            if tar is None:  # which reads the first member's headers
                tar = self._tar = tarfile.TarFile(fileobj=self.reader, errorlevel=1)  # type: ignore[arg-type]
            info: tarfile.TarInfo | None = tar.next()
        except NotYet:
            if tar is not None and before is not None:
                tar.offset, tar.pax_headers = before
            self.reader.read_again()
            raise
        tar.members = []  # type: ignore[attr-defined]  # else every header stays in memory
        return info

    def _see(self, info: tarfile.TarInfo) -> None:
        """Hold a member to the rules, note it, and see whether its bytes are wanted."""
        assert self._tar is not None
        found, limits = self.found, self._limits
        if len(found.members) >= limits.entries_max:
            raise Hostile(f"it has more than {limits.entries_max} entries")
        name = info.name.encode("utf-8", "surrogatepass")
        check_name_length(len(name), limits)
        self._names_left -= len(name)
        if self._names_left < 0:
            raise Hostile(f"its names are longer than {limits.directory_bytes_max} bytes together")
        check_global_records(self._tar.pax_headers, limits)
        if not found.members:
            self._top = info.name.split("/", 1)[0]
        found.members.add(name, info.size if info.isreg() else 0, info.isdir())
        if len(found.problems) < 20:  # enough to learn from; an archive of 100,000 links needs no more
            found.problems += check_kind(info) + check_data_filter(info)
            found.problems += check_headers(info, self.reader.headers.blocks, self._tar.pax_headers)
        if info.isreg() and not info.issparse() and info.name == f"{self._top}/PKG-INFO":
            if info.size > limits.metadata_bytes_max:
                raise Hostile(f"PKG-INFO is larger than {limits.metadata_bytes_max} bytes")
            if info.size < 0:  # a pax record can say that
                raise Hostile(_NOT_GZIP)
            found.metadata[info.name] = b""
            self._wanted = info.name, info.size

    def _keep(self, name: str, size: int) -> None:
        """The bytes that follow, which are that file's. Raises NotYet, and what was there is kept."""
        while (left := size - len(self.found.metadata[name])) > 0:
            part = self.reader.take(left)
            if not part:
                raise Hostile(_NOT_GZIP)
            self.found.metadata[name] += part
        self._wanted = None


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
