"""What unpacks the deflate streams (RFC 1951) of archives that are judged: one inflater, so that none is read two ways.

It is zlib-ng, which takes half the time of the zlib that Python comes with, and has zlib's own rules for what is a
well-formed stream: tests hold both to the same bytes, ends and errors. Others forgive what zlib refuses (decision 45).
"""

from typing import Protocol

from zlib_ng import zlib_ng

InflateError: type[Exception] = zlib_ng.error  # type: ignore[assignment]  # the package's stub says an instance
crc32 = zlib_ng.crc32


class Inflater(Protocol):
    """One stream on its way, as `zlib.decompressobj` has it; other threads run while a piece is unpacked."""

    @property
    def eof(self) -> bool:
        """True when the end of the stream was read, and its checksum was right if it has one."""

    @property
    def unused_data(self) -> bytes:
        """What was fed and lies behind the end."""

    @property
    def unconsumed_tail(self) -> bytes:
        """What was fed and has to be fed again, because the piece was full."""

    def decompress(self, data: bytes, bytes_max: int, /) -> bytes:
        """The next piece. Raises InflateError."""

    def flush(self) -> bytes:
        """What is still to come of all that was fed. Raises InflateError."""


def gzip_inflater() -> Inflater:
    """Of one gzip member: header, stream, checksum and size (RFC 1952)."""
    return zlib_ng.decompressobj(16 + zlib_ng.MAX_WBITS)


def deflate_inflater() -> Inflater:
    """Of a stream without any frame, as zips have them."""
    return zlib_ng.decompressobj(-zlib_ng.MAX_WBITS)
