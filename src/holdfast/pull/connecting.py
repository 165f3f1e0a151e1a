"""How a connection for an upstream is made: through which proxy, trusting whom, showing which certificate, never where.

A client certificate is shown to the origins of the upstream and its mirrors alone. Other hosts (where its files lie)
are held to the system's authorities as well as to `ca_bundle`, which may know the upstream's own company only.
"""

import errno
import ipaddress
import os
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from holdfast.config import UpstreamConfig
from holdfast.pull.credentials import SettingError, origin_of

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address behind it
# Where clouds give out a machine's credentials, or its secrets, at an address that is not link-local.
_METADATA_SERVICES = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16"))
)

Stamp = tuple[tuple[int, int, int] | None, ...]  # of the files: when any is replaced, a new context is made


class Connecting:
    """The choices for one upstream, from its settings and the environment."""

    def __init__(self, config: UpstreamConfig) -> None:
        self._config = config
        self._own = {origin_of(url) for url in (config.url, *config.mirrors)}
        self._contexts: dict[bool, tuple[Stamp, ssl.SSLContext]] = {}

    def proxy(self, url: str) -> str | None:
        """The proxy on the way to `url`, or None. It may carry userinfo: never print it."""
        if self._config.proxy == "none":
            return None
        return self._config.proxy or proxy_of(url)

    def tls(self, url: str) -> ssl.SSLContext:
        """What to trust and show at `url`. Raises SettingError."""
        is_own = origin_of(url) in self._own
        stamp = self._stamp()
        known = self._contexts.get(is_own)
        if known is None or known[0] != stamp:
            known = self._contexts[is_own] = (stamp, self._make(is_own=is_own))
        return known[1]

    def check(self) -> None:
        """Raises SettingError when a file that a setting names cannot be used."""
        self._make(is_own=True)

    def _make(self, *, is_own: bool) -> ssl.SSLContext:
        config = self._config
        try:
            if is_own:
                context = ssl.create_default_context(cafile=config.ca_bundle or None)
            else:
                context = ssl.create_default_context()
                if config.ca_bundle:
                    context.load_verify_locations(cafile=config.ca_bundle)
        except OSError as error:
            raise SettingError(f"ca_bundle does not load ({_said(error)})") from None
        if is_own and config.client_cert:
            try:
                # An encrypted key would be asked for on the terminal: an empty password makes that an error.
                context.load_cert_chain(config.client_cert, config.client_key or None, password="")
            except (OSError, ValueError) as error:
                setting = "client_cert or client_key" if config.client_key else "client_cert"
                raise SettingError(f"{setting} does not load ({_said(error)})") from None
        return context

    def _stamp(self) -> Stamp:
        config = self._config
        return tuple(_stamp_of(path) for path in (config.ca_bundle, config.client_cert, config.client_key) if path)


def proxy_of(url: str) -> str | None:
    """The proxy that the environment names for `url` (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY)."""
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if proxy and not proxy_bypass(parts.netloc.rpartition("@")[2]) else None


def open_socket(
    found: tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]],
) -> socket.socket:
    """A socket for an address that was looked up. Raises OSError for one that is never asked (`forbidden`)."""
    family, kind, protocol, _, where = found
    why = forbidden(str(where[0]))
    if why:
        raise OSError(errno.EACCES, why)
    return socket.socket(family, kind, protocol)


def forbidden(host: str) -> str:
    """Why an address is never asked, "" for any other, and for names.

    No index lives there, but a cloud's credentials do, and pages and redirects choose where files are fetched from. A
    proxy looks names up itself, so of what is sent through one only addresses can be judged.
    """
    address = _address(host)
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        address = inner or address
    if address is None:
        return ""
    if address.is_link_local:
        return "its address is link-local"
    return "its address is a cloud's metadata service" if address in _METADATA_SERVICES else ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in any spelling that a resolver takes for one (`2852039166`, `0xa9fea9fe`), None for a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeEncodeError):
        return None


def _stamp_of(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _said(error: Exception) -> str:
    """Why a file does not load, without its content."""
    if isinstance(error, ssl.SSLError):
        return error.reason or "it is no such PEM file"
    return (error.strerror if isinstance(error, OSError) else "") or error.__class__.__name__
