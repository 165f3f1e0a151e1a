"""Taking reports, and the queue they wait in. A report is an accusation: its text is for moderators alone."""

from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db.models import Sum

from holdfast.config import IndexConfig
from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import User
from holdfast.control.database import database_guard, read_snapshot
from holdfast.control.moderation.models import Observer, Report
from holdfast.control.moderation.quarantine import quarantine_in
from holdfast.control.moderation.rules import Suspect, must_quarantine, rules_of
from holdfast.control.projects.lookup import find_project
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import NotAccepted, require, require_reader
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.core.errors import Absent

log = structlog.get_logger()

KINDS = ("malware", "spam", "dependency-confusion", "other")
TEXT_CHARS_MAX = 2000
OPEN_REPORTS_MAX = 50  # of one person who is no observer: moderators' time is what a flood of reports would eat


@dataclass(frozen=True, slots=True)
class Reported:
    """What came of a report."""

    id: int
    quarantined: bool  # by this report, without waiting for a person
    serial: int


@held
def report_project(
    publisher: Publication, index: IndexConfig, name: str, kind: str, text: str, actor: Actor, *, deadline: float
) -> Reported:
    """Put a report into the queue. Who reports again while theirs waits changes it. Raises Absent, NotAccepted."""
    if kind not in KINDS:
        raise NotAccepted(f"the kind of a report is one of {', '.join(KINDS)}")
    if not text.strip() or len(text) > TEXT_CHARS_MAX:
        raise NotAccepted(f"a report says what was seen, in 1 to {TEXT_CHARS_MAX} characters")
    with write_transaction(publisher, actor, deadline, moderates=True) as tx:
        require(actor, rights.REPORT_PROJECT)
        require_reader(actor, index.name, name, private=index.private)
        project = find_project(tx, index.name, name)
        trusted = Observer.objects.filter(user__username=actor.user, user__is_active=True).exists()
        row = _keep(tx, project, kind, text, trusted)
        tx.audit("report-project", f"{index.name}/{name}", kind=kind, trusted=trusted)
        did = _quarantine_when_due(tx, project, index)
    if did:
        log.warning("quarantined %s by the rules, a person should look", name, index=index.name)
    return Reported(row.pk, did, tx.serial)


@held
def add_observer(publisher: Publication, user: str, actor: Actor, *, deadline: float) -> None:
    """Trust somebody's reports. Raises Absent."""
    with write_transaction(publisher, actor, deadline, moderates=True) as tx:
        require(actor, rights.SET_OBSERVER)
        person = User.objects.filter(username=user).first()
        if person is None:
            raise Absent(f"there is no user {user!r}")
        Observer.objects.get_or_create(user=person, defaults={"created": tx.now, "added_by": actor.user})
        tx.audit("add-observer", user)


@held
def remove_observer(publisher: Publication, user: str, actor: Actor, *, deadline: float) -> None:
    """Trust them no longer; reports they made keep their weight. Raises Absent."""
    with write_transaction(publisher, actor, deadline, moderates=True) as tx:
        require(actor, rights.SET_OBSERVER)
        if not Observer.objects.filter(user__username=user).delete()[0]:
            raise Absent(f"{user!r} is no observer")
        tx.audit("remove-observer", user)


def waiting_reports(after: int, count: int) -> list[Report]:
    """Reports without a verdict, oldest first. Raises DatabaseUnavailable."""
    with read_snapshot():
        rows = Report.objects.filter(verdict="", pk__gt=after).select_related("project")
        return list(rows.order_by("pk")[:count])


def project_of(report: int) -> Project:
    """The project that a report is of. Raises Absent, DatabaseUnavailable."""
    with read_snapshot():
        row = Report.objects.filter(pk=report).select_related("project").first()
    if row is None:
        raise Absent(f"there is no report {report}")
    return row.project


def backlog(now: datetime) -> tuple[int, float]:
    """(reports that wait, age of the oldest in seconds; 0.0 without any). Raises DatabaseUnavailable."""
    with database_guard():
        rows = Report.objects.filter(verdict="").order_by("created")
        oldest = rows.values_list("created", flat=True).first()
        return rows.count(), max(0.0, (now - oldest).total_seconds()) if oldest is not None else 0.0


def _keep(tx: WriteTransaction, project: Project, kind: str, text: str, trusted: bool) -> Report:
    mine = Report.objects.filter(verdict="", reporter=tx.actor.user)
    known = mine.filter(project=project).first()
    if known is not None:
        known.kind, known.text, known.trusted = kind, text, trusted
        known.save(update_fields=["kind", "text", "trusted"])
        return known
    if not trusted and mine.count() >= OPEN_REPORTS_MAX:
        raise NotAccepted(
            f"{OPEN_REPORTS_MAX} of your reports wait for a moderator; more are taken when they are judged"
        )
    return Report.objects.create(
        project=project, kind=kind, text=text, reporter=tx.actor.user, trusted=trusted, created=tx.now
    )


def _quarantine_when_due(tx: WriteTransaction, project: Project, index: IndexConfig) -> bool:
    rules = rules_of(index)
    waiting = project.reports.filter(verdict="", kind="malware")
    observers = waiting.filter(trusted=True).count()
    if project.status == "quarantined" or not rules or not observers:
        return False
    listed = project.files.filter(deleted=None, removed=False)
    found = Suspect(
        waiting.count(),
        observers,
        tx.now - project.created,
        project.releases.filter(deleted=None).count(),
        int(listed.aggregate(total=Sum("size"))["total"] or 0),
    )
    if not must_quarantine(rules, found):
        return False
    quarantine_in(tx, project, "reported as malware; a moderator will look", rule=True)
    return True
