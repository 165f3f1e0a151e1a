"""Where somebody came from, as the audit trail keeps it: the network of the address, hashed under the instance's key.

Equal networks can be told to be equal, which is what an investigation needs; the address itself is kept nowhere. The
key lies outside the database, so that a stolen copy of it cannot be searched by trying every network there is.
"""

import hashlib
import hmac
from ipaddress import ip_address, ip_network

import structlog

from holdfast.config import Config
from holdfast.control.secret_key import read_keys
from holdfast.core.errors import Unavailable

log = structlog.get_logger()

HASH_CHARS = 32
PREFIXES = {4: 24, 6: 64}  # what one household or company usually has


class Networks:
    """Hashes networks for one process. The key is read when first needed."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._key: bytes | None = None
        self._is_told = False

    def hashed(self, address: str) -> str:
        """The hash of the address's network; "" without an address, or while the key cannot be read."""
        network = network_of(address)
        key = self._read_key() if network else None
        if key is None:
            return ""
        return hmac.new(key, f"network {network}".encode(), hashlib.sha256).hexdigest()[:HASH_CHARS]

    def _read_key(self) -> bytes | None:
        if self._key is None:
            try:
                self._key = hashlib.sha256(b"holdfast audit networks\n" + read_keys(self._config)[0].encode()).digest()
            except Unavailable as error:
                if not self._is_told:
                    log.error("the audit trail notes no networks: %s", error.reason)
                self._is_told = True
        return self._key


def network_of(address: str) -> str:
    """The /24 or /64 an address lies in; "" for what is no address. IPv4 in IPv6 is IPv4."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    return str(ip_network(f"{found}/{PREFIXES[found.version]}", strict=False))
