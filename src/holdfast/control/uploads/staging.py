"""Staged releases from request to rows: which index, whose rights, the rules of an upload, bytes, then the action.

After each change the session's preview is written anew. Whatever the wire looks like (the management API now, PEP
694's later), it comes through here.
"""

from dataclasses import dataclass

import structlog

from holdfast.config import IndexConfig
from holdfast.control.accounts.actor import Actor
from holdfast.control.database import database_guard
from holdfast.control.parts import Parts
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import require_uploader
from holdfast.control.publication.transaction import NotYetPublished
from holdfast.control.staging import files, publishing, sessions
from holdfast.control.staging.models import StagedFile, StagingSession
from holdfast.control.staging.preview import try_to_show
from holdfast.control.staging.publishing import FilesInTheWay, PublishedSession
from holdfast.control.uploads.hold import held
from holdfast.control.uploads.multipart import Form
from holdfast.control.uploads.names import upload_index
from holdfast.control.uploads.new_projects import GiveBack, count_new_project
from holdfast.control.uploads.rules import PROFILES
from holdfast.control.uploads.taking import (
    Rejected,
    examine_form,
    read_spooled_form,
    require_usable_name,
    store_and,
)
from holdfast.core.errors import Absent, Conflict, Outcome, Unavailable
from holdfast.core.filenames import normalized_version
from holdfast.core.names import is_project_name, normalize
from holdfast.core.upload_problems import Problem, problem
from holdfast.tree import addresses

log = structlog.get_logger()


def landing_index(parts: Parts, name: str) -> IndexConfig:
    """The index that takes what is staged for index `name`. Raises Absent."""
    asked = parts.config.index(name)
    if asked is None:
        raise Absent(f"there is no index {name}")
    return upload_index(parts.config, asked)


def open_release(parts: Parts, index: IndexConfig, display: str, version: str, actor: Actor, deadline: float) -> str:
    """Open a session and answer its id. `version` is normalised. Raises Rejected, SessionOpen, any Outcome."""
    name = normalize(display)
    require_usable_name(parts, index, name, actor, deadline)
    opened = sessions.open_session(parts.publisher, index.name, name, display, version, actor, deadline=deadline)
    try_to_show(parts.store, opened, parts.clock)
    log.info("opened a session for %s %s", name, version, index=index.name, session=opened)
    return opened


def look(
    parts: Parts, index: IndexConfig, session_id: str, actor: Actor, deadline: float
) -> tuple[StagingSession, list[StagedFile]]:
    """The session and its files, for whoever may upload to the project. Raises Absent, Refused, Unavailable."""

    def found() -> tuple[StagingSession, list[StagedFile]]:
        with database_guard():
            session = sessions.find_session(index.name, session_id)
            project = Project.objects.filter(index=index.name, name=session.name).first()
            require_uploader(actor, index.name, session.name, project)
            return session, list(session.files.order_by("filename"))

    return held(found, parts.clock, deadline)


@dataclass(frozen=True, slots=True)
class Staged:
    """A file in a session. `existing`: it was there with these bytes. `notes` are sentences for the uploader."""

    filename: str
    existing: bool
    notes: tuple[str, ...]


def stage_file(
    parts: Parts, index: IndexConfig, session_id: str, spool: str, content_type: str, actor: Actor, deadline: float
) -> Staged:
    """Take one file in by an upload's form.

    Raises Rejected with all problems, Conflict, any Outcome; then nothing was staged.
    """
    session, _ = look(parts, index, session_id, actor, deadline)
    if not session.is_live:
        raise Conflict(f"this session is over: it was {session.status}")
    form = read_spooled_form(parts, spool, content_type)
    try:
        return _stage_form(parts, index, session, form, actor, deadline)
    finally:
        if form.content is not None:
            form.content.path.unlink(missing_ok=True)


def _stage_form(
    parts: Parts, index: IndexConfig, session: StagingSession, form: Form, actor: Actor, deadline: float
) -> Staged:
    strays = _strays(session, form)
    try:
        taken = examine_form(parts, index, actor, form, {}, deadline)
    except Rejected as error:
        raise Rejected((*error.problems, *strays)) from error
    if strays:
        raise Rejected(strays)
    order, rules = (parts.publisher, index.name, session.pk), PROFILES[index.rules].release
    existing = store_and(
        parts,
        index,
        taken,
        lambda new, deadline: files.add_staged_file(*order, new, actor, deadline=deadline, rules=rules),
    )
    if not existing:
        try_to_show(parts.store, session.pk, parts.clock)
    return Staged(taken.upload.distribution.filename, existing, (*taken.upload.warnings, *taken.notes))


def _strays(session: StagingSession, form: Form) -> tuple[Problem, ...]:
    """What the form says of another release. What it leaves out, the file itself is asked."""
    name, version, found = form.one("name"), form.one("version"), []
    step = "Open another session for that release."
    if is_project_name(name) and normalize(name) != session.name:
        found.append(problem("name", name, f"is not this session's project, {session.name}", step))
    if version and normalized_version(version) != session.version:
        key = normalized_version(version)
        if not key or sessions.release_key(key) != session.version_key:
            found.append(problem("version", version, f"is not this session's version, {session.version}", step))
    return tuple(found)


def unstage_file(
    parts: Parts, index: IndexConfig, session_id: str, filename: str, actor: Actor, deadline: float
) -> None:
    """Take a file out. Raises Absent, Conflict, Refused, Unavailable."""
    files.remove_staged_file(parts.publisher, index.name, session_id, filename, actor, deadline=deadline)
    try_to_show(parts.store, session_id, parts.clock)


def extend(parts: Parts, index: IndexConfig, session_id: str, seconds: int, actor: Actor, deadline: float) -> None:
    """Let the session live longer. Raises Absent, Conflict, Refused, Unavailable."""
    sessions.extend_session(parts.publisher, index.name, session_id, seconds, actor, deadline=deadline)
    try_to_show(parts.store, session_id, parts.clock)


def cancel(parts: Parts, index: IndexConfig, session_id: str, actor: Actor, deadline: float) -> None:
    """Give the session up. Raises Absent, Conflict, Refused, Unavailable."""
    sessions.cancel_session(parts.publisher, index.name, session_id, actor, deadline=deadline)
    try_to_show(parts.store, session_id, parts.clock)


def publish(
    parts: Parts, index: IndexConfig, session_id: str, actor: Actor, *, dry_run: bool, deadline: float
) -> PublishedSession:
    """Publish every file, or none. Raises FilesInTheWay, Rejected, any Outcome, NotYetPublished (it is committed)."""
    session, rows = look(parts, index, session_id, actor, deadline)
    give_back: GiveBack | None = None
    if session.is_live:  # the name may have been taken since, here or in a layer below
        require_usable_name(parts, index, session.name, actor, deadline)
        _require_bytes(parts, rows, deadline)
        if not dry_run:
            give_back = count_new_project(parts.clock, index, session.name, actor, "", deadline)
    order = parts.publisher, index.name, session_id
    try:
        done = publishing.publish_session(
            *order, actor, dry_run=dry_run, deadline=deadline, rules=PROFILES[index.rules].release
        )
    except NotYetPublished:
        raise  # it is committed
    except Outcome as error:
        if give_back is not None:
            give_back()
        if isinstance(error, FilesInTheWay) and not dry_run:
            _note(parts, index, session_id, error, actor, deadline)
        raise
    finally:
        if not dry_run:
            try_to_show(parts.store, session_id, parts.clock)
    log.info("published %s %s", session.name, session.version, index=index.name, serial=done.serial, dry_run=dry_run)
    return done


def _note(
    parts: Parts, index: IndexConfig, session_id: str, error: FilesInTheWay, actor: Actor, deadline: float
) -> None:
    notices = tuple(said for _, said in error.problems)
    try:
        publishing.note_refusal(parts.publisher, index.name, session_id, notices, actor, deadline=deadline)
    except Outcome as trouble:
        log.info("the refusal of session %s was not noted: %s", session_id, trouble.reason)


def _require_bytes(parts: Parts, rows: list[StagedFile], deadline: float) -> None:
    """Bytes before facts: nothing is listed that the store has lost, unless it was taken down. Raises Unavailable."""
    for row in rows:
        for digest in filter(None, (row.sha256, row.metadata_sha256, row.provenance_sha256)):
            key = addresses.blob(digest)
            try:
                held(lambda key=key: parts.store.head(key), parts.clock, deadline)  # type: ignore[misc]
            except Absent:
                if files.is_taken_down(row):
                    break  # the action refuses it, with the reason
                raise Unavailable(
                    f"the staged bytes of {row.filename} are missing from the store; remove the file from the session"
                    " and stage it again",
                    retry_after_seconds=60,
                ) from None
