"""Publishing a session: every filename bound and every file listed in one transaction under one serial, or nothing.

The database's own commit is what makes it all or nothing, and the journal tells readers of the one serial at once: no
reader sees some of the files. A filename that was bound to other bytes meanwhile refuses all, and each such is named.
"""

from dataclasses import dataclass

from holdfast.control.accounts.actor import Actor
from holdfast.control.database import database_guard
from holdfast.control.projects import intents
from holdfast.control.projects.models import Project
from holdfast.control.projects.publishing import add_file, known_file, project_for_upload, release_for_upload
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.control.retention.quotas import Sighting, look
from holdfast.control.staging.files import new_file_of
from holdfast.control.staging.models import ERROR, PUBLISHED, StagedFile, StagingSession
from holdfast.control.staging.referenced import DIGEST_COLUMNS
from holdfast.control.staging.sessions import changed, find_session, live_session, locked_session
from holdfast.core.errors import Conflict, Removed, Unavailable
from holdfast.core.release_rules import NO_RULES, ReleaseRules

NO_FILES = "this session has no files; stage some, or cancel it"


class FilesInTheWay(Conflict):
    """Some files cannot be published: (filename, why) of each. Nothing was."""

    def __init__(self, problems: tuple[tuple[str, str], ...]) -> None:
        super().__init__("nothing was published: " + " ".join(said for _, said in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of the release. `existing`: the index listed the same bytes already."""

    filename: str
    sha256: str
    size: int  # bytes
    existing: bool


@dataclass(frozen=True, slots=True)
class PublishedSession:
    """What was, or in a dry run would be, published; `serial` is 0 after a dry run."""

    files: tuple[PublishedFile, ...]
    serial: int = 0


@held
def publish_session(
    publisher: Publication,
    index: str,
    session_id: str,
    actor: Actor,
    *,
    dry_run: bool = False,
    deadline: float,
    rules: ReleaseRules = NO_RULES,
) -> PublishedSession:
    """List every file of the session at once. One that was published already answers as it did.

    Raises FilesInTheWay, Conflict, Refused, Absent, Unavailable, and then nothing changed; NotYetPublished.
    """
    seen = _look(index, session_id, rules)
    with write_transaction(publisher, actor, deadline) as tx:
        tx.lock_shared("removal")
        session, rows = _locked_files(tx, index, session_id)
        if session.status == PUBLISHED:
            tx.await_serial = session.serial
            return PublishedSession(tuple(_published(row, True) for row in rows), session.serial)
        live_session(tx, index, session_id)
        files = _compare(index, session.name, rows)
        if not dry_run:
            _list(tx, session, rows, files, rules, seen)
    return PublishedSession(files, tx.serial or tx.await_serial)


@held
def note_refusal(
    publisher: Publication, index: str, session_id: str, notices: tuple[str, ...], actor: Actor, *, deadline: float
) -> None:
    """Write down why publishing was refused: the session is in error, and open to changes."""
    with write_transaction(publisher, actor, deadline) as tx:
        session = live_session(tx, index, session_id)
        session.status, session.notices = ERROR, list(notices)
        session.save(update_fields=["status", "notices"])


def _look(index: str, session_id: str, rules: ReleaseRules) -> Sighting:
    """What the places hold, once for all files of the session. Raises Absent."""
    with database_guard():
        name = find_session(index, session_id).name
    return look(index, name, rules.project_bytes_max)


def _locked_files(tx: WriteTransaction, index: str, session_id: str) -> tuple[StagingSession, list[StagedFile]]:
    """The session and its files, with nobody else at work on it, its project or its filenames.

    All locks are taken at once, in one order, so that no two transactions wait in a circle.
    """
    session = find_session(index, session_id)
    seen = _filenames(session)
    tx.lock(f"{index}/{session.name}", *(f"{index}//{filename}" for filename in seen))
    session = locked_session(tx, index, session_id)
    rows = list(session.files.order_by("filename"))
    if {row.filename for row in rows} != seen:
        raise Unavailable("the session is being changed; try again", retry_after_seconds=1)
    return session, rows


def _filenames(session: StagingSession) -> set[str]:
    return set(session.files.values_list("filename", flat=True))


def _compare(index: str, name: str, rows: list[StagedFile]) -> tuple[PublishedFile, ...]:
    """What is listed already. Raises FilesInTheWay with every file that cannot be, Conflict when there are none."""
    if not rows:
        raise Conflict(NO_FILES)
    files, problems = [], []
    for row in rows:
        try:
            files.append(_published(row, known_file(index, name, new_file_of(row)) is not None))
        except (NotAccepted, Removed) as error:
            said = error.reason if row.filename in error.reason else f"{row.filename}: {error.reason}"
            problems.append((row.filename, said))
    if problems:
        raise FilesInTheWay(tuple(problems))
    return tuple(files)


def _list(
    tx: WriteTransaction,
    session: StagingSession,
    rows: list[StagedFile],
    files: tuple[PublishedFile, ...],
    rules: ReleaseRules,
    seen: Sighting,
) -> None:
    new = [row for row, file in zip(rows, files, strict=True) if not file.existing]
    if new:
        project = project_for_upload(tx, session.index, session.name, rows[0].display, rules)
        release = release_for_upload(tx, project, rows[0].version)
        for row in new:
            add_file(tx, project, release, new_file_of(row, seen), rules=rules)
    else:
        project = Project.objects.get(index=session.index, name=session.name)
        tx.await_serial = project.last_serial
    session.status, session.ended, session.notices = PUBLISHED, tx.now, []
    session.serial = tx.await_serial
    changed(session, "status", "ended", "notices", "serial")
    tx.stamp(lambda serial: StagingSession.objects.filter(pk=session.pk).update(serial=serial))
    # Of a file that was there already, another provenance may have been staged: nothing needs that any more.
    intents.leave_behind([digest for row in rows if row not in new for digest in _digests(row)], tx.now)
    subject = f"{session.index}/{session.name}/{session.version}"
    tx.audit("publish-session", subject, session=session.pk, files=[row.filename for row in rows])


def _digests(row: StagedFile) -> list[str]:
    return [getattr(row, column) for column in DIGEST_COLUMNS]


def _published(row: StagedFile, existing: bool) -> PublishedFile:
    return PublishedFile(row.filename, row.sha256, row.size, existing)
