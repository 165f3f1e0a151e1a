"""Prohibiting names and banning networks: written to the tree like kill switches, then told to the audit trail."""

from collections.abc import Callable
from datetime import datetime

import msgspec
import structlog

from holdfast.core.errors import Absent
from holdfast.store.port import Store
from holdfast.tree.bans import NetworkBan, ProhibitedName, as_network
from holdfast.tree.overrides import Overrides, change

log = structlog.get_logger()


def prohibit(store: Store, name: ProhibitedName) -> None:
    """Keep new projects from a name, or change the reason. Raises Unavailable, Corrupt."""

    def edit(old: Overrides) -> Overrides:
        others = tuple(one for one in old.prohibited if (one.index, one.pattern) != (name.index, name.pattern))
        return msgspec.structs.replace(old, prohibited=(*others, name))

    _change(store, edit, name.by, f"prohibited the name {name.pattern} in index {name.index}: {name.reason}", name.at)


def permit(store: Store, index: str, pattern: str, by: str, now: datetime) -> None:
    """Take a prohibition back. Raises Absent, Unavailable, Corrupt."""

    def edit(old: Overrides) -> Overrides:
        others = tuple(one for one in old.prohibited if (one.index, one.pattern) != (index, pattern.lower()))
        if len(others) == len(old.prohibited):
            raise Absent(f"{pattern!r} is not prohibited in index {index}")
        return msgspec.structs.replace(old, prohibited=others)

    _change(store, edit, by, f"permitted the name {pattern} in index {index}", now)


def ban(store: Store, made: NetworkBan) -> None:
    """Shut a network out, or change its ban. Raises Unavailable, Corrupt."""

    def edit(old: Overrides) -> Overrides:
        others = tuple(one for one in old.bans if one.network != made.network)
        return msgspec.structs.replace(old, bans=(*others, made))

    _change(store, edit, made.by, f"banned {made.network}: {made.reason}", made.at)


def lift_ban(store: Store, network: str, by: str, now: datetime) -> None:
    """Let a network in again, written as it was banned or as it is kept. Raises Absent, Unavailable, Corrupt."""
    try:
        wanted = str(as_network(network))
    except ValueError:
        wanted = network

    def edit(old: Overrides) -> Overrides:
        others = tuple(one for one in old.bans if one.network not in (network, wanted))
        if len(others) == len(old.bans):
            raise Absent(f"{network} is not banned")
        return msgspec.structs.replace(old, bans=others)

    _change(store, edit, by, f"lifted the ban of {network}", now)


def _change(store: Store, edit: Callable[[Overrides], Overrides], by: str, what: str, now: datetime) -> None:
    made = change(store, edit, by=by, what=what, now=now)
    log.info("audit: %s", made.what, by=made.by, serial=made.serial)
