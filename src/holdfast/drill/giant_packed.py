"""Files of any size that unpack to several times as much, as sources do, made as they are sent.

What is packed is this package's own source text, in windows that are compressed once: each is a piece of a deflate
stream that needs nothing of what comes before it, so that a gigabyte costs little more than its checksum.
"""

import base64
import hashlib
import struct
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import holdfast
from holdfast.drill import zip_records
from holdfast.drill.corpus import Wheel, record_row
from holdfast.drill.giant import WHEEL_TEXT, Giant, metadata_of

TEXT_BYTES = 256 * 1024  # of one member; a multiple of a tar's blocks
_GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # deflate, no name, no time (RFC 1952)


@dataclass(frozen=True, slots=True)
class Text:
    """A window of source text."""

    data: bytes
    piece: bytes  # deflated, not the last of its stream
    stream: bytes  # deflated, a stream of its own
    crc: int
    sha256: str  # as RECORD has it


@cache
def texts() -> tuple[Text, ...]:
    """Different windows, all of TEXT_BYTES."""
    source = b"".join(path.read_bytes() for path in sorted(Path(holdfast.__file__).parent.rglob("*.py")))
    windows = [source[at : at + TEXT_BYTES] for at in range(0, len(source) - TEXT_BYTES, TEXT_BYTES)]
    return tuple(
        Text(
            data,
            _deflated(data, zlib.Z_FULL_FLUSH),
            _deflated(data, zlib.Z_FINISH),
            zlib.crc32(data),
            base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode(),
        )
        for data in windows
    )


def _deflated(data: bytes, end: int) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush(end)


def held(made: Giant) -> Wheel:
    """That file in memory, for who sends it more than once."""
    content, metadata = b"".join(made.pieces()), metadata_of(made.project, made.version)
    return Wheel(made.project, made.version, made.filename, content, metadata)


@dataclass(frozen=True)
class GiantSdist:
    """A gzipped tar of source text, of `wanted_bytes` or a little more."""

    project: str
    version: str
    wanted_bytes: int
    filetype = "sdist"
    pyversion = "source"

    @property
    def top(self) -> str:
        return f"{self.project}-{self.version}"

    @property
    def filename(self) -> str:
        return f"{self.top}.tar.gz"

    @cached_property
    def size(self) -> int:
        """Bytes of the whole file."""
        return sum(map(len, self.pieces()))

    def prepare(self) -> None:
        """Compute what the file says of its bytes, so that sending it does nothing else."""
        assert self.size

    def pieces(self) -> Iterator[bytes]:
        """The file's bytes in order."""
        yield _GZIP_HEAD
        for data, packed in self._parts():
            yield _deflated(data, zlib.Z_FULL_FLUSH) if packed is None else packed
        yield _deflated(bytes(2 * tarfile.BLOCKSIZE), zlib.Z_FINISH) + self._tail

    @cached_property
    def _tail(self) -> bytes:
        crc = size = 0
        for data, _ in self._parts():
            crc, size = zlib.crc32(data, crc), size + len(data)
        end = bytes(2 * tarfile.BLOCKSIZE)
        return struct.pack("<2L", zlib.crc32(end, crc), (size + len(end)) & 0xFFFFFFFF)

    def _parts(self) -> Iterator[tuple[bytes, bytes | None]]:
        """The tar in pieces, and each deflated when it was deflated before."""
        metadata = metadata_of(self.project, self.version)
        padding = bytes(-len(metadata) % tarfile.BLOCKSIZE)
        yield self._head("PKG-INFO", len(metadata)) + metadata + padding, None
        sent = number = 0
        while sent < self.wanted_bytes:
            text = texts()[number % len(texts())]
            yield self._head(f"src/{self.project}/module{number:07}.py", TEXT_BYTES), None
            yield text.data, text.piece
            sent, number = sent + len(text.piece), number + 1

    def _head(self, name: str, size: int) -> bytes:
        made = tarfile.TarInfo(f"{self.top}/{name}")
        made.size = size
        return made.tobuf(tarfile.USTAR_FORMAT)


@dataclass(frozen=True)
class GiantDeflatedWheel:
    """A wheel of deflated source text, of `wanted_bytes` or a little more."""

    project: str
    version: str
    wanted_bytes: int
    filetype = "bdist_wheel"
    pyversion = "py3"

    @property
    def filename(self) -> str:
        return f"{self.project}-{self.version}-py3-none-any.whl"

    @cached_property
    def size(self) -> int:
        """Bytes of the whole file."""
        return sum(map(len, self.pieces()))

    def prepare(self) -> None:
        """Compress what is sent again and again."""
        assert self.size

    def pieces(self) -> Iterator[bytes]:
        """The file's bytes in order."""
        info = f"{self.project}-{self.version}.dist-info"
        record, directory = f"{info}/RECORD,,\n", b""
        position = number = 0
        while position < self.wanted_bytes:
            text, name = texts()[number % len(texts())], f"{self.project}/module{number:07}.py"
            head = zip_records.local(name, text.crc, TEXT_BYTES, len(text.stream))
            yield head + text.stream
            directory += zip_records.central(name, text.crc, TEXT_BYTES, position, len(text.stream))
            record += f"{name},sha256={text.sha256},{TEXT_BYTES}\n"
            position, number = position + len(head) + len(text.stream), number + 1
        small = {f"{info}/METADATA": metadata_of(self.project, self.version), f"{info}/WHEEL": WHEEL_TEXT}
        record += "".join(record_row(name, data) for name, data in small.items())
        small[f"{info}/RECORD"] = record.encode()
        for name, data in small.items():
            head = zip_records.local(name, zlib.crc32(data), len(data))
            yield head + data
            directory += zip_records.central(name, zlib.crc32(data), len(data), position)
            position += len(head) + len(data)
        yield directory + zip_records.end(number + len(small), len(directory), position)
