"""The publisher: committed outbox rows become segments of the journal, in serial order, each exactly once.

Any number of publishers may run, and any of them may stop at any step and go on much later. Documents are
content-addressed or written until they agree with the rows, and a segment is create-only, so a late writer meets
"already". The lease in the database only saves double work.
"""

import threading
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import structlog
from django.db.models import Q

from holdfast.clock import Clock, SystemClock
from holdfast.config import Config
from holdfast.control.accounts.networks import Networks
from holdfast.control.database import (
    DatabaseUnavailable,
    database_guard,
    database_identity,
    held_transaction,
    instance_row,
    read_snapshot,
)
from holdfast.control.newer import demand_readable
from holdfast.control.prepared import Prepared, PreparedUpdate
from holdfast.control.publication.documents import card_of
from holdfast.control.publication.drafts import Draft, Drafts
from holdfast.control.publication.drill import Pause, no_pause
from holdfast.control.publication.entries import Rendering, held_entry, render
from holdfast.control.publication.lost_end import reopen_lost
from holdfast.control.publication.models import Event, Instance, PublisherLease
from holdfast.control.publication.moving import Moving
from holdfast.control.publication.transaction import Halted, NotYetPublished, TreeAhead, current_serial
from holdfast.control.switches.following import Switches
from holdfast.core.errors import Absent, Unavailable
from holdfast.core.model import Record
from holdfast.store.port import Store
from holdfast.tree import hint
from holdfast.tree.journal import AnyEntry, ProjectChanged, Segment, has_segment, read_segment
from holdfast.tree.writer import TwoDatabases, append, published_head, put_card, put_with_pages

log = structlog.get_logger()

LEASE_SECONDS = 2.0
RENEW_SECONDS = 0.5
BATCH_ROWS = 100
POLL_SECONDS = 0.01  # how often a writer looks whether another process's publisher finished its row
PROGRESS_SECONDS = 0.05  # how long a writer waits to hear from the drain under way before it looks by itself
ATTEMPTS_MAX = 5  # a row that fails this often, over at least HOLD_AFTER_SECONDS, is published as held
HOLD_AFTER_SECONDS = 10.0
RETRY_ROW_SECONDS = 2.0
MARK_SECONDS = 2.0  # how long a bookkeeping statement waits for the write lock


_unpublished = Prepared(lambda: Event.objects.filter(published=None).values_list("serial", flat=True)[:1])
_next_rows = Prepared(lambda: Event.objects.filter(published=None).order_by("serial")[:BATCH_ROWS])
_published = Prepared(
    lambda serial: Event.objects.filter(serial=serial, published__isnull=False).values_list("serial", flat=True)
)
_mark_published = PreparedUpdate(
    lambda serial, now, held: (Event.objects.filter(serial=serial, published=None), {"published": now, "held": held})
)
_take_lease = PreparedUpdate(
    lambda holder, now, absurd, until: (
        PublisherLease.objects.filter(Q(holder=holder) | Q(until__lt=now) | Q(until__gt=absurd), pk=1),
        {"holder": holder, "until": until},
    )
)
_end_lease = PreparedUpdate(lambda holder, now: (PublisherLease.objects.filter(pk=1, holder=holder), {"until": now}))


class Publisher:
    """Publishes one database into one tree. Safe to share among the threads of a process."""

    def __init__(self, config: Config, store: Store, clock: Clock | None = None, pause: Pause = no_pause) -> None:
        self.config = config
        self.store = store
        self.clock: Clock = clock or SystemClock()
        self.instance = config.instance
        self.switches = Switches(store, self.clock)
        self.networks = Networks(config)
        self._drafts = Drafts()  # of whoever holds `_busy`
        self._pause = pause
        self._holder = uuid4().hex
        self._busy = threading.Lock()  # one drain per process; waiting threads find their row done
        self._progress = threading.Condition()  # told when a row is done, and when a drain ends
        self._done = 0  # the newest serial that a drain of this process finished
        self._leased_until = float("-inf")
        self._deadline = float("inf")  # of the drain under way; whoever is in it holds `_busy`
        self.compared: object = None  # identity of the database whose counter was held to the tree's head

    def head_before_write(self) -> int:
        """The newest published serial this machine knows of. Raises TreeAhead, Unavailable.

        The tree is ahead when it holds the serial the counter would give out next, or more. A segment just above
        the counter may also be another writer's who was faster, so the counter is read again before saying so.
        """
        self._compare_with_tree(database_identity())
        hinted = hint_value(self.config.head_hint)  # before the counter: whatever was published by now was counted
        counter = current_serial()
        if hinted > counter:  # run/ may also be left over from a data folder that was restored as a whole
            hinted = published_head(self.store)
            counter = current_serial()
        elif has_segment(self.store, counter + 1):
            hinted, counter = counter + 1, current_serial()
        if hinted > counter:
            raise TreeAhead(counter, hinted)
        return hinted

    def head_beside_counter(self) -> int:
        """The tree's real head, held to the counter; changes nothing. Raises TreeAhead, Unavailable."""
        head = published_head(self.store)
        counter = current_serial()
        if head > counter:
            raise TreeAhead(counter, head)
        return head

    def publish_until(self, serial: int, deadline: float) -> None:
        """Return once `serial` is published, by whoever. Raises NotYetPublished when, at `deadline`, nothing moves."""
        moving = Moving(self.clock)
        before = self._done  # what was done before may belong to a tree that was replaced since: the database says
        while True:
            is_trouble = False
            try:
                if before < serial <= self._done or (serial <= before and is_published(serial)):
                    return
                done = self._drain_or_wait(serial, deadline)
                if before < serial <= self._done or (not done and is_published(serial)):
                    return
            except Halted:
                raise
            except Unavailable as error:
                done, is_trouble = 0, True
                log.debug("publication of serial %s waits: %s", serial, error.reason)
            if self.clock.monotonic() >= deadline and (is_trouble or moving.is_stalled()):
                raise NotYetPublished(serial)
            if not done:
                time.sleep(POLL_SECONDS)

    def _drain_or_wait(self, serial: int, deadline: float) -> int:
        """Publish what waits, or wait for the thread that is at it; how many rows were done meanwhile, 0 for none."""
        if self._busy.acquire(blocking=False):
            return self._drain_and_release(deadline, serial)
        before = self._done
        with self._progress:
            self._progress.wait_for(lambda: self._done >= serial or not self._busy.locked(), PROGRESS_SECONDS)
        return max(self._done - before, 0) or (0 if self._busy.locked() else 1)

    def drain(self, deadline: float = float("inf")) -> int:
        """Publish every waiting row, in order, unless another publisher is at it; returns how many.

        A database that is locked is not waited for beyond `deadline` (monotonic seconds) and one try. Raises
        Unavailable when database or store fail, or publication is stopped; what is done stays done.
        """
        return self._drain_and_release(deadline) if self._busy.acquire(timeout=POLL_SECONDS) else 0

    def _drain_and_release(self, deadline: float, serial_max: float = float("inf")) -> int:
        self._deadline = deadline
        try:
            if not _has_waiting():
                return 0
            self._compare_with_tree(_running_database())
            return self._drain(serial_max) if self._lease() else 0
        finally:
            self._busy.release()
            with self._progress:
                self._progress.notify_all()

    def _drain(self, serial_max: float) -> int:
        """A writer goes no further than its own row: those that came later have threads, and it has a client."""
        done = 0
        while rows := _waiting():
            for row in rows:
                self._lease()
                if not self._publish_or_count(row):
                    return done
                done += 1
                with self._progress:
                    self._done = row.serial
                    self._progress.notify_all()
                if row.serial >= serial_max:
                    return done
            if self._leased_until == float("-inf"):  # given back with the last mark: nothing waited any more
                return done
        self._give_back()  # what waited was done by another before we had the lease; the next row's writer wants it now
        return done

    def _publish_or_count(self, row: Event) -> bool:
        """Publish one row; False when it failed for a reason of its own and must be tried again later."""
        if _is_too_early(row, self.clock):
            return False
        try:
            self._publish(row, hold=_is_due_to_hold(row, self.clock))
        except TwoDatabases as error:
            self._halt(error)
            raise Halted(error.reason) from error
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one bad row must neither stop the process nor block the log
            self._count_failure(row, error)
            return False
        return True

    def _publish(self, row: Event, *, hold: bool) -> None:
        self._pause("claimed")
        if not self._is_in_tree(row):
            with read_snapshot():
                rendering = render(row.serial, row.changes, self._drafts, hold=hold)
            self._pause("rendered")
            changed = self._store_records(row.serial, rendering, hold=hold)
            self._pause("record-written")
            self._store_cards(row, hold=hold)
            self._pause("card-written")
            entries = (*changed, *rendering.entries)
            append(self.store, Segment(row.serial, row.event, self.instance, row.created, entries))
        self._pause("segment-written")
        bump_hint(self.config.head_hint, row.serial)  # before the mark: who sees the mark may ask a front at once
        self._mark(row.serial, held=hold)
        self._pause("marked")

    def _is_in_tree(self, row: Event) -> bool:
        """True when the row's segment is there: a publisher before us got that far. Documents came before it."""
        try:
            found = read_segment(self.store, row.serial)
        except Absent:
            return False
        if (found.event, found.instance) != (row.event, self.instance):
            raise TwoDatabases(
                f"journal segment {row.serial} holds event {found.event} of instance {found.instance}, not event"
                f" {row.event} of instance {self.instance}: two databases write to one tree"
            )
        return True

    def _store_records(self, serial: int, rendering: Rendering, *, hold: bool) -> list[AnyEntry]:
        """Store each record and answer the entries that name them."""
        entries: list[AnyEntry] = []
        for record, draft in rendering.records:
            try:
                entries.append(self._store_record(record, draft))
            except Unavailable:
                raise
            except Exception as error:
                if not hold:
                    raise
                entries.append(held_entry(serial, record.index, record.name, error))
        return entries

    def _store_record(self, record: Record, draft: Draft) -> ProjectChanged:
        digest = put_with_pages(self.store, record, self.config.index_url(record.index), draft.fragments)
        self._drafts.keep(record.index, record.name, draft)
        return ProjectChanged(record.index, record.name, record.display, record.serial, digest, record.status)

    def _store_cards(self, row: Event, *, hold: bool) -> None:
        """Write the cards of the row's files until they agree with the rows.

        A publisher that stopped between reading and writing would otherwise undo what happened meanwhile.
        """
        for change in row.changes:
            if change["kind"] not in ("file-added", "file-removed"):
                continue
            try:
                store_card(self.store, change["index"], change["project"], change["filename"], change["sha256"])
            except Unavailable:
                raise
            except Exception as error:
                if not hold:
                    raise
                log.error("no card for %s in %s: %s", change["filename"], change["index"], error, exc_info=error)

    def _mark(self, serial: int, *, held: bool) -> None:
        now = self.clock.now()
        with held_transaction(self.clock, self._mark_deadline()):
            _mark_published(serial, now, held)
            if not _unpublished.any():  # give the lease back: the next row may be another's
                _end_lease(self._holder, now)
                self._leased_until = float("-inf")

    def _count_failure(self, row: Event, error: Exception) -> None:
        log.warning("publication of serial %s failed: %s", row.serial, error, serial=row.serial, exc_info=error)
        row.attempts += 1
        row.first_failure = min(row.first_failure or self.clock.now(), self.clock.now())  # the clock may be set back
        row.error = f"{type(error).__name__}: {error}"[:1000]
        with held_transaction(self.clock, self._mark_deadline()):
            row.save(update_fields=["attempts", "first_failure", "error"])

    def _halt(self, error: TwoDatabases) -> None:
        log.error("publication is stopped: %s", error.reason, instance=self.instance)
        with held_transaction(self.clock, self._mark_deadline()):
            Instance.objects.filter(pk=1).update(halted=error.reason)

    def _lease(self) -> bool:
        """Take or keep the lease; False when another publisher has it."""
        if self.clock.monotonic() < self._leased_until - LEASE_SECONDS + RENEW_SECONDS:
            return True
        now = self.clock.now()
        until = now + timedelta(seconds=LEASE_SECONDS)
        with held_transaction(self.clock, self._mark_deadline()):
            taken = _take_lease(self._holder, now, now + timedelta(seconds=2 * LEASE_SECONDS), until)
        self._leased_until = self.clock.monotonic() + LEASE_SECONDS if taken else float("-inf")
        return bool(taken)

    def _give_back(self) -> None:
        now = self.clock.now()
        with held_transaction(self.clock, self._mark_deadline()):
            _end_lease(self._holder, now)
        self._leased_until = float("-inf")

    def _compare_with_tree(self, identity: object) -> None:
        """Whenever the database may be another one than before, hold its counter to the tree's real head.

        Looking for the next segment alone would not do: old segments live on in chunks only. Raises TreeAhead.
        """
        if self.compared == identity:
            return
        reopen_lost(self.head_beside_counter(), self.clock)
        self._done = 0
        self.compared = identity

    def _mark_deadline(self) -> float:
        return min(self.clock.monotonic() + MARK_SECONDS, self._deadline)


def hint_value(path: Path) -> int:
    """The newest serial announced on this machine; 0 when nobody can say."""
    try:
        head = hint.HeadHint(path)
    except OSError:
        return 0
    try:
        return head.value
    finally:
        head.close()


def bump_hint(path: Path, serial: int) -> None:
    """Announce a serial to the fronts of this machine. They look by themselves within a second."""
    try:
        hint.bump(path, serial)
    except OSError as error:
        log.warning("the head hint %s cannot be written: %s", path, error)


def store_card(store: Store, index: str, project: str, filename: str, sha256: str) -> None:
    """Write a file's card, and again until what is stored is what the rows say. Raises Unavailable."""
    written = None
    while True:
        with database_guard():
            card = card_of(index, project, filename, sha256)
        if card is None or card == written:
            return
        put_card(store, card)
        written = card


def is_published(serial: int) -> bool:
    """True when that serial is in the tree. Raises DatabaseUnavailable."""
    with database_guard():
        return _published.any(serial)


def _has_waiting() -> bool:
    with database_guard():
        return _unpublished.any()


def _waiting() -> list[Event]:
    with database_guard():
        return _next_rows.all()


def _running_database() -> object:
    """Which database it is. Raises Halted when publication was stopped, NewerData, DatabaseUnavailable."""
    row, identity = instance_row()
    if row is None:
        raise DatabaseUnavailable("the database was never initialised; `holdfast restore` puts a backup in its place")
    if row[1]:
        raise Halted(row[1])
    demand_readable(row[2])
    return identity


def _is_due_to_hold(row: Event, clock: Clock) -> bool:
    if row.attempts < ATTEMPTS_MAX or row.first_failure is None:
        return False
    return (clock.now() - row.first_failure).total_seconds() >= HOLD_AFTER_SECONDS


def _is_too_early(row: Event, clock: Clock) -> bool:
    """True while a row that failed rests, so that its five attempts spread over ten seconds."""
    if row.first_failure is None:
        return False
    rested = (clock.now() - row.first_failure).total_seconds()  # below zero: the clock was set back, no telling how far
    return 0 <= rested < RETRY_ROW_SECONDS * row.attempts
