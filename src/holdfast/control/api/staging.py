"""Publishing sessions over HTTP, below `/api/sessions/<index>`. PEP 694's model with the shapes of this API."""

from typing import Any

from django.db.models import QuerySet

from holdfast.config import IndexConfig
from holdfast.control import rights
from holdfast.control.api.call import Call
from holdfast.control.database import database_guard
from holdfast.control.parts import Parts
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import NotAccepted, require_index, require_uploader
from holdfast.control.publication.publisher import is_published
from holdfast.control.staging.models import LIVE, PUBLISHED, StagedFile, StagingSession
from holdfast.control.staging.sessions import SessionOpen
from holdfast.control.uploads import staging
from holdfast.control.uploads.hold import held
from holdfast.core.errors import Refused
from holdfast.core.filenames import normalized_version
from holdfast.core.model import format_time
from holdfast.core.names import is_project_name
from holdfast.core.preview_token import SEGMENT

LISTED_MAX = 500
PROCESSING = "processing"  # committed, and not yet seen by readers


def open_session(call: Call, index: str) -> tuple[int, dict[str, Any], tuple[tuple[str, str], ...]]:
    """Open a session for a release.

    201 with the new session; 409 with the address of the one that is open for the release already.
    """
    landing = staging.landing_index(call.parts, index)
    name, version = call.text("name"), normalized_version(call.text("version").strip())
    if not is_project_name(name):
        raise NotAccepted("the field name must be a project's name: letters, digits, '.', '_' and '-'")
    if not version:
        raise NotAccepted("the field version must be a PEP 440 version")
    try:
        opened = staging.open_release(call.parts, landing, name, version, call.actor, call.deadline)
    except SessionOpen as error:
        location = _url(call.parts, landing.name, error.session)
        raise SessionOpen(error.reason, error.session, location) from error
    document = show_session(call, landing.name, opened)
    return 201, document, (("location", _url(call.parts, landing.name, opened)),)


def list_sessions(call: Call, index: str) -> dict[str, Any]:
    """List the live sessions of the projects that the token may upload to."""
    landing = staging.landing_index(call.parts, index)
    require_index(call.actor, rights.UPLOAD_FILE, landing.name)

    def found() -> list[StagingSession]:
        with database_guard():
            live = StagingSession.objects.filter(index=landing.name, status__in=LIVE)
            return [one for one in _newest(live) if _may_see(call, one)]

    listed = held(found, call.parts.clock, call.deadline)
    return {"sessions": [_summary(call.parts, session, session.status) for session in listed]}


def show_session(call: Call, index: str, session: str) -> dict[str, Any]:
    """Say what a session is for, how it stands and which files it has."""
    landing = staging.landing_index(call.parts, index)
    row, files = staging.look(call.parts, landing, session, call.actor, call.deadline)
    status = row.status
    if status == PUBLISHED and not held(lambda: is_published(row.serial), call.parts.clock, call.deadline):
        status = PROCESSING
    return {
        **_summary(call.parts, row, status),
        "notices": row.notices,
        "serial": row.serial,
        "files": [_file(file) for file in files],
        "links": _links(call.parts, landing, row),
    }


def cancel_session(call: Call, index: str, session: str) -> dict[str, Any]:
    """Give a session up with all its files; a name it reserved is free again."""
    landing = staging.landing_index(call.parts, index)
    staging.cancel(call.parts, landing, session, call.actor, call.deadline)
    return show_session(call, index, session)


def extend_session(call: Call, index: str, session: str) -> dict[str, Any]:
    """Let a session live longer; the answer has the true `expires_at`, whatever was asked for."""
    landing = staging.landing_index(call.parts, index)
    staging.extend(call.parts, landing, session, call.whole("seconds"), call.actor, call.deadline)
    return show_session(call, index, session)


def stage_file(call: Call, index: str, session: str) -> dict[str, Any]:
    """Stage one file, sent as an upload's form; one that is there with the same bytes is fine."""
    landing = staging.landing_index(call.parts, index)
    order = call.spool, call.content_type, call.actor, call.deadline
    done = staging.stage_file(call.parts, landing, session, *order)
    return {"filename": done.filename, "existing": done.existing, "notes": list(done.notes)}


def unstage_file(call: Call, index: str, session: str, filename: str) -> dict[str, Any]:
    """Take a file out of a session."""
    landing = staging.landing_index(call.parts, index)
    staging.unstage_file(call.parts, landing, session, filename, call.actor, call.deadline)
    return {}


def publish_session(call: Call, index: str, session: str) -> dict[str, Any]:
    """Publish all files of a session at once, or none.

    Repeating it is fine: what was published answers as published.
    """
    dry_run, landing = call.flag("dry_run"), staging.landing_index(call.parts, index)
    done = staging.publish(call.parts, landing, session, call.actor, dry_run=dry_run, deadline=call.deadline)
    return {
        "dry_run": dry_run,
        "serial": done.serial,
        "files": [
            {"filename": file.filename, "sha256": file.sha256, "size": file.size, "existing": file.existing}
            for file in done.files
        ],
    }


def _newest(live: QuerySet[StagingSession]) -> QuerySet[StagingSession]:
    return live.order_by("-created", "pk")[:LISTED_MAX]


def _may_see(call: Call, session: StagingSession) -> bool:
    project = Project.objects.filter(index=session.index, name=session.name).first()
    try:
        require_uploader(call.actor, session.index, session.name, project)
    except Refused:
        return False
    return True


def _summary(parts: Parts, session: StagingSession, status: str) -> dict[str, Any]:
    return {
        "session": session.pk,
        "index": session.index,
        "name": session.name,
        "version": session.version,
        "status": status,
        "created": format_time(session.created),
        "expires_at": format_time(session.expires),
        "url": _url(parts, session.index, session.pk),
    }


def _file(file: StagedFile) -> dict[str, Any]:
    return {
        "filename": file.filename,
        "size": file.size,
        "sha256": file.sha256,
        "staged": format_time(file.staged),
        "status": "completed",  # PEP 694; a file is checked before it has a row, so there is no other
    }


def _links(parts: Parts, index: IndexConfig, session: StagingSession) -> dict[str, str]:
    url = _url(parts, index.name, session.pk)
    links = {"session": url}
    if session.is_live:
        preview = f"{parts.config.index_url(index.name)}/{SEGMENT}/{session.preview_token}/simple/"
        links |= {"files": f"{url}/files", "publish": f"{url}/publish", "extend": f"{url}/extend", "preview": preview}
    return links


def _url(parts: Parts, index: str, session: str) -> str:
    return f"{parts.config.base_url}/api/sessions/{index}/{session}"
