"""Kill switches over HTTP, for administrators. `/api/switches` and below; docs/moderation.md tells when to use them."""

from datetime import datetime, timedelta
from typing import Any

from holdfast.control import rights
from holdfast.control.api.call import Call
from holdfast.control.policy_reloading import reload_and_note, what_changed
from holdfast.control.projects.rights import NotAccepted, require
from holdfast.control.switches import switching
from holdfast.control.switches.asking import one_line, wanted_switch
from holdfast.core.model import format_time
from holdfast.tree.overrides import recent
from holdfast.tree.switches import EVERYWHERE, EXPIRY_DEFAULT, EXPIRY_MAX, Switch

HISTORY_CHANGES = 100
_HOURS_DEFAULT = int(EXPIRY_DEFAULT.total_seconds()) // 3600
_HOURS_MAX = EXPIRY_MAX.days * 24


def list_switches(call: Call) -> dict[str, Any]:
    """Every switch in force."""
    require(call.actor, rights.SEE_SWITCHES)
    now = call.parts.clock.now()
    return {"switches": [_document(one, now) for one in call.parts.switches.in_force()]}


def switch_off(call: Call, capability: str) -> dict[str, Any]:
    """Switch a capability off, 24 hours unless the body says otherwise."""
    require(call.actor, rights.SWITCH)
    now, scope = call.parts.clock.now(), call.text("scope", EVERYWHERE)
    made = wanted_switch(
        call.parts.config,
        capability,
        scope=scope,
        reason=one_line(call.text("reason")),
        status_url=call.text("status_url", ""),
        banner=one_line(call.text("banner")) if "banner" in call.body else None,
        until=_until(call, now),
        by=call.actor.user,
        now=now,
    )
    kept = switching.switch_off(call.parts.store, made)
    detail = switching.terms(kept.reason, kept.until)
    switching.audit(call.parts.publisher, "switch-off", (capability, scope), call.actor, call.deadline, **detail)
    return _document(kept, now)


def extend(call: Call, capability: str) -> dict[str, Any]:
    """Move a switch's end."""
    require(call.actor, rights.SWITCH)
    now, scope = call.parts.clock.now(), call.text("scope", EVERYWHERE)
    kept = switching.extend(call.parts.store, capability, scope, _until(call, now), call.actor.user, now)
    detail = switching.terms(kept.reason, kept.until)
    switching.audit(call.parts.publisher, "extend-switch", (capability, scope), call.actor, call.deadline, **detail)
    return _document(kept, now)


def switch_on(call: Call, capability: str) -> dict[str, Any]:
    """Take a switch back."""
    require(call.actor, rights.SWITCH)
    scope = call.query.get("scope", EVERYWHERE)
    switching.switch_on(call.parts.store, capability, scope, call.actor.user, call.parts.clock.now())
    switching.audit(call.parts.publisher, "switch-on", (capability, scope), call.actor, call.deadline)
    return {}


def history(call: Call) -> dict[str, Any]:
    """What operators decided at run time, newest first: switches, denials, passes."""
    require(call.actor, rights.SEE_SWITCHES)
    found = recent(call.parts.store, HISTORY_CHANGES)
    return {
        "changes": [
            {"serial": one.serial, "at": format_time(one.at) if one.at else None, "by": one.by, "what": one.what}
            for one in found
        ]
    }


def reload_policy(call: Call) -> dict[str, Any]:
    """Put the policy of the settings file and the environment in force, as `holdfast policy reload` does."""
    require(call.actor, rights.RELOAD_POLICY)
    parts, is_trial = call.parts, call.flag("check")
    found = reload_and_note(parts.config, parts.store, call.actor.user, parts.clock.now(), apply=not is_trial)
    if found.changed and not is_trial:
        switching.note(parts.publisher, "reload-policy", what_changed(found), call.actor, call.deadline)
    return {"changed": list(found.changed), "waiting": list(found.waiting)}


def _until(call: Call, now: datetime) -> datetime | None:
    """When it ends by itself; None only when that was asked for."""
    if call.flag("no_expiry"):
        if "hours" in call.body:
            raise NotAccepted("give hours or no_expiry, not both")
        return None
    return now + timedelta(hours=call.whole("hours", _HOURS_DEFAULT, least=1, most=_HOURS_MAX))


def _document(one: Switch, now: datetime) -> dict[str, Any]:
    return {
        "capability": one.capability,
        "scope": one.scope,
        "reason": one.reason,
        "status_url": one.status_url,
        "banner": one.banner,
        "until": format_time(one.until) if one.until else None,
        "by": one.by,
        "at": format_time(one.at),
        "extended_by": one.extended_by,
        "extended_at": format_time(one.extended_at) if one.extended_at else None,
        "age_seconds": int(one.age_seconds(now)),
    }
