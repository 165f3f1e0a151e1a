"""One small answer of an issuer over HTTPS, within bytes and seconds, without redirects, and from nowhere else.

What an operator named may lie on a private network. What that address then names (`jwks_uri`) may lie beside it, or
on the public Internet: never on other machines of a private network (server-side request forgery).
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from holdfast.config import is_loopback_host
from holdfast.core.errors import Unavailable

SECONDS_MAX = 5.0  # for a whole document, connecting included
ADDRESSES_MAX = 3  # of a host that are tried: one of each family, and another
_CHUNK_BYTES = 16 * 1024
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Source:
    """Whose documents are fetched: the issuer's URL as configured, and the authorities to trust ("" = the system's)."""

    issuer: str
    ca_bundle: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for. With a form it is sent to the address, else that is read."""

    url: str
    form: bytes | None = field(default=None, repr=False)
    authorization: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        found = {"Accept": "application/json", "User-Agent": "holdfast"}
        if self.form is not None:
            found["Content-Type"] = "application/x-www-form-urlencoded"
        return found | ({"Authorization": self.authorization} if self.authorization else {})


@dataclass(frozen=True, slots=True)
class Said:
    """What was answered: a success, or that the question was wrong (400 to 499)."""

    status: int
    body: bytes = field(repr=False)


class Fetch(Protocol):
    """Gives the body of a 200."""

    def __call__(self, source: Source, url: str, bytes_max: int) -> bytes:
        """Raises Unavailable."""


def fetch(source: Source, url: str, bytes_max: int, *, seconds_max: float = SECONDS_MAX) -> bytes:
    """GET that URL. Raises Unavailable, naming the host and no more."""
    said = _ask(source, Question(url), bytes_max, "its keys", seconds_max)
    if said.status != 200:
        raise _unavailable(url, "its keys", f"it answers {said.status}")
    return said.body


def ask(
    source: Source,
    question: Question,
    bytes_max: int,
    *,
    what: str = "who somebody is",
    seconds_max: float = SECONDS_MAX,
) -> Said:
    """Ask about a person, or `what`. Raises Unavailable, naming the host and no more."""
    return _ask(source, question, bytes_max, what, seconds_max)


def _ask(source: Source, question: Question, bytes_max: int, what: str, seconds_max: float) -> Said:
    try:
        addresses = _allowed_addresses(source, question.url)
        connection = _connection(question.url, addresses, source.ca_bundle, seconds_max)
        return _exchange(connection, question, bytes_max, seconds_max)
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = str(error) if isinstance(error, ValueError) else type(error).__name__
        raise _unavailable(question.url, what, why) from error


def _unavailable(url: str, what: str, why: str) -> Unavailable:
    host = urlsplit(url).hostname or ""
    return Unavailable(f"{host} cannot be asked for {what}: {why[:200]}", retry_after_seconds=30)


def _allowed_addresses(source: Source, url: str) -> list[str]:
    """Where the host is. Raises ValueError for a place that must not be asked, OSError when nobody knows."""
    parts, issuer = urlsplit(url), urlsplit(source.issuer)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback_host(host)):
        raise ValueError("its address is not https")
    if parts.username is not None or parts.fragment or not host:
        raise ValueError("its address is not a plain one")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    is_issuers = (parts.scheme, host) == (issuer.scheme, issuer.hostname)
    if not is_issuers and not all(_is_public(one) for one in found):
        raise ValueError("its keys lie on a private network that it is not part of")
    return list(dict.fromkeys(found))[:ADDRESSES_MAX]


def _is_public(text: str) -> bool:
    """On the public Internet, with what an IPv6 address carries inside (RFC 4291 §2.5.5.2, RFC 3056, RFC 6052)."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inside is not None and not inside.is_global:
            return False
    return address.is_global and not address.is_multicast


def _exchange(connection: http.client.HTTPConnection, question: Question, bytes_max: int, seconds_max: float) -> Said:
    parts = urlsplit(question.url)
    until = time.monotonic() + seconds_max
    watch = threading.Timer(seconds_max, _cut, (connection,))  # a trickle of bytes keeps every single read alive
    watch.daemon = True
    watch.start()
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        method = "GET" if question.form is None else "POST"
        connection.request(method, path, body=question.form, headers=question.headers)
        response = connection.getresponse()
        if response.status != 200 and not 400 <= response.status < 500:
            raise ValueError(f"it answers {response.status}")
        body = bytearray()
        while chunk := response.read1(_CHUNK_BYTES):
            body += chunk
            if len(body) > bytes_max:
                raise ValueError(f"its answer is larger than {bytes_max} bytes")
            if time.monotonic() > until:
                raise TimeoutError
        if response.length:
            raise ValueError("its answer was cut off")
        return Said(response.status, bytes(body))
    finally:
        watch.cancel()
        connection.close()


def _connection(url: str, addresses: list[str], ca_bundle: str, seconds_max: float) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http":
        return _Pinned(host, parts.port, addresses, seconds_max)
    context = ssl.create_default_context(cafile=ca_bundle or None)
    return _PinnedTls(host, parts.port, addresses, seconds_max, context)


class _Pinned(http.client.HTTPConnection):
    """A connection to the addresses that were looked at: a name that is asked twice may answer in two ways."""

    def __init__(self, host: str, port: int | None, addresses: list[str], seconds_max: float) -> None:
        super().__init__(host, port, timeout=seconds_max)
        self._addresses = addresses
        self._each_seconds = seconds_max / len(addresses)  # one that is not there leaves time for the next

    def connect(self) -> None:
        for number, address in enumerate(self._addresses, 1):
            try:
                self.sock = socket.create_connection((address, self.port), self._each_seconds)
                self.sock.settimeout(self.timeout)
                return
            except OSError:
                if number == len(self._addresses):
                    raise


class _PinnedTls(_Pinned):
    """The same over TLS, whose certificate is for the name."""

    default_port = http.client.HTTPS_PORT

    def __init__(
        self, host: str, port: int | None, addresses: list[str], seconds_max: float, context: ssl.SSLContext
    ) -> None:
        super().__init__(host, port, addresses, seconds_max)
        self._tls = context

    def connect(self) -> None:
        super().connect()
        secured = self._tls.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock = secured  # before the handshake, so that `_cut` finds it: that can drag on, too
        secured.do_handshake()


def _cut(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has ended by itself
