"""Reminding operators of what is easily forgotten: kill switches, reports nobody looks at, quarantines nobody ended.

A switch that everybody forgot keeps people out for no reason; one that ends unseen lets the flood in again (r15, r26).
More reports than moderators is how a flood of malware wins (r19). Each reminder is a warning in the log, and a mail to
whoever can act, once for each occasion: rows remember what was mailed, over restarts and machines.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal
from urllib.parse import urlsplit

import structlog

from holdfast.config import Config
from holdfast.control.accounts.actor import operator
from holdfast.control.accounts.models import User
from holdfast.control.database import read_snapshot
from holdfast.control.moderation.models import Reminder
from holdfast.control.monitors import results
from holdfast.control.notices import tell_all
from holdfast.control.publication.transaction import Publication, unpublished_transaction
from holdfast.core.errors import Unavailable
from holdfast.tree.switches import EVERYWHERE, Switch

log = structlog.get_logger()

LONG = timedelta(hours=24)  # told when a switch has been in force for this long, and again as often
ENDING = timedelta(hours=1)  # told this long before the end: time for a person to look and to extend it
BACKLOG = timedelta(hours=1)  # a report of malware that nobody has looked at for this long is told, once a day
UNJUDGED = timedelta(days=1)  # a quarantine that no person decided is told after this long, and again as often
FORGOTTEN = timedelta(days=30)  # one that a person decided: it may well be for good, but somebody should know
KEPT = timedelta(days=90)  # rows of what was told: longer than anything is told again
QUARANTINES_TOLD_MAX = 20  # of one look; more at once have one cause
STATEMENT_SECONDS = 5.0

Audience = Literal["administrators", "moderators"]


@dataclass(frozen=True, slots=True)
class Due:
    """Something to tell. `occasion` names itself the same until it is over."""

    occasion: str
    subject: str
    sentence: str
    step: str
    path: str  # the page to look at
    audience: Audience = "administrators"


class Reminders:
    """Looks what is due. What was logged is remembered for as long as the process lives; what was mailed for good."""

    def __init__(self, publisher: Publication, config: Config) -> None:
        self._publisher = publisher
        self._config = config
        self._logged: set[str] = set()

    def remind(self) -> int:
        """Tell what is due; answers how many new reminders. Raises Unavailable; what could be logged was.

        Kill switches need no database, so they are told in the log whatever it does.
        """
        now = self._publisher.clock.now()
        switches = [due for one in self._publisher.switches.in_force() for due in switch_occasions(one, now)]
        switches += _monitors(self._config, now)
        count = self._log(switches)
        try:
            rows = [*_backlog(now), *_quarantines(now)]
        except Unavailable:
            self._logged &= {due.occasion for due in switches}
            raise
        count += self._log(rows)
        self._logged &= {due.occasion for due in (*switches, *rows)}  # what is over may become due again
        for due in (*switches, *rows):
            self._mail(due)
        return count

    def _log(self, found: list[Due]) -> int:
        new = [due for due in found if due.occasion not in self._logged]
        for due in new:
            log.warning("reminder: %s", due.sentence, step=due.step)
            self._logged.add(due.occasion)
        return len(new)

    def _mail(self, due: Due) -> None:
        """Mail it unless that was done, by this machine or another one."""
        key = sha256(due.occasion.encode()).hexdigest()
        with read_snapshot():
            if Reminder.objects.filter(occasion=key).exists():
                return
        deadline = self._publisher.clock.monotonic() + STATEMENT_SECONDS
        with unpublished_transaction(self._publisher, operator("reminders"), deadline) as tx:
            tx.lock("reminders")
            _, is_new = Reminder.objects.get_or_create(occasion=key, defaults={"told": tx.now})
            Reminder.objects.filter(told__lt=tx.now - KEPT).delete()
            if is_new:
                site = urlsplit(self._config.base_url).netloc
                facts = {"subject": due.subject, "sentence": due.sentence, "step": due.step, "site": site}
                url = f"{self._config.base_url}{due.path}"
                tell_all(tx, _people(due.audience), "operator-reminder", {**facts, "url": url})


def switch_occasions(one: Switch, now: datetime) -> Iterator[Due]:
    """What there is to say of a switch now."""
    name = one.capability if one.scope == EVERYWHERE else f"{one.capability} --scope {one.scope}"
    key = f"switch {one.capability} {one.scope} {one.at.isoformat()}"
    if times := one.age_seconds(now) // LONG.total_seconds():
        hours = int(one.age_seconds(now) // 3600)
        yield Due(
            f"{key} long {times:.0f}",
            f"{one.capability} has been switched off for {hours} hours",
            f"{one.sentence()} It has been in force for {hours} hours.",
            f"holdfast switch on {name}, when its reason is gone",
            "/admin/switches/",
        )
    if one.until is not None and one.until - now <= ENDING:
        yield Due(
            f"{key} ends {one.until.isoformat()}",
            f"the kill switch of {one.capability} is about to end",
            f"{one.sentence()} It ends by itself then.",
            f"holdfast switch extend {name}, or let it end",
            "/admin/switches/",
        )


def _monitors(config: Config, now: datetime) -> Iterator[Due]:
    """A monitor that failed at two looks running: one may have met a restart."""
    for name, result in results(config).items():
        if result.ok is False and now - result.since >= timedelta(seconds=config.canary_seconds):
            yield Due(
                f"monitor {name} {result.since.isoformat()}",
                f"the monitor {name} fails",
                f"{name} fails since {result.since:%Y-%m-%d %H:%M} UTC: {result.text}",
                "holdfast check, then holdfast canary run",
                "/admin/",
            )


def _backlog(now: datetime) -> Iterator[Due]:
    from holdfast.control.moderation.reports import backlog

    waiting, oldest = backlog(now)
    if oldest >= BACKLOG.total_seconds():
        yield Due(
            f"backlog {now:%Y-%m-%d}",
            f"{waiting} reports wait for a moderator",
            f"{waiting} reports wait for a verdict, the oldest for {int(oldest // 60)} minutes.",
            "holdfast moderate queue, or the page below",
            "/admin/moderation/",
            "moderators",
        )


def _quarantines(now: datetime) -> Iterator[Due]:
    """Quarantines that were not looked at for long. A quarantine never ends by itself: malware would come back."""
    from holdfast.control.moderation.quarantine import long_quarantines

    for found in long_quarantines(now, UNJUDGED, FORGOTTEN, QUARANTINES_TOLD_MAX):
        again = UNJUDGED if found.by_rule else FORGOTTEN
        times = (now - found.since) // again
        where = f"{found.index}/{found.name}"
        by = "by a rule, and no person has decided" if found.by_rule else "by a person"
        yield Due(
            f"quarantine {where} {found.since.isoformat()} {times}",
            f"{where} is still in quarantine",
            f"{where} has been in quarantine since {found.since:%Y-%m-%d %H:%M} UTC, {by}: {found.reason}",
            f"holdfast moderate release {found.name} --index {found.index}, or remove its bytes",
            f"/admin/projects/{found.index}/{found.name}/",
            "moderators",
        )


def _people(audience: Audience) -> list[str]:
    with read_snapshot():
        people = User.objects.filter(is_active=True, is_robot=False)
        rows = people.filter(is_superuser=True)
        if audience == "moderators":
            rows = rows | people.filter(is_staff=True)
        return sorted(rows.values_list("username", flat=True))
