"""What the page of one's project shows: read in one snapshot, bounded."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, Sum

from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.audit_reading import about_project
from holdfast.control.accounts.models import AuditEvent
from holdfast.control.database import read_snapshot
from holdfast.control.organisations.effective import ProjectRole, holder_of, people_of, role_on
from holdfast.control.projects.models import Project, Role
from holdfast.core.errors import Absent

RELEASES_MAX = 500  # on the page, newest first; the API has every one
EVENTS_MAX = 50


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """One listed release. `size` in bytes, over its files."""

    version: str
    created: datetime
    yanked: bool
    yanked_reason: str
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """The project as one's role shows it."""

    index: str
    name: str
    display: str
    status: str
    status_reason: str
    role: ProjectRole | None  # None for an administrator without one
    is_owner: bool  # may do what owners may
    has_own_role: bool  # which can be given up; one that comes through an organisation is left there
    other_owners: tuple[str, ...]
    is_held: bool  # by an organisation, which always has an owner
    releases: tuple[ReleaseFacts, ...]


def read(index: str, name: str, actor: Actor) -> ProjectFacts:
    """Raises Absent for who has no role on it and is no administrator, DatabaseUnavailable."""
    with read_snapshot():
        project = Project.objects.filter(index=index, name=name, deleted=None).first()
        role = role_on(project, actor.user) if project is not None else None
        if project is None or (role is None and not actor.is_admin):
            raise Absent(f"no project {name!r} in index {index!r}")
        return ProjectFacts(
            index,
            name,
            project.display,
            project.status,
            project.status_reason,
            role,
            actor.is_admin or role == "owner",
            project.roles.filter(user__username=actor.user).exists(),
            tuple(sorted(user for user, held in people_of(project).items() if held == "owner" and user != actor.user)),
            holder_of(project) is not None,
            _releases(project),
        )


def events(index: str, name: str) -> tuple[AuditEvent, ...]:
    """What was done to the project last, newest first. Whoever calls has seen to the rights."""
    with read_snapshot():
        return tuple(about_project(index, name).order_by("-pk")[:EVENTS_MAX])


def people_with_roles(index: str, name: str) -> frozenset[str]:
    """User names with a role of their own."""
    with read_snapshot():
        rows = Role.objects.filter(project__index=index, project__name=name)
        return frozenset(rows.values_list("user__username", flat=True))


def _releases(project: Project) -> tuple[ReleaseFacts, ...]:
    listed = Q(files__deleted=None, files__removed=False)
    rows = project.releases.filter(deleted=None)
    counted = rows.annotate(count=Count("files", filter=listed), size=Sum("files__size", filter=listed))
    return tuple(
        ReleaseFacts(row.version, row.created, row.yanked, row.yanked_reason, row.count, row.size or 0)
        for row in counted.order_by("-pk")[:RELEASES_MAX]
    )
