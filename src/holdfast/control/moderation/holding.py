"""New projects with a suspicious name: taken, hidden, and put into the moderators' queue.

A held project is a quarantined one from its first file on, that goes on taking its owner's uploads: a release is never
torn in two by a decision that is about its name. Nobody can install it before a moderator decides (decision 36).
"""

from datetime import datetime

from holdfast.control.moderation.models import Report
from holdfast.control.notices import tell_all
from holdfast.control.organisations.effective import people_of
from holdfast.control.projects.models import Project
from holdfast.control.projects.status import set_status_in
from holdfast.control.publication.transaction import WriteTransaction

BY_RULES = "(rules)"  # who reports: no account can have that name
SUSPICIOUS_NAME = "suspicious-name"


def hold(tx: WriteTransaction, project: Project, known: str) -> None:
    """Hide a project that was just created, for its name may be mistyped for `known`. Its people are told."""
    reason = f"its name is close to {known}; a moderator looks at it before it is shown"
    set_status_in(tx, project, "quarantined", reason, held=True, rule=True)
    Report.objects.create(
        project=project,
        kind=SUSPICIOUS_NAME,
        text=f"{project.name} may be mistyped for {known}",
        reporter=BY_RULES,
        created=tx.now,
    )
    _tell(tx, project, "project-held", known=known)


def queue_again(project: Project, now: datetime) -> None:
    """Have a held project that came back from the tree in the queue. What the report said is in its reason."""
    if not project.reports.filter(kind=SUSPICIOUS_NAME, verdict="").exists():
        Report.objects.create(
            project=project, kind=SUSPICIOUS_NAME, text=project.status_reason, reporter=BY_RULES, created=now
        )


def tell_decision(tx: WriteTransaction, project: Project, is_shown: bool) -> None:
    """Tell the people of a project that was held what became of it."""
    _tell(tx, project, "project-decided", is_shown=is_shown, reason=project.status_reason)


def _tell(tx: WriteTransaction, project: Project, kind: str, **facts: object) -> None:
    where = f"{project.index}/{project.name}"
    tell_all(tx, sorted(people_of(project)), kind, {"project": where, **facts})
