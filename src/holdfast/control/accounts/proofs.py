"""What a session knows of proofs: its own sign-in, a provider's second factor, and who one is, proved anew there."""

from datetime import UTC, datetime, timedelta

from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.http import HttpRequest

from holdfast.config import SignIn
from holdfast.control.accounts.mfa import has_second_factor
from holdfast.control.accounts.models import User
from holdfast.control.http import parts_of
from holdfast.control.web.sessions import BEGUN

_FACTOR = "holdfast_factor"  # session data: (user, issuer)
_AGAIN = "holdfast_again"  # session data: (user, when)
_SECOND = "mfa"  # allauth's word for what its second factors showed: a code, a key, a recovery code, a passkey
_WAYS_IN = {"password", "socialaccount", _SECOND}  # of its words, those that a sign-in begins with; no link of a mail


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
    return isinstance(found, list) and found[0] == user.pk and _is_lately(request, _when(found[1]))


def signed_in_lately(request: HttpRequest, user: User) -> bool:
    """True for as long as this session's sign-in proves who they are, by what was really shown at it.

    allauth counts only proofs that were given once more. Whoever has a second factor must have shown one: a session
    that began with the password alone, before there was a factor, does not open what guards it.
    """
    if not _is_lately(request, _when(request.session.get(BEGUN, {}).get("at", ""))):
        return False
    records = get_authentication_records(request, user)
    shown = {one["method"] for one in records if _is_lately(request, datetime.fromtimestamp(one["at"], UTC))}
    if has_second_factor(user):
        return _SECOND in shown or had_second_factor_elsewhere(request, user)
    return not shown.isdisjoint(_WAYS_IN)


def _is_lately(request: HttpRequest, at: datetime | None) -> bool:
    """True within the time for which somebody is not asked again."""
    age = parts_of(request).clock.now() - at if at is not None else timedelta.max
    return timedelta(0) <= age <= timedelta(seconds=settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)


def _when(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
