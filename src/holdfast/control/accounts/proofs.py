"""What a session knows of proofs, and which are enough before what is sensitive: what coming in takes, and no less.

Without a second factor that is the password, or a word of the provider. With one it is that and the factor, or a
passkey or security key alone. A recovery code counts at sign-in, so that whoever lost an app can put another in its
place within PROOF_SECONDS; it proves nothing once more, for the paper with the codes often lies beside the password.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.http import HttpRequest

from holdfast.config import SignIn
from holdfast.control.accounts.mfa import second_factors
from holdfast.control.accounts.models import User
from holdfast.control.http import parts_of

_FACTOR = "holdfast_factor"  # session data: (user, issuer)
_AGAIN = "holdfast_again"  # session data: (user, when, issuer if it saw a second factor)
PROOF_SECONDS = 15 * 60  # how long a proof is good for: for one sitting, not for whoever finds the desk left open
_FIRST = {"password", "socialaccount"}  # allauth's words for what sign-ins begin with; a link of a mail is none of them
_SECOND = "mfa"  # its word for what its second factors showed: a code, a key, a recovery code, a passkey

# Ways of proving anew who one is, by allauth's names of them, and one of ours.
PASSWORD, CODE, KEY, ELSEWHERE = "reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate:webauthn", "elsewhere"


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a session showed within PROOF_SECONDS."""

    first: bool  # a password, or a provider's word
    second: bool  # a second factor, of ours or of a provider's that counts
    key: bool  # a passkey or security key


def note_second_factor_elsewhere(request: HttpRequest, user: User, provider: SignIn | None) -> None:
    """The provider saw a second factor and the settings count it, or (None) not."""
    if provider is None:
        request.session.pop(_FACTOR, None)
    else:
        request.session[_FACTOR] = [user.pk, provider.issuer]


def had_second_factor_elsewhere(request: HttpRequest, user: User) -> bool:
    """True when this session began with a provider's second factor that the settings still count."""
    found = request.session.get(_FACTOR)
    return isinstance(found, list) and found[0] == user.pk and found[1] in _counting(request)


def note_proof_elsewhere(request: HttpRequest, user: User, provider: SignIn | None) -> None:
    """They have just proved to their provider who they are, with a second factor if `provider` is given."""
    now = parts_of(request).clock.now().isoformat()
    request.session[_AGAIN] = [user.pk, now, provider.issuer if provider else ""]


def is_proved(request: HttpRequest, user: User, ways: Sequence[dict[str, Any]]) -> bool:
    """True while nothing more need be shown. `ways`: all that this person has of proving who they are."""
    shown = _shown_lately(request, user)
    if not second_factors(user):
        return shown.first or shown.second
    has_first = any(way["id"] in (PASSWORD, ELSEWHERE) for way in ways)
    return shown.key or (shown.second and (shown.first or not has_first))


def ways_on(request: HttpRequest, user: User, ways: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of somebody's ways that bring them on from what they showed already, the one to begin with first."""
    factors = second_factors(user)
    found = [way for way in ways if way["id"] != CODE or Authenticator.Type.TOTP in factors]
    if not factors:
        return found
    counts = any(way["id"] == ELSEWHERE for way in ways) and _is_counted_elsewhere(request, user)
    useful = {KEY} | ({ELSEWHERE} if counts else set())
    if Authenticator.Type.TOTP in factors:
        useful |= {PASSWORD, ELSEWHERE, CODE}
    if not is_proved(request, user, ways):
        shown = _shown_lately(request, user)
        useful -= {PASSWORD} | (set() if counts else {ELSEWHERE}) if shown.first else set()
        useful -= {CODE} if shown.second else set()
    return sorted((way for way in found if way["id"] in useful), key=lambda way: way["id"] != KEY)


def _shown_lately(request: HttpRequest, user: User) -> _Shown:
    records = get_authentication_records(request, user)
    lately = [one for one in records if _is_lately(request, datetime.fromtimestamp(one["at"], UTC))]
    methods = {one["method"] for one in lately}
    again, factor_again = _proved_elsewhere_lately(request, user)
    at_sign_in = "socialaccount" in methods and had_second_factor_elsewhere(request, user)
    return _Shown(
        first=again or not methods.isdisjoint(_FIRST),
        second=_SECOND in methods or at_sign_in or factor_again,
        key=any(one.get("type") == Authenticator.Type.WEBAUTHN for one in lately),
    )


def _proved_elsewhere_lately(request: HttpRequest, user: User) -> tuple[bool, bool]:
    """(whether they proved to a provider once more who they are, and with a second factor that counts)."""
    found = request.session.get(_AGAIN)
    if not isinstance(found, list) or found[0] != user.pk or not _is_lately(request, datetime.fromisoformat(found[1])):
        return False, False
    return True, len(found) > 2 and found[2] in _counting(request)  # one of an older release has no third


def _is_counted_elsewhere(request: HttpRequest, user: User) -> bool:
    return bool(SocialAccount.objects.filter(user=user, provider__in=_counting(request)).exists())


def _counting(request: HttpRequest) -> list[str]:
    """Issuers whose second factor the settings count."""
    return [one.issuer for one in parts_of(request).config.sign_in if one.second_factor == "theirs"]


def _is_lately(request: HttpRequest, at: datetime) -> bool:
    """True within the time for which somebody is not asked again."""
    age = parts_of(request).clock.now() - at
    return timedelta(0) <= age <= timedelta(seconds=PROOF_SECONDS)
