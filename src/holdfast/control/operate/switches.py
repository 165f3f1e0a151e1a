"""`/admin/switches/`: the kill switches in force; switching off, switching on, prolonging."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.http import parts_of
from holdfast.control.operate.doors import administrators
from holdfast.control.parts import Parts
from holdfast.control.projects.rights import require
from holdfast.control.switches import switching
from holdfast.control.switches.asking import ScopeNotAccepted, one_line, wanted_switch
from holdfast.control.web.deeds import Asked, Done, WrongField, page_with_deeds
from holdfast.control.web.pages import recently
from holdfast.tree.overrides import newest, recent
from holdfast.tree.switches import CAPABILITIES, EVERYWHERE, EXPIRY_DEFAULT, Switch

HOURS = (1, 6, 24, 72, 168, 720)  # that a page offers; the command and the API take any up to thirty days
HOURS_DEFAULT = int(EXPIRY_DEFAULT.total_seconds()) // 3600
HISTORY_MAX = 20
_FOREVER = "forever"


@administrators
@recently
def kill_switches(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What is off, what can be switched off, and what was decided before."""
    parts = parts_of(request)
    require(actor, rights.SEE_SWITCHES)

    def facts() -> dict[str, Any]:
        return {
            "rows": _in_force(parts),
            "capabilities": tuple(CAPABILITIES.values()),
            "hours": HOURS,
            "history": tuple(recent(parts.store, HISTORY_MAX)),
        }

    return page_with_deeds(request, actor, _DEEDS, "admin/switches.html", facts)


def _in_force(parts: Parts) -> tuple[Switch, ...]:
    """Read at this moment: what everything else follows may be half a second old, and miss what was just decided."""
    now = parts.clock.now()
    return tuple(one for one in newest(parts.store).switches if one.is_in_force(now))


def _off(asked: Asked) -> Done:
    require(asked.actor, rights.SWITCH)
    parts, now = asked.parts, asked.parts.clock.now()
    banner = one_line(asked.text("banner", ""))
    try:
        made = wanted_switch(
            parts.config,
            asked.text("capability"),
            scope=asked.text("scope", EVERYWHERE),
            reason=one_line(asked.text("reason")),
            status_url=asked.text("status_url", ""),
            banner=banner or None,
            until=_until(asked, now),
            by=asked.actor.user,
            now=now,
        )
    except ScopeNotAccepted as error:
        raise WrongField("scope", error.reason) from error
    kept = switching.switch_off(parts.store, made)
    return _noted(asked, "switch-off", kept, kept.sentence())


def _on(asked: Asked) -> Done:
    require(asked.actor, rights.SWITCH)
    parts, capability, scope = asked.parts, asked.text("capability"), asked.text("scope")
    switching.switch_on(parts.store, capability, scope, asked.actor.user, parts.clock.now())
    return _noted(asked, "switch-on", (capability, scope), f"{capability} is on again.")


def _extend(asked: Asked) -> Done:
    require(asked.actor, rights.SWITCH)
    parts, capability, scope, now = asked.parts, asked.text("capability"), asked.text("scope"), asked.parts.clock.now()
    kept = switching.extend(parts.store, capability, scope, _until(asked, now), asked.actor.user, now)
    return _noted(asked, "extend-switch", kept, kept.sentence())


def _noted(asked: Asked, action: str, switch: Switch | tuple[str, str], sentence: str) -> Done:
    """The change is in force whatever happens to its note."""
    named = (switch.capability, switch.scope) if isinstance(switch, Switch) else switch
    detail = switching.terms(switch.reason, switch.until) if isinstance(switch, Switch) else {}
    asked.parts.switches.decided()  # else this very page would show the banner of what was just switched on
    trouble = switching.audit(asked.parts.publisher, action, named, asked.actor, asked.deadline, **detail)
    return Done(f"{sentence} The audit trail could not note it: {trouble}" if trouble else sentence)


def _until(asked: Asked, now: datetime) -> datetime | None:
    wanted = asked.text("hours", str(HOURS_DEFAULT))
    if wanted == _FOREVER:
        return None
    hours = {str(count): count for count in HOURS}.get(wanted)
    if hours is None:
        raise WrongField("hours", f"a switch ends after {', '.join(map(str, HOURS))} hours, or when somebody ends it")
    return now + timedelta(hours=hours)


_DEEDS = {"off": _off, "on": _on, "extend": _extend}
