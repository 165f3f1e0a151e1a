"""Lists over HTTP, a page at a time: one's projects, a project's releases and files, what was done to it."""

from typing import Any

from django.db.models import Count, Q, Sum

from holdfast.control import rights
from holdfast.control.accounts.actor import ALL
from holdfast.control.accounts.audit_reading import about_project, done_by
from holdfast.control.accounts.models import AuditEvent
from holdfast.control.api.call import ID_MAX, Call, paged
from holdfast.control.database import read_snapshot
from holdfast.control.organisations.effective import ProjectRole, projects_of
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import NotAccepted, require, require_reader, require_scope, require_standing
from holdfast.control.uploads.hold import held
from holdfast.core.errors import Absent
from holdfast.core.model import format_time


def list_projects(call: Call) -> dict[str, Any]:
    """Projects on which one has a role, by whatever way, as far as the token reaches; in order of index and name."""
    require(call.actor, rights.LIST_MY_PROJECTS)
    rows = held(lambda: _mine(call), call.parts.clock, call.deadline)
    behind = [row for row in rows if _place(row[0]) > call.after]
    return paged(behind, call.limit, lambda row: _place(row[0]), _project)  # type: ignore[no-any-return]


def list_releases(call: Call, index: str, name: str) -> dict[str, Any]:
    """Releases of a project with their yanks, newest first."""
    require_reader(call.actor, index, name, private=True)

    def look() -> list[dict[str, Any]]:
        with read_snapshot():
            listed = Q(files__deleted=None, files__removed=False)
            rows = _listed(index, name).releases.filter(deleted=None, pk__lt=_before(call))
            counted = rows.annotate(count=Count("files", filter=listed), size=Sum("files__size", filter=listed))
            return list(counted.order_by("-pk").values("pk", *_RELEASE, "count", "size")[: call.limit + 1])

    rows = held(look, call.parts.clock, call.deadline)
    return paged(rows, call.limit, lambda row: str(row["pk"]), _release)  # type: ignore[no-any-return]


def list_files(call: Call, index: str, name: str) -> dict[str, Any]:
    """Listed files of a project, newest first."""
    require_reader(call.actor, index, name, private=True)

    def look() -> list[dict[str, Any]]:
        with read_snapshot():
            rows = _listed(index, name).files.filter(deleted=None, removed=False, pk__lt=_before(call))
            return list(rows.order_by("-pk").values("pk", *_FILE)[: call.limit + 1])

    rows = held(look, call.parts.clock, call.deadline)
    return paged(rows, call.limit, lambda row: str(row["pk"]), _file)  # type: ignore[no-any-return]


def list_audit(call: Call, index: str, name: str) -> dict[str, Any]:
    """What was done to a project: who, through which token, when; newest first."""
    require_scope(call.actor, rights.READ_PROJECT_AUDIT, index, name)

    def look() -> list[AuditEvent]:
        with read_snapshot():
            project = Project.objects.filter(index=index, name=name).first()
            if project is None:
                raise Absent(f"no project {name!r} in index {index!r}")
            require_standing(call.actor, rights.READ_PROJECT_AUDIT, project, call.parts.clock.now())
            about = about_project(index, name).filter(pk__lt=_before(call))
            return list(about.order_by("-pk")[: call.limit + 1])

    rows = held(look, call.parts.clock, call.deadline)
    return paged(rows, call.limit, lambda row: str(row.pk), _event)  # type: ignore[no-any-return]


def list_events(call: Call) -> dict[str, Any]:
    """What one did, newest first; for an administrator what everybody did, or `user` alone."""
    require(call.actor, rights.READ_AUDIT)
    who = call.query.get("user", "") if call.actor.is_admin else call.actor.user

    def look() -> list[AuditEvent]:
        with read_snapshot():
            rows = done_by(who) if who else AuditEvent.objects.all()
            return list(rows.filter(pk__lt=_before(call)).order_by("-pk")[: call.limit + 1])

    rows = held(look, call.parts.clock, call.deadline)
    return paged(rows, call.limit, lambda row: str(row.pk), _event)  # type: ignore[no-any-return]


_RELEASE = ("version", "created", "yanked", "yanked_reason")
_FILE = ("filename", "release__version", "packagetype", "size", "sha256", "upload_time", "yanked", "yanked_reason")


def _mine(call: Call) -> list[tuple[Project, ProjectRole]]:
    actor = call.actor
    with read_snapshot():
        rows = projects_of(actor.user)
    if actor.is_admin or "account" in actor.scopes.actions:
        return rows
    reads = set(actor.scopes.read)
    return [row for row in rows if {ALL, row[0].index} & reads or actor.may_upload(row[0].index, row[0].name)]


def _listed(index: str, name: str) -> Project:
    project = Project.objects.filter(index=index, name=name, deleted=None).first()
    if project is None:
        raise Absent(f"no project {name!r} in index {index!r}")
    return project


def _before(call: Call) -> int:
    text = call.after
    if not text:
        return ID_MAX
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise NotAccepted("after must be what the answer before gave as next")
    return int(text)


def _place(project: Project) -> str:
    return f"{project.index}/{project.name}"


def _project(row: tuple[Project, ProjectRole]) -> dict[str, Any]:
    project, role = row
    return {
        "index": project.index,
        "name": project.name,
        "display": project.display,
        "status": project.status,
        "role": role,
        "serial": project.last_serial,
    }


def _release(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": row["version"],
        "created": format_time(row["created"]),
        "yanked": row["yanked"],
        "yanked_reason": row["yanked_reason"],
        "files": row["count"],
        "size": row["size"] or 0,
    }


def _file(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "filename": row["filename"],
        "version": row["release__version"],
        "packagetype": row["packagetype"],
        "size": row["size"],
        "sha256": row["sha256"],
        "upload_time": format_time(row["upload_time"]),
        "yanked": row["yanked"],
        "yanked_reason": row["yanked_reason"],
    }


def _event(row: AuditEvent) -> dict[str, Any]:
    """Without the address: that is the operator's to see."""
    return {
        "id": row.pk,
        "at": format_time(row.created),
        "serial": row.serial,
        "actor": row.actor,
        "token": row.token or None,
        "action": row.action,
        "subject": row.subject,
        "detail": row.detail,
    }
