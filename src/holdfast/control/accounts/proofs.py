"""What a session knows of proofs given elsewhere: a provider's second factor, and who one is, proved anew there."""

from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest

from holdfast.config import SignIn
from holdfast.control.accounts.models import User
from holdfast.control.http import parts_of

_FACTOR = "holdfast_factor"  # session data: (user, issuer)
_AGAIN = "holdfast_again"  # session data: (user, when)


def note_second_factor_elsewhere(request: HttpRequest, user: User, provider: SignIn | None) -> None:
    """The provider saw a second factor and the settings count it, or (None) not."""
    if provider is None:
        request.session.pop(_FACTOR, None)
    else:
        request.session[_FACTOR] = [user.pk, provider.issuer]


def had_second_factor_elsewhere(request: HttpRequest, user: User) -> bool:
    """True when this session began with a provider's second factor that the settings still count."""
    found = request.session.get(_FACTOR)
    counting = [one.issuer for one in parts_of(request).config.sign_in if one.second_factor == "theirs"]
    return isinstance(found, list) and found[0] == user.pk and found[1] in counting


def note_proof_elsewhere(request: HttpRequest, user: User) -> None:
    """They have just proved to their provider who they are."""
    request.session[_AGAIN] = [user.pk, parts_of(request).clock.now().isoformat()]


def proved_elsewhere_lately(request: HttpRequest, user: User) -> bool:
    """True for as long as a password that was given once more would count."""
    found = request.session.get(_AGAIN)
    return isinstance(found, list) and found[0] == user.pk and is_lately(request, found[1])


def is_lately(request: HttpRequest, at: str) -> bool:
    """True within the time for which somebody is not asked again."""
    age = parts_of(request).clock.now() - datetime.fromisoformat(at) if at else timedelta.max
    return timedelta(0) <= age <= timedelta(seconds=settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)
