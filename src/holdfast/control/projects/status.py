"""Changing a project's status (PEP 792) inside a transaction: row, readers and audit trail together."""

from typing import Any

from holdfast.control.projects.models import Project
from holdfast.control.publication.transaction import WriteTransaction


def set_status_in(
    tx: WriteTransaction, project: Project, status: str, reason: str, *, held: bool = False, **facts: Any
) -> None:
    """Set status and reason; whatever is decided ends a hold. `facts` go into the event beside them.

    The caller has the project's lock and the right.
    """
    before = {"status": project.status, "reason": project.status_reason}
    project.status, project.status_reason, project.status_since = status, reason, tx.now
    project.held = held
    project.save(update_fields=["status", "status_reason", "status_since", "held"])
    tx.changed(project)
    tx.audit("set-status", f"{project.index}/{project.name}", status=status, reason=reason, before=before, **facts)
