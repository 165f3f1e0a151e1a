"""What operators and moderators see of projects, bounded."""

from dataclasses import dataclass

from django.db.models import Count, Q

from holdfast.control.accounts.models import AuditEvent
from holdfast.control.database import read_snapshot
from holdfast.control.manage.project_facts import events
from holdfast.control.moderation.models import Report
from holdfast.control.organisations.effective import holder_of
from holdfast.control.projects.models import File, Project
from holdfast.core.errors import Absent
from holdfast.core.model import STATUSES

PROJECTS_MAX = 100  # on one page; a search finds the others
REPORTS_MAX = 50
FILES_MAX = 200  # that can be taken down from one page; others by the command


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """One project, for the page about it."""

    project: Project
    organisation: str  # that holds it; "" = nobody does
    people: tuple[tuple[str, str], ...]  # (user, role) of their own
    releases: int
    files: int
    newest_files: tuple[File, ...]
    reports: tuple[Report, ...]  # newest first, judged ones as well
    events: tuple[AuditEvent, ...]


def find_projects(words: str, status: str, after: int) -> tuple[list[Project], int]:
    """Listed projects whose name holds the words, newest first; with the number to go on below, 0 at the end."""
    with read_snapshot():
        rows = Project.objects.filter(deleted=None)
        rows = rows.filter(name__contains=words.lower()) if words else rows
        rows = rows.filter(status=status) if status in STATUSES else rows
        rows = rows.filter(pk__lt=after) if after else rows
        waiting = Count("reports", filter=Q(reports__verdict=""))
        found: list[Project] = [*rows.annotate(waiting=waiting).order_by("-pk")[: PROJECTS_MAX + 1]]
    return found[:PROJECTS_MAX], found[PROJECTS_MAX - 1].pk if len(found) > PROJECTS_MAX else 0


def digests_of(index: str, name: str, wanted: list[str]) -> tuple[str, ...]:
    """Those of the digests that are of files of the project. Raises DatabaseUnavailable."""
    with read_snapshot():
        rows = File.objects.filter(project__index=index, project__name=name, removed=False, sha256__in=wanted)
        return tuple(sorted(set(rows.values_list("sha256", flat=True))))


def read(index: str, name: str) -> ProjectFacts:
    """Raises Absent, DatabaseUnavailable."""
    done = events(index, name)
    with read_snapshot():
        project = Project.objects.filter(index=index, name=name, deleted=None).first()
        if project is None:
            raise Absent(f"no project {name!r} in index {index!r}")
        roles = project.roles.order_by("-role", "user__username").values_list("user__username", "role")
        holder = holder_of(project)
        return ProjectFacts(
            project=project,
            organisation=holder.name if holder is not None else "",
            people=tuple(roles),
            releases=project.releases.filter(deleted=None).count(),
            files=project.files.filter(deleted=None, removed=False).count(),
            newest_files=tuple(project.files.filter(removed=False).order_by("-pk")[:FILES_MAX]),
            reports=tuple(project.reports.order_by("-pk")[:REPORTS_MAX]),
            events=done,
        )
