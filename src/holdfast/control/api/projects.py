"""Projects, releases, files and roles over HTTP: each handler calls one action and gives its serial back."""

from typing import Any

from holdfast.control.api.call import Call, demand_user_name
from holdfast.control.api.people import project_role
from holdfast.control.database import read_snapshot
from holdfast.control.projects import actions, standing
from holdfast.control.projects.lookup import project_row
from holdfast.control.projects.rights import NotAccepted, require_reader
from holdfast.control.publication.documents import record_of
from holdfast.control.uploads.hold import held
from holdfast.core.errors import Absent
from holdfast.core.model import STATUSES, File, Record, format_time


def show_project(call: Call, index: str, name: str) -> dict[str, Any]:
    """What the database knows of a listed project. Needs the right to read the index, or to upload to the project."""
    require_reader(call.actor, index, name, private=True)  # a token narrowed to projects tells nothing of others
    return _project_document(held(lambda: _record(index, name), call.parts.clock, call.deadline))


def delete_project(call: Call, index: str, name: str) -> dict[str, int]:
    """Delist a project. Its name stays owned, and its filenames stay bound to their bytes."""
    return _serial(actions.delete_project(call.parts.publisher, index, name, call.actor, deadline=call.deadline))


def set_status(call: Call, index: str, name: str) -> dict[str, int]:
    """Set a project's status (PEP 792); quarantine is a moderator's or administrator's."""
    wanted = call.text("status")
    for status in STATUSES:
        if status == wanted:
            reason = call.text("reason", "")
            publisher = call.parts.publisher
            return _serial(
                actions.set_status(publisher, index, name, status, reason, call.actor, deadline=call.deadline)
            )
    raise NotAccepted(f"the field status must be one of {', '.join(STATUSES)}")


def yank_release(call: Call, index: str, name: str, version: str) -> dict[str, int]:
    """Yank every file of a release (PEP 592): an exact version installs it, nothing else does."""
    reason, publisher = call.text("reason", ""), call.parts.publisher
    return _serial(actions.yank_release(publisher, index, name, version, reason, call.actor, deadline=call.deadline))


def unyank_release(call: Call, index: str, name: str, version: str) -> dict[str, int]:
    """Take a release's yank back."""
    publisher = call.parts.publisher
    return _serial(actions.unyank_release(publisher, index, name, version, call.actor, deadline=call.deadline))


def delete_release(call: Call, index: str, name: str, version: str) -> dict[str, int]:
    """Delist a release with its files."""
    publisher = call.parts.publisher
    return _serial(actions.delete_release(publisher, index, name, version, call.actor, deadline=call.deadline))


def yank_file(call: Call, index: str, name: str, filename: str) -> dict[str, int]:
    """Yank one file."""
    reason, publisher = call.text("reason", ""), call.parts.publisher
    return _serial(actions.yank_file(publisher, index, name, filename, reason, call.actor, deadline=call.deadline))


def unyank_file(call: Call, index: str, name: str, filename: str) -> dict[str, int]:
    """Take one file's yank back."""
    publisher = call.parts.publisher
    return _serial(actions.unyank_file(publisher, index, name, filename, call.actor, deadline=call.deadline))


def delete_file(call: Call, index: str, name: str, filename: str) -> dict[str, int]:
    """Delist one file."""
    publisher = call.parts.publisher
    return _serial(actions.delete_file(publisher, index, name, filename, call.actor, deadline=call.deadline))


def set_role(call: Call, index: str, name: str, user: str) -> dict[str, int]:
    """Give somebody a role on a project, without asking them."""
    demand_user_name(user)
    role, publisher = project_role(call.text("role")), call.parts.publisher
    return _serial(standing.add_role(publisher, index, name, user, role, call.actor, deadline=call.deadline))


def remove_role(call: Call, index: str, name: str, user: str) -> dict[str, int]:
    """Take somebody's role on a project away."""
    publisher = call.parts.publisher
    return _serial(standing.remove_role(publisher, index, name, user, call.actor, deadline=call.deadline))


def release_name(call: Call, index: str, name: str) -> dict[str, int]:
    """Let a deleted project's name fall through to the layers below again."""
    publisher = call.parts.publisher
    return _serial(standing.release_name(publisher, index, name, call.actor, deadline=call.deadline))


def grant_shadow(call: Call, index: str, name: str) -> dict[str, Any]:
    """Let a hosted project be created although a layer below has one of that name."""
    _require_index(call, index)
    standing.grant_shadow(call.parts.publisher, index, name, call.actor, deadline=call.deadline)
    return {}


def revoke_shadow(call: Call, index: str, name: str) -> dict[str, Any]:
    """Take such a grant back."""
    standing.revoke_shadow(call.parts.publisher, index, name, call.actor, deadline=call.deadline)
    return {}


def remove_bytes(call: Call) -> dict[str, int]:
    """Take digests down for good: 410 (451 when `legal`) wherever they would be served."""
    reason = call.text("reason")
    if not reason.strip():
        raise NotAccepted("the field reason must say why: everyone who asks for the bytes is shown it")
    digests = tuple(digest.strip().lower() for digest in call.texts("sha256"))
    legal, publisher = call.flag("legal"), call.parts.publisher
    return _serial(actions.remove_bytes(publisher, digests, reason, legal, call.actor, deadline=call.deadline))


def _serial(serial: int) -> dict[str, int]:
    return {"serial": serial}


def _require_index(call: Call, index: str) -> None:
    if call.parts.config.index(index) is None:
        raise Absent(f"there is no index {index}")


def _record(index: str, name: str) -> Record:
    with read_snapshot():
        project = project_row(index, name)
        if project is None or project.deleted is not None:
            raise Absent(f"no project {name!r} in index {index!r}")
        return record_of(project)


def _project_document(record: Record) -> dict[str, Any]:
    return {
        "index": record.index,
        "name": record.name,
        "display": record.display,
        "serial": record.serial,
        "status": record.status,
        "status_reason": record.status_reason,
        "organisation": record.organisation or None,
        "roles": [{"user": role.user, "role": role.role} for role in record.roles],
        "files": [_file_document(file) for file in record.files],
    }


def _file_document(file: File) -> dict[str, Any]:
    return {
        "filename": file.filename,
        "version": file.version,
        "packagetype": file.packagetype,
        "size": file.size,
        "sha256": file.sha256,
        "upload_time": format_time(file.upload_time) if file.upload_time else None,
        "requires_python": file.requires_python,
        "yanked": file.yanked,
        "yanked_reason": file.yanked_reason,
    }
