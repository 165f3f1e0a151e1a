"""Where a webhook may go: to public addresses alone, checked on the very address that is connected to.

A name is resolved once; every address it has must be allowed, and the connection goes to one of these addresses and not
to the name, so that a name which answers differently a moment later (DNS rebinding) gains nothing. Private networks are
for the operator to open (`webhook_networks`).
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from holdfast.control.hooks.models import URL_CHARS_MAX

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Lookup = Callable[[str, int], list[str]]

# IPv6 that carries an IPv4 address inside: what is reached is the other one (RFC 6052, RFC 3056).
_CARRIERS = tuple(ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16"))


class NotAllowed(Exception):  # noqa: N818 - an answer, told to the webhook's owner
    """The address may not be delivered to."""


@dataclass(frozen=True, slots=True)
class Target:
    """A webhook's address, taken apart."""

    scheme: str
    host: str
    port: int
    path: str  # with the query


def parse_target(url: str) -> Target:
    """Raises NotAllowed, saying what is wrong with it."""
    if len(url) > URL_CHARS_MAX or not url.isascii() or not url.isprintable() or " " in url:
        raise NotAllowed(f"a webhook's address has at most {URL_CHARS_MAX} printable ASCII characters and no blanks")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotAllowed("it is no URL") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise NotAllowed("it must be an https URL with a host")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise NotAllowed("it must have no user name, password or fragment")
    if port == 0:
        raise NotAllowed("it must have a port that can be connected to")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), path)


def look_up(host: str, port: int, flags: int = 0) -> list[str]:
    """The addresses of a host. Raises OSError. `flags`: socket.AI_NUMERICHOST asks no resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def address_for(target: Target, networks: Iterable[str], look: Lookup = look_up) -> str:
    """The address to connect to. Raises NotAllowed when any address of the host is not to be reached."""
    try:
        found = look(target.host, target.port)
    except TimeoutError:
        raise NotAllowed(f"{target.host} was not looked up in time") from None
    except (OSError, UnicodeError):
        raise NotAllowed(f"{target.host} has no address") from None
    allowed = [ipaddress.ip_network(text) for text in networks]
    for text in found:
        address = _unwrapped(ipaddress.ip_address(text.partition("%")[0]))
        opened = any(address.version == network.version and address in network for network in allowed)
        if opened:
            continue
        if not is_public(address):
            raise NotAllowed(f"{target.host} has an address that is not public")
        if target.scheme != "https":
            raise NotAllowed("what leaves for the outside goes by https")
    if not found:
        raise NotAllowed(f"{target.host} has no address")
    return found[0]


def demand_literal_allowed(target: Target, networks: Iterable[str]) -> None:
    """Raises NotAllowed for an address written as numbers that is not to be reached: it will never be another one.

    A name passes. What it resolves to is judged at each delivery, because that changes.
    """
    try:
        found = look_up(target.host.partition("%")[0], target.port, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return
    address_for(target, networks, lambda _host, _port: found)


def is_public(address: Address) -> bool:
    """False for loopback, private, link-local, shared, multicast, reserved and unspecified addresses."""
    if address.is_multicast or any(address.version == n.version and address in n for n in _CARRIERS):
        return False
    return address.is_global and not address.is_reserved


def _unwrapped(address: Address) -> Address:
    """The IPv4 address of `::ffff:a.b.c.d`."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
