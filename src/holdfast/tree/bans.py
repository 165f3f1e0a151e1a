"""Names nobody may create, and networks that may change nothing: decided by operators at run time.

Values and rules only; they are part of the operators' decisions (tree/overrides.py), in force on every machine within a
second. A ban holds for every kind of credential, and for nothing that is read.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import msgspec

from holdfast.core.names import is_index_name
from holdfast.core.precedence import is_name_pattern, matches_pattern

EVERY_INDEX = "*"
BAN_DEFAULT = timedelta(days=7)  # addresses change hands; who bans for longer says so
BAN_MAX = timedelta(days=366)
PREFIX_MIN = {4: 12, 6: 24}  # shorter ones are whole countries: a mistake, or no answer to abuse
REASON_CHARS_MAX = 200
_MAPPED_PREFIX = 96  # bits before the IPv4 address in ::ffff:192.0.2.7 (RFC 4291 §2.5.5.2)

Network = IPv4Network | IPv6Network


class ProhibitedName(msgspec.Struct, frozen=True, kw_only=True):
    """No new project takes such a name. Projects that have it stay."""

    index: str
    pattern: str  # a name, or with `*` for any characters
    reason: str
    by: str
    at: datetime


class NetworkBan(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is changed, signed in to or reported from there. `until` None had to be asked for."""

    network: str
    reason: str
    until: datetime | None
    by: str
    at: datetime

    def is_in_force(self, now: datetime) -> bool:
        return self.until is None or now < self.until

    def covers(self, address: str) -> bool:
        """Whether the address lies in it. IPv4 inside IPv6 is IPv4; what is no address lies nowhere."""
        try:
            found = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        found = getattr(found, "ipv4_mapped", None) or found
        network = ip_network(self.network)
        return found.version == network.version and found in network


def as_network(text: str) -> Network:
    """A network, or an address as one, host bits dropped. IPv4 inside IPv6 is IPv4, as judged. Raises ValueError."""
    found = ip_network(text, strict=False)
    inside = found.network_address.ipv4_mapped if isinstance(found, IPv6Network) else None
    if inside is None or found.prefixlen < _MAPPED_PREFIX:
        return found
    return ip_network((inside, found.prefixlen - _MAPPED_PREFIX))


def new_prohibition(index: str, pattern: str, reason: str, by: str, now: datetime) -> ProhibitedName:
    """A prohibition as it may be kept. Raises ValueError with a sentence."""
    if index != EVERY_INDEX and not is_index_name(index):
        raise ValueError(f"{index!r} is no index; * means every one")
    if not is_name_pattern(pattern) or set(pattern) <= set("*-_."):
        raise ValueError(f"{pattern!r} is neither a project name nor a pattern such as acme-*")
    _demand_reason(reason)
    return ProhibitedName(index=index, pattern=pattern.lower(), reason=reason, by=by, at=now)


def new_ban(
    network: str, reason: str, until: datetime | None, by: str, now: datetime, spared: Iterable[str] = ()
) -> NetworkBan:
    """A ban as it may be kept. `spared`: addresses and networks that may not be banned, this machine's own proxies say.

    Raises ValueError with a sentence.
    """
    try:
        found = as_network(network)
    except ValueError:
        raise ValueError(f"{network!r} is no address or network such as 192.0.2.7 or 2001:db8::/48") from None
    if found.prefixlen < PREFIX_MIN[found.version]:
        raise ValueError(f"{found} is too wide: /{PREFIX_MIN[found.version]} is the widest that can be banned")
    if found.is_loopback:
        raise ValueError(f"{found} is this machine itself")
    for one in spared:
        other = as_network(one)
        if found.version == other.version and found.overlaps(other):
            raise ValueError(f"{found} holds {other}, a trusted proxy or yourself: everybody behind it would be banned")
    if until is not None and not now < until <= now + BAN_MAX:
        raise ValueError(f"a ban ends within {BAN_MAX.days} days of now; one without an end must be asked for as such")
    _demand_reason(reason)
    return NetworkBan(network=str(found), reason=reason, until=until, by=by, at=now)


def prohibiting(names: tuple[ProhibitedName, ...], index: str, name: str) -> ProhibitedName | None:
    """What keeps a new project from that name, or None."""
    return next(
        (one for one in names if one.index in (EVERY_INDEX, index) and matches_pattern(name, (one.pattern,))), None
    )


def banning(bans: tuple[NetworkBan, ...], address: str, now: datetime) -> NetworkBan | None:
    """The ban an address is under, or None."""
    return next((one for one in bans if one.is_in_force(now) and one.covers(address)), None)


def _demand_reason(reason: str) -> None:
    if not reason or len(reason) > REASON_CHARS_MAX:
        raise ValueError(f"a reason of 1 to {REASON_CHARS_MAX} characters is needed: everybody concerned is shown it")
