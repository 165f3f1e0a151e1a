"""One POST to a webhook's address: bounded in time and size, to the address that was checked, and never redirected."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from holdfast.control.hooks.targets import Lookup, NotAllowed, Target, address_for, look_up

CONNECT_SECONDS = 5.0
ATTEMPT_SECONDS = 10.0  # from looking up the name to the answer's status, however slowly its bytes come
SHORTEST_SECONDS = 0.001  # of a socket: 0 would mean one that never waits
LOOK_UPS_MAX = 32  # under way at once, those included that nobody waits for any more
ANSWER_BYTES_READ = 4096  # nothing of it is used; reading a little lets the other side finish


@dataclass(frozen=True, slots=True)
class Answered:
    """The other side's status, or 0 and why there is none."""

    status: int
    error: str = ""

    @property
    def is_taken(self) -> bool:
        return 200 <= self.status < 300


def post(
    target: Target,
    headers: Mapping[str, str],
    body: bytes,
    networks: Iterable[str],
    look: Lookup = look_up,
    seconds: float = ATTEMPT_SECONDS,
) -> Answered:
    """Send it once. Never raises for what the other side does."""
    until = time.monotonic() + seconds
    try:
        address = address_for(target, networks, _within(look, seconds))
    except NotAllowed as error:
        return Answered(0, str(error))
    left = max(until - time.monotonic(), 0.0)
    watch = _Watch(left)
    kind = _Secure if target.scheme == "https" else _Plain
    connection = kind(target, address, watch, min(CONNECT_SECONDS, max(left, SHORTEST_SECONDS)))
    watch.start()
    try:
        connection.request("POST", target.path, body, {"Host": _host(target), **headers})
        answer = connection.getresponse()
        if watch.is_over:  # a head that was cut off reads like one that ended
            raise TimeoutError
        with suppress(OSError, http.client.HTTPException):
            answer.read(ANSWER_BYTES_READ)
        return Answered(answer.status)
    except (OSError, http.client.HTTPException, ValueError) as error:
        is_over = watch.is_over or time.monotonic() >= until  # the socket may tell it before the watch does
        return Answered(0, f"no answer within {seconds:g} s" if is_over else _told(error))
    finally:
        watch.stop()
        connection.close()


_looking = threading.BoundedSemaphore(LOOK_UPS_MAX)


def _within(look: Lookup, seconds: float) -> Lookup:
    """The same look-up, given up after that time. A resolver cannot be interrupted: a thread waits for it."""

    def bounded(host: str, port: int) -> list[str]:
        found: list[list[str] | Exception] = []

        def work() -> None:
            try:
                found.append(look(host, port))
            except Exception as error:  # noqa: BLE001 - it is raised again where somebody waits for it
                found.append(error)
            finally:
                _looking.release()

        until = time.monotonic() + seconds
        if not _looking.acquire(timeout=seconds):
            raise OSError("too many names are being looked up")
        thread = threading.Thread(target=work, name="webhook-look-up", daemon=True)
        thread.start()
        thread.join(max(until - time.monotonic(), 0.0))
        if not found:
            raise TimeoutError(f"looking up {host} took too long")
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]

    return bounded


class _Watch:
    """Ends an attempt when its time is up, whatever it is at: a byte now and then keeps every single read alive.

    The socket is shut down and not closed: closing one that a response reads from waits for that response.
    """

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.cancel()

    def over(self, made: socket.socket) -> socket.socket:
        """The same socket, watched from now on. Raises TimeoutError when it came too late."""
        with self._lock:
            self._socket = made
            if self.is_over:
                made.close()
                raise TimeoutError
        return made

    def _cut(self) -> None:
        with self._lock:
            self.is_over = True
            if self._socket is not None:
                try:
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # under TLS, which would say goodbye first
                except OSError:
                    pass  # it has ended by itself


class _Plain(http.client.HTTPConnection):
    """To an address, whatever the host's name resolves to by now."""

    def __init__(self, target: Target, address: str, watch: _Watch, seconds: float) -> None:
        super().__init__(target.host, target.port, timeout=seconds)
        self._seconds = seconds
        self._address = address
        self._watch = watch

    def connect(self) -> None:
        self.sock = self._watch.over(socket.create_connection((self._address, self.port), self._seconds))


class _Secure(_Plain):
    """The same under TLS, whose certificate must be the name's."""

    def connect(self) -> None:
        super().connect()
        context = ssl.create_default_context()
        secured = context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock = self._watch.over(secured)  # before the handshake, which can drag on, too
        secured.do_handshake()


def _host(target: Target) -> str:
    name = f"[{target.host}]" if ":" in target.host else target.host
    return name if target.port in (80, 443) else f"{name}:{target.port}"


def _told(error: Exception) -> str:
    """What went wrong, without anything that the other side wrote."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not valid"
    if isinstance(error, ssl.SSLError):
        return "TLS failed"
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return "it cannot be reached" if isinstance(error, OSError) else "its answer is no HTTP"
