"""Bodies that arrive while they are sent: cold files, long answers of control.

Granian's own stream takes whatever it is given into memory (2.8.7: ten slow readers of a 600 MB file made 1.8 GB), and
offers no way to wait for the client. So a stream goes through a named pipe that Granian sends like a file: the pipe
holds a quarter of a megabyte, a slow client makes its writer wait, and a pipe closed before the promised length
breaks the client's connection, which is what a transfer gone wrong must look like.

Each open pipe may hold one of Granian's 512 file threads; `STREAMS_MAX` leaves the rest to ordinary files.
"""

import asyncio
import errno
import fcntl
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from holdfast.core.errors import Outcome, Unavailable
from holdfast.read.answers import from_outcome
from holdfast.wire.messages import Response, StreamBody

STREAMS_MAX = 256  # at once, per worker
GATHER_BYTES_MAX = (
    256 * 1024
)  # shorter bodies are received first: then what goes wrong is a 503, not a broken connection
PIPE_BYTES = 256 * 1024
STALL_SECONDS = 300.0  # a client that takes no byte for so long loses its place; pull's own patience ends then too
OPEN_SECONDS = 5.0  # for Granian to open its end; it takes a millisecond
_OPEN_PAUSE_SECONDS = 0.001


class ClientGone(Exception):  # noqa: N818 - an ordinary end
    """The client left before the body was sent."""


class Streams:
    """Sends StreamBody answers for one worker. Its pipes live in `folder` for a moment each."""

    def __init__(self, folder: Path, stall_seconds: float = STALL_SECONDS) -> None:
        self.open = 0
        self._stall_seconds = stall_seconds
        self._folder = folder

    async def send(self, proto: Any, response: Response) -> tuple[int, int]:
        """(status, body bytes sent). Raises what the body raises once the connection is bound to break."""
        body = response.body
        assert isinstance(body, StreamBody)
        length = _promised(response)
        try:
            if length <= GATHER_BYTES_MAX:
                return await self._send_gathered(proto, response, body, length)
            if self.open >= STREAMS_MAX:
                return refuse(proto, Unavailable("too many files are being streamed at once", retry_after_seconds=5))
            self.open += 1
            try:
                return response.status, await self._send_through_pipe(proto, response, body)
            finally:
                self.open -= 1
        finally:
            await close(body)

    async def _send_gathered(self, proto: Any, response: Response, body: StreamBody, length: int) -> tuple[int, int]:
        try:
            data = b"".join([chunk async for chunk in body.chunks])
            if len(data) != length:
                raise Unavailable("the file ended early")
        except Outcome as error:
            return refuse(proto, error)
        proto.response_bytes(response.status, response.headers, data)
        return response.status, length

    async def _send_through_pipe(self, proto: Any, response: Response, body: StreamBody) -> int:
        path = self._folder / f"stream-{secrets.token_hex(12)}"
        os.mkfifo(path, 0o600)
        try:
            proto.response_file(response.status, response.headers, str(path))
            descriptor = await _open_for_writing(path)
        finally:
            path.unlink()
        try:
            return await _copy(body.chunks, descriptor, self._stall_seconds)
        except ClientGone:
            return -1
        finally:
            os.close(descriptor)  # before the promised length is reached, this breaks the client's connection


async def close(body: StreamBody) -> None:
    """End the source at once, not when the garbage collector comes by."""
    aclose = getattr(body.chunks, "aclose", None)
    if aclose is not None:
        await aclose()


async def _open_for_writing(path: Path) -> int:
    """The pipe's writing end, once Granian has its reading end open. Raises TimeoutError."""
    async with asyncio.timeout(OPEN_SECONDS):
        while True:
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                if error.errno != errno.ENXIO:  # nobody reads yet
                    raise
                await asyncio.sleep(_OPEN_PAUSE_SECONDS)
            else:
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
                return descriptor


async def _copy(chunks: AsyncIterator[bytes], descriptor: int, stall_seconds: float) -> int:
    """Write every chunk, waiting whenever the pipe is full; the number of bytes. Raises ClientGone, TimeoutError."""
    sent = 0
    async for chunk in chunks:
        view = memoryview(chunk)
        while view:
            try:
                written = os.write(descriptor, view)
            except BlockingIOError:
                async with asyncio.timeout(stall_seconds):
                    await _writable(descriptor)
            except BrokenPipeError:
                raise ClientGone from None
            else:
                view = view[written:]
                sent += written
    return sent


async def _writable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(descriptor, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_writer(descriptor)


def refuse(proto: Any, error: Outcome) -> tuple[int, int]:
    """Answer a trouble of ours, before anything else was said; its status and body bytes."""
    refusal = from_outcome(error)
    assert isinstance(refusal.body, bytes)
    proto.response_bytes(refusal.status, refusal.headers, refusal.body)
    return refusal.status, len(refusal.body)


def _promised(response: Response) -> int:
    """The length the answer promises. Every stream has one (wire/messages.py)."""
    return int(next(value for name, value in response.headers if name == "content-length"))
