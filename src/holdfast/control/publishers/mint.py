"""An identity token becomes a token that publishes: cheap checks, key, signature, claims, then one short transaction.

In the transaction the identity token is used up by a unique row, the publishers that it fits are found, the ids that
nobody configured are pinned, and the token is made. Refusals use nothing up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import IntegrityError

from holdfast.config import DEFAULT_INDEX, Config, ProviderConfig
from holdfast.control.accounts.actor import Actor, Identity
from holdfast.control.parts import Parts
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import has_people
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.control.publishers import identity
from holdfast.control.publishers.identity_token import LEEWAY_SECONDS, NotTrusted, Verified, read, verify
from holdfast.control.publishers.models import LOOKUP_CHARS_MAX, Publisher, PublisherToken, UsedIdentityToken
from holdfast.control.publishers.vouching import is_in_force
from holdfast.core import tokens

log = structlog.get_logger()

LIFETIME_SECONDS = 900  # a token; PEP 807 wants at least that, and a build that takes longer asks again
CANDIDATES_MAX = 200  # publishers of one repository that are looked at
REMEMBERED_SECONDS = 3600  # beyond a token's end and its leeway: a clock may be set back


class MintRefused(Exception):  # noqa: N818 - the client's answer, not a defect
    """No token. `code` is one of docs/trusted-publishing.md."""

    def __init__(self, code: str, description: str, status: int = 422, retry_after_seconds: int = 0) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.status = status
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Minted:
    """A token for one index. `text` is shown once and stored nowhere."""

    text: str = field(repr=False)
    index: str
    projects: tuple[str, ...]
    expires: datetime


def mint(parts: Parts, text: str, index: str, client: str, deadline: float) -> Minted:
    """Exchange an identity token. `index` narrows to one index, "" lets the publishers decide.

    Raises MintRefused, TooMany, Refused while it is switched off, Unavailable.
    """
    exchange = parts.exchange
    if exchange is None:
        raise MintRefused("not-enabled", "trusted publishing is not switched on here", 403)
    exchange.tries.count(parts.clock, client)
    try:
        token = read(text)
        provider = parts.config.provider(token.issuer)
        if provider is None:
            raise NotTrusted("the token's issuer is none that this index trusts")
        key = exchange.keys.find(provider, token.key_id, token.algorithm, deadline)
        if key is None:
            raise NotTrusted("the token's issuer has no such key")
        audiences = _audiences(parts.config, provider, index)
        verified, audience = verify(token, key, frozenset(audiences), parts.clock.now())
    except NotTrusted as error:
        raise MintRefused("invalid-token", str(error)) from error
    exchange.exchanges.count(parts.clock, provider.name)
    if (refused := parts.switches.refusal("trusted-publishing", issuer=provider.issuer)) is not None:
        raise refused
    made = _mint(parts, provider, verified, index or audiences[audience], client, deadline)
    log.info("minted a publisher's token", provider=provider.name, index=made.index, projects=made.projects)
    return made


def _audiences(config: Config, provider: ProviderConfig, index: str) -> dict[str, str]:
    """Audience -> the index it narrows to, "" for none."""
    if provider.audience:
        return {provider.audience: index}
    if index:
        return {config.audience(index): index}
    return {config.audience(): ""} | {config.audience(one.name): one.name for one in config.indexes}


def _mint(
    parts: Parts, provider: ProviderConfig, verified: Verified, index: str, client: str, deadline: float
) -> Minted:
    facts = identity.facts_in(provider, verified.claims)
    who = Identity(provider.name, provider.kind, provider.issuer, provider.name, tuple(sorted(facts.items())))
    actor = Actor("", address=client, credential="publisher", identity=who)
    return _insert(parts.publisher, tokens.mint(), provider, verified, index, actor, deadline=deadline)


@held
def _insert(
    publisher: Publication,
    minted: tokens.MintedToken,
    provider: ProviderConfig,
    verified: Verified,
    index: str,
    actor: Actor,
    *,
    deadline: float,
) -> Minted:
    lookup = identity.lookup_in(provider, verified.claims)
    with write_transaction(publisher, actor, deadline) as tx:
        tx.lock(f"publishers:{provider.name}:{lookup}")
        _use_up(verified)
        fitting = _fitting(provider, lookup, verified.claims, index)
        chosen = _index_of(fitting)
        rows = [row for row in fitting if row.index == chosen]
        _pin(tx, provider, rows, verified.claims)
        assert actor.identity is not None
        return issue(tx, minted, provider, rows, actor.identity)


def _use_up(verified: Verified) -> None:
    """Insert, never look first: of any number of equal tokens at once one gets through, on either engine."""
    until = verified.expires + timedelta(seconds=LEEWAY_SECONDS + REMEMBERED_SECONDS)
    try:
        UsedIdentityToken.objects.create(key=verified.one_time_key, until=until)
    except IntegrityError:
        raise MintRefused("invalid-reuse-token", "the token was exchanged before; each is good for once") from None


def _fitting(provider: ProviderConfig, lookup: str, claims: Mapping[str, Any], index: str) -> list[Publisher]:
    """The publishers that the claims fit. Raises MintRefused, naming what differs, never what is configured."""
    found = Publisher.objects.filter(provider=provider.name, lookup=lookup[:LOOKUP_CHARS_MAX])
    if index:
        found = found.filter(index=index)
    ordered = found.select_related("project", "registrant").order_by("created", "pk")
    known = list(ordered[:CANDIDATES_MAX])
    candidates = [row for row in known if _is_usable(row)]
    judged = [(identity.differing(provider, row.claims, row.pinned, claims), row) for row in candidates]
    fitting = [row for wrong, row in judged if not wrong]
    if fitting:
        return fitting
    if not judged or _was_trusted(provider, known, claims):
        raise MintRefused("invalid-publisher", _nobody(provider, known, claims))
    wrong = min((wrong for wrong, _ in judged), key=len)
    is_pending = all(row.project_id is None for row in candidates)
    code = "invalid-pending-publisher" if is_pending else "invalid-publisher"
    raise MintRefused(code, f"the token fits no publisher of its {provider.name} identity: {', '.join(wrong)} differs")


def _is_usable(row: Publisher) -> bool:
    is_there = row.project.owned if row.project is not None else _is_free(row)
    return is_there and is_in_force(row)


def _nobody(provider: ProviderConfig, known: Sequence[Publisher], claims: Mapping[str, Any]) -> str:
    """Why nothing is left to choose from."""
    if _was_trusted(provider, known, claims):
        return (
            "whoever added this publisher is frozen or does not own the project any more, or may not create projects"
            " any more; an owner adds it again to stand behind it"
        )
    return f"no project here trusts this {provider.name} identity"


def _was_trusted(provider: ProviderConfig, known: Sequence[Publisher], claims: Mapping[str, Any]) -> bool:
    """Whom a token fits exactly may know that it was trusted once, and is not told what differs from another's."""
    left = [row for row in known if (row.project.owned if row.project is not None else _is_free(row))]
    return any(not identity.differing(provider, row.claims, row.pinned, claims) for row in left)


def _is_free(row: Publisher) -> bool:
    project = Project.objects.filter(index=row.index, name=row.name).first()
    return project is None or not has_people(project)


def _index_of(fitting: Sequence[Publisher]) -> str:
    """One index: the one at the host's root if it is among them, since clients know the host alone."""
    indexes = sorted({row.index for row in fitting})
    return DEFAULT_INDEX if DEFAULT_INDEX in indexes else indexes[0]


def _pin(tx: WriteTransaction, provider: ProviderConfig, rows: Sequence[Publisher], claims: Mapping[str, Any]) -> None:
    for row in rows:
        pins = identity.pins_in(provider, row.claims, claims)
        row.last_used = tx.now
        if pins and not row.pinned:
            row.pinned = pins
            tx.audit("pin-publisher", f"{row.index}/{row.name}", publisher_id=row.pk, **pins)
        row.save(update_fields=["pinned", "last_used"])


def issue(
    tx: WriteTransaction,
    minted: tokens.MintedToken,
    provider: ProviderConfig,
    rows: Sequence[Publisher],
    who: Identity,
) -> Minted:
    """The row of a token for these publishers, all of one index. The caller has judged who asks for it."""
    expires = tx.now + timedelta(seconds=LIFETIME_SECONDS)
    label = identity.label_of(provider, rows[0].claims)
    made = PublisherToken.objects.create(
        id=minted.id,
        digest=minted.digest,
        provider=provider.name,
        kind=provider.kind,
        issuer=provider.issuer,
        label=label,
        facts=dict(who.facts),
        created=tx.now,
        expires=expires,
    )
    made.publishers.set(rows)
    projects = tuple(sorted({row.name for row in rows}))
    tx.audit("mint-publisher-token", minted.id, index=rows[0].index, projects=list(projects), identity=label)
    return Minted(minted.text, rows[0].index, projects, expires)
