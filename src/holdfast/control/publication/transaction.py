"""The one way to change anything: rows, their outbox row and the serial in one short transaction.

Inside it there is no I/O beyond the database and no rendering. The counter is incremented last, so that serials
are contiguous and in commit order on both engines; publication follows after the commit, in the caller's time.
"""

import functools
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from uuid import uuid4

from django.db.models import F

from holdfast.clock import Clock
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.audit import append
from holdfast.control.accounts.models import AuditEvent
from holdfast.control.accounts.networks import Networks
from holdfast.control.database import (
    RETRY_SECONDS,
    DatabaseUnavailable,
    connection,
    database_guard,
    held_transaction,
    instance_row,
)
from holdfast.control.hooks.queueing import queue_deliveries
from holdfast.control.newer import NewerData, demand_readable
from holdfast.control.prepared import Prepared, PreparedUpdate, insert
from holdfast.control.projects.models import Project
from holdfast.control.publication.changes import Change, project_changed
from holdfast.control.publication.models import Counter, Event
from holdfast.control.switches.following import Switches
from holdfast.core.errors import Refused, Unavailable
from holdfast.tree.switches import READ_ONLY

P = ParamSpec("P")
T = TypeVar("T")


_counter = Prepared(lambda: Counter.objects.filter(pk=1).values_list("value", flat=True))
_count = PreparedUpdate(lambda: (Counter.objects.filter(pk=1), {"value": F("value") + 1}))
_stamp_projects = PreparedUpdate(lambda ids, serial: (Project.objects.filter(pk__in=ids), {"last_serial": serial}))


class TreeAhead(Unavailable):
    """The tree has serials this database never gave out: an older database was put in its place."""

    def __init__(self, counter: int, head: int) -> None:
        super().__init__(
            f"the published tree is at serial {head}, the database at {counter}: it is older than what was"
            " published, and nothing may be written until `holdfast reconcile` has replayed the rest"
        )


class Halted(Unavailable):
    """Publication was stopped and so is writing, until a person has looked: see Instance.halted."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"writing is stopped: {reason}{_what_to_do(reason)}", retry_after_seconds=60)


def _what_to_do(reason: str) -> str:
    """The way out of the one reason there is so far. It is told by every machine, so it names none."""
    if not reason.endswith("two databases write to one tree"):
        return ""
    return (
        ". Decide which database stays; on every machine, stop what uses another one (HOLDFAST_DATABASE_URL, or the"
        " data folder) or point it to that one; then run `holdfast reconcile` on one machine that uses it: it takes"
        " over what the tree has, publishes what only this database has under new serials, and writing goes on"
    )


class NotYetPublished(Unavailable):
    """The change is committed and will be published by the next publisher; it is not visible yet."""

    def __init__(self, serial: int) -> None:
        super().__init__(f"saved as serial {serial}, but not published yet; it becomes visible without further action")
        self.serial = serial


class Publication(Protocol):
    """What a write transaction needs of the publisher."""

    clock: Clock
    instance: str
    switches: Switches
    networks: Networks
    compared: object  # which database `head_before_write` last held to the tree (`database_identity`)

    def head_before_write(self) -> int:
        """The newest published serial this machine knows of. Raises TreeAhead, Unavailable."""

    def publish_until(self, serial: int, deadline: float) -> None:
        """Return once `serial` is published. Raises NotYetPublished at `deadline` (monotonic seconds)."""


class WriteTransaction:
    """What an action tells about its change while it makes it."""

    def __init__(self, actor: Actor, now: datetime, switches: Switches, networks: Networks) -> None:
        self.actor = actor
        self.now = now
        self._switches = switches
        self._networks = networks
        self.serial = 0  # set at the end; 0 = nothing was published by this transaction
        self.await_serial = 0  # an earlier serial the caller's answer depends on
        self._projects: dict[int, Change] = {}
        self._changes: list[Change] = []
        self._audits: list[AuditEvent] = []
        self._stamps: list[Callable[[int], object]] = []

    def demand_on(self, capability: str, index: str = "", project: str = "") -> None:
        """Raises Refused while an operator has the capability switched off there.

        What is done at the machine's own command line passes: whoever can write the store decides about switches, too.
        """
        if self.actor.credential != "machine" and (refused := self._switches.known_refusal(capability, index, project)):
            raise refused

    def demand_permitted(self, index: str, name: str) -> None:
        """Raises Refused when operators prohibited the name. Administrators may create it all the same."""
        is_theirs = self.actor.credential == "machine" or self.actor.is_admin
        if not is_theirs and (refused := self._switches.prohibition(index, name)):
            raise refused

    def lock(self, *names: str) -> None:
        """Keep other transactions out of the named things until the end. Sorted, so that two never deadlock.

        SQLite has one writer at a time already; PostgreSQL takes advisory locks.
        """
        self._lock("pg_advisory_xact_lock", names)

    def lock_shared(self, name: str) -> None:
        """Keep out, until the end, whoever locks the named thing. Call it before `lock`, for the same reason."""
        self._lock("pg_advisory_xact_lock_shared", (name,))

    def _lock(self, function: str, names: Sequence[str]) -> None:
        if connection().vendor != "postgresql":
            return
        with connection().cursor() as cursor:
            for key in sorted({_signed_crc(name) for name in names}):
                cursor.execute(f"SELECT {function}(%s, %s)", [0x484F4C44, key])

    def changed(self, project: Project) -> None:
        """The project's record, or whether it is listed, changes with this transaction."""
        self._projects[project.pk] = project_changed(project.index, project.name)

    def tell(self, change: Change) -> None:
        """Something else readers must learn."""
        self._changes.append(change)

    def stamp(self, write: Callable[[int], object]) -> None:
        """Have another row carry this transaction's serial too: `write` gets it at the end, if there is one."""
        self._stamps.append(write)

    def audit(self, action: str, subject: str, **detail: Any) -> None:
        """Who did what, kept for good; of a trusted publisher also what its identity token said."""
        if self.actor.identity is not None:
            detail = {"publisher": dict(self.actor.identity.facts), **detail}
        self._audits.append(
            AuditEvent(
                created=self.now,
                actor=self.actor.who,
                token=self.actor.token,
                credential=self.actor.credential,
                network=self._networks.hashed(self.actor.address),
                action=action,
                subject=subject[:500],
                detail=detail,
            )
        )

    def put_off(self) -> list[Change]:
        """What was told so far, for another transaction to tell: this one only replays, under serials there are."""
        told, self._changes = self._changes, []
        return told

    @property
    def is_published(self) -> bool:
        """True when readers must learn of this transaction."""
        return bool(self._projects or self._changes)

    def finish(self, head: int) -> None:
        """The last statements: counter, the projects' own serials, the outbox row, the audit trail.

        Raises TreeAhead when `head`, known before the transaction began, is not below the new serial.
        """
        if self.is_published:
            self.serial = _next_serial()
            if head >= self.serial:
                raise TreeAhead(self.serial - 1, head)
            if self._projects:
                _stamp_projects([*self._projects], self.serial)
            for write in self._stamps:
                write(self.serial)
            changes = [*self._projects.values(), *self._changes]
            insert(Event(serial=self.serial, event=uuid4().hex, created=self.now, changes=changes))
        for audit in self._audits:
            audit.serial = self.serial or None
        append(self._audits)
        queue_deliveries(self._audits, self.now)


@contextmanager
def write_transaction(
    publisher: Publication, actor: Actor, deadline: float, *, moderates: bool = False
) -> Iterator[WriteTransaction]:
    """Commit one change and publish it. `moderates`: what operators must be able to do on a read-only site, too.

    Raises Refused while the site is read-only, DatabaseUnavailable, TreeAhead or Unavailable before anything is
    committed, NotYetPublished after.
    """
    _demand_writable(publisher, actor, moderates)
    head = publisher.head_before_write()  # a serial given out inside the transaction must be greater
    judged = publisher.compared
    with held_transaction(publisher.clock, deadline):
        if _hold_to_instance(publisher.instance) != judged:  # restored in between: its counter is an older one
            raise DatabaseUnavailable("another database was put in this one's place a moment ago; try again")
        tx = WriteTransaction(actor, publisher.clock.now(), publisher.switches, publisher.networks)
        yield tx
        tx.finish(head)
    awaited = max(tx.serial, tx.await_serial)
    if awaited:
        publisher.publish_until(awaited, deadline)


@contextmanager
def unpublished_transaction(publisher: Publication, actor: Actor, deadline: float) -> Iterator[WriteTransaction]:
    """Commit one change that no reader needs to learn of: people, their mails and sessions. The store is not asked.

    Raises DatabaseUnavailable before anything is committed.
    """
    with held_transaction(publisher.clock, deadline):
        _hold_to_instance(publisher.instance)
        tx = WriteTransaction(actor, publisher.clock.now(), publisher.switches, publisher.networks)
        yield tx
        assert not tx.is_published, "a change that is published needs write_transaction"
        tx.finish(0)


def held(
    action: Callable[Concatenate[Publication, P], T],
) -> Callable[Concatenate[Publication, P], T]:
    """Try an action again until its `deadline` (a keyword, monotonic seconds) while the database or store blinks.

    Every action is safe to repeat: a commit whose answer was lost is found done by the next try. A change that is
    committed but not published, a tree that is ahead, and newer data are not retried here.
    """

    @functools.wraps(action)
    def trying(publisher: Publication, /, *args: P.args, **kwargs: P.kwargs) -> T:
        deadline = kwargs["deadline"]
        assert isinstance(deadline, float)
        while True:
            try:
                return action(publisher, *args, **kwargs)
            except (NotYetPublished, TreeAhead, Halted, NewerData):
                raise
            except Unavailable:
                if publisher.clock.monotonic() + RETRY_SECONDS >= deadline:
                    raise
            time.sleep(RETRY_SECONDS)

    return trying


def current_serial() -> int:
    """The newest serial given out. Raises DatabaseUnavailable, also when the database was never set up."""
    with database_guard():
        value = _counter.first()
    if value is None:
        raise DatabaseUnavailable("the database was never initialised; `holdfast restore` puts a backup in its place")
    return value


def _demand_writable(publisher: Publication, actor: Actor, moderates: bool) -> None:
    """The one place that keeps a site read-only: no change has another way in. Also looks for new switches."""
    if actor.credential != "machine" and (refused := publisher.switches.refusal(READ_ONLY)) and not moderates:
        raise refused
    if not moderates and (refused := publishing_refusal(publisher.switches, actor)):
        raise refused


def publishing_refusal(switches: Switches, actor: Actor) -> Refused | None:
    """Why a trusted publisher's token is good for nothing just now: its issuer was switched off after it was minted.

    The canary's own (control/canary.py) has no issuer that could be: a gate must judge releases in an incident, too.
    """
    if actor.identity is None or "://" not in actor.identity.issuer:
        return None
    return switches.refusal("trusted-publishing", issuer=actor.identity.issuer)


def _next_serial() -> int:
    if _count() != 1 or (value := _counter.first()) is None:
        raise DatabaseUnavailable("the database has no counter row; `holdfast restore` puts a backup in its place")
    return value


def _hold_to_instance(instance: str) -> object:
    """Refuse a database of another instance, one whose publication was stopped, and one that is too new.

    Answers which database it is: see `database_identity`.
    """
    row, identity = instance_row()
    if row is None or row[0] != instance:
        raise DatabaseUnavailable(
            f"the database belongs to instance {row[0] if row else 'none'}, this data folder to {instance};"
            " `holdfast restore` puts the right one in its place"
        )
    if row[1]:
        raise Halted(row[1])
    demand_readable(row[2])  # a newer release took over while this process ran
    return identity


def _signed_crc(text: str) -> int:
    value = zlib.crc32(text.encode())
    return value - 2**32 if value >= 2**31 else value
