"""Quarantine as a step that can be taken back exactly: what the project's status was is kept in the audit trail."""

from holdfast.control.accounts.models import AuditEvent
from holdfast.control.projects.models import Project
from holdfast.control.publication.transaction import WriteTransaction
from holdfast.core.model import STATUSES

_OTHER_STATUSES = tuple(status for status in STATUSES if status != "quarantined")


def quarantine_in(tx: WriteTransaction, project: Project, reason: str, *, rule: bool = False) -> None:
    """Hide a project and refuse its bytes. `rule`: no person decided it. One that is quarantined keeps its reason."""
    if project.status != "quarantined":
        _set(tx, project, "quarantined", reason, rule)


def release_in(tx: WriteTransaction, project: Project) -> None:
    """End a quarantine: the status that was before it is in force again, with its reason."""
    if project.status != "quarantined":
        return
    status, reason = _before_quarantine(project)
    _set(tx, project, status, reason, False)


def _set(tx: WriteTransaction, project: Project, status: str, reason: str, rule: bool) -> None:
    before = {"status": project.status, "reason": project.status_reason}
    project.status, project.status_reason = status, reason
    project.save(update_fields=["status", "status_reason"])
    tx.changed(project)
    facts = {"rule": True} if rule else {}
    tx.audit("set-status", f"{project.index}/{project.name}", status=status, reason=reason, before=before, **facts)


def _before_quarantine(project: Project) -> tuple[str, str]:
    """(status, reason) that the newest entry into quarantine replaced; active when nothing tells."""
    rows = AuditEvent.objects.filter(action="set-status", subject=f"{project.index}/{project.name}").order_by("-id")
    for detail in rows.values_list("detail", flat=True)[:100]:
        before = detail.get("before") or {}
        if detail.get("status") == "quarantined" and before.get("status") in _OTHER_STATUSES:
            return str(before["status"]), str(before.get("reason", ""))
    return "active", ""
