"""What operators decide while the instance runs: what is switched off, and which versions are let through or denied.

Kept in the tree and not in the database, because it must be possible in the middle of an incident: with the database
dead, and seen by every machine over the store within a second. Each change is a new object with the whole state,
create-only under the next number, so that two operators cannot lose each other's change and the past stays readable.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from holdfast.core.errors import Absent, Conflict, Corrupt
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.bans import NetworkBan, ProhibitedName
from holdfast.tree.numbered import numbers
from holdfast.tree.switches import Switch

ATTEMPTS_MAX = 20  # of operators who type at the same moment
TEXT_CHARS_MAX = 500  # of a reason


class UpstreamOff(msgspec.Struct, frozen=True, kw_only=True):
    """The upstream is not asked for anything. `until` None = until somebody switches it on."""

    upstream: str
    until: datetime | None
    reason: str
    by: str
    at: datetime


class PolicyPass(msgspec.Struct, frozen=True, kw_only=True):
    """Break-glass: this version is let through the cooldown of an index until then, never through a denial."""

    index: str
    project: str  # normalised
    version: str  # normalised PEP 440
    until: datetime
    reason: str
    by: str
    at: datetime


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """Upstream files of these versions are refused. `index` "*" = in every index."""

    index: str
    what: str  # a requirement (`acme<2`), a name, or a name pattern (`acme-*`)
    reason: str
    by: str
    at: datetime


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """The whole state after change number `serial`, with who changed what (`what` is a sentence)."""

    serial: int = 0
    at: datetime | None = None
    by: str = ""
    what: str = ""
    upstreams_off: tuple[UpstreamOff, ...] = ()
    passes: tuple[PolicyPass, ...] = ()
    denials: tuple[Denial, ...] = ()
    switches: tuple[Switch, ...] = ()  # capabilities that are off
    prohibited: tuple[ProhibitedName, ...] = ()  # names that no new project takes
    bans: tuple[NetworkBan, ...] = ()
    advisories: str = ""  # digest of the advisory table in force (`addresses.advisories`), "" = none
    advisories_at: datetime | None = None

    def off(self, upstream: str, now: datetime) -> UpstreamOff | None:
        """The switch that keeps the upstream off at `now`, or None while it is on."""
        found = next((switch for switch in self.upstreams_off if switch.upstream == upstream), None)
        return found if found is not None and (found.until is None or now < found.until) else None


class OverridesReader:
    """Follows the changes. `look` belongs in a thread; `current` may be read from any."""

    def __init__(self, store: Store) -> None:
        self.current = Overrides()
        self._store = store
        self._has_looked = False

    def look(self) -> bool:
        """Take in what is new; True when something was. Raises Unavailable, Corrupt; what was known stays in force."""
        if not self._has_looked:
            found = newest(self._store)
            self._has_looked = True
        else:
            found = self.current
            while (later := of_serial(self._store, found.serial + 1)) is not None:
                found = later
        changed = found.serial != self.current.serial
        self.current = found
        return changed


def newest(store: Store) -> Overrides:
    """The state in force; an empty one before the first change. Raises Unavailable, Corrupt."""
    serial = max(numbers(store, addresses.OVERRIDES_PREFIX, addresses.overrides), default=0)
    return (of_serial(store, serial) if serial else None) or Overrides()


def history(store: Store) -> list[Overrides]:
    """Every change that was ever made, oldest first. Raises Unavailable, Corrupt."""
    serials = list(numbers(store, addresses.OVERRIDES_PREFIX, addresses.overrides))
    return [found for serial in serials if (found := of_serial(store, serial)) is not None]


def recent(store: Store, count: int) -> list[Overrides]:
    """The newest changes, newest first, at most `count`. Raises Unavailable, Corrupt."""
    found = newest(store)
    changes: list[Overrides] = []
    while found.serial and len(changes) < count:
        changes.append(found)
        found = of_serial(store, found.serial - 1) or Overrides() if found.serial > 1 else Overrides()
    return changes


def change(store: Store, edit: Callable[[Overrides], Overrides], *, by: str, what: str, now: datetime) -> Overrides:
    """Put the next state in force: `edit` applied to the newest one, again if another operator was faster.

    Switches and passes that have run out by `now` are left out. Raises Unavailable, Corrupt, Conflict.
    """
    now = now.astimezone(UTC)
    for _ in range(ATTEMPTS_MAX):
        old = newest(store)
        edited = msgspec.structs.replace(
            edit(_without_expired(old, now)), serial=old.serial + 1, at=now, by=by, what=what[:TEXT_CHARS_MAX]
        )
        try:
            store.put(addresses.overrides(edited.serial), _encoder.encode(edited), create=True)
        except Conflict:
            continue
        return edited
    raise Conflict("others go on changing the overrides; try again")


def _without_expired(old: Overrides, now: datetime) -> Overrides:
    return msgspec.structs.replace(
        old,
        upstreams_off=tuple(s for s in old.upstreams_off if s.until is None or now < s.until),
        passes=tuple(p for p in old.passes if now < p.until),
        switches=tuple(s for s in old.switches if s.is_in_force(now)),
        bans=tuple(b for b in old.bans if b.is_in_force(now)),
    )


def of_serial(store: Store, serial: int) -> Overrides | None:
    """The state after that change, None when there was no such change. Raises Unavailable, Corrupt."""
    try:
        data = store.get(addresses.overrides(serial))
    except Absent:
        return None
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise Corrupt(f"the overrides of change {serial} do not parse: {error}") from error


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Overrides)
