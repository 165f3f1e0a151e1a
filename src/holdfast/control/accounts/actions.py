"""Making, finding and revoking tokens. The journal tells readers, so that fronts check reads without the database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from holdfast.clock import Clock
from holdfast.control import rights
from holdfast.control.accounts.actor import ACTIONS, PROJECT_ACTIONS, Actor, Scopes
from holdfast.control.accounts.models import Token, User
from holdfast.control.database import database_guard
from holdfast.control.prepared import Prepared
from holdfast.control.projects.rights import require
from holdfast.control.publication.changes import token_issued, token_revoked
from holdfast.control.publication.transaction import (
    NotYetPublished,
    Publication,
    WriteTransaction,
    held,
    write_transaction,
)
from holdfast.control.publishers.tokens import publisher_actor
from holdfast.control.tokens.models import TokenNote
from holdfast.core import tokens
from holdfast.core.errors import Absent


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made. `text` is shown once and stored nowhere."""

    text: str = field(repr=False)
    id: str
    serial: int


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What is known of a token, without anything that could stand for it."""

    id: str
    name: str
    user: str
    scopes: Scopes
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    last_used: datetime | None = None  # by control; reads through fronts are not seen
    own: bool = False  # made by its person, within their rights


_NOBODYS = "0" * 64  # what an unknown token's digest is compared with
_SCOPE_COLUMNS = ("reads", "upload_indexes", "upload_projects", "create_projects", "admin")

# By the digest, not by the id in the token: an id that there is finds as little as one that there is not.
_in_force = Prepared(
    lambda digest: Token.objects.filter(digest=digest, revoked=None, user__is_active=True).values_list(
        "digest", "user__username", "expires", *_SCOPE_COLUMNS, "note__actions"
    )
)


@held
def create_token(
    publisher: Publication,
    name: str,
    user: str,
    scopes: Scopes,
    expires: datetime | None,
    actor: Actor,
    *,
    deadline: float,
) -> NewToken:
    """Make a token for a user, who is created when unknown. Needs the admin right.

    A token whose publication waits is answered all the same: it is in force for uploads, and its text is nowhere else.
    """
    minted = tokens.mint()
    try:
        serial = _make_any_token(publisher, minted, name, user, scopes, expires, actor, deadline)
    except NotYetPublished as late:
        serial = late.serial
    return NewToken(minted.text, minted.id, serial)


def _make_any_token(
    publisher: Publication,
    minted: tokens.MintedToken,
    name: str,
    user: str,
    scopes: Scopes,
    expires: datetime | None,
    actor: Actor,
    deadline: float,
) -> int:
    with write_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.MAKE_ANY_TOKEN)
        tx.demand_on("token-creation")
        tx.lock(f"user:{user}")
        insert_token(tx, minted, name, user, scopes, expires)
    return tx.serial


def insert_token(
    tx: WriteTransaction,
    minted: tokens.MintedToken,
    name: str,
    user: str,
    scopes: Scopes,
    expires: datetime | None,
    *,
    own: bool = False,
) -> Token:
    """The rows of a new token, and what readers are told of it. The caller has checked the right to make it."""
    person, _ = User.objects.get_or_create(username=user)
    row = Token.objects.create(
        id=minted.id,
        digest=minted.digest,
        name=name,
        user=person,
        reads=list(scopes.read),
        upload_indexes=list(scopes.upload),
        upload_projects=list(scopes.upload_projects),
        create_projects=scopes.create_projects,
        admin=scopes.admin,
        created=tx.now,
        expires=expires,
    )
    if own or scopes.actions != (ACTIONS if scopes.admin else PROJECT_ACTIONS):
        TokenNote.objects.create(token=row, actions=list(scopes.actions), own=own)
    tx.tell(token_issued(minted.id))
    tx.audit("create-token", minted.id, name=name, user=user)
    return row


@held
def revoke_token(publisher: Publication, token: str, actor: Actor, *, deadline: float) -> int:
    """End a token, by its id or its name. Revoking a revoked one changes nothing. Raises Absent."""
    with write_transaction(publisher, actor, deadline, moderates=True) as tx:
        require(actor, rights.END_ANY_TOKEN)
        found = list(Token.objects.filter(id=token)) or list(Token.objects.filter(name=token, revoked=None))
        if not found:
            raise Absent(f"no token with the id or name {token!r}")
        for row in found:
            if row.revoked is None:
                row.revoked = tx.now
                row.save(update_fields=["revoked"])
                tx.tell(token_revoked(row.id))
                tx.audit("revoke-token", row.id, name=row.name)
    return tx.serial


def list_tokens() -> list[TokenFacts]:
    """Every token, oldest first. Raises DatabaseUnavailable."""
    with database_guard():
        return [facts_of(row) for row in Token.objects.select_related("user", "note").order_by("created", "id")]


def authenticate(token_text: str, clock: Clock, address: str = "") -> Actor | None:
    """Who a token stands for; None when it is malformed, unknown, revoked or expired. Raises DatabaseUnavailable."""
    parsed = tokens.parse(token_text)
    if parsed is None:
        return None
    with database_guard():
        # What is not known costs the same, whatever is wrong: a comparison, and a look among publishers' tokens.
        found = _in_force.first_that(lambda known: tokens.same_digest(known or _NOBODYS, parsed.digest), parsed.digest)
        if found is None:
            return publisher_actor(parsed, clock.now(), address)
    _digest, user, expires, *scopes = found
    if expires is not None and expires <= clock.now():
        return None
    return Actor(user, _scopes(*scopes), parsed.id, address)


def facts_of(row: Token) -> TokenFacts:
    """What may be told of a token, read with its note."""
    note = _note(row)
    return TokenFacts(
        row.id,
        row.name,
        row.user.username,
        _scopes(
            row.reads,
            row.upload_indexes,
            row.upload_projects,
            row.create_projects,
            row.admin,
            note.actions if note else None,
        ),
        row.created,
        row.expires,
        row.revoked,
        note.last_used if note else None,
        note is not None and note.own,
    )


def _scopes(
    reads: Sequence[str],
    upload_indexes: Sequence[str],
    upload_projects: Sequence[str],
    create_projects: bool,
    admin: bool,
    noted: Sequence[str] | None,
) -> Scopes:
    """From a token's columns, and the actions that its note narrows it to."""
    actions = ACTIONS if admin else PROJECT_ACTIONS
    if noted is not None:
        actions = tuple(action for action in ACTIONS if action in noted)
    return Scopes(tuple(reads), tuple(upload_indexes), tuple(upload_projects), create_projects, admin, actions)


def _note(row: Token) -> TokenNote | None:
    return row.note if hasattr(row, "note") else None
