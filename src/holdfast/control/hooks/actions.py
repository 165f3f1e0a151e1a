"""Webhooks made, listed and ended: a project's by its owners, those of whole indexes by administrators."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.database import database_guard
from holdfast.control.hooks import signing
from holdfast.control.hooks.models import Delivery, Webhook
from holdfast.control.hooks.queueing import EVENTS
from holdfast.control.hooks.targets import NotAllowed, demand_literal_allowed, parse_target
from holdfast.control.projects.lookup import permitted_project
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import NotAccepted, require, require_scope, require_standing
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.core.errors import Absent

HOOKS_MAX = 20  # of one project, or of one index
DELIVERIES_TOLD = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """A webhook to make: of a project, or (no name) of an index, "" for all of them."""

    index: str
    name: str
    url: str
    events: tuple[str, ...] = EVENTS


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook that was made. `secret` is told once."""

    id: int
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeliveryFacts:
    """What became of one event."""

    id: int
    event: str
    created: datetime
    attempts: int
    status: int | None
    error: str
    done: datetime | None


@dataclass(frozen=True, slots=True)
class WebhookFacts:
    """A webhook without its secret."""

    id: int
    url: str
    events: tuple[str, ...]
    index: str
    project: str
    created: datetime
    failing_since: datetime | None
    stopped: datetime | None
    stopped_why: str
    deliveries: tuple[DeliveryFacts, ...]  # the newest


@held
def make_webhook(
    publisher: Publication,
    wanted: Wanted,
    keys: Sequence[str],
    actor: Actor,
    *,
    networks: Sequence[str] = (),
    deadline: float,
) -> NewWebhook:
    """Make a webhook. `keys`: the instance's secret keys, the one in force first; `networks`: `webhook_networks`."""
    _require_sensible(wanted)
    with write_transaction(publisher, actor, deadline) as tx:
        project = _permitted(tx, wanted.index, wanted.name)
        _require_deliverable(wanted.url, networks)
        if _of(project, wanted.index).filter(stopped=None).count() >= HOOKS_MAX:
            raise NotAccepted(f"there are {HOOKS_MAX} webhooks here already; end one first")
        row = Webhook.objects.create(
            project=project,
            index=wanted.index,
            url=wanted.url,
            events=[event for event in EVENTS if event in wanted.events],
            salt=signing.new_salt(),
            key=signing.name_of(keys[0]),
            created=tx.now,
            created_by=actor.user,
        )
        tx.audit("make-webhook", _subject(row), webhook=row.pk, host=parse_target(wanted.url).host)
        secret = signing.secret_for(row.salt, row.key, keys)
    assert secret is not None
    return NewWebhook(row.pk, secret)


@held
def end_webhook(publisher: Publication, index: str, name: str, webhook: int, actor: Actor, *, deadline: float) -> None:
    """End a webhook, with what waits for it. Raises Absent for one of another project or index."""
    with write_transaction(publisher, actor, deadline) as tx:
        project = _permitted(tx, index, name)
        row = _of(project, index).filter(pk=webhook).first()
        if row is None:
            raise Absent(f"there is no webhook {webhook} here")
        tx.audit("end-webhook", _subject(row), webhook=webhook)
        row.delete()


def list_webhooks(publisher: Publication, index: str, name: str, actor: Actor) -> list[WebhookFacts]:
    """A project's, or (no name) an index's, with what became of their newest events. Raises Absent, Refused."""
    if not name:
        require(actor, rights.MANAGE_ALL_WEBHOOKS)
    else:
        require_scope(actor, rights.MANAGE_WEBHOOKS, index, name)
    with database_guard():
        project = None
        if name:
            project = Project.objects.filter(index=index, name=name, deleted=None).first()
            if project is None:
                raise Absent(f"no project {name!r} in index {index!r}")
            require_standing(actor, rights.MANAGE_WEBHOOKS, project, publisher.clock.now())
        return [_facts(row) for row in _of(project, index).order_by("pk")]


def end_webhooks(tx: WriteTransaction, project: Project) -> None:
    """A project changes hands: what the hands before wanted to hear of it is theirs no more."""
    for row in Webhook.objects.filter(project=project).select_related("project"):
        tx.audit("end-webhook", _subject(row), webhook=row.pk)
        row.delete()


def _permitted(tx: WriteTransaction, index: str, name: str) -> Project | None:
    if name:
        return permitted_project(tx, rights.MANAGE_WEBHOOKS, index, name)
    require(tx.actor, rights.MANAGE_ALL_WEBHOOKS)
    tx.lock(f"webhooks:{index}")
    return None


def _of(project: Project | None, index: str) -> "QuerySet[Webhook]":
    rows = Webhook.objects.filter(project=project)
    return rows if project is not None else rows.filter(index=index)


def _require_sensible(wanted: Wanted) -> None:
    unknown = sorted(set(wanted.events) - set(EVENTS))
    if unknown or not wanted.events:
        raise NotAccepted(f"a webhook hears of some of {', '.join(EVENTS)}")
    try:
        parse_target(wanted.url)
    except NotAllowed as error:
        raise NotAccepted(f"the webhook's address is not taken: {error}") from None


def _require_deliverable(url: str, networks: Sequence[str]) -> None:
    """By the check that every delivery makes. Only after the rights: the answer tells which networks are open."""
    try:
        demand_literal_allowed(parse_target(url), networks)
    except NotAllowed as error:
        raise NotAccepted(
            f"the webhook's address is not taken: {error}; an operator opens private networks with `webhook_networks`"
        ) from None


def _subject(row: Webhook) -> str:
    return f"{row.project.index}/{row.project.name}" if row.project else row.index or "*"


def _facts(row: Webhook) -> WebhookFacts:
    newest = row.deliveries.order_by("-pk")[:DELIVERIES_TOLD]
    return WebhookFacts(
        row.pk,
        row.url,
        tuple(row.events),
        row.index,
        row.project.name if row.project else "",
        row.created,
        row.failing_since,
        row.stopped,
        row.stopped_why,
        tuple(_delivery(one) for one in newest),
    )


def _delivery(one: Delivery) -> DeliveryFacts:
    return DeliveryFacts(one.pk, one.event, one.created, one.attempts, one.status, one.error, one.done)
