"""Who a provider says has come: its claims (OpenID Connect Core 1.0 §5.1), read with suspicion, held to the settings.

Pure values. What is refused is refused in words for the person, and repeats nothing that came from outside.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from holdfast.config import SignIn
from holdfast.core.errors import Refused

SUBJECT_CHARS_MAX = 255  # §2
UID_CHARS_MAX = 191  # of allauth's column
GROUPS_MAX = 2000
GROUP_CHARS_MAX = 500
EMAIL_CHARS_MAX = 254
_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([a-z0-9-]+(?:\.[a-z0-9-]+)+)")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Arrival:
    """What counts of the claims."""

    issuer: str
    uid: str  # the subject, as accounts are bound to it
    email: str  # a verified address of an allowed domain, "" without one
    groups: tuple[str, ...]
    proposal: str  # for a user name, "" when nothing suits
    has_factor: bool  # of theirs, and the settings count it
    proved: datetime | None  # when the person last proved who they are, if that was told


class NotLetIn(Refused):
    """Whom the provider knows and the settings do not let in. What their groups gave once is ended all the same."""

    def __init__(self, reason: str, uid: str, groups: tuple[str, ...]) -> None:
        super().__init__(reason)
        self.uid = uid
        self.groups = groups


def read_arrival(provider: SignIn, claims: Mapping[str, Any]) -> Arrival:
    """Raises NotLetIn, or Refused for what cannot be told."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_CHARS_MAX or not subject.isprintable():
        raise Refused(f"{provider.label} does not say who you are (the claim sub)")
    email = _believed_address(provider, claims)
    groups = _groups(provider, claims)
    uid = subject if len(subject) <= UID_CHARS_MAX else "sha256:" + sha256(subject.encode()).hexdigest()
    if provider.groups and not set(provider.groups) & set(groups):
        reason = f"{provider.label} says that you are in none of the groups that may come in here"
        raise NotLetIn(reason, uid, groups)
    if provider.domains and not email:
        domains = ", ".join(provider.domains)
        raise NotLetIn(f"{provider.label} does not vouch for a mail address of yours at {domains}", uid, groups)
    has_factor = provider.second_factor == "theirs" and _had_factor(provider, claims)
    return Arrival(provider.issuer, uid, email, groups, _proposal(claims), has_factor, _moment(claims))


def _believed_address(provider: SignIn, claims: Mapping[str, Any]) -> str:
    """The address, when the provider calls it verified and may speak for its domain."""
    email = claims.get("email")
    if claims.get("email_verified") not in (True, "true") or not isinstance(email, str):
        return ""
    found = _EMAIL.fullmatch(email.lower())
    if found is None or len(email) > EMAIL_CHARS_MAX or found[1] not in provider.domains:
        return ""
    return email.lower()


def _groups(provider: SignIn, claims: Mapping[str, Any]) -> tuple[str, ...]:
    name = provider.groups_claim
    elsewhere = claims.get("_claim_names")
    if name not in claims and isinstance(elsewhere, Mapping) and name in elsewhere:  # distributed claims, §5.6.2
        raise Refused(f"{provider.label} does not list your groups itself, so nobody here knows what you may do")
    found = claims.get(name, [])
    listed = [found] if isinstance(found, str) else found
    if not isinstance(listed, list) or len(listed) > GROUPS_MAX:
        raise Refused(f"{provider.label} does not tell your groups as a list of at most {GROUPS_MAX}")
    texts = {group for group in listed if isinstance(group, str) and 0 < len(group) <= GROUP_CHARS_MAX}
    return tuple(sorted(texts))


def _had_factor(provider: SignIn, claims: Mapping[str, Any]) -> bool:
    methods = claims.get("amr")
    said = {method for method in methods if isinstance(method, str)} if isinstance(methods, list) else set()
    level = claims.get("acr")
    return bool((said | ({level} if isinstance(level, str) else set())) & set(provider.second_factor_claims))


def _proposal(claims: Mapping[str, Any]) -> str:
    """A user name made of what they are called there."""
    for claim in ("preferred_username", "email", "nickname"):
        value = claims.get(claim)
        if isinstance(value, str):
            name = _NOT_IN_A_NAME.sub("-", value.partition("@")[0].lower()[:100]).strip("-")[:39].strip("-")
            if name:
                return name
    return ""


def _moment(claims: Mapping[str, Any]) -> datetime | None:
    at = claims.get("auth_time")
    if isinstance(at, bool) or not isinstance(at, int | float):
        return None
    try:
        return datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        return None
