"""Regular upkeep: what crashes leave behind goes away, what grows is kept small. Each task may run at any time."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import structlog

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.control.backup import MAKING, RESTORING
from holdfast.control.database import held_transaction
from holdfast.control.projects import intents
from holdfast.control.projects.models import File
from holdfast.control.publication.erase import erase_pending
from holdfast.control.publication.transaction import TreeAhead, current_serial
from holdfast.core.errors import Absent
from holdfast.store.local import LocalStore
from holdfast.store.paired import PairedStore
from holdfast.store.port import ObjectInfo, Store
from holdfast.tree import addresses
from holdfast.tree.compaction import Compacted, compact
from holdfast.tree.reader import TreeReader
from holdfast.tree.rendered import forget_pages
from holdfast.tree.writer import published_head, write_checkpoint

log = structlog.get_logger()

CHECKPOINT_SERIALS = 1000
CHECKPOINT_SECONDS = 3600.0
STATEMENT_SECONDS = 5.0
EXPIRED_BATCH = 500  # files per transaction, which other writers wait for
ORPHANS_BATCH = 500  # intents looked at in one go: publication waits for its turn in the same process
TEMPORARY_AGE = timedelta(hours=6)  # of files in the store that a crash left; the slowest put takes minutes
SPOOL_MARGIN_SECONDS = 3600


def sweep(config: Config, store: Store, clock: Clock, watch: intents.Watch | None = None) -> int:
    """Collect orphans and erase removed bytes; returns how many objects went. Raises Unavailable.

    `watch` is kept from sweep to sweep; without one, what is not known to have ended is left alone.
    """
    return collect_orphans(store, clock, watch) + erase_pending(config, store, clock)


def expire_deleted(config: Config, clock: Clock) -> int:
    """Give up the bytes of files deleted `deleted_days` ago; returns how many files. Raises Unavailable.

    The next sweep deletes them like an abandoned upload's, unless another file or an upload under way has the same.
    """
    before = clock.now() - timedelta(days=config.deleted_days)
    count = 0
    while True:
        with held_transaction(clock, clock.monotonic() + STATEMENT_SECONDS):
            expired = File.objects.filter(removed=False, deleted__lt=before).order_by("pk")[:EXPIRED_BATCH]
            rows = list(expired.values_list("pk", "sha256", "metadata_sha256", "provenance_sha256"))
            File.objects.filter(pk__in=[row[0] for row in rows]).update(removed=True)
            intents.leave_behind((digest for row in rows for digest in row[1:]), clock.now())
        count += len(rows)
        if len(rows) < EXPIRED_BATCH:
            return count


def collect_orphans(
    store: Store, clock: Clock, watch: intents.Watch | None = None, rows_max: int = ORPHANS_BATCH
) -> int:
    """Delete the bytes of uploads that never became files, some at a time. Raises TreeAhead, Unavailable."""
    deleted = 0
    abandoned = intents.abandoned(clock, watch or intents.Watch(), rows_max)
    if abandoned:
        _refuse_older_database(store)
    for digest, ids in abandoned.items():
        deleted += collect(store, digest, clock, ids)
        intents.forget(ids, clock, clock.monotonic() + STATEMENT_SECONDS)
    return deleted


def collect(store: Store, digest: str, clock: Clock, over: Sequence[int] = ()) -> bool:
    """Delete one blob unless a file or a running upload needs it; True when it went. Raises Unavailable.

    `over`: the intents that ended or were cut off.
    """
    if not _exists(store, addresses.blob(digest)):
        return False
    claimed, at = clock.monotonic(), clock.now()
    claim = intents.claim_for_sweep(digest, clock, claimed + STATEMENT_SECONDS, over)
    if claim is None:
        return False
    try:
        if max(clock.monotonic() - claimed, (clock.now() - at).total_seconds()) > intents.SWEEP_LEASE_SECONDS / 2:
            # We were stopped in between, or the machine's time was set: the claim may be over before the deletion is.
            # The next sweep looks again.
            with held_transaction(clock, clock.monotonic() + STATEMENT_SECONDS):
                intents.leave_behind([digest], clock.now())
            return False
        store.delete(addresses.blob(digest))
    finally:
        intents.withdraw(claim, clock, clock.monotonic() + STATEMENT_SECONDS)
    log.info("deleted an abandoned upload's bytes %s", digest)
    return True


def sweep_folders(config: Config, store: Store, clock: Clock) -> int:
    """Delete temporary files that nobody can be writing any more; returns how many. Raises Unavailable."""
    before = time.time() - config.upload_seconds_max - config.hold_seconds - SPOOL_MARGIN_SECONDS
    swept = sum(_unlink_older(folder, before) for folder in (config.spool_folder, config.partial_folder))
    swept += _drop_older_copies(config, (clock.now() - TEMPORARY_AGE).timestamp())
    sides = [side.store for side in store.sides] if isinstance(store, PairedStore) else [store]
    return swept + sum(side.sweep(clock.now() - TEMPORARY_AGE) for side in sides if isinstance(side, LocalStore))


class Checkpoints:
    """Writes a checkpoint when enough has changed since the last."""

    def __init__(self, reader: TreeReader, clock: Clock) -> None:
        self.reader = reader
        self._clock = clock
        self._serial = 0
        self._at = float("-inf")

    def write_when_due(self) -> int:
        """Returns the serial of the checkpoint written, 0 when none was due. Raises Unavailable, Corrupt."""
        trouble = self.reader.catch_up().trouble
        if trouble is not None:
            raise trouble
        if self._serial == 0:
            newest = self.reader.state().checkpoint
            self._serial = newest.serial if newest else 0
        news = self.reader.head - self._serial
        is_old = self._clock.monotonic() - self._at >= CHECKPOINT_SECONDS
        if news <= 0 or (news < CHECKPOINT_SERIALS and not is_old):
            return 0
        self._serial = write_checkpoint(self.reader.store, self.reader.state(), self.reader.instance, self._clock.now())
        self._at = self._clock.monotonic()
        return self._serial


def compact_tree(config: Config, reader: TreeReader, clock: Clock) -> Compacted:
    """Compact the tree, and delete the pages of the records that went with it. Raises Unavailable, Corrupt."""
    trouble = reader.catch_up().trouble
    if trouble is not None:
        raise trouble
    noting = _NotingStore(reader.store)
    done = compact(noting, reader, clock)
    bases = [config.index_url(index.name) for index in config.indexes]
    for digest in noting.records:
        forget_pages(reader.store, digest, bases)
    return done


class _NotingStore:
    """A store that notes which records were deleted through it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.records: list[str] = []

    def delete(self, key: str) -> None:
        self._store.delete(key)
        if "/project/" in key:
            self.records.append(key.rpartition("/")[2].removesuffix(".json.zst"))

    def get(self, key: str) -> bytes:
        return self._store.get(key)

    def read(self, key: str, start: int, length: int) -> bytes:
        return self._store.read(key, start, length)

    def head(self, key: str) -> ObjectInfo:
        return self._store.head(key)

    def put(self, key: str, data: bytes, *, create: bool = False) -> None:
        self._store.put(key, data, create=create)

    def put_file(self, key: str, path: Path) -> None:
        self._store.put_file(key, path)

    def adopt_file(self, key: str, path: Path) -> None:
        self._store.adopt_file(key, path)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        return self._store.list(prefix, after)

    def local_path(self, key: str) -> Path | None:
        return self._store.local_path(key)


def _refuse_older_database(store: Store) -> None:
    """A restored database may know an upload as under way that became a file since: it cannot tell what is an orphan.

    The head is read first: whatever was published by then, a database that is not older has counted.
    """
    head = published_head(store)
    counter = current_serial()
    if head > counter:
        raise TreeAhead(counter, head)


def _exists(store: Store, key: str) -> bool:
    try:
        store.head(key)
    except Absent:
        return False
    return True


def _drop_older_copies(config: Config, before: float) -> int:
    """Copies of the whole database, which a backup or a restore that was cut off was working on."""
    count = 0
    for folder, prefix in ((config.backup_folder, MAKING), (config.data, RESTORING)):
        for copy in folder.glob(f"{prefix}*"):
            with suppress(FileNotFoundError):
                if copy.is_dir() and copy.stat().st_mtime < before:
                    shutil.rmtree(copy)
                    count += 1
    return count


def _unlink_older(folder: Path, before: float) -> int:
    count = 0
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return 0
    for entry in entries:
        try:
            if entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < before:
                os.unlink(entry.path)
                count += 1
        except FileNotFoundError:
            continue  # its owner was faster
    return count
