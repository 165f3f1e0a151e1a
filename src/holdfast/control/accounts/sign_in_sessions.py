"""Where somebody is signed in with a browser, and ending that. Publishing sessions are another thing (staging/)."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from holdfast.clock import Clock
from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import Session, User
from holdfast.control.database import database_guard
from holdfast.control.projects.rights import require
from holdfast.control.publication.transaction import Publication, held, unpublished_transaction
from holdfast.control.web.agents import browser_name
from holdfast.core.errors import Absent


@dataclass(frozen=True, slots=True)
class SignInSession:
    """One session as its person sees it. `id` is the digest of what its cookie holds, and opens nothing."""

    id: str
    browser: str
    agent: str
    address: str  # "" where it is not known
    begun: datetime | None
    seen: datetime
    current: bool  # it is the one that asks; a token is none


def list_own_sessions(actor: Actor, clock: Clock, current: str = "") -> list[SignInSession]:
    """One's own, the one used last first. `current`: the id of the one that asks. Raises Refused."""
    require(actor, rights.LIST_OWN_SIGN_IN_SESSIONS)
    return _listed(actor.user, clock, current)


def list_sessions_of(name: str, actor: Actor, clock: Clock) -> list[SignInSession]:
    """Somebody's, at the machine. Raises Absent, Refused."""
    require(actor, rights.LIST_SIGN_IN_SESSIONS)
    with database_guard():
        _find(name)
    return _listed(name, clock, "")


@held
def end_own_session(publisher: Publication, number: str, actor: Actor, *, deadline: float) -> None:
    """End one of one's own, by its id. Raises Absent, for other people's too."""
    with unpublished_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.END_OWN_SIGN_IN_SESSION)
        if not _of(actor.user).filter(session_key=number).delete()[0]:
            raise Absent("there is no such session of yours; it may have ended already")
        tx.audit("end-session", actor.user)


@held
def end_own_other_sessions(publisher: Publication, current: str, actor: Actor, *, deadline: float) -> int:
    """End all of one's own but the one that asks; how many there were. With a token, which is none, all of them."""
    with unpublished_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.END_OWN_SIGN_IN_SESSION)
        ended: int = _of(actor.user).exclude(session_key=current).delete()[0]
        tx.audit("end-sessions", actor.user, count=ended)
    return ended


@held
def end_sessions_of(publisher: Publication, name: str, actor: Actor, *, deadline: float, number: str = "") -> int:
    """End all sessions of somebody else, or one; how many there were. Raises Absent, for an id that they have not too.

    Nothing else about the account changes: whoever has its password signs in again.
    """
    with unpublished_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.END_SIGN_IN_SESSIONS)
        tx.lock(f"user:{name}")
        _find(name)
        rows = _of(name).filter(session_key=number) if number else _of(name)
        ended: int = rows.delete()[0]
        if number and not ended:
            raise Absent(f"there is no such session of {name!r}; it may have ended already")
        tx.audit("end-session" if number else "end-sessions", name, count=ended)
    return ended


def _listed(name: str, clock: Clock, current: str) -> list[SignInSession]:
    with database_guard():
        rows = list(_of(name).filter(expire_date__gt=clock.now()).order_by("-seen", "session_key"))
    return [
        SignInSession(
            row.session_key,
            browser_name(row.agent),
            row.agent,
            row.address,
            row.begun,
            row.seen,
            row.session_key == current,
        )
        for row in rows
    ]


def _of(name: str) -> QuerySet[Session]:
    return Session.objects.filter(user__username=name)


def _find(name: str) -> None:
    if not User.objects.filter(username=name).exists():
        raise Absent(f"there is no account {name!r}")
