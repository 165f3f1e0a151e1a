"""Rights of accounts that a backup must not give back: written into the tree as they change, held to after a restore.

The tree says who is frozen or deleted, who administers and who moderates (tree/standing.py). Restoring an older
database takes away what the tree no longer says; it gives nobody anything. Browser sessions and open invitations to the
instance end with it, whatever the tree says: which of them had ended since, nobody knows.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from holdfast.clock import Clock
from holdfast.control.accounts.actor import operator
from holdfast.control.accounts.audit import append
from holdfast.control.accounts.models import AuditEvent, AuditHead, Invitation, Session, User
from holdfast.control.database import database_guard, held_transaction, read_snapshot
from holdfast.store.port import Store
from holdfast.tree.standing import Standing, account_digest, newest_standing, put_standing

STATEMENT_SECONDS = 5.0
SHUT_SINCE = "it was frozen or deleted after the backup that this database was restored from"


class Standings:
    """Writes down who stands where, whenever the audit trail moved."""

    def __init__(self, store: Store, clock: Clock, instance: str) -> None:
        self._store, self._clock, self._instance = store, clock, instance
        self._position = -1  # of the trail, when rows and tree were last compared

    def write_when_changed(self) -> bool:
        """True when there was news. Raises Unavailable."""
        with database_guard():
            position = AuditHead.objects.values_list("position", flat=True).get(pk=1)
        if position == self._position:
            return False
        wanted = self._read()
        known = newest_standing(self._store)
        is_news = not wanted.says_as(known or Standing(at=wanted.at))
        if is_news and not put_standing(self._store, wanted):
            return False  # by another `work`: the next round compares again
        self._position = position
        return is_news

    def _read(self) -> Standing:
        at = self._clock.now()
        with read_snapshot():
            return Standing(
                at=at,
                shut=self._digests(is_active=False),
                administrators=self._digests(is_superuser=True),
                moderators=self._digests(is_staff=True),
            )

    def _digests(self, **which: bool) -> tuple[str, ...]:
        names = User.objects.filter(**which).values_list("username", flat=True)
        return tuple(sorted(account_digest(self._instance, name) for name in names))


@dataclass(frozen=True, slots=True)
class Ended:
    """What a restore took away. `accounts`: in words."""

    accounts: tuple[str, ...]
    sessions: int
    invitations: int


def end_older_standing(told: Standing | None, instance: str, made: datetime, clock: Clock) -> Ended:
    """Hold a database of a backup that was `made` then to what the tree has `told` since. Raises Unavailable."""
    with held_transaction(clock, clock.monotonic() + STATEMENT_SECONDS):
        now, events = clock.now(), list[AuditEvent]()
        accounts = _hold_to(told, instance, now, events) if told is not None and told.at > made else []
        sessions, _ = Session.objects.all().delete()
        invitations = Invitation.objects.filter(used=None, expires__gt=now).update(expires=now)
        facts = {"backup": made.isoformat(timespec="seconds"), "sessions": sessions, "invitations": invitations}
        events.append(_event(now, "restore", "database", **facts))
        append(events)
    return Ended(tuple(accounts), sessions, invitations)


def _hold_to(told: Standing, instance: str, now: datetime, events: list[AuditEvent]) -> list[str]:
    said: list[str] = []
    for user in User.objects.filter(Q(is_active=True) | Q(is_superuser=True) | Q(is_staff=True)).order_by("username"):
        name, digest = user.username, account_digest(instance, user.username)
        before = len(said)
        if user.is_active and digest in told.shut:
            user.is_active, user.frozen_reason = False, SHUT_SINCE
            facts = {"frozen": True, "reason": SHUT_SINCE, "before": {"frozen": False, "reason": ""}}
            events.append(_event(now, "freeze-person", name, **facts))
            said.append(f"{name} is frozen")
        if user.is_superuser and digest not in told.administrators:
            user.is_superuser = False
            events.append(_event(now, "set-administrator", name, administrator=False, tokens_ended=[]))
            said.append(f"{name} no longer administers")
        if user.is_staff and digest not in told.moderators:
            user.is_staff = False
            events.append(_event(now, "set-moderator", name, moderator=False, before={"moderator": True}))
            said.append(f"{name} no longer moderates")
        if len(said) > before:
            user.save(update_fields=["is_active", "frozen_reason", "is_superuser", "is_staff"])
    return said


def _event(now: datetime, action: str, subject: str, **detail: object) -> AuditEvent:
    by = operator()
    return AuditEvent(
        created=now, actor=by.who, credential=by.credential, action=action, subject=subject, detail=detail
    )
