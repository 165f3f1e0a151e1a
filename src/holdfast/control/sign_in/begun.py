"""What a browser keeps while its person is away at the provider: a signed cookie, so that visitors cost no row.

One sign-in at a time in one browser; it is good once, for ten minutes, and at the address it was begun for.
"""

import secrets
from dataclasses import asdict, dataclass
from typing import Any, Literal

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from holdfast.control.sign_in.asking import Round

SECONDS_MAX = 600  # a person types a password and looks for a telephone
_SALT = "holdfast.sign-in"

Purpose = Literal["sign-in", "connect", "again"]
PURPOSES: tuple[Purpose, ...] = ("sign-in", "connect", "again")


@dataclass(frozen=True, slots=True)
class Begun:
    """One that is under way."""

    provider: str  # the name in the settings
    purpose: Purpose
    state: str
    nonce: str
    verifier: str
    user: int  # who is signed in already, 0 for nobody
    next: str
    at: int  # epoch seconds

    def way(self, redirect_uri: str) -> Round:
        return Round(redirect_uri, self.state, self.nonce, self.verifier)


def begin(provider: str, purpose: Purpose, user: int, to: str, at: int) -> Begun:
    """A new one."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Begun(provider, purpose, state, nonce, verifier, user, to, at)


def keep(response: HttpResponse, begun: Begun) -> None:
    """Give it to the browser, which sends it when it comes back from elsewhere (SameSite=Lax)."""
    response.set_cookie(
        settings.SIGN_IN_COOKIE_NAME,
        signing.dumps(asdict(begun), salt=_SALT),
        max_age=SECONDS_MAX,
        path=settings.SESSION_COOKIE_PATH,
        secure=bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        samesite="Lax",
    )


def kept(request: HttpRequest) -> Begun | None:
    """What this browser has, if it is still good."""
    try:
        found: Any = signing.loads(
            request.COOKIES.get(settings.SIGN_IN_COOKIE_NAME, ""), salt=_SALT, max_age=SECONDS_MAX
        )
        return Begun(**found)
    except (signing.BadSignature, TypeError):
        return None


def forget(response: HttpResponse) -> None:
    """It was used, or is no good."""
    response.delete_cookie(settings.SIGN_IN_COOKIE_NAME, path=settings.SESSION_COOKIE_PATH, samesite="Lax")
