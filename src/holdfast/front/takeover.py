"""Large files straight from the page cache to the client's connection (sendfile), past the server's own buffers.

Granian reads a file in pieces of 128 KiB, each through another thread, and copies every byte three times: 40 to 50 ms
of CPU for 100 MB, of which 35 are the bare cost of reading and writing it. The kernel does it without a copy in a
fifth of that. Granian offers no way to ask for it, so the connection is taken over: its descriptor is found by both its
addresses and duplicated, head and bytes are written to it, and it is closed, as `connection: close` said. Granian
meanwhile waits for an answer, and what it then writes goes to a closed connection.

Taking over is refused (None: send it the ordinary way) whenever anything is unusual: under TLS, whose bytes only the
server can make; for HTTP/1.0; when bytes of an earlier answer are still on their way (a client that pipelines), which
would come after ours; when the connection is not found. A closed connection costs the client a round trip, hence the
size from which it pays.
"""

import asyncio
import fcntl
import os
import select
import socket
import struct
import termios
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any

from holdfast.wire.messages import Headers

BYTES_MIN = 8 * 1024 * 1024  # below, a new connection may cost more than it saves
AT_ONCE_MAX = 128  # each holds two descriptors, of a usual limit of 1,024
STALL_SECONDS = 300.0  # a client that takes no byte for so long loses its place
THREADS = 8  # a disk may be slow, and the event loop must not wait for it
TURN_SECONDS = 0.05  # how long one transfer may keep a thread
_PIECE_BYTES = 4 * 1024 * 1024
_WAIT_MS = 20  # for a client about as fast as we are; a slower one is waited for in the event loop, without a thread


class Takeover:
    """Sends files for one worker."""

    def __init__(self, stall_seconds: float = STALL_SECONDS) -> None:
        self.open = 0
        self._stall_seconds = stall_seconds
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="sendfile")

    async def send(self, scope: Any, status: int, headers: Headers, path: str, start: int, end: int) -> int | None:
        """Bytes of the file sent: fewer than `end - start` when the client left; None when it must be sent otherwise.

        Raises OSError when the file cannot be read to its end, TimeoutError for a client that stalls. By then the
        connection is closed: an answer that broke off looks broken.
        """
        if end - start < BYTES_MIN or scope.http_version != "1.1" or self.open >= AT_ONCE_MAX:
            return None
        connection = connection_of(scope.client, scope.server)
        if connection is None:
            return None
        self.open += 1
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return await self._send(connection, file, _head(status, headers), start, end)
            finally:
                os.close(file)
        finally:
            self.open -= 1
            _end(connection)

    def close(self) -> None:
        """Let the threads end; what they are sending ends with its turn."""
        self._threads.shutdown(wait=False)

    async def _send(self, connection: socket.socket, file: int, head: bytes, start: int, end: int) -> int:
        loop = asyncio.get_running_loop()
        sent = start
        try:
            # Nothing lies before it in the socket's buffer, which has room for many heads.
            connection.sendall(head, socket.MSG_MORE)
            while sent < end:
                sent, is_full = await loop.run_in_executor(self._threads, _turn, connection, file, sent, end)
                if is_full:
                    async with asyncio.timeout(self._stall_seconds):
                        await _writable(loop, connection)
        except ConnectionError:
            pass  # the client left, which is an ordinary end
        return sent - start


def connection_of(peer: str, local: str) -> socket.socket | None:
    """A duplicate of this process's connection between two `address:port`; None when it is not to be had whole."""
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        if _ends(number) != (peer, local):
            continue
        try:
            duplicate = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0, os.dup(number))
        except OSError:
            return None
        # Asked again: the server may have closed the original between the look and the copy.
        if _ends(duplicate.fileno()) == (peer, local) and _unsent_bytes(duplicate) == 0:
            return duplicate
        duplicate.close()
        return None
    return None


def _ends(descriptor: int) -> tuple[str, str] | None:
    """The addresses of both ends of a connection, as Granian writes them; None for any other descriptor."""
    try:
        # The larger family, so that its buffer holds both kinds of address; nothing is asked of the kernel for it.
        view = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0, descriptor)
    except OSError:
        return None
    try:
        return _written(view.getpeername()), _written(view.getsockname())
    except OSError:
        return None
    finally:
        view.detach()


def _written(address: Any) -> str:
    if not isinstance(address, tuple):
        return ""  # a socket in the file system
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _unsent_bytes(connection: socket.socket) -> int:
    answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
    return int(struct.unpack("i", answer)[0])


def _head(status: int, headers: Headers) -> bytes:
    phrase = "Partial Content" if status == 206 else "OK"
    own = [("date", formatdate(usegmt=True)), ("connection", "close")]
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in [*headers, *own])]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header of a file answer has a line break")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _turn(connection: socket.socket, file: int, sent: int, end: int) -> tuple[int, bool]:
    """Send until the client is too slow, or another's turn: (how far, whether the connection is full)."""
    until = time.monotonic() + TURN_SECONDS
    poll = select.poll()
    poll.register(connection, select.POLLOUT)
    while sent < end and time.monotonic() < until:
        try:
            count = os.sendfile(connection.fileno(), file, sent, min(_PIECE_BYTES, end - sent))
        except BlockingIOError:
            if not poll.poll(_WAIT_MS):
                return sent, True
            continue
        if count == 0:
            raise OSError(f"the file ended at byte {sent} of {end}")
        sent += count
    return sent, False


async def _writable(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(connection.fileno(), lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_writer(connection.fileno())


def _end(connection: socket.socket) -> None:
    """No byte more from this side, from the server neither; what was sent still arrives."""
    try:
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the client was faster
    connection.close()
