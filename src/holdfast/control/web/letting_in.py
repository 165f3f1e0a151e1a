"""The way in for the owner of an account that strangers try passwords of: a mail lets their new network in."""

from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from holdfast.control.accounts.limits import Limit, TooManyAttempts, counters, network_of, place_digest
from holdfast.control.accounts.models import KnownPlace, User
from holdfast.control.accounts.noting import noting
from holdfast.control.http import client_of, parts_of
from holdfast.control.mail.queue import queue
from holdfast.control.web.pages import page

LINK_SECONDS = 3600
ONE_AN_HOUR = Limit("way-in", 1, LINK_SECONDS)  # however long an attack lasts
_SALT = "holdfast.letting-in"


def mail_way_in(request: HttpRequest, user: User) -> None:
    """Mail the link, at most once an hour."""
    address = _confirmed_address(user)
    if not address:
        return
    try:
        counters(parts_of(request).clock).take(ONE_AN_HOUR, str(user.pk))
    except TooManyAttempts:
        return
    key = signing.dumps(user.pk, salt=_SALT)
    url = request.build_absolute_uri(reverse("account_let_in", args=[key]))
    with noting(request, user) as tx:
        queue(tx, address, "allow-network", {"site": request.get_host(), "user": user.username, "url": url})


def let_in(request: HttpRequest, key: str) -> HttpResponse:
    """The page of the link: a button that makes the network it is pressed in a known one."""
    user = _person(key)
    if user is None:
        return page(request, "account/let_in.html", 404, is_good=False, is_done=False)
    if request.method != "POST":
        return page(request, "account/let_in.html", is_good=True, is_done=False)
    network = network_of(client_of(request))
    with noting(request, user) as tx:
        KnownPlace.objects.update_or_create(
            user=user, digest=place_digest("network", network, user), defaults={"seen": tx.now}
        )
        tx.audit("let-network-in", user.username)
    return page(request, "account/let_in.html", is_good=True, is_done=True)


def _person(key: str) -> User | None:
    try:
        number: Any = signing.loads(key, salt=_SALT, max_age=LINK_SECONDS)
    except signing.BadSignature:
        return None
    return User.objects.filter(pk=number, is_active=True).first()


def _confirmed_address(user: User) -> str:
    from allauth.account.models import EmailAddress

    found = EmailAddress.objects.filter(user=user, verified=True).order_by("-primary").first()
    return str(found.email) if found else ""
