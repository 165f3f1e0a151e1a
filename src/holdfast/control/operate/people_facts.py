"""What administrators see of accounts, bounded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from holdfast.control.accounts.audit_reading import done_by
from holdfast.control.accounts.models import AuditEvent, Invitation, Session, Token, User
from holdfast.control.accounts.people import DELETED
from holdfast.control.database import read_snapshot
from holdfast.control.organisations.effective import projects_of
from holdfast.core.errors import Absent

PEOPLE_MAX = 100  # on one page; a search finds the others
EVENTS_MAX = 20
INVITATIONS_MAX = 50
FILTERS: Mapping[str, Q] = {
    "frozen": Q(is_active=False) & ~Q(frozen_reason=DELETED),
    "administrators": Q(is_superuser=True),
    "moderators": Q(is_staff=True),
    "robots": Q(is_robot=True),
}


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """One account, for the page about it."""

    user: User
    is_deleted: bool
    addresses: tuple[EmailAddress, ...]
    factors: int
    sessions: int
    tokens: int  # in force
    projects: tuple[tuple[Any, str], ...]  # (project, role)
    organisations: tuple[tuple[str, str], ...]  # (name, place)
    events: tuple[AuditEvent, ...]  # what they did last, newest first


def find_people(words: str, only: str, after: str) -> tuple[list[User], str]:
    """Accounts whose name or address holds the words, by name; with the name to go on after, "" at the end."""
    with read_snapshot():
        rows = _matching(words, only).filter(username__gt=after).order_by("username")
        found = list(rows[: PEOPLE_MAX + 1])
    more = found[PEOPLE_MAX - 1].username if len(found) > PEOPLE_MAX else ""
    return found[:PEOPLE_MAX], more


def open_invitations(now: Any) -> tuple[Invitation, ...]:
    """Places that were offered and not taken yet, newest first."""
    with read_snapshot():
        rows = Invitation.objects.filter(used=None, expires__gt=now)
        return tuple(rows.order_by("-pk")[:INVITATIONS_MAX])


def read(name: str) -> PersonFacts:
    """Raises Absent, DatabaseUnavailable."""
    with read_snapshot():
        user = User.objects.filter(username=name).first()
        if user is None:
            raise Absent(f"there is no account {name!r}")
        places = user.memberships.select_related("organisation").order_by("organisation__name")
        return PersonFacts(
            user=user,
            is_deleted=not user.is_active and user.frozen_reason == DELETED,
            addresses=tuple(EmailAddress.objects.filter(user=user).order_by("-primary", "email")),
            factors=Authenticator.objects.filter(user=user).exclude(type="recovery_codes").count(),
            sessions=Session.objects.filter(user=user).count(),
            tokens=Token.objects.filter(user=user, revoked=None).count(),
            projects=tuple(projects_of(user.username)),
            organisations=tuple((place.organisation.name, place.role) for place in places),
            events=tuple(done_by(user.username).order_by("-pk")[:EVENTS_MAX]),
        )


def _matching(words: str, only: str) -> QuerySet[User]:
    rows = User.objects.all()
    if words:
        known = EmailAddress.objects.filter(user=OuterRef("pk"), email__icontains=words)
        rows = rows.filter(Q(username__icontains=words) | Exists(known))
    rows = rows.filter(FILTERS[only]) if only in FILTERS else rows
    return rows.annotate(factors=Count("authenticator", filter=~Q(authenticator__type="recovery_codes"), distinct=True))
