"""Where and with what an account is signed in to: the places it is known from, and what its sessions say about that."""

import secrets
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from holdfast.control.accounts.limits import network_of, place_digest
from holdfast.control.accounts.models import KnownPlace, User
from holdfast.control.accounts.noting import agent_of
from holdfast.control.http import client_of

COOKIE_SECONDS = 365 * 86_400
PLACES_MAX = 50  # of one account; the longest unused go


def places_of(request: HttpRequest, user: User) -> list[str]:
    """The digests of the network and, if it was here before, of the browser that asks."""
    found = [place_digest("network", network_of(client_of(request)), user)]
    if browser := _browser(request):
        found.append(place_digest("browser", browser, user))
    return found


def remember_place(request: HttpRequest, response: HttpResponse, user: User, now: Any) -> bool:
    """Note where a sign-in came from; True when this place is new to an account that has others."""
    browser = _browser(request) or secrets.token_urlsafe(24)
    if not _browser(request):
        set_browser_cookie(response, browser)
    wanted = [
        place_digest("network", network_of(client_of(request)), user),
        place_digest("browser", browser, user),
    ]
    known = set(KnownPlace.objects.filter(user=user).values_list("digest", flat=True))
    for digest in wanted:
        KnownPlace.objects.update_or_create(user=user, digest=digest, defaults={"seen": now})
    old = KnownPlace.objects.filter(user=user).order_by("-seen").values_list("pk", flat=True)[PLACES_MAX:]
    KnownPlace.objects.filter(pk__in=list(old)).delete()
    return bool(known) and not known & set(wanted)


def set_browser_cookie(response: HttpResponse, browser: str) -> None:
    """A mark by which a browser is known again; it opens nothing."""
    response.set_cookie(
        settings.KNOWN_COOKIE_NAME,
        browser,
        max_age=COOKIE_SECONDS,
        path=settings.SESSION_COOKIE_PATH,
        secure=bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        samesite="Lax",
    )


def begun(request: HttpRequest, now: Any) -> dict[str, str]:
    """What a session keeps about its beginning (web/sessions.py)."""
    return {"address": client_of(request), "agent": agent_of(request), "at": now.isoformat()}


def _browser(request: HttpRequest) -> str:
    return request.COOKIES.get(settings.KNOWN_COOKIE_NAME, "")[:100]
