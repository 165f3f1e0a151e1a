"""Switching capabilities off and on, and prolonging a switch: written to the tree, then told to the audit trail.

The tree decides, because it must be possible with the database dead; its history keeps who, when and why for good. The
database's audit trail gets its event when there is a database.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec
import structlog

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.projects.rights import NotAccepted, require
from holdfast.control.publication.transaction import Publication, write_transaction
from holdfast.core.errors import Absent, Unavailable
from holdfast.core.model import format_time
from holdfast.store.port import Store
from holdfast.tree.overrides import Overrides, change
from holdfast.tree.switches import Switch, extended, find_switch, with_switch, without_switch

log = structlog.get_logger()


def switch_off(store: Store, switch: Switch) -> Switch:
    """Put a switch in force, or change an equal one, which keeps its age. Raises Unavailable, Corrupt."""
    what = f"switched {_name(switch.capability, switch.scope)} off {_until(switch.until)}: {switch.reason}"
    changed = _change(
        store,
        lambda old: msgspec.structs.replace(old, switches=with_switch(old.switches, switch)),
        (switch.by, what, switch.at),
    )
    return _found(changed, switch.capability, switch.scope)


def switch_on(store: Store, capability: str, scope: str, by: str, now: datetime) -> None:
    """Take a switch back. Raises Absent when there is none in force, Unavailable, Corrupt."""

    def edit(old: Overrides) -> Overrides:
        _found(old, capability, scope)
        return msgspec.structs.replace(old, switches=without_switch(old.switches, capability, scope))

    _change(store, edit, (by, f"switched {_name(capability, scope)} on", now))


def extend(store: Store, capability: str, scope: str, until: datetime | None, by: str, now: datetime) -> Switch:
    """Move a switch's end, which only a person does. Raises Absent, NotAccepted, Unavailable, Corrupt."""

    def edit(old: Overrides) -> Overrides:
        try:
            later = extended(_found(old, capability, scope), until, by, now)
        except ValueError as error:
            raise NotAccepted(str(error)) from error
        return msgspec.structs.replace(old, switches=with_switch(old.switches, later))

    changed = _change(store, edit, (by, f"extended {_name(capability, scope)} {_until(until)}", now))
    return _found(changed, capability, scope)


def audit(
    publisher: Publication, action: str, switch: tuple[str, str], actor: Actor, deadline: float, **detail: object
) -> str:
    """Note a change of (capability, scope) that is in force already; answers why it could not be noted, or "".

    Never an error: the change stands, and the tree's own history has it.
    """
    require(actor, rights.SWITCH)
    return note(publisher, action, _name(*switch), actor, deadline, **detail)


def note(publisher: Publication, action: str, subject: str, actor: Actor, deadline: float, **detail: object) -> str:
    """As `audit`, of any decision that is in the tree. The caller has asked for the right."""
    try:
        with write_transaction(publisher, actor, deadline, moderates=True) as tx:
            tx.audit(action, subject, **detail)
    except Unavailable as error:
        log.warning("%s of %s is not in the database's audit trail: %s", action, subject, error.reason)
        return error.reason
    return ""


def terms(reason: str, until: datetime | None) -> dict[str, object]:
    """What the audit trail says of a decision that ends by itself, or does not."""
    return {"reason": reason, "until": format_time(until) if until is not None else None}


def _change(store: Store, edit: Callable[[Overrides], Overrides], who: tuple[str, str, datetime]) -> Overrides:
    by, what, now = who
    made = change(store, edit, by=by, what=what, now=now)
    log.info("audit: %s", made.what, by=made.by, serial=made.serial)
    return made


def _found(overrides: Overrides, capability: str, scope: str) -> Switch:
    found = find_switch(overrides.switches, capability, scope)
    if found is None:
        off = ", ".join(_name(one.capability, one.scope) for one in overrides.switches) or "nothing"
        raise Absent(f"{_name(capability, scope)} is not switched off; off: {off}")
    return found


def _name(capability: str, scope: str) -> str:
    return capability if scope == "*" else f"{capability} of {scope}"


def _until(until: datetime | None) -> str:
    return f"until {until:%Y-%m-%d %H:%M} UTC" if until is not None else "without an end"
