"""What operators see of the whole system, read in one snapshot, bounded where rows are listed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, Sum

from holdfast.control.accounts.models import AuditEvent, User
from holdfast.control.database import read_snapshot
from holdfast.control.mail.models import Mail
from holdfast.control.moderation.reports import backlog
from holdfast.control.projects.models import File, Project
from holdfast.control.publication.models import Event, Instance
from holdfast.control.publication.transaction import current_serial

ROWS_MAX = 10  # of each list on the overview
HELD_MAX = 200  # rows on the page of what is stuck; as many at once mean one cause, which the first ones show


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """The state of things. Ages in seconds, sizes in bytes."""

    newest: int  # serial of the newest change
    waiting: int  # changes that readers do not see yet
    waiting_since: datetime | None
    halted: str  # why nothing may be written; "" = all is well
    held: int
    mails_waiting: int
    mails_dead: int
    projects: int
    quarantined: int
    files: int
    size: int
    people: int
    frozen: int
    reports: int
    reports_since: datetime | None
    published: tuple[File, ...]


def read(now: datetime) -> SystemFacts:
    """Raises DatabaseUnavailable."""
    with read_snapshot():
        waiting = Event.objects.filter(published=None).order_by("serial")
        mails = Mail.objects.filter(sent=None).aggregate(
            waiting=Count("pk", filter=Q(dead=None)), dead=Count("pk", filter=~Q(dead=None))
        )
        projects = Project.objects.filter(deleted=None).aggregate(
            all=Count("pk"), quarantined=Count("pk", filter=Q(status="quarantined"))
        )
        files = File.objects.filter(deleted=None, removed=False)
        kept = files.aggregate(count=Count("pk"), size=Sum("size"))
        people = User.objects.filter(is_robot=False).aggregate(
            all=Count("pk"), frozen=Count("pk", filter=Q(is_active=False))
        )
        reports, age_seconds = backlog(now)
        return SystemFacts(
            newest=current_serial(),
            waiting=waiting.count(),
            waiting_since=waiting.values_list("created", flat=True).first(),
            halted=Instance.objects.values_list("halted", flat=True).filter(pk=1).first() or "",
            held=Event.objects.filter(held=True).count(),
            mails_waiting=mails["waiting"],
            mails_dead=mails["dead"],
            projects=projects["all"],
            quarantined=projects["quarantined"],
            files=kept["count"],
            size=kept["size"] or 0,
            people=people["all"],
            frozen=people["frozen"],
            reports=reports,
            reports_since=now - timedelta(seconds=age_seconds) if reports else None,
            published=tuple(files.select_related("project", "release").order_by("-pk")[:ROWS_MAX]),
        )


def newest_events() -> tuple[AuditEvent, ...]:
    """What was done last. Whoever calls has seen to the rights."""
    with read_snapshot():
        return tuple(AuditEvent.objects.order_by("-pk")[:ROWS_MAX])


def stuck_publications() -> tuple[Event, ...]:
    """Changes that were published as held, and those that fail and are tried again, oldest first."""
    with read_snapshot():
        rows = Event.objects.filter(Q(held=True) | Q(published=None, attempts__gt=0))
        return tuple(rows.order_by("serial")[:HELD_MAX])


def stuck_mails() -> tuple[Mail, ...]:
    """Mails that were given up, and those that wait, newest first."""
    with read_snapshot():
        return tuple(Mail.objects.filter(sent=None).defer("text").order_by("-dead", "-pk")[:HELD_MAX])
