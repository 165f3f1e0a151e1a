"""Actions on the files of a session: one in, one out. The bytes are durable before a row names them.

A staged filename binds nothing: an upload of that name meanwhile wins, and is a conflict when the session is published.
"""

from types import MappingProxyType

from django.db.models import Sum
from packaging.version import Version

from holdfast.control.accounts.actor import Actor
from holdfast.control.database import database_guard
from holdfast.control.projects import intents
from holdfast.control.projects.models import Removal
from holdfast.control.projects.publishing import NewFile, known_file
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.publication.transaction import Publication, held, write_transaction
from holdfast.control.retention.quotas import Sighting, lock_bounds, require_room
from holdfast.control.staging.models import LIVE, OPEN, StagedFile, StagingSession
from holdfast.control.staging.referenced import DIGEST_COLUMNS
from holdfast.control.staging.sessions import changed, live_session
from holdfast.core.errors import Absent, Conflict
from holdfast.core.names import normalize
from holdfast.core.release_rules import NO_RULES, ReleaseRules

FILES_MAX = 1000  # of a session; the widest releases known have some two hundred wheels


@held
def add_staged_file(
    publisher: Publication,
    index: str,
    session_id: str,
    new: NewFile,
    actor: Actor,
    *,
    deadline: float,
    rules: ReleaseRules = NO_RULES,
) -> bool:
    """Add a file to an open session; True when it was there with the same bytes. An earlier refusal is forgotten.

    What waits counts towards quotas, so that they bound what the store keeps. Raises NotAccepted, Removed and
    Refused as an upload does, Absent, Conflict.
    """
    with write_transaction(publisher, actor, deadline) as tx:
        tx.lock_shared("removal")
        session = live_session(tx, index, session_id)
        require_same_release(session, normalize(new.project), new.version)
        known_file(index, session.name, new)
        there = session.files.filter(filename=new.filename).first()
        if there is not None and there.sha256 == new.sha256:
            return True
        if there is not None:
            raise Conflict(f"{new.filename} is in this session with other bytes; remove that one first")
        if session.files.count() >= FILES_MAX:
            raise NotAccepted(f"this session has {FILES_MAX} files already, the most that one may have")
        lock_bounds(tx, index)
        require_room(index, session.name, new.size, rules.project_bytes_max, waiting_bytes, new.seen)
        StagedFile.objects.create(
            session=session,
            filename=new.filename,
            display=new.project,
            version=new.version,
            sha256=new.sha256,
            size=new.size,
            packagetype=new.packagetype,
            python_version=new.python_version,
            requires_python=new.requires_python,
            metadata_sha256=new.metadata_sha256,
            provenance_sha256=new.provenance_sha256,
            md5=new.md5,
            blake2b_256=new.blake2b_256,
            staged=tx.now,
        )
        intents.fulfil(new.intents)
        _reopen(session)
        tx.audit("stage-file", f"{index}/{session.name}/{new.filename}", session=session.pk, sha256=new.sha256)
    return False


@held
def remove_staged_file(
    publisher: Publication, index: str, session_id: str, filename: str, actor: Actor, *, deadline: float
) -> None:
    """Take a file out of an open session. Raises Absent, Conflict, Refused."""
    with write_transaction(publisher, actor, deadline) as tx:
        session = live_session(tx, index, session_id)
        row = session.files.filter(filename=filename).first()
        if row is None:
            raise Absent(f"this session has no file {filename!r}")
        intents.leave_behind([getattr(row, column) for column in DIGEST_COLUMNS], tx.now)
        row.delete()
        _reopen(session)
        tx.audit("unstage-file", f"{index}/{session.name}/{filename}", session=session.pk)


def require_same_release(session: StagingSession, name: str, version: str) -> None:
    """Raises NotAccepted for a file of another project or version than the session's."""
    if name != session.name or Version(version) != Version(session.version):
        raise NotAccepted(
            f"this session is for {session.name} {session.version}, the file is of {name} {version}; open another"
            " session for it"
        )


def waiting_bytes(index: str, name: str = "") -> int:
    """Bytes of files in live sessions of an index, or of one project in it."""
    files = StagedFile.objects.filter(session__index=index, session__status__in=LIVE)
    if name:
        files = files.filter(session__name=name)
    return int(files.aggregate(total=Sum("size"))["total"] or 0)


def new_file_of(row: StagedFile, seen: Sighting = MappingProxyType({})) -> NewFile:
    """The file as an upload would have brought it. `seen`: what its places held before the transaction."""
    return NewFile(
        project=row.display,
        version=row.version,
        filename=row.filename,
        sha256=row.sha256,
        size=row.size,
        packagetype=row.packagetype,
        python_version=row.python_version,
        requires_python=row.requires_python,
        metadata_sha256=row.metadata_sha256,
        provenance_sha256=row.provenance_sha256,
        md5=row.md5,
        blake2b_256=row.blake2b_256,
        seen=seen,
    )


def is_taken_down(row: StagedFile) -> bool:
    """True when bytes of the file were removed for good. Raises DatabaseUnavailable."""
    with database_guard():
        return Removal.objects.filter(sha256__in=[getattr(row, column) for column in DIGEST_COLUMNS]).exists()


def _reopen(session: StagingSession) -> None:
    session.status, session.notices = OPEN, []
    changed(session, "status", "notices")
