"""Finds a wheel's METADATA in as few of its bytes as will do: pure, for a helper process.

A zip is read from its end: end record, directory, member. What is at hand are pieces of the file; when they do not
reach, the answer names the bytes to fetch, and the same job is asked again with them. The standard library's reader
decides what a wheel holds, because pip's does: what an installer takes must not be refused here. Its work is bounded
by the pieces it is given, never by what the archive claims.
"""

import io
import zipfile
import zlib
from struct import error as StructError  # noqa: N812 - an exception is named like one

import msgspec

from holdfast.core.names import normalize

TAIL_BYTES = 64 * 1024  # of the first request: end record, directory and, last in most wheels, METADATA
LEAD_BYTES = 32 * 1024  # fetched before a directory that the tail did not reach: METADATA often lies there
SLACK_BYTES = 1024  # a local header's extra field may be longer than the directory's
WHEEL_BYTES_MAX = 4 * 1024 * 1024  # fetched of one wheel; a directory of 12,000 files has 1.3 MiB
METADATA_BYTES_MAX = 8 * 1024 * 1024  # unpacked, a long README included
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what every installer unpacks
_LOCAL_HEADER_BYTES = 30  # without name and extra field; APPNOTE.TXT 4.3.7
# What the reader says of a file that is no zip, a broken one, or (RuntimeError) an encrypted one.
_BROKEN = (zipfile.BadZipFile, zlib.error, StructError, ValueError, EOFError, OSError, RuntimeError)


class Piece(msgspec.Struct, frozen=True):
    """Bytes of the file from `start` on."""

    start: int
    data: bytes


class WheelJob(msgspec.Struct, frozen=True, tag="wheel"):
    """A wheel of `total` bytes, as far as it is known."""

    filename: str
    total: int
    pieces: tuple[Piece, ...]


class WheelRead(msgspec.Struct, frozen=True, tag="wheel"):
    """METADATA exactly as the wheel has it; or the extent [start, end) that is `wanted`; or why there is none."""

    metadata: bytes = b""
    wanted: tuple[int, int] | None = None
    refused: str = ""


def read_wheel(job: WheelJob) -> WheelRead:
    """Look for METADATA in what is at hand; never raises."""
    try:
        return WheelRead(metadata=_metadata(_Sparse(job.total, job.pieces), job.filename))
    except _MissingError as missing:
        return WheelRead(wanted=(missing.start, missing.end))
    except _RefusedError as error:
        return WheelRead(refused=str(error))
    except _BROKEN as error:
        return WheelRead(refused=f"{job.filename} cannot be read as a wheel ({error.__class__.__name__})")


def is_metadata(data: bytes) -> bool:
    """Whether this looks like core metadata, and not like an error page."""
    return data[:17].lower() == b"metadata-version:" or b"\nmetadata-version:" in data[:65536].lower()


class _MissingError(Exception):
    """These bytes of the file are needed. No OSError: the zip reader takes that for a broken file."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__(start, end)
        self.start = start
        self.end = end


class _RefusedError(Exception):
    """The wheel has no METADATA that could be given."""


def _metadata(file: "_Sparse", filename: str) -> bytes:
    try:
        archive = zipfile.ZipFile(file)
    except _MissingError as missing:
        raise _MissingError(max(0, missing.start - LEAD_BYTES), missing.end) from None
    with archive:
        member = _member(archive, filename)
        if member.compress_type not in _METHODS or member.file_size > METADATA_BYTES_MAX:
            raise _RefusedError(f"the METADATA of {filename} is larger or packed otherwise than is read here")
        end = member.header_offset + _LOCAL_HEADER_BYTES + len(member.orig_filename.encode()) + len(member.extra)
        file.demand(member.header_offset, min(end + SLACK_BYTES + member.compress_size, archive.start_dir))
        with archive.open(member) as source:
            data = source.read(METADATA_BYTES_MAX + 1)
    if len(data) > METADATA_BYTES_MAX or not is_metadata(data):
        raise _RefusedError(f"the METADATA of {filename} is none")
    return data


def _member(archive: zipfile.ZipFile, filename: str) -> zipfile.ZipInfo:
    """As pip looks for it: in the one .dist-info folder, which begins with the project's name however spelt."""
    members = archive.infolist()
    tops = {name.partition("/")[0] for name in (member.filename for member in members) if "/" in name}
    infos = [top for top in tops if top.endswith(".dist-info")]
    if len(infos) != 1 or not normalize(infos[0]).startswith(normalize(filename.partition("-")[0])):
        raise _RefusedError(f"{filename} has {len(infos)} .dist-info folders, or one of another project")
    found = [member for member in members if member.filename == f"{infos[0]}/METADATA"]
    if len(found) != 1:
        raise _RefusedError(f"{filename} has {len(found)} files METADATA")
    return found[0]


class _Sparse(io.RawIOBase):
    """A file of which only some pieces are at hand; reading elsewhere says which bytes are missing."""

    def __init__(self, total: int, pieces: tuple[Piece, ...]) -> None:
        self._total = total
        self._pieces = _joined(pieces)
        self._at = 0

    def demand(self, start: int, end: int) -> None:
        """Raises _MissingError unless all of [start, end) is at hand."""
        self._bytes(start, end)

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._total}[whence]
        if at < 0:
            raise OSError("before the file's start")
        self._at = at
        return at

    def read(self, size: int | None = -1, /) -> bytes:
        end = self._total if size is None or size < 0 else min(self._total, self._at + size)
        data = self._bytes(self._at, end)
        self._at += len(data)
        return data

    def _bytes(self, start: int, end: int) -> bytes:
        if start >= end:
            return b""
        for piece in self._pieces:
            if piece.start <= start and end <= piece.start + len(piece.data):
                return piece.data[start - piece.start : end - piece.start]
        raise _MissingError(start, end)


def _joined(pieces: tuple[Piece, ...]) -> list[Piece]:
    """Pieces that touch or overlap become one."""
    joined: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: piece.start):
        last = joined[-1] if joined else None
        if last is None or piece.start > last.start + len(last.data):
            joined.append(piece)
        else:
            joined[-1] = Piece(last.start, last.data + piece.data[last.start + len(last.data) - piece.start :])
    return joined
