"""Finding events of the audit trail, by what they were done to and by who did them: each by an index."""

from django.db.models import Q, QuerySet

from holdfast.control.accounts.models import AuditEvent
from holdfast.control.database import connection

MONITORS = "canary/holdfast-monitor-"  # what canary_watch.py publishes: how subjects of that begin


def about_project(index: str, name: str) -> QuerySet[AuditEvent]:
    """What was done to a project, its releases and its files, in no order. Whoever calls has seen to the rights."""
    subject = f"{index}/{name}"
    below = Q(subject__startswith=f"{subject}/")
    if connection().vendor == "sqlite":
        # Django's LIKE has an ESCAPE there and finds no index; "0" is the character behind "/".
        below &= Q(subject__gte=f"{subject}/", subject__lt=f"{subject}0")
    return AuditEvent.objects.filter(Q(subject=subject) | below)


def without_monitors(rows: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
    """The events but for what the monitor publishes every few minutes; whatever else its account did stays."""
    return rows.exclude(subject__startswith=MONITORS)


def done_by(user: str) -> QuerySet[AuditEvent]:
    """What one person did, or a robot."""
    return AuditEvent.objects.filter(actor=user)
