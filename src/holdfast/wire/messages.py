"""Request and response values: the read plane is a function from one to the other, drivers only translate."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from holdfast.wire.tally import Credit

Headers = list[tuple[str, str]]  # names in lower case


class HeaderLookup(Protocol):
    """Request headers as every server can give them: one value by lower-case name, or all of them."""

    def get(self, name: str, /) -> str | None: ...

    def items(self) -> Iterable[tuple[str, str]]: ...


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked. `path` is percent-decoded once and carries no query; `query` is the raw text.

    `body` is there for the routes that forward it; it can be read once, and whoever reads it sets the limits.
    """

    method: str
    path: str
    query: str
    headers: HeaderLookup
    client: str  # the peer's address without port, after trusted proxies were taken into account
    body: AsyncIterator[bytes] | None = None
    credit: Credit = field(default_factory=Credit, compare=False)  # what the answer came from, for the counters


@dataclass(frozen=True, slots=True)
class FileBody:
    """A local file, or `length` bytes of it from `start`, sent by the server without passing through Python."""

    path: Path
    start: int
    length: int
    whole: bool


@dataclass(frozen=True, slots=True)
class StreamBody:
    """Chunks as they come. If the iterator raises, the driver must reset the connection: never end it cleanly.

    The answer must carry a Content-Length: with chunked encoding Granian ends a failed answer like a complete one
    (tried with 2.8.7), and a client would keep half a file. front/streams.py is how it is sent.
    """

    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer. For HEAD the driver drops the body and keeps the headers."""

    status: int
    headers: Headers
    body: bytes | FileBody | StreamBody = b""
