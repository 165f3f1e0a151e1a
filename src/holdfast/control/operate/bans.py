"""`/admin/bans/`: banned networks and names that nobody gets. Kept in the tree, like kill switches."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.http import parts_of
from holdfast.control.moderation import deciding
from holdfast.control.moderation.wanted import wanted_ban, wanted_prohibition
from holdfast.control.operate.doors import administrators
from holdfast.control.projects.rights import require
from holdfast.control.switches import switching
from holdfast.control.web.deeds import Asked, Done, WrongField, page_with_deeds
from holdfast.control.web.pages import recently
from holdfast.tree.bans import BAN_DEFAULT, EVERY_INDEX
from holdfast.tree.overrides import newest

DAYS = (1, 7, 30, 90, 366)  # that the page offers; the command and the API take any in between
_FOREVER = "forever"


@administrators
@recently
def bans(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What is banned and prohibited, and the forms to change it."""
    parts = parts_of(request)
    require(actor, rights.SEE_BANS)

    def facts() -> dict[str, Any]:
        now, decided = parts.clock.now(), newest(parts.store)
        return {
            "bans": tuple(one for one in decided.bans if one.is_in_force(now)),
            "names": decided.prohibited,
            "indexes": (EVERY_INDEX, *(index.name for index in parts.config.indexes)),
            "days": DAYS,
            "chosen": str(BAN_DEFAULT.days),
        }

    return page_with_deeds(request, actor, _DEEDS, "admin/bans.html", facts)


def _ban(asked: Asked) -> Done:
    require(asked.actor, rights.BAN_NETWORK)
    parts, now = asked.parts, asked.parts.clock.now()
    until = _until(asked, now)
    made = wanted_ban(parts.config, asked.text("network"), asked.text("reason"), until, asked.actor, now)
    deciding.ban(parts.store, made)
    detail = switching.terms(made.reason, made.until)
    return _noted(asked, "ban-network", made.network, f"{made.network} can only read and install now.", **detail)


def _lift(asked: Asked) -> Done:
    require(asked.actor, rights.BAN_NETWORK)
    network = asked.text("network")
    deciding.lift_ban(asked.parts.store, network, asked.actor.user, asked.parts.clock.now())
    return _noted(asked, "lift-ban", network, f"{network} is let in again.")


def _prohibit(asked: Asked) -> Done:
    require(asked.actor, rights.PROHIBIT_NAME)
    parts, now, index = asked.parts, asked.parts.clock.now(), asked.text("index", EVERY_INDEX)
    made = wanted_prohibition(
        parts.config, index, asked.text("pattern"), asked.text("reason"), asked.actor.user, now
    )  # fmt: skip
    deciding.prohibit(parts.store, made)
    sentence = f"No new project is named {made.pattern} from now on."
    return _noted(asked, "prohibit-name", f"{index}/{made.pattern}", sentence, reason=made.reason)


def _permit(asked: Asked) -> Done:
    require(asked.actor, rights.PROHIBIT_NAME)
    index, pattern = asked.text("index"), asked.text("pattern")
    deciding.permit(asked.parts.store, index, pattern, asked.actor.user, asked.parts.clock.now())
    return _noted(asked, "permit-name", f"{index}/{pattern}", f"{pattern} may be created again.")


def _noted(asked: Asked, action: str, subject: str, sentence: str, **detail: object) -> Done:
    """It is in force whatever happens to its note."""
    asked.parts.switches.decided()
    trouble = switching.note(asked.parts.publisher, action, subject, asked.actor, asked.deadline, **detail)
    return Done(f"{sentence} The audit trail could not note it: {trouble}" if trouble else sentence)


def _until(asked: Asked, now: datetime) -> datetime | None:
    wanted = asked.text("days", str(BAN_DEFAULT.days))
    if wanted == _FOREVER:
        return None
    days = {str(count): count for count in DAYS}.get(wanted)
    if days is None:
        raise WrongField("days", f"a ban ends after {', '.join(map(str, DAYS))} days, or when somebody lifts it")
    return now + timedelta(days=days)


_DEEDS = {"ban": _ban, "lift": _lift, "prohibit": _prohibit, "permit": _permit}
