"""One POST to a webhook's address: bounded in time and size, to the address that was checked, and never redirected."""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from holdfast.control.hooks.targets import Lookup, NotAllowed, Target, address_for, look_up

CONNECT_SECONDS = 5.0
ATTEMPT_SECONDS = 10.0  # from connecting to the answer's status, however slowly its bytes come
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
    try:
        address = address_for(target, networks, look)
    except NotAllowed as error:
        return Answered(0, str(error))
    connection = _connection(target, address)
    too_long = threading.Event()

    def cut() -> None:
        too_long.set()
        if connection.sock is not None:
            connection.sock.close()

    watch = threading.Timer(seconds, cut)
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", target.path, body, {"Host": _host(target), **headers})
        answer = connection.getresponse()
        answer.read(ANSWER_BYTES_READ)
        return Answered(answer.status)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answered(0, f"no answer within {seconds:g} s" if too_long.is_set() else _told(error))
    finally:
        watch.cancel()
        connection.close()


def _connection(target: Target, address: str) -> http.client.HTTPConnection:
    if target.scheme == "https":
        return _Secure(target, address)
    return _Plain(target, address)


class _Plain(http.client.HTTPConnection):
    """To an address, whatever the host's name resolves to by now."""

    def __init__(self, target: Target, address: str) -> None:
        super().__init__(target.host, target.port, timeout=CONNECT_SECONDS)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), CONNECT_SECONDS)


class _Secure(http.client.HTTPSConnection):
    """The same under TLS, whose certificate must be the name's."""

    def __init__(self, target: Target, address: str) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(target.host, target.port, timeout=CONNECT_SECONDS, context=self._tls)
        self._address = address

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), CONNECT_SECONDS)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


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
