"""One small document of an issuer over HTTPS, within bytes and seconds, without redirects, and from nowhere else.

What an operator named may lie on a private network. What that address then names (`jwks_uri`) may lie beside it, or
on the public Internet: never on other machines of a private network (server-side request forgery).
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from holdfast.config import is_loopback_host
from holdfast.core.errors import Unavailable

SECONDS_MAX = 5.0  # for a whole document, connecting included
_CHUNK_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """Whose documents are fetched: the issuer's URL as configured, and the authorities to trust ("" = the system's)."""

    issuer: str
    ca_bundle: str = ""


class Fetch(Protocol):
    """Gives the body of a 200."""

    def __call__(self, source: Source, url: str, bytes_max: int) -> bytes:
        """Raises Unavailable."""


def fetch(source: Source, url: str, bytes_max: int) -> bytes:
    """GET that URL. Raises Unavailable, naming the host and no more."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        addresses = _allowed_addresses(source, url)
        return _get(url, addresses[0], source.ca_bundle, bytes_max)
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = str(error) if isinstance(error, ValueError) else type(error).__name__
        raise Unavailable(f"{host} cannot be asked for its keys: {why[:200]}", retry_after_seconds=30) from error


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
    if not is_issuers and not all(ipaddress.ip_address(one.partition("%")[0]).is_global for one in found):
        raise ValueError("its keys lie on a private network that it is not part of")
    return found


def _get(url: str, address: str, ca_bundle: str, bytes_max: int) -> bytes:
    parts = urlsplit(url)
    connection = _connection(url, address, ca_bundle)
    until = time.monotonic() + SECONDS_MAX
    watch = threading.Timer(SECONDS_MAX, _cut, (connection,))  # a trickle of bytes keeps every single read alive
    watch.daemon = True
    watch.start()
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"Accept": "application/json", "User-Agent": "holdfast"})
        response = connection.getresponse()
        if response.status != 200:
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
        return bytes(body)
    finally:
        watch.cancel()
        connection.close()


def _connection(url: str, address: str, ca_bundle: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http":
        return _Pinned(host, parts.port, address)
    context = ssl.create_default_context(cafile=ca_bundle or None)
    return _PinnedTls(host, parts.port, address, context)


class _Pinned(http.client.HTTPConnection):
    """A connection to the address that was looked at: a name that is asked twice may answer in two ways."""

    def __init__(self, host: str, port: int | None, address: str) -> None:
        super().__init__(host, port, timeout=SECONDS_MAX)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)


class _PinnedTls(http.client.HTTPSConnection):
    """The same over TLS, whose certificate is for the name."""

    def __init__(self, host: str, port: int | None, address: str, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=SECONDS_MAX, context=context)
        self._address = address
        self._tls = context

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def _cut(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has ended by itself
