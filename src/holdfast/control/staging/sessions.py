"""Actions on publishing sessions: open, extend, cancel, and the end that comes by itself. One transaction each.

None of them publishes anything, so none has a serial. Rights are those of an upload to the project, checked each time
for whoever asks: a session belongs to its project's people, not to the token that opened it.
"""

import secrets
from datetime import timedelta

from packaging.utils import canonicalize_version

from holdfast.clock import Clock
from holdfast.control.accounts.actor import Actor, operator
from holdfast.control.database import database_guard
from holdfast.control.projects import intents
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import NotAccepted, require_uploader
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.control.staging.models import CANCELED, LIVE, StagedFile, StagingSession
from holdfast.control.staging.referenced import DIGEST_COLUMNS
from holdfast.core import preview_token
from holdfast.core.errors import Absent, Conflict

SESSION_SECONDS = 7 * 86_400  # PEP 694 advises a week: a release that waits for a review outlives a weekend
SESSION_SECONDS_MAX = 30 * 86_400  # what an extension gives at most, from now: a reserved name must come free some day
ENDED_SECONDS = 7 * 86_400  # how long a session's fate can be looked up after its end
LIVE_MAX = 200  # sessions a person or a publisher's identity may have open: each may reserve a name
SWEEP_SECONDS = 5.0  # how long the sweep of one session waits for the write lock


class SessionOpen(Conflict):
    """Somebody's session for that very release is open: `session` is its id, `location` its URL where that is known."""

    def __init__(self, reason: str, session: str, location: str = "") -> None:
        super().__init__(reason)
        self.session = session
        self.location = location


@held
def open_session(
    publisher: Publication, index: str, name: str, display: str, version: str, actor: Actor, *, deadline: float
) -> str:
    """Open a session for a release and answer its id; a name that is new is reserved with it.

    Raises SessionOpen, Refused, NotAccepted, Unavailable; then nothing changed.
    """
    version_key = release_key(version)
    with write_transaction(publisher, actor, deadline) as tx:
        tx.lock(f"{index}/{name}")
        require_uploader(actor, index, name, Project.objects.filter(index=index, name=name).first())
        known = StagingSession.objects.filter(index=index, name=name, version_key=version_key, status__in=LIVE).first()
        if known is not None and known.expires > tx.now:
            raise SessionOpen(f"a session for {name} {version} in index {index} is open already", known.pk)
        if known is not None:
            give_up(tx, known)
        if StagingSession.objects.filter(creator=actor.who, status__in=LIVE).count() >= LIVE_MAX:
            raise NotAccepted(f"{actor.who!r} has {LIVE_MAX} sessions open; publish or cancel some first")
        session = StagingSession.objects.create(
            id=secrets.token_hex(8),
            index=index,
            name=name,
            display=display,
            version=version,
            version_key=version_key,
            creator=actor.who,
            preview_token=preview_token.mint(),
            created=tx.now,
            expires=tx.now + timedelta(seconds=SESSION_SECONDS),
        )
        tx.audit("open-session", f"{index}/{name}/{version}", session=session.pk)
    return session.pk


@held
def extend_session(
    publisher: Publication, index: str, session_id: str, seconds: int, actor: Actor, *, deadline: float
) -> None:
    """Let a session live that long from now, as far as that is allowed; never shorter than it would have."""
    with write_transaction(publisher, actor, deadline) as tx:
        session = live_session(tx, index, session_id)
        wanted = tx.now + timedelta(seconds=min(max(seconds, 0), SESSION_SECONDS_MAX))
        if wanted > session.expires:
            session.expires = wanted
            changed(session, "expires")
            tx.audit("extend-session", f"{index}/{session.name}/{session.version}", session=session.pk)


@held
def cancel_session(publisher: Publication, index: str, session_id: str, actor: Actor, *, deadline: float) -> None:
    """Give a session up: its files, its preview and the name it reserved go. One that was canceled stays so."""
    with write_transaction(publisher, actor, deadline) as tx:
        session = locked_session(tx, index, session_id)
        if session.status == CANCELED:
            return
        if session.status not in LIVE:
            raise Conflict("a release that was published stays so; delete or yank it instead")
        give_up(tx, session)
        tx.audit("cancel-session", f"{index}/{session.name}/{session.version}", session=session.pk)


def end_sessions(tx: WriteTransaction, project: Project) -> None:
    """A project changes hands: what the hands before had under way goes, and the preview they know the address of."""
    for session in StagingSession.objects.filter(index=project.index, name=project.name, status__in=LIVE):
        give_up(tx, session)
        tx.audit("cancel-session", f"{project.index}/{session.name}/{session.version}", session=session.pk)


def expire_sessions(publisher: Publication, clock: Clock) -> int:
    """Cancel what was not published in time and forget what ended long ago; answers how many. Raises Unavailable."""
    with database_guard():
        due = list(StagingSession.objects.filter(status__in=LIVE, expires__lte=clock.now()).values_list("pk", "index"))
        old = StagingSession.objects.filter(ended__lt=clock.now() - timedelta(seconds=ENDED_SECONDS))
        is_old = old.exists()
    for pk, index in due:
        with write_transaction(publisher, operator("work"), clock.monotonic() + SWEEP_SECONDS) as tx:
            session = locked_session(tx, index, pk)
            if session.status in LIVE and session.expires <= tx.now:
                give_up(tx, session)
                tx.audit("expire-session", f"{index}/{session.name}/{session.version}", session=pk)
    if is_old:
        with write_transaction(publisher, operator("work"), clock.monotonic() + SWEEP_SECONDS):
            old.delete()
    return len(due)


def locked_session(tx: WriteTransaction, index: str, session_id: str) -> StagingSession:
    """The session, live or not, with nobody else at work on its project, for an actor who may upload to that.

    Whoever may not is told nothing of it but that. Raises Absent, Refused.
    """
    tx.lock(f"{index}/{find_session(index, session_id).name}")
    session = find_session(index, session_id)
    require_uploader(tx.actor, index, session.name, Project.objects.filter(index=index, name=session.name).first())
    return session


def live_session(tx: WriteTransaction, index: str, session_id: str) -> StagingSession:
    """As `locked_session`, still open. Raises Conflict for one that is over."""
    session = locked_session(tx, index, session_id)
    if session.status not in LIVE:
        raise Conflict(f"this session is over: it was {session.status}")
    if session.expires <= tx.now:
        raise Conflict("this session is over: it has expired")
    return session


def release_key(version: str) -> str:
    """What versions of one release have in common, however many zeros they end in."""
    return canonicalize_version(version)


def find_session(index: str, session_id: str) -> StagingSession:
    """The session by its address. Raises Absent."""
    session = StagingSession.objects.filter(pk=session_id, index=index).first()
    if session is None:
        raise Absent(f"index {index!r} has no such session; one that ended is forgotten after a week")
    return session


def changed(session: StagingSession, *fields: str) -> None:
    """Save these fields, and have the preview written anew."""
    session.revision += 1
    session.save(update_fields=[*fields, "revision"])


def give_up(tx: WriteTransaction, session: StagingSession) -> None:
    """End a session with nothing left of it: the sweep takes bytes that nothing else needs."""
    rows = StagedFile.objects.filter(session=session)
    intents.leave_behind([digest for row in rows.values_list(*DIGEST_COLUMNS) for digest in row], tx.now)
    rows.delete()
    session.status, session.ended, session.notices = CANCELED, tx.now, []
    changed(session, "status", "ended", "notices")
