"""Who is asking: the peer's address, or what a trusted proxy says about it."""

import ipaddress
import re
from functools import lru_cache

from holdfast.wire.messages import HeaderLookup

# Some balancers write the port along; read as no address, everybody behind them would be one client: the balancer.
_WITH_PORT = re.compile(r"\[(?P<six>[0-9a-fA-F:.]{2,45})\](?::\d{1,5})?|(?P<four>[0-9.]{7,15}):\d{1,5}", re.ASCII)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def bare_address(peer: str) -> str:
    """The address of `10.0.0.1:4711` or `[::1]:4711`, without port."""
    host = peer.rpartition(":")[0]
    return host[1:-1] if host.startswith("[") else host


class TrustedProxies:
    """Proxies whose X-Forwarded-For is believed. Without any, nobody's is."""

    def __init__(self, configured: tuple[str, ...]) -> None:
        """`configured` holds addresses and networks. Raises ValueError for anything else."""
        self._networks: tuple[Network, ...] = tuple(ipaddress.ip_network(text, strict=False) for text in configured)
        self._is_trusted = lru_cache(maxsize=1024)(self._look_up)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def client(self, peer: str, headers: HeaderLookup) -> str:
        """The client's address: of the hops a trusted peer reports, the last one that is not itself trusted.

        A hop that is no address ends the search: what lies before it was written by nobody we trust. All lines of the
        header count: some proxies add one of their own behind what the client sent.
        """
        if not self._networks or not self._is_trusted(peer):
            return peer
        client = peer
        lines = [value for name, value in headers.items() if name == "x-forwarded-for"]
        for hop in reversed(",".join(lines).split(",")):
            address = _address(hop.strip())
            if address is None:
                break
            client = address
            if not self._is_trusted(address):
                break
        return client

    def _look_up(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)


def _address(text: str) -> str | None:
    if "%" in text:
        return None  # a zone, which may be any text: no client far away has one, and it would reach the log
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    found = _WITH_PORT.fullmatch(text)
    if found is None:
        return None
    try:
        return str(ipaddress.ip_address(found["six"] or found["four"]))
    except ValueError:
        return None
