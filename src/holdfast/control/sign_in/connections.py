"""The page of the providers that one's account can be entered with, and proving with one of them who one is."""

from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import User
from holdfast.control.accounts.noting import HOLD_SECONDS
from holdfast.control.http import parts_of
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.sign_in.binding import let_go
from holdfast.control.sign_in.pages import telling
from holdfast.control.web.pages import page, recently, signed_in
from holdfast.core.errors import Absent

DIGITS_MAX = 18  # of what the database calls a row


@signed_in
@recently
def sign_ins(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Which providers are connected; each may be disconnected, and others connected."""
    person = request.user
    assert isinstance(person, User)
    error = ""
    if request.method == "POST":
        try:
            _let_go(request, person, actor)
        except (NotAccepted, Absent) as refusal:
            error = refusal.reason[:1].upper() + refusal.reason[1:] + "."
        else:
            messages.success(request, "It is disconnected.")
            return HttpResponseRedirect(reverse("account_sign_ins"))
    known = {one.issuer: one for one in parts_of(request).config.sign_in}
    rows = list(SocialAccount.objects.filter(user=person).order_by("date_joined"))
    others = [one for issuer, one in known.items() if issuer not in {row.provider for row in rows}]
    facts = {"rows": rows, "known": known, "others": others, "error": error}
    return page(request, "account/sign_ins.html", 400 if error else 200, **facts)


@signed_in
def elsewhere(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The button that goes to a provider of one's own once more."""
    issuers = set(SocialAccount.objects.filter(user_id=request.user.pk).values_list("provider", flat=True))
    providers = [one for one in parts_of(request).config.sign_in if one.issuer in issuers]
    if not providers:
        return HttpResponseRedirect(reverse("account_reauthenticate"))
    return page(request, "account/again.html", providers=providers, next=request.GET.get("next", ""))


def _let_go(request: HttpRequest, person: User, actor: Actor) -> None:
    number = request.POST.get("connection", "")
    if not number.isascii() or not number.isdecimal() or len(number) > DIGITS_MAX:
        raise NotAccepted("this form is not of this page; reload it and try again")
    parts = parts_of(request)
    deadline = parts.clock.monotonic() + HOLD_SECONDS
    told = telling(request, person)
    let_go(parts.publisher, parts.config, person, int(number), actor, told, deadline=deadline)
