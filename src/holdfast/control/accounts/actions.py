"""Making, finding and revoking tokens. The journal tells readers, so that fronts check reads without the database."""

from dataclasses import dataclass, field
from datetime import datetime

from holdfast.clock import Clock
from holdfast.control import rights
from holdfast.control.accounts.actor import Actor, Scopes
from holdfast.control.accounts.models import Token, User
from holdfast.control.database import database_guard
from holdfast.control.projects.rights import require
from holdfast.control.publication.changes import token_issued, token_revoked
from holdfast.control.publication.transaction import NotYetPublished, Publication, held, write_transaction
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
        serial = _insert_token(publisher, minted, name, user, scopes, expires, actor, deadline)
    except NotYetPublished as late:
        serial = late.serial
    return NewToken(minted.text, minted.id, serial)


def _insert_token(
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
        tx.lock(f"user:{user}")
        person, _ = User.objects.get_or_create(username=user)
        Token.objects.create(
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
        tx.tell(token_issued(minted.id))
        tx.audit("create-token", minted.id, name=name, user=user)
    return tx.serial


@held
def revoke_token(publisher: Publication, token: str, actor: Actor, *, deadline: float) -> int:
    """End a token, by its id or its name. Revoking a revoked one changes nothing. Raises Absent."""
    with write_transaction(publisher, actor, deadline) as tx:
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
        return [_facts(row) for row in Token.objects.select_related("user").order_by("created", "id")]


def authenticate(token_text: str, clock: Clock, address: str = "") -> Actor | None:
    """Who a token stands for; None when it is malformed, unknown, revoked or expired. Raises DatabaseUnavailable."""
    parsed = tokens.parse(token_text)
    if parsed is None:
        return None
    with database_guard():
        row = Token.objects.select_related("user").filter(id=parsed.id, revoked=None, user__is_active=True).first()
    if row is None or not tokens.same_digest(row.digest, parsed.digest):
        return None
    if row.expires is not None and row.expires <= clock.now():
        return None
    return Actor(row.user.username, _scopes(row), row.id, address)


def _facts(row: Token) -> TokenFacts:
    return TokenFacts(row.id, row.name, row.user.username, _scopes(row), row.created, row.expires, row.revoked)


def _scopes(row: Token) -> Scopes:
    return Scopes(
        read=tuple(row.reads),
        upload=tuple(row.upload_indexes),
        upload_projects=tuple(row.upload_projects),
        create_projects=row.create_projects,
        admin=row.admin,
    )
