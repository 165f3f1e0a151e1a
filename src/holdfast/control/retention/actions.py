"""Rules and quotas set and taken back, and rules carried out: as ordinary deletions, with their audit."""

from dataclasses import dataclass
from datetime import datetime

from holdfast.control import rights
from holdfast.control.accounts.actor import OPERATOR_SCOPES, Actor
from holdfast.control.database import database_guard
from holdfast.control.projects.actions import delist
from holdfast.control.projects.lookup import find_project, find_release, permitted_project
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import NotAccepted, require, require_scope, require_standing
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.control.retention.models import KeptRelease, RetentionRule
from holdfast.control.retention.plan import Candidate, Rule, doomed
from holdfast.control.rights import Right
from holdfast.core.errors import Absent
from holdfast.tree.switches import READ_ONLY

NEWEST_MAX, DAYS_MAX = 100_000, 36_500
RETENTION = Actor("retention", OPERATOR_SCOPES, credential="machine")


@dataclass(frozen=True, slots=True)
class Planned:
    """What a rule would do to one project now."""

    rule: Rule | None
    of_index: bool  # the rule is the index's, not the project's own
    versions: tuple[str, ...]
    kept: tuple[str, ...]


@held
def set_rule(
    publisher: Publication, index: str, name: str, rule: Rule | None, actor: Actor, *, deadline: float
) -> None:
    """Set the rule of a project, or with no name of an index; None takes it back."""
    _require_rule(rule)
    with write_transaction(publisher, actor, deadline) as tx:
        _permit(tx, rights.SET_RETENTION, index, name)
        rows = RetentionRule.objects.filter(index=index, project=name)
        before = rows.values("newest", "days").first() or {"newest": None, "days": None}
        if rule is None:
            if not rows.delete()[0]:
                raise Absent(f"there is no rule of retention for {name or 'all projects'} in index {index!r}")
        else:
            RetentionRule.objects.update_or_create(
                index=index,
                project=name,
                defaults={"newest": rule.newest, "days": rule.days},
                create_defaults={"newest": rule.newest, "days": rule.days, "created": tx.now},
            )
        subject = f"{index}/{name}" if name else index
        newest, days = (rule.newest, rule.days) if rule else (None, None)
        tx.audit("set-retention", subject, newest=newest, days=days, before=before)


@held
def keep_release(
    publisher: Publication, index: str, name: str, version: str, keep: bool, actor: Actor, *, deadline: float
) -> None:
    """Have a release stay whatever the rules say, or no longer."""
    with write_transaction(publisher, actor, deadline) as tx:
        project = permitted_project(tx, rights.SET_RETENTION, index, name)
        release = find_release(project, version)
        if keep:
            KeptRelease.objects.get_or_create(project=project, version=release.version)
        else:
            KeptRelease.objects.filter(project=project, version=release.version).delete()
        tx.audit("keep-release" if keep else "unkeep-release", f"{index}/{name}/{release.version}")


@held
def carry_out(publisher: Publication, index: str, name: str, *, deadline: float) -> tuple[str, ...]:
    """Delete what the rule in force dooms today: planned and done in one transaction, so that no yank comes between.

    Raises Refused while deletions are switched off.
    """
    for capability in ("deletions", READ_ONLY):  # the machine passes them otherwise; nobody is waiting for this
        if refused := publisher.switches.refusal(capability, index, name):
            raise refused
    with write_transaction(publisher, RETENTION, deadline) as tx:
        project = find_project(tx, index, name)
        versions = _plan(project, tx.now).versions
        for version in versions:
            release = find_release(project, version)
            delist(tx, project, list(release.files.filter(deleted=None, removed=False)))
            release.deleted = tx.now
            release.save(update_fields=["deleted"])
            tx.audit("delete-release", f"{index}/{name}/{version}", by="retention")
        if versions:
            tx.changed(project)
    return versions


def show_plan(publisher: Publication, index: str, name: str, actor: Actor) -> Planned:
    """The rule in force for a project, and what it would delete now. Raises Absent, Refused, DatabaseUnavailable."""
    require_scope(actor, rights.SEE_RETENTION, index, name)
    with database_guard():
        project = Project.objects.filter(index=index, name=name, deleted=None).first()
        if project is None:
            raise Absent(f"no project {name!r} in index {index!r}")
        now = publisher.clock.now()
        require_standing(actor, rights.SEE_RETENTION, project, now)
        return _plan(project, now)


def index_rule(index: str) -> Rule | None:
    """The rule of a whole index. Raises DatabaseUnavailable."""
    with database_guard():
        row = RetentionRule.objects.filter(index=index, project="").first()
    return Rule(row.newest, row.days) if row else None


def _plan(project: Project, now: datetime) -> Planned:
    rows = RetentionRule.objects.filter(index=project.index, project__in=("", project.name))
    row = max(rows, key=lambda found: found.project, default=None)  # "" sorts before every name
    kept = tuple(sorted(KeptRelease.objects.filter(project=project).values_list("version", flat=True)))
    if row is None:
        return Planned(None, False, (), kept)
    rule = Rule(row.newest, row.days)
    if project.status == "quarantined":  # what is being looked into stays as it is
        return Planned(rule, not row.project, (), kept)
    listed = project.releases.filter(deleted=None, files__deleted=None, files__removed=False).distinct()
    candidates = [Candidate(one.version, one.created, one.yanked, one.version in kept) for one in listed]
    return Planned(rule, not row.project, doomed(rule, candidates, now), kept)


def _permit(tx: WriteTransaction, right: Right, index: str, name: str) -> None:
    if name:
        permitted_project(tx, right, index, name)
    else:
        require(tx.actor, rights.ADMINISTER, f"{right.doing} of an index")
        tx.lock(f"retention:{index}")


def _require_rule(rule: Rule | None) -> None:
    if rule is None:
        return
    if rule.newest is not None and not 1 <= rule.newest <= NEWEST_MAX:
        raise NotAccepted(f"a rule keeps from 1 to {NEWEST_MAX} of the newest releases")
    if rule.days is not None and not 1 <= rule.days <= DAYS_MAX:
        raise NotAccepted(f"a rule keeps releases for 1 to {DAYS_MAX} days")
