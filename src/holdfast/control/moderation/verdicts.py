"""A moderator's word on what was reported, and quarantines of many projects at once."""

from typing import Literal

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.database import read_snapshot
from holdfast.control.moderation.holding import SUSPICIOUS_NAME, tell_decision
from holdfast.control.moderation.models import Report
from holdfast.control.moderation.quarantine import quarantine_in, release_in
from holdfast.control.projects.lookup import find_project
from holdfast.control.projects.models import File, Project, Removal
from holdfast.control.projects.rights import NotAccepted, require, require_moderator
from holdfast.control.publication.changes import bytes_removed, file_removed
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.core.errors import Absent
from holdfast.core.precedence import matches_pattern

Verdict = Literal["not-malware", "quarantine", "remove"]
VERDICTS: tuple[Verdict, ...] = ("not-malware", "quarantine", "remove")
PROJECTS_MAX = 1000  # of one bulk quarantine; more is a mistake in the pattern, or a case for `new-projects`


@held
def judge_report(
    publisher: Publication, report: int, verdict: str, reason: str, actor: Actor, *, deadline: float
) -> int:
    """Decide a report, and all others that wait for the same project. The same verdict again changes nothing.

    `not-malware` also ends a quarantine, `remove` quarantines and takes the bytes down for good. Raises Absent,
    NotAccepted when it was decided otherwise.
    """
    if verdict not in VERDICTS:
        raise NotAccepted(f"a verdict is one of {', '.join(VERDICTS)}")
    with write_transaction(publisher, actor, deadline, moderates=True) as tx:
        require_moderator(actor, rights.JUDGE_REPORT)
        if verdict == "remove":
            require(actor, rights.REMOVE_BYTES)
        row = Report.objects.filter(pk=report).select_related("project").first()
        if row is None:
            raise Absent(f"there is no report {report}")
        if verdict == "remove":
            tx.lock("removal")  # before the project's own, as an upload does
        tx.lock(f"{row.project.index}/{row.project.name}")
        row.refresh_from_db()
        project = row.project  # also one that was deleted meanwhile: its bytes may lie about, its name come back
        if row.verdict:
            if row.verdict == verdict:
                return 0
            raise NotAccepted(
                f"report {report} was judged {row.verdict} by {row.decided_by}: report again, or set the status"
            )
        was_held = project.held
        _carry_out(tx, project, verdict, reason or row.kind)
        if was_held:
            tell_decision(tx, project, verdict == "not-malware")
        waiting = project.reports.filter(verdict="")
        waiting.update(verdict=verdict, decided=tx.now, decided_by=actor.user)
        tx.audit("judge-report", f"{project.index}/{project.name}", report=report, verdict=verdict, reason=reason)
    return tx.serial


@held
def quarantine_project(
    publisher: Publication, index: str, name: str, reason: str, actor: Actor, *, deadline: float
) -> int:
    """Quarantine one project."""
    with write_transaction(publisher, actor, deadline, moderates=True) as tx:
        require_moderator(actor, rights.QUARANTINE)
        quarantine_in(tx, find_project(tx, index, name), reason)
    return tx.serial


@held
def release_project(publisher: Publication, index: str, name: str, actor: Actor, *, deadline: float) -> int:
    """End a quarantine; the status before it is in force again."""
    with write_transaction(publisher, actor, deadline, moderates=True) as tx:
        require_moderator(actor, rights.QUARANTINE)
        project = find_project(tx, index, name)
        was_held = project.held
        release_in(tx, project)
        if was_held:
            project.reports.filter(verdict="", kind=SUSPICIOUS_NAME).update(
                verdict="not-malware", decided=tx.now, decided_by=actor.user
            )
            tell_decision(tx, project, True)
    return tx.serial


def projects_matching(index: str, pattern: str, user: str) -> list[str]:
    """Names of listed projects of an index that fit a pattern, a person's own, or both. Raises NotAccepted."""
    if not pattern and not user:
        raise NotAccepted("name a pattern, a user, or both")
    with read_snapshot():
        rows = Project.objects.filter(index=index, deleted=None).order_by("name")
        if user:
            rows = rows.filter(roles__user__username=user, roles__role="owner")
        found = [
            name for name in rows.values_list("name", flat=True) if not pattern or matches_pattern(name, (pattern,))
        ]
    if len(found) > PROJECTS_MAX:
        raise NotAccepted(f"{len(found)} projects match, more than {PROJECTS_MAX}: narrow it down")
    return found


def _carry_out(tx: WriteTransaction, project: Project, verdict: str, reason: str) -> None:
    if verdict == "not-malware":
        release_in(tx, project)
        return
    quarantine_in(tx, project, reason)
    if verdict == "remove":
        _remove(tx, project, reason)


def _remove(tx: WriteTransaction, project: Project, reason: str) -> None:
    """Take down the bytes of every file of the project, wherever else they are listed."""
    digests = sorted(set(project.files.filter(removed=False).values_list("sha256", flat=True)))
    for digest in digests:
        Removal.objects.get_or_create(sha256=digest, defaults={"reason": reason, "legal": False, "created": tx.now})
    listed = File.objects.filter(sha256__in=digests, removed=False).select_related("project")
    for file in listed:
        if file.deleted is None:
            tx.tell(file_removed(file.project.index, file.project.name, file.filename, file.sha256))
        tx.changed(file.project)
    File.objects.filter(sha256__in=digests).update(removed=True)
    if digests:
        tx.tell(bytes_removed(digests, reason, False))
        tx.audit("remove-bytes", digests[0], sha256=digests, reason=reason, legal=False)
