"""Who comes for the first time: whether they get an account, and the name that they choose for it.

A user name is seen by everybody and stays, so nobody gets one they have not seen. What the provider said is kept in the
session meanwhile: it has been verified, and only who was let in has such a session.
"""

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from holdfast.config import SignIn
from holdfast.control.accounts.invitations import invitation_of, take_up
from holdfast.control.accounts.models import User
from holdfast.control.accounts.noting import HOLD_SECONDS, actor_for, noting
from holdfast.control.http import parts_of
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.sign_in.arrival import Arrival
from holdfast.control.sign_in.binding import demand_free_address, make_account
from holdfast.control.web.pages import login_address, page
from holdfast.core.errors import Refused

CHOOSE_SECONDS = 1800  # a name may take a thought; groups may change
_SESSION = "holdfast_newcomer"


def welcome(request: HttpRequest, provider: SignIn, arrival: Arrival, to: str) -> HttpResponse:
    """On to choosing a name. Raises Refused for whom there is no account."""
    if refused := parts_of(request).switches.refusal("sign-up"):
        raise Refused(f"you have no account here yet, and there are no new ones just now: {refused.reason}")
    if not provider.create and not _is_invited(request, arrival):
        raise Refused(
            "there is no account here for you yet. If you have one, sign in to it another way and connect"
            f" {provider.label} on its page; else ask whoever runs this instance for one"
        )
    demand_free_address(provider, arrival)
    request.session[_SESSION] = {
        "arrival": {**asdict(arrival), "proved": None},
        "provider": provider.name,
        "next": to,
        "at": parts_of(request).clock.now().timestamp(),
    }
    return HttpResponseRedirect(reverse("account_choose_name"))


def choose_name(request: HttpRequest) -> HttpResponse:
    """The form for the name, and then the account."""
    from holdfast.control.sign_in.pages import come_in

    kept = _kept(request)
    provider = next((one for one in parts_of(request).config.sign_in if kept and one.name == kept["provider"]), None)
    if request.user.is_authenticated or kept is None or provider is None:
        return HttpResponseRedirect(login_address())
    arrival = Arrival(**{**kept["arrival"], "groups": tuple(kept["arrival"]["groups"])})
    name, error = arrival.proposal, ""
    if request.method == "POST":
        name = request.POST.get("username", "").strip()[:150]
        try:
            user = _make(request, provider, arrival, name)
        except NotAccepted as refusal:
            error = refusal.reason
        else:
            del request.session[_SESSION]
            return come_in(request, user, provider, arrival, kept["next"])
    facts = {"provider": provider, "email": arrival.email, "name": name, "error": error}
    return page(request, "account/choose_name.html", 400 if error else 200, **facts)


def _make(request: HttpRequest, provider: SignIn, arrival: Arrival, name: str) -> User:
    parts = parts_of(request)
    deadline = parts.clock.monotonic() + HOLD_SECONDS
    actor = actor_for(request, User(username=name))
    user = make_account(parts.publisher, provider, arrival, name, actor, deadline=deadline)
    if _is_invited(request, arrival):
        with noting(request, user) as tx:
            take_up(request, user, tx.now)
    return user


def _is_invited(request: HttpRequest, arrival: Arrival) -> bool:
    """True when the open invitation is for the very address that the provider vouches for."""
    found = invitation_of(request)
    return found is not None and bool(arrival.email) and found.email == arrival.email


def _kept(request: HttpRequest) -> dict[str, Any] | None:
    """What the provider said of the newcomer, while it is fresh."""
    found = request.session.get(_SESSION)
    if not isinstance(found, dict) or parts_of(request).clock.now().timestamp() - found["at"] > CHOOSE_SECONDS:
        return None
    return found
