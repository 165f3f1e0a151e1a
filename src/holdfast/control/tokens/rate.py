"""How often something may be asked: so many times a window by one network and by all together, counted in memory.

One process answers for a machine, so a count in memory is a count of the machine; a restart forgets it, which is no
harm at these rates. Networks are /24 and /64: an address of one's own is cheap, a network is not.
"""

import ipaddress
import threading
from dataclasses import dataclass, field

from holdfast.clock import Clock
from holdfast.core.errors import Outcome

NETWORKS_MAX = 10_000  # counted at once; a flood from more of them meets the common limit anyway


class TooMany(Outcome):
    """Asked too often (429)."""

    def __init__(self, reason: str, *, retry_after_seconds: int) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


@dataclass
class Rate:
    """A limit in a window of seconds. Raises TooMany past it."""

    by_network: int
    by_all: int
    seconds: float
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _window: float = float("-inf")  # monotonic start
    _counts: dict[str, int] = field(default_factory=dict)
    _all: int = 0

    def count(self, clock: Clock, address: str) -> None:
        """Count one request from a client's address."""
        network = network_of(address)
        with self._lock:
            now = clock.monotonic()
            if now - self._window >= self.seconds:
                self._window, self._counts, self._all = now, {}, 0
            self._all += 1
            seen = self._counts.get(network, 0) + 1
            if network in self._counts or len(self._counts) < NETWORKS_MAX:
                self._counts[network] = seen
            left = max(1, round(self._window + self.seconds - now))
            is_over = seen > self.by_network or self._all > self.by_all
        if is_over:
            raise TooMany("this was asked too often; come again later", retry_after_seconds=left)

    def demand_room(self, clock: Clock, address: str) -> None:
        """Raises TooMany for a network that is past its limit already; counts nothing."""
        with self._lock:
            left = self._window + self.seconds - clock.monotonic()
            is_over = left > 0 and self._counts.get(network_of(address), 0) >= self.by_network
        if is_over:
            raise TooMany("this was asked too often; come again later", retry_after_seconds=max(1, round(left)))


def network_of(address: str) -> str:
    """The /24 or /64 of an address; the text itself when it is none. IPv4 in IPv6 is IPv4."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ipaddress.ip_network(f"{parsed}/{24 if parsed.version == 4 else 64}", strict=False))
