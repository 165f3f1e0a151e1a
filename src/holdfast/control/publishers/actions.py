"""Adding and removing trusted publishers: of a project by its owners, of a new name by whoever may create projects."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from holdfast.config import ProviderConfig
from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import User
from holdfast.control.database import database_guard
from holdfast.control.projects.lookup import permitted_project
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import (
    NotAccepted,
    has_people,
    is_administrator,
    require_creator,
    require_credential,
    require_scope,
    require_settled,
    require_standing,
)
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.control.publishers import identity
from holdfast.control.publishers.models import LOOKUP_CHARS_MAX, Publisher
from holdfast.control.publishers.vouching import is_in_force
from holdfast.core.errors import Absent

PUBLISHERS_MAX = 20  # of one project: a few workflows, each in a few environments
PENDING_MAX = 5  # of one person: names are not to be hoarded


@dataclass(frozen=True, slots=True)
class PublisherFacts:
    """What is known of a publisher. `registrant` is "" unless it is pending."""

    id: int
    index: str
    name: str
    provider: str
    claims: Mapping[str, str]
    pinned: Mapping[str, str]
    registrant: str
    created_by: str
    created: datetime
    last_used: datetime | None
    in_force: bool = True  # False: whoever added it could not add it today (vouching.py)


@held
def add_publisher(
    publisher: Publication,
    index: str,
    name: str,
    provider: ProviderConfig,
    claims: Mapping[str, str],
    actor: Actor,
    *,
    deadline: float,
) -> PublisherFacts:
    """Let an identity publish to a project. Owners only. One that is there already is answered as it is.

    One that nobody stands behind any more (vouching.py) is the actor's from then on.
    """
    with write_transaction(publisher, actor, deadline) as tx:
        project = permitted_project(tx, rights.SET_PUBLISHER, index, name)
        wanted = _described(provider, claims)
        known = Publisher.objects.filter(project=project, identity=identity.identity_of(provider, wanted)).first()
        if known is not None:
            return _facts(_stand_behind(tx, known))
        if project.publishers.count() >= PUBLISHERS_MAX:
            raise NotAccepted(f"{name!r} has {PUBLISHERS_MAX} publishers already; remove one first")
        return _create(tx, index, name, provider, wanted, project, None)


@held
def remove_publisher(
    publisher: Publication, index: str, name: str, publisher_id: int, actor: Actor, *, deadline: float
) -> None:
    """Take it away; tokens that were minted for it end with it. Owners only. Raises Absent."""
    with write_transaction(publisher, actor, deadline) as tx:
        project = permitted_project(tx, rights.SET_PUBLISHER, index, name)
        _remove(tx, Publisher.objects.filter(project=project, pk=publisher_id).first())


def list_publishers(index: str, name: str, actor: Actor, now: datetime) -> list[PublisherFacts]:
    """A project's publishers, oldest first, for its people. Raises Absent, Refused, DatabaseUnavailable."""
    with database_guard():
        require_scope(actor, rights.SEE_PUBLISHERS, index, name)
        project = Project.objects.filter(index=index, name=name, deleted=None).first()
        if project is None:
            raise Absent(f"no project {name!r} in index {index!r}")
        require_standing(actor, rights.SEE_PUBLISHERS, project, now)
        return _all(Publisher.objects.filter(project=project))


@held
def add_pending(
    publisher: Publication,
    index: str,
    name: str,
    provider: ProviderConfig,
    claims: Mapping[str, str],
    user: str,
    actor: Actor,
    *,
    deadline: float,
) -> PublisherFacts:
    """Let an identity create a project at its first publish; `user` becomes its owner. Reserves nothing."""
    with write_transaction(publisher, actor, deadline) as tx:
        require_creator(actor, rights.PENDING_PUBLISHER, index)
        if user != actor.user and not is_administrator(actor, rights.PENDING_PUBLISHER):
            raise NotAccepted("a pending publisher is registered for oneself")
        require_settled(actor, rights.PENDING_PUBLISHER, tx.now)
        tx.lock(f"user:{user}", f"{index}/{name}")
        project = Project.objects.filter(index=index, name=name).first()
        if project is not None and has_people(project):
            raise NotAccepted(f"{name!r} is in use in index {index!r}: its owners add publishers to it")
        wanted = _described(provider, claims)
        person, _ = User.objects.get_or_create(username=user)
        rows = Publisher.objects.filter(index=index, name=name, identity=identity.identity_of(provider, wanted))
        known = rows.first()
        if known is not None and known.registrant == person:
            return _facts(known)
        if known is not None:
            raise NotAccepted(f"somebody else registered this identity for {name!r} before")
        if Publisher.objects.filter(registrant=person).count() >= PENDING_MAX:
            raise NotAccepted(f"{user!r} has {PENDING_MAX} pending publishers already; remove one first")
        return _create(tx, index, name, provider, wanted, None, person)


@held
def remove_pending(publisher: Publication, publisher_id: int, actor: Actor, *, deadline: float) -> None:
    """Take back what one registered oneself; an administrator anybody's. Raises Absent."""
    with write_transaction(publisher, actor, deadline) as tx:
        require_credential(actor, rights.PENDING_PUBLISHER)
        row = _pending_of(actor).filter(pk=publisher_id).first()
        if row is not None and actor.credential != "session":  # a token of theirs for other things takes nothing back
            require_creator(actor, rights.PENDING_PUBLISHER, row.index)
        _remove(tx, row)


def list_pending(actor: Actor) -> list[PublisherFacts]:
    """What one registered oneself; an administrator sees everybody's. Raises Refused, DatabaseUnavailable."""
    require_credential(actor, rights.PENDING_PUBLISHER)
    with database_guard():
        return _all(_pending_of(actor))


def _pending_of(actor: Actor) -> QuerySet[Publisher]:
    pending = Publisher.objects.filter(project=None)
    if is_administrator(actor, rights.PENDING_PUBLISHER):
        return pending
    return pending.filter(registrant__username=actor.user)


def _described(provider: ProviderConfig, claims: Mapping[str, str]) -> dict[str, str]:
    try:
        wanted = identity.described(provider, claims)
    except identity.WrongIdentity as error:
        raise NotAccepted(error.reason) from error
    if len(identity.lookup_of(provider, wanted)) > LOOKUP_CHARS_MAX:
        raise NotAccepted(f"what the identity is found by is longer than {LOOKUP_CHARS_MAX} characters")
    return wanted


def _create(
    tx: WriteTransaction,
    index: str,
    name: str,
    provider: ProviderConfig,
    wanted: Mapping[str, str],
    project: Project | None,
    registrant: User | None,
) -> PublisherFacts:
    row = Publisher.objects.create(
        index=index,
        name=name,
        project=project,
        provider=provider.name,
        lookup=identity.lookup_of(provider, wanted),
        claims=dict(wanted),
        identity=identity.identity_of(provider, wanted),
        registrant=registrant,
        created_by=tx.actor.who,
        by_operator=tx.actor.is_admin,
        created=tx.now,
    )
    what = "add-publisher" if project is not None else "add-pending-publisher"
    tx.audit(what, f"{index}/{name}", publisher_id=row.pk, identity=identity.label_of(provider, wanted))
    return _facts(row)


def _stand_behind(tx: WriteTransaction, row: Publisher) -> Publisher:
    if not is_in_force(row):
        row.created_by, row.by_operator = tx.actor.who, tx.actor.is_admin
        row.save(update_fields=["created_by", "by_operator"])
        row.tokens.all().delete()  # made in the name of who stood behind it before
        tx.audit("stand-behind-publisher", f"{row.index}/{row.name}", publisher_id=row.pk)
    return row


def _remove(tx: WriteTransaction, row: Publisher | None) -> None:
    if row is None:
        raise Absent("there is no such publisher")
    what = "remove-publisher" if row.project_id is not None else "remove-pending-publisher"
    tx.audit(what, f"{row.index}/{row.name}", publisher_id=row.pk, provider=row.provider, claims=row.claims)
    row.delete()


def _all(rows: Iterable[Publisher]) -> list[PublisherFacts]:
    return [_facts(row) for row in sorted(rows, key=lambda row: (row.created, row.pk))]


def _facts(row: Publisher) -> PublisherFacts:
    return PublisherFacts(
        row.pk,
        row.index,
        row.name,
        row.provider,
        row.claims,
        row.pinned,
        row.registrant.username if row.registrant else "",
        row.created_by,
        row.created,
        row.last_used,
        is_in_force(row),
    )
