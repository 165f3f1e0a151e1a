"""`/admin/people/`: everybody, one account, and inviting somebody."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from holdfast.control import rights
from holdfast.control.accounts import invitations, people
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.administrators import set_administrator
from holdfast.control.accounts.sign_in_sessions import end_sessions_of
from holdfast.control.http import parts_of
from holdfast.control.operate import people_facts
from holdfast.control.operate.doors import administrators
from holdfast.control.projects.rights import NotAccepted, require
from holdfast.control.web.deeds import Asked, Done, WrongField, of_place, page_with_deeds
from holdfast.control.web.pages import page, recently

WORDS_CHARS_MAX = 100


@administrators
def everybody(request: HttpRequest, actor: Actor) -> HttpResponse:
    """All accounts by name, or those that a search finds."""
    require(actor, rights.MANAGE_PERSON)
    asked = {name: request.GET.get(name, "")[:WORDS_CHARS_MAX] for name in ("q", "only", "after")}
    rows, more = people_facts.find_people(asked["q"].strip(), asked["only"], asked["after"])
    waiting = people_facts.open_invitations(parts_of(request).clock.now())
    filters = tuple(people_facts.FILTERS)
    return page(request, "admin/people.html", rows=rows, more=more, asked=asked, filters=filters, invitations=waiting)


@administrators
@recently
def person(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """One account, and what is done to it."""
    require(actor, rights.MANAGE_PERSON)

    def facts() -> dict[str, Any]:
        return {"facts": people_facts.read(name), "now": parts_of(request).clock.now()}

    return page_with_deeds(request, actor, of_place(_DEEDS, name), "admin/person.html", facts)


@administrators
@recently
def invite(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The form for an invitation, and then its link: who gets no mail may be given it, and it is told only now."""
    return page_with_deeds(request, actor, _INVITE_DEEDS, "admin/invite.html", dict)


def _invite(asked: Asked) -> Done:
    request = asked.request
    if asked.parts.config.sign_up == "closed":
        raise NotAccepted("the setting sign_up is closed, so an invitation would lead nowhere")
    email, days = asked.text("email"), asked.number("days")
    try:
        validate_email(email)
    except ValidationError as error:
        raise WrongField("email", f"{email!r} is no mail address") from error
    if not 1 <= days <= invitations.DAYS_MAX:
        raise WrongField("days", f"an invitation is good for 1 to {invitations.DAYS_MAX} days")
    link = request.build_absolute_uri(reverse("account_invitation", args=["-"])).removesuffix("-/")
    is_admin = asked.text("admin", "no") == "on"
    made = invitations.invite(
        asked.parts.publisher, email, is_admin, days, request.get_host(), link, asked.actor, deadline=asked.deadline
    )
    return Done("The invitation was made.", told=page(request, "admin/invited.html", link=made))


def _freeze(name: str, asked: Asked) -> Done:
    if name == asked.actor.user:
        raise NotAccepted("you cannot freeze yourself; another administrator can")
    reason = asked.text("reason")
    people.freeze(asked.parts.publisher, name, reason, asked.actor, deadline=asked.deadline)
    return Done(f"{name} is frozen: sessions have ended, tokens are refused.")


def _unfreeze(name: str, asked: Asked) -> Done:
    if people_facts.read(name).is_deleted:
        raise NotAccepted(f"{name} deleted the account; what was in it is gone")
    people.unfreeze(asked.parts.publisher, name, asked.actor, deadline=asked.deadline)
    return Done(f"{name} is open again, with the tokens it had.")


def _end_sessions(name: str, asked: Asked) -> Done:
    ended = end_sessions_of(asked.parts.publisher, name, asked.actor, deadline=asked.deadline)
    return Done(f"{name} is signed in nowhere any more" + (f": {ended} sessions have ended." if ended > 1 else "."))


def _reset_factors(name: str, asked: Asked) -> Done:
    asked.confirmed(name)
    people.reset_second_factor(asked.parts.publisher, name, asked.actor, deadline=asked.deadline)
    return Done(f"{name} signs in with the password alone until another factor is set up.")


def _set_moderator(moderates: bool, name: str, asked: Asked) -> Done:
    people.set_moderator(asked.parts.publisher, name, moderates, asked.actor, deadline=asked.deadline)
    return Done(f"{name} is a moderator now." if moderates else f"{name} is no moderator any more.")


def _set_administrator(administers: bool, name: str, asked: Asked) -> Done:
    asked.confirmed(name)
    set_administrator(asked.parts.publisher, name, administers, asked.actor, deadline=asked.deadline)
    told = "may do everything now" if administers else "is no administrator any more, and tokens for that have ended"
    return Done(f"{name} {told}.")


_INVITE_DEEDS = {"invite": _invite}
_DEEDS: dict[str, Callable[..., Done]] = {
    "freeze": _freeze,
    "unfreeze": _unfreeze,
    "end-sessions": _end_sessions,
    "reset-factors": _reset_factors,
    "make-moderator": partial(_set_moderator, True),
    "end-moderator": partial(_set_moderator, False),
    "make-administrator": partial(_set_administrator, True),
    "end-administrator": partial(_set_administrator, False),
}
