"""The ways to a provider and back: signing in with it, connecting it to an account, proving anew who one is.

A form begins each, so that no link of somebody else's does. The answer to it is a page that goes on by itself: browsers
hold a form to the pages of this instance (form-action), wherever it is led on to.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.account.models import Login
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from holdfast.config import SignIn
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.adapter import primary_address
from holdfast.control.accounts.models import User
from holdfast.control.accounts.noting import HOLD_SECONDS, actor_for
from holdfast.control.accounts.proofs import note_proof_elsewhere, note_second_factor_elsewhere
from holdfast.control.http import method_not_allowed, parts_of
from holdfast.control.sign_in import begun as keeping
from holdfast.control.sign_in.arrival import Arrival, NotLetIn, read_arrival
from holdfast.control.sign_in.asking import Providers
from holdfast.control.sign_in.begun import PURPOSES, Begun
from holdfast.control.sign_in.binding import Telling, bind, follow_groups, person_bound_to, person_of
from holdfast.control.sign_in.newcomers import welcome
from holdfast.control.web.pages import login_address, page
from holdfast.core.errors import Absent, Refused, Unavailable
from holdfast.core.tokens import same_digest

CODE_CHARS_MAX = 8192  # some are tokens themselves
CLOCKS_APART = timedelta(seconds=30)  # between the provider and us, both kept by NTP
_ERROR = re.compile(r"[a-z_]{1,60}")


def begin(request: HttpRequest, provider: str) -> HttpResponse:
    """Send the person on to the provider."""
    if request.method != "POST":
        return HttpResponseRedirect(login_address())
    found, providers = provider_of(request, provider)
    purpose = next((one for one in PURPOSES if one == request.POST.get("purpose", PURPOSES[0])), PURPOSES[0])
    person = request.user if isinstance(request.user, User) else None
    if purpose != "sign-in" and person is None:
        return HttpResponseRedirect(login_address())
    if purpose == "connect":
        raise_if_reauthentication_required(request, app="allauth.account")
    now = int(parts_of(request).clock.now().timestamp())
    to = request.POST.get("next", "")
    to = to if get_adapter(request).is_safe_url(to) else ""
    made = keeping.begin(found.name, purpose, person.pk if person else 0, to, now)
    try:
        address = providers.address(found, made.way(_callback(request, found)), again=purpose == "again")
    except Unavailable as trouble:
        return _not_signed_in(request, trouble)
    response = page(request, "account/sign_in_go.html", provider=found, address=address)
    keeping.keep(response, made)
    return response


def callback(request: HttpRequest, provider: str) -> HttpResponse:
    """The way back: with a code that is redeemed, or with what went wrong."""
    if request.method != "GET":
        return method_not_allowed(request, "GET")
    found, providers = provider_of(request, provider)
    made = keeping.kept(request)
    if made is None or made.provider != found.name or not _is_same(request.GET.get("state", ""), made.state):
        return _not_signed_in(
            request, Refused("this sign-in was not begun in this browser, or too long ago; please begin it again")
        )
    try:
        response = _arrived(request, found, providers, made)
    except (Refused, Unavailable) as trouble:
        response = _not_signed_in(request, trouble)
    keeping.forget(response)
    return response


def _not_signed_in(request: HttpRequest, trouble: Refused | Unavailable) -> HttpResponse:
    """The page that says why, and leads back to where signing in begins."""
    is_away = isinstance(trouble, Unavailable)
    told = {"reason": _sentence(trouble), "is_away": is_away}
    response = page(request, "account/sign_in_refused.html", 503 if is_away else 403, **told)
    if isinstance(trouble, Unavailable):
        response["Retry-After"] = str(trouble.retry_after_seconds)
    response._has_been_logged = True  # type: ignore[attr-defined]  # told on purpose, as in web/answers.py
    return response


def _arrived(request: HttpRequest, provider: SignIn, providers: Providers, made: Begun) -> HttpResponse:
    issuer = request.GET.get("iss", provider.issuer)  # RFC 9207: whoever says so at all must be whom we asked
    if issuer != provider.issuer:
        raise Refused("another provider answered than was asked; please begin again")
    if "error" in request.GET:
        code = request.GET["error"]
        if code == "access_denied":
            raise Refused(f"{provider.label} did not let you in, or you said no there")
        raise Refused(f"{provider.label} answers with an error{f' ({code})' if _ERROR.fullmatch(code) else ''}")
    code = request.GET.get("code", "")
    if not 0 < len(code) <= CODE_CHARS_MAX or not code.isprintable():
        raise Refused(f"{provider.label} answers without a code")
    deadline = parts_of(request).clock.monotonic() + HOLD_SECONDS
    claims = providers.claims(provider, made.way(_callback(request, provider)), code, deadline)
    arrival = _let_in(request, provider, claims)
    if made.purpose == "sign-in":
        return _sign_in(request, provider, arrival, made)
    person = request.user
    if not isinstance(person, User) or person.pk != made.user:
        raise Refused("you have signed out meanwhile; please begin again")
    if made.purpose == "connect":
        return _connect(request, person, provider, arrival)
    return _again(request, person, provider, arrival, made)


def _let_in(request: HttpRequest, provider: SignIn, claims: Mapping[str, Any]) -> Arrival:
    """Who has come. Who is not let in any more keeps nothing that a group gave. Raises Refused, Unavailable."""
    try:
        return read_arrival(provider, claims)
    except NotLetIn as refused:
        person = person_bound_to(provider.issuer, refused.uid)
        if person is not None:
            _follow(request, person, provider, refused.groups, actor_for(request, person))
        raise


def _sign_in(request: HttpRequest, provider: SignIn, arrival: Arrival, made: Begun) -> HttpResponse:
    user = person_of(arrival)
    if isinstance(request.user, User) and request.user != user:
        logout(request)
    if user is None:
        return welcome(request, provider, arrival, made.next)
    return come_in(request, user, provider, arrival, made.next)


def come_in(request: HttpRequest, user: User, provider: SignIn, arrival: Arrival, to: str) -> HttpResponse:
    """Bring the rights of their groups up to date, then go through the stages of every sign-in."""
    if user.is_active:
        _follow(request, user, provider, arrival.groups, actor_for(request, user))
        note_second_factor_elsewhere(request, user, provider if arrival.has_factor else None)
        record_authentication(request, user, "socialaccount", provider=provider.name)
    response: HttpResponse = perform_login(request, Login(user=user, redirect_url=to or None, email=user.email))
    return response


def _connect(request: HttpRequest, person: User, provider: SignIn, arrival: Arrival) -> HttpResponse:
    parts = parts_of(request)
    deadline = parts.clock.monotonic() + HOLD_SECONDS
    actor = actor_for(request, person)
    bind(parts.publisher, person, provider, arrival, actor, telling(request, person), deadline=deadline)
    _follow(request, person, provider, arrival.groups, actor)
    messages.success(request, f"Your account is connected: you can sign in with {provider.label}.")
    return HttpResponseRedirect(reverse("account_sign_ins"))


def _again(request: HttpRequest, person: User, provider: SignIn, arrival: Arrival, made: Begun) -> HttpResponse:
    """They proved anew who they are, by the provider's own word on when (auth_time, which max_age asks for)."""
    if person_of(arrival) != person:
        raise Refused(f"whom {provider.label} names is not who is signed in here")
    begun = made.at - CLOCKS_APART.total_seconds()
    if arrival.proved is None or arrival.proved.timestamp() < begun:
        raise Refused(
            f"{provider.label} did not ask you anew who you are. Sign out here and sign in again: for a quarter of an"
            " hour nothing is asked then"
        )
    _follow(request, person, provider, arrival.groups, actor_for(request, person))
    note_proof_elsewhere(request, person, provider if arrival.has_factor else None)
    return HttpResponseRedirect(made.next or reverse("account_home"))


def provider_of(request: HttpRequest, name: str) -> tuple[SignIn, Providers]:
    """The provider of an address. Raises Absent."""
    parts = parts_of(request)
    found = next((one for one in parts.config.sign_in if one.name == name), None)
    if found is None or parts.providers is None:
        raise Absent("there is no sign-in provider of that name here")
    return found, parts.providers


def telling(request: HttpRequest, person: User) -> Telling:
    """How they hear of a change of their ways in."""
    return Telling(primary_address(person), get_adapter(request).facts(request, person))


def _follow(request: HttpRequest, user: User, provider: SignIn, groups: tuple[str, ...], actor: Actor) -> None:
    parts = parts_of(request)
    deadline = parts.clock.monotonic() + HOLD_SECONDS
    follow_groups(parts.publisher, user, provider, groups, actor, deadline=deadline)


def _callback(request: HttpRequest, provider: SignIn) -> str:
    return request.build_absolute_uri(reverse("account_sign_in_callback", args=[provider.name]))


def _is_same(given: Any, known: str) -> bool:
    return isinstance(given, str) and given.isascii() and same_digest(given, known)


def _sentence(refusal: Refused | Unavailable) -> str:
    return refusal.reason[:1].upper() + refusal.reason[1:].rstrip(".") + "."
