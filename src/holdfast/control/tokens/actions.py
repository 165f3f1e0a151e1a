"""People's own tokens: made in person, within their rights; listed, revoked; and revoked when they leaked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.config import Config
from holdfast.control import rights
from holdfast.control.accounts.actions import NewToken, TokenFacts, facts_of, insert_token
from holdfast.control.accounts.actor import Actor, Scopes
from holdfast.control.accounts.models import Token
from holdfast.control.database import database_guard
from holdfast.control.notices import tell_all
from holdfast.control.projects.rights import NotAccepted, require
from holdfast.control.publication.changes import token_revoked
from holdfast.control.publication.transaction import (
    NotYetPublished,
    Publication,
    WriteTransaction,
    held,
    write_transaction,
)
from holdfast.control.publishers.models import PublisherToken
from holdfast.control.tokens.limits import require_within_rights
from holdfast.control.tokens.robots import owners_of, speaks_for, spoken_for
from holdfast.core import tokens
from holdfast.core.errors import Absent
from holdfast.core.model import format_time

TOKENS_MAX = 200  # in force of one person: a machine that makes one for each run should revoke them, too
LEAKED_MAX = 100  # texts in one report


@dataclass(frozen=True, slots=True)
class OwnToken:
    """What is asked for."""

    name: str
    user: str  # the actor, or a robot of theirs
    scopes: Scopes
    expires: datetime | None


@held
def make_own_token(
    publisher: Publication, config: Config, wanted: OwnToken, actor: Actor, *, deadline: float
) -> NewToken:
    """Make a token for oneself or for a robot of one's own, within the person's rights. It ends by itself."""
    minted = tokens.mint()
    try:
        with write_transaction(publisher, actor, deadline) as tx:
            require(actor, rights.MAKE_OWN_TOKEN)
            tx.demand_on("token-creation")
            if not speaks_for(actor, wanted.user):
                raise Absent(f"there is nobody called {wanted.user!r} whose tokens are yours to make")
            tx.lock(f"user:{wanted.user}")
            _require_end(config, wanted.expires, tx.now)
            require_within_rights(config, wanted.user, wanted.scopes)
            in_force = Token.objects.filter(user__username=wanted.user, revoked=None)
            if in_force.exclude(expires__lte=tx.now).count() >= TOKENS_MAX:
                raise NotAccepted(f"{wanted.user!r} has {TOKENS_MAX} tokens in force; revoke some first")
            insert_token(tx, minted, wanted.name, wanted.user, wanted.scopes, wanted.expires, own=True)
        serial = tx.serial
    except NotYetPublished as late:
        serial = late.serial
    return NewToken(minted.text, minted.id, serial)


def list_own_tokens(actor: Actor) -> list[TokenFacts]:
    """The tokens of the actor and of their robots, oldest first. Raises Refused, DatabaseUnavailable."""
    require(actor, rights.LIST_OWN_TOKENS)
    with database_guard():
        rows = Token.objects.filter(user__username__in=spoken_for(actor), user__is_active=True)
        return [facts_of(row) for row in rows.select_related("user", "note").order_by("created", "id")]


@held
def end_own_token(publisher: Publication, token: str, actor: Actor, *, deadline: float) -> int:
    """Revoke a token of one's own, by its id. Somebody else's is Absent."""
    with write_transaction(publisher, actor, deadline, moderates=True) as tx:
        require(actor, rights.END_OWN_TOKEN)
        row = Token.objects.select_related("user").filter(id=token).first()
        if row is None or not speaks_for(actor, row.user.username):
            raise Absent(f"you have no token with the id {token!r}")
        _revoke(tx, row, "revoke-token")
    return tx.serial


@held
def end_leaked_tokens(
    publisher: Publication, texts: Sequence[str], found_at: str, actor: Actor, *, deadline: float
) -> list[str]:
    """Revoke what somebody found lying about; returns the ids revoked, which the reporter is not told.

    Whoever shows a whole token could have used it: no more is asked. Texts that are no token of ours are ignored.
    Tokens that a workflow was given live for minutes, and end here all the same: most are found in logs of CI.
    """
    shown = {parsed.id: parsed for text in texts[:LEAKED_MAX] if (parsed := tokens.parse(text)) is not None}
    if not shown:
        return []
    with write_transaction(publisher, actor, deadline, moderates=True) as tx:
        require(actor, rights.REPORT_LEAKED_TOKENS)
        rows = Token.objects.select_related("user").filter(id__in=shown, revoked=None)
        leaked = [row for row in rows if tokens.same_digest(row.digest, shown[row.id].digest)]
        for row in leaked:
            _revoke(tx, row, "token-leaked", found_at=found_at)
            facts = {"token": row.id, "name": row.name, "found_at": found_at, "when": format_time(tx.now)}
            tell_all(tx, [row.user.username, *owners_of(row.user)], "token-leaked", facts)
        workflows = list(PublisherToken.objects.filter(digest__in=[one.digest for one in shown.values()]))
        ended = [row.id for row in leaked] + [given.id for given in workflows]
        for given in workflows:
            tx.audit("publisher-token-leaked", given.id, identity=given.label, found_at=found_at)
            facts = {"token": given.id, "name": given.label, "found_at": found_at, "when": format_time(tx.now)}
            people = given.publishers.exclude(created_by="").values_list("created_by", flat=True).distinct()
            tell_all(tx, sorted(people), "token-leaked", facts)
            given.delete()
    return ended


def _revoke(tx: WriteTransaction, row: Token, why: str, **detail: str) -> None:
    if row.revoked is not None:
        return
    row.revoked = tx.now
    row.save(update_fields=["revoked"])
    tx.tell(token_revoked(row.id))
    tx.audit(why, row.id, name=row.name, user=row.user.username, **detail)


def _require_end(config: Config, expires: datetime | None, now: datetime) -> None:
    """Tokens that nobody remembers are the ones that leak: `token_days_max` 0 allows them all the same."""
    if expires is not None and expires <= now:
        raise NotAccepted("the token would have ended before it was made")
    if not config.token_days_max:
        return
    if expires is None or expires > now + timedelta(days=config.token_days_max, minutes=1):
        raise NotAccepted(f"a token of one's own ends after {config.token_days_max} days at most")
