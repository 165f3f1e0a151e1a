"""Quarantine as a step that can be taken back exactly: what the project's status was is kept in the audit trail."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from holdfast.control.accounts.models import AuditEvent
from holdfast.control.database import read_snapshot
from holdfast.control.projects.models import Project
from holdfast.control.projects.status import set_status_in
from holdfast.control.publication.transaction import WriteTransaction
from holdfast.core.model import STATUSES

EVENTS_LOOKED_AT = 100  # of one project's changes of status
_OTHER_STATUSES = tuple(status for status in STATUSES if status != "quarantined")


def quarantine_in(tx: WriteTransaction, project: Project, reason: str, *, rule: bool = False) -> None:
    """Hide a project and refuse its bytes. `rule`: no person decided it.

    One that is in quarantine keeps its reason, unless a person decides what a rule did before.
    """
    if project.status != "quarantined" or (not rule and _newest_quarantine(project).get("rule")):
        set_status_in(tx, project, "quarantined", reason, **({"rule": True} if rule else {}))


def release_in(tx: WriteTransaction, project: Project) -> None:
    """End a quarantine: the status that was before it is in force again, with its reason."""
    if project.status != "quarantined":
        return
    status, reason = _before_quarantine(project)
    set_status_in(tx, project, status, reason)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A project in quarantine. `by_rule`: no person has decided it yet."""

    index: str
    name: str
    reason: str
    since: datetime
    by_rule: bool


def long_quarantines(now: datetime, by_rule: timedelta, by_person: timedelta, most: int) -> list[Quarantined]:
    """Quarantines older than that, oldest first; those of an earlier release, whose age nobody knows, are left out."""
    with read_snapshot():
        old = Q(status="quarantined", deleted=None, status_since__lte=now - min(by_rule, by_person))
        rows = list(Project.objects.filter(old).order_by("status_since"))
        found = [_told(row) for row in rows]
    is_old = [one for one in found if now - one.since >= (by_rule if one.by_rule else by_person)]
    return is_old[:most]


def _told(project: Project) -> Quarantined:
    assert project.status_since is not None
    detail = _newest_quarantine(project)
    return Quarantined(
        project.index, project.name, project.status_reason, project.status_since, bool(detail.get("rule"))
    )


def _newest_quarantine(project: Project) -> dict[str, Any]:
    """What the audit trail says of the newest entry into quarantine; nothing when it says nothing."""
    rows = AuditEvent.objects.filter(action="set-status", subject=f"{project.index}/{project.name}").order_by("-id")
    entries = rows.values_list("detail", flat=True)[:EVENTS_LOOKED_AT]
    return next((detail for detail in entries if detail.get("status") == "quarantined"), {})


def _before_quarantine(project: Project) -> tuple[str, str]:
    """(status, reason) that the newest entry into quarantine replaced; active when nothing tells."""
    rows = AuditEvent.objects.filter(action="set-status", subject=f"{project.index}/{project.name}").order_by("-id")
    for detail in rows.values_list("detail", flat=True)[:EVENTS_LOOKED_AT]:
        before = detail.get("before") or {}
        if detail.get("status") == "quarantined" and before.get("status") in _OTHER_STATUSES:
            return str(before["status"]), str(before.get("reason", ""))
    return "active", ""
