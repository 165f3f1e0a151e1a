"""Large files straight from the page cache to the client's connection (sendfile), past the server's own buffers.

Granian reads a file in pieces of 128 KiB, each through another thread, and copies every byte three times: 40 to 50 ms
of CPU for 100 MB, of which 35 are the bare cost of reading and writing it. The kernel does it without a copy in a
fifth of that. Granian offers no way to ask for it, so the connection is taken over: its descriptor is found by its
addresses and duplicated, head and bytes are written to it, and it is closed, as `connection: close` said. Granian
meanwhile waits for an answer, and what it then writes goes to a closed connection.

Taking over is refused (None: send it the ordinary way) whenever anything is unusual: under TLS, whose bytes only the
server can make; for HTTP/1.0; when bytes of an earlier answer are still on their way (a client that pipelines), which
would come after ours, or bytes of the client's wait unread, for which the kernel would throw ours away at the end; when
the connection is not found, or more than one could be it. Nor is one taken whose client said something after the
request came: a client may have left, and the next one have its addresses. A closed connection costs the client a round
trip, hence the size from which it pays.
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

from holdfast.core.errors import Unavailable
from holdfast.wire.messages import Headers

BYTES_MIN = 8 * 1024 * 1024  # below, a new connection may cost more than it saves
ANSWER_BYTES_MAX = 12 * 1024  # of an answer that is written in one go: every socket's buffer has that
AT_ONCE_MAX = 128  # each holds two descriptors, of a usual limit of 1,024
STALL_SECONDS = 300.0  # a client that takes no byte for so long loses its place
THREADS = 8  # a disk may be slow, and the event loop must not wait for it
TURN_SECONDS = 0.05  # how long one transfer may keep a thread
_INFO_BYTES, _LAST_DATA_RECEIVED = 104, 52  # linux/tcp.h: struct tcp_info and its tcpi_last_data_recv, milliseconds
_PIECE_BYTES = 4 * 1024 * 1024
_TICK_SECONDS = 0.02  # how coarsely the kernel tells when data came, and then some
_WAIT_MS = 20  # for a client about as fast as we are; a slower one is waited for in the event loop, without a thread


class Takeover:
    """Sends files for one worker."""

    def __init__(self, stall_seconds: float = STALL_SECONDS) -> None:
        self.open = 0
        self._stall_seconds = stall_seconds
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="sendfile")

    async def send(
        self, scope: Any, asked: float, status: int, headers: Headers, path: str, start: int, end: int
    ) -> int | None:
        """Bytes of the file sent: fewer than `end - start` when the client left; None when it must be sent otherwise.

        `asked` is when the request was here (monotonic seconds). Raises Unavailable when the file cannot be opened;
        nothing was sent then. OSError when it cannot be read to its end, TimeoutError for a client that stalls: by then
        the connection is closed, for an answer that broke off must look broken.
        """
        if end - start < BYTES_MIN or scope.http_version != "1.1" or self.open >= AT_ONCE_MAX:
            return None
        head = _head(status, headers)
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Unavailable(f"a stored file cannot be opened: {error.strerror}") from error
        self.open += 1
        try:
            connection = connection_of(scope.client, scope.server, time.monotonic() - asked)
            if connection is None:
                return None
            try:
                return await self._send(connection, file, head, start, end)
            finally:
                _end(connection)
        finally:
            self.open -= 1
            os.close(file)

    def answer(self, scope: Any, ended: float, status: int, phrase: str, headers: Headers, body: bytes) -> bool:
        """Send a short answer with a phrase of its own in the status line; False when it must be sent otherwise.

        `ended` is when the request's last byte was here (monotonic seconds). The connection ends after it.
        """
        if scope.http_version != "1.1" or self.open >= AT_ONCE_MAX:
            return False
        length = [] if any(name == "content-length" for name, _ in headers) else [("content-length", str(len(body)))]
        whole = _head(status, [*headers, *length], phrase) + body
        if len(whole) > ANSWER_BYTES_MAX:
            return False
        connection = connection_of(scope.client, scope.server, time.monotonic() - ended)
        if connection is None:
            return False
        try:
            connection.sendall(whole)  # at once: nothing lies before it in the socket's buffer
        except OSError:
            pass  # the client left, which is an ordinary end
        finally:
            _end(connection)
        return True

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
                turn = loop.run_in_executor(self._threads, _turn, connection, file, sent, end)
                sent, is_full = await _whole(turn)
                if is_full:
                    async with asyncio.timeout(self._stall_seconds):
                        await _writable(loop, connection)
        except ConnectionError:
            pass  # the client left, which is an ordinary end
        return sent - start


async def _whole(turn: "asyncio.Future[tuple[int, bool]]") -> tuple[int, bool]:
    """The turn's outcome, and never before its end: closed under the thread, a number could be another's descriptor."""
    try:
        return await asyncio.shield(turn)
    except asyncio.CancelledError:
        await asyncio.wait((turn,))
        raise


def connection_of(peer: str, server: str, silent_seconds: float) -> socket.socket | None:
    """A duplicate of this process's connection with the client at `peer`; None when it is not to be had whole.

    `server` is the address that is listened at, which for all of a machine (`0.0.0.0`, `[::]`) says the port alone.
    `silent_seconds`: for how long the client has said nothing, at least.
    """
    try:
        numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return None  # no descriptor is left to look with
    found = [number for number in numbers if _is_with(number, peer, server)]
    if len(found) != 1:
        return None
    try:
        duplicate = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0, os.dup(found[0]))
    except OSError:
        return None
    # Asked again: the server may have closed the original between the look and the copy.
    if _is_with(duplicate.fileno(), peer, server) and _is_quiet(duplicate, silent_seconds):
        return duplicate
    duplicate.close()
    return None


def _is_with(descriptor: int, peer: str, server: str) -> bool:
    """True for a connection between these two, as Granian writes them."""
    try:
        # The larger family, so that its buffer holds both kinds of address; nothing is asked of the kernel for it.
        view = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0, descriptor)
    except OSError:
        return False
    try:
        return _written(view.getpeername()) == peer and _fits(_written(view.getsockname()), server)
    except OSError:
        return False
    finally:
        view.detach()


def _fits(local: str, server: str) -> bool:
    host, _, port = server.rpartition(":")
    return local.rpartition(":")[2] == port if host in ("0.0.0.0", "[::]") else local == server  # noqa: S104 - compared


def _written(address: Any) -> str:
    if not isinstance(address, tuple):
        return "-"  # a socket in the file system, which is nobody's
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_quiet(connection: socket.socket, silent_seconds: float) -> bool:
    """True when nothing is under way in either direction, and the client has said nothing for that long."""
    try:
        known = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        (silent_ms,) = struct.unpack_from("=I", known, _LAST_DATA_RECEIVED)
        waiting = _count(connection, termios.TIOCOUTQ) or _count(connection, termios.FIONREAD)
    except (OSError, struct.error):
        return False
    return not waiting and silent_ms / 1000 >= silent_seconds - _TICK_SECONDS


def _count(connection: socket.socket, what: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(connection.fileno(), what, bytes(4)))[0])


def _head(status: int, headers: Headers, phrase: str = "") -> bytes:
    phrase = phrase or ("Partial Content" if status == 206 else "OK")
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
