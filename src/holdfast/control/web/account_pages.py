"""The pages of one's own account that are ours: the overview, sessions, deletion, and the door of an invitation."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from holdfast.control.accounts import limits, people
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.adapter import primary_address
from holdfast.control.accounts.invitations import open_invitation
from holdfast.control.accounts.limits import counters, network_of
from holdfast.control.accounts.models import Session, User
from holdfast.control.accounts.noting import HOLD_SECONDS, noting
from holdfast.control.accounts.sign_in_sessions import end_own_other_sessions, end_own_session, list_own_sessions
from holdfast.control.http import client_of, parts_of
from holdfast.control.mail.queue import queue
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.web.pages import page, recently, signed_in
from holdfast.control.web.second_factor import lacks_second_factor
from holdfast.control.web.sessions import digest
from holdfast.core.model import format_time


def to_home(request: HttpRequest) -> HttpResponse:
    """`/account` without its slash."""
    return HttpResponseRedirect(reverse("account_home"))


def to_manage(request: HttpRequest) -> HttpResponse:
    """`/manage` without its slash."""
    return HttpResponseRedirect(reverse("manage"))


@signed_in
def home(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What there is to an account."""
    user = _user(request)
    return page(
        request,
        "account/home.html",
        user=user,
        addresses=list(EmailAddress.objects.filter(user=user).order_by("-primary", "email")),
        factors=Authenticator.objects.filter(user=user).exclude(type="recovery_codes").count(),
        needs_factor=lacks_second_factor(request),
        sessions=Session.objects.filter(user=user).count(),
        connections=SocialAccount.objects.filter(user=user).count(),
        waits_until=user.recovered_until if user.recovered_until and _now(request) < user.recovered_until else None,
    )


@signed_in
@recently
def sessions(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Where one is signed in, with a way to end it: a session that was left open neither tells nor ends the others."""
    mine = digest(request.session.session_key or "")
    parts = parts_of(request)
    if request.method == "POST":
        deadline = parts.clock.monotonic() + HOLD_SECONDS
        wanted = request.POST.get("session", "")
        if wanted:
            end_own_session(parts.publisher, wanted, actor, deadline=deadline)
        else:
            end_own_other_sessions(parts.publisher, mine, actor, deadline=deadline)
        messages.success(request, "The session was ended." if wanted else "All other sessions were ended.")
        return HttpResponseRedirect(reverse("account_sessions"))
    return page(request, "account/sessions.html", rows=list_own_sessions(actor, parts.clock, mine))


@signed_in
@recently
def delete(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Delete the account, after its name was typed."""
    user = _user(request)
    parts = parts_of(request)
    error = ""
    if request.method == "POST":
        if request.POST.get("name") != user.username:
            error = "Type your user name to delete the account."
        else:
            try:
                address, name = primary_address(user), user.username
                people.delete_person(
                    parts.publisher, user, actor, deadline=parts.clock.monotonic() + parts.config.hold_seconds
                )
            except NotAccepted as refusal:
                error = refusal.reason
            else:
                _say_goodbye(request, name, address)
                logout(request)
                return page(request, "account/deleted.html")
    alone = people.sole_holdings(user, parts.clock.now())
    return page(request, "account/delete.html", 400 if error else 200, user=user, alone=alone, error=error)


def invitation(request: HttpRequest, key: str) -> HttpResponse:
    """The door of an invitation's link: on to the form, or a word that it is closed."""
    parts = parts_of(request)
    counters(parts.clock).take(limits.LINK, network_of(client_of(request)))
    if request.user.is_authenticated:
        return HttpResponseRedirect(reverse("account_home"))
    if parts.config.sign_up == "closed" or not open_invitation(request, key, parts.clock.now()):
        return page(request, "account/invitation_over.html", 404)
    has_own_door = any(provider.only for provider in parts.config.sign_in)  # then nobody signs up with a password
    return HttpResponseRedirect(reverse("account_login" if has_own_door else "account_signup"))


def _say_goodbye(request: HttpRequest, name: str, address: str) -> None:
    if address:
        facts = {"site": request.get_host(), "user": name, "address": client_of(request)}
        with noting(request) as tx:
            queue(tx, address, "account-deleted", {**facts, "when": format_time(tx.now)})


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _now(request: HttpRequest):  # type: ignore[no-untyped-def]
    return parts_of(request).clock.now()
