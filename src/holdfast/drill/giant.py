"""A wheel of any size whose bytes are made as they are sent: gigabytes on the wire, a megabyte in memory.

It is a true one: stored members, ZIP64 where a size needs it, a RECORD with every digest.
"""

import base64
import hashlib
import http.client
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Protocol

from holdfast.drill import zip_records
from holdfast.drill.corpus import record_row

BLOCK_BYTES = 1 << 20
_FILLER = hashlib.shake_256(b"giant").digest(BLOCK_BYTES)
WHEEL_TEXT = b"Wheel-Version: 1.0\nGenerator: drill\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


class Giant(Protocol):
    """A file of any size, made as it is sent."""

    @property
    def project(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def filetype(self) -> str: ...

    @property
    def pyversion(self) -> str: ...

    @property
    def filename(self) -> str: ...

    @property
    def size(self) -> int: ...

    def pieces(self) -> Iterator[bytes]: ...

    def prepare(self) -> None: ...


@dataclass(frozen=True)
class GiantWheel:
    """One member of `filler_bytes` bytes, no two wheels of different versions alike, and the small ones."""

    project: str
    version: str
    filler_bytes: int
    filetype = "bdist_wheel"
    pyversion = "py3"

    @property
    def filename(self) -> str:
        return f"{self.project}-{self.version}-py3-none-any.whl"

    @cached_property
    def size(self) -> int:
        """Bytes of the whole file."""
        return sum(len(piece) for piece in (self._head, self._tail)) + self.filler_bytes

    def pieces(self) -> Iterator[bytes]:
        """The file's bytes in order."""
        yield self._head
        yield from self._filler()
        yield self._tail

    def prepare(self) -> None:
        """Compute what the wheel says of its bytes, so that sending it does nothing else."""
        assert self.size

    def _filler(self) -> Iterator[bytes]:
        left, own = self.filler_bytes, hashlib.sha256(self.filename.encode()).digest()
        for number in range(-(-left // BLOCK_BYTES)):
            block = own + number.to_bytes(8, "big") + _FILLER[len(own) + 8 :]
            yield block[:left]
            left -= len(block)

    @cached_property
    def _sums(self) -> tuple[str, int]:
        """RECORD's digest and the CRC-32 of the filler."""
        digest, crc = hashlib.sha256(), 0
        for block in self._filler():
            digest.update(block)
            crc = zlib.crc32(block, crc)
        return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode(), crc

    @cached_property
    def _head(self) -> bytes:
        return zip_records.local(self._filler_name, self._sums[1], self.filler_bytes)

    @property
    def _filler_name(self) -> str:
        return f"{self.project}/filler.bin"

    @cached_property
    def _tail(self) -> bytes:
        """Everything behind the filler: the small members, the directory and its end."""
        info = f"{self.project}-{self.version}.dist-info"
        small = {f"{info}/METADATA": metadata_of(self.project, self.version), f"{info}/WHEEL": WHEEL_TEXT}
        record = f"{self._filler_name},sha256={self._sums[0]},{self.filler_bytes}\n"
        record += "".join(record_row(name, data) for name, data in small.items()) + f"{info}/RECORD,,\n"
        small[f"{info}/RECORD"] = record.encode()
        directory = zip_records.central(self._filler_name, self._sums[1], self.filler_bytes, 0)
        tail, position = b"", len(self._head) + self.filler_bytes
        for name, data in small.items():
            directory += zip_records.central(name, zlib.crc32(data), len(data), position + len(tail))
            tail += zip_records.local(name, zlib.crc32(data), len(data)) + data
        return tail + directory + zip_records.end(1 + len(small), len(directory), position + len(tail))


def metadata_of(project: str, version: str) -> bytes:
    """The least of core metadata."""
    return f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n\n".encode()


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of an upload. Seconds: of sending, and from the last byte to the answer."""

    status: int
    body: bytes
    sending_seconds: float
    answer_seconds: float


def send(port: int, made: Giant, authorization: str, path: str = "/legacy/", seconds_max: float = 900) -> Sent:
    """Upload it as twine does, holding no more of it than a block."""
    boundary = "giant-of-the-drill"
    head, tail = _form(made, boundary)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds_max)
    try:
        connection.putrequest("POST", path)
        connection.putheader("Authorization", authorization)
        connection.putheader("Content-Type", f"multipart/form-data; boundary={boundary}")
        connection.putheader("Content-Length", str(len(head) + made.size + len(tail)))
        connection.endheaders()
        return timed(connection, head, made, tail)
    finally:
        connection.close()


def basic(token: str) -> str:
    """The Authorization header that upload tools make of a token."""
    return "Basic " + base64.b64encode(f"__token__:{token}".encode()).decode()


def timed(connection: http.client.HTTPConnection, head: bytes, made: Giant, tail: bytes) -> Sent:
    """Send a body whose headers are out, and read the answer."""
    began = time.monotonic()
    for piece in chain((head,), made.pieces(), (tail,)):
        connection.send(piece)
    ended = time.monotonic()
    answer = connection.getresponse()
    body = answer.read()
    return Sent(answer.status, body, ended - began, time.monotonic() - ended)


def _form(made: Giant, boundary: str) -> tuple[bytes, bytes]:
    """The form before and behind the file."""
    fields = {":action": "file_upload", "protocol_version": "1", "metadata_version": "2.1", "name": made.project}
    fields |= {"version": made.version, "filetype": made.filetype, "pyversion": made.pyversion}
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    )
    head += f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="{made.filename}"\r\n'
    return f"{head}Content-Type: application/octet-stream\r\n\r\n".encode(), f"\r\n--{boundary}--\r\n".encode()
