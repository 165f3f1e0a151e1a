"""Tokens of trusted publishers: who they stand for, how they end."""

from datetime import datetime

from holdfast.clock import Clock
from holdfast.control.accounts.actor import Actor, Identity, Scopes
from holdfast.control.database import database_guard, held_transaction
from holdfast.control.publication.transaction import Publication, held, write_transaction
from holdfast.control.publishers.models import PublisherToken, UsedIdentityToken
from holdfast.core import tokens


def publisher_actor(parsed: tokens.ParsedToken, now: datetime, address: str) -> Actor | None:
    """Who a publisher's token stands for, None when it is none, or over. What its people removed, it lost.

    The caller holds the database's guard.
    """
    row = _row(parsed)
    if row is None or row.expires <= now:
        return None
    wanted = list(row.publishers.order_by("pk").values_list("pk", "index", "name"))
    if not wanted:
        return None
    scopes = Scopes(upload_projects=tuple(sorted({f"{index}/{name}" for _, index, name in wanted})))
    return Actor("", scopes, row.id, address, "publisher", _identity(row, tuple(pk for pk, _, _ in wanted)))


@held
def burn_token(publisher: Publication, text: str, address: str, *, deadline: float) -> None:
    """End a publisher's token. One that is not known, or another kind of token, is left alone, and nobody is told."""
    parsed = tokens.parse(text)
    if parsed is None:
        return
    with database_guard():  # strangers make texts that look like tokens, and none of them is worth the one writer
        if _row(parsed) is None:
            return
    actor = Actor("", credential="publisher", address=address)
    with write_transaction(publisher, actor, deadline, moderates=True) as tx:
        row = _row(parsed)
        if row is not None:
            tx.actor = Actor("", Scopes(), row.id, address, "publisher", _identity(row, ()))
            tx.audit("burn-publisher-token", row.id)
            row.delete()


def sweep_tokens(clock: Clock) -> None:
    """Forget tokens that are over, and identity tokens that nobody takes any more. Raises DatabaseUnavailable."""
    now = clock.now()
    with held_transaction(clock, clock.monotonic()):
        PublisherToken.objects.filter(expires__lte=now).delete()
        UsedIdentityToken.objects.filter(until__lte=now).delete()


def _row(parsed: tokens.ParsedToken) -> PublisherToken | None:
    row = PublisherToken.objects.filter(digest=parsed.digest).first()
    return row if row is not None and tokens.same_digest(row.digest, parsed.digest) else None


def _identity(row: PublisherToken, publishers: tuple[int, ...]) -> Identity:
    return Identity(row.provider, row.kind, row.issuer, row.label, tuple(sorted(row.facts.items())), publishers)
