"""Rebuild: a new database from the published tree alone, when there is no backup.

Projects, releases, files, bindings, roles and removals come back whole. People come back as names without
credentials, tokens with the right to read alone: the tree never knew more. The audit trail begins anew, and says so.
"""

from collections.abc import Callable
from dataclasses import dataclass

from holdfast.clock import Clock
from holdfast.config import DATA_FORMAT, Config
from holdfast.control.accounts.trail import begin_trail
from holdfast.control.database import close_connection, django_setup, held_transaction, is_sqlite
from holdfast.control.instance import (
    Marker,
    NotInitialised,
    create_rows,
    create_sqlite_file,
    has_rows,
    make_folders,
    migrate,
    write_marker,
)
from holdfast.control.publication.absorb import (
    absorb_binding,
    absorb_delisted,
    absorb_gone,
    absorb_record,
    absorb_removal,
    absorb_token,
    read_delisted,
)
from holdfast.control.publication.models import Event
from holdfast.control.publication.reconcile import changes_of
from holdfast.store.port import Store
from holdfast.tree.chunk import read_segments
from holdfast.tree.instance import read_instance
from holdfast.tree.journal import FileAdded
from holdfast.tree.reader import TreeReader

_BATCH = 500  # projects or segments per transaction
_DEADLINE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came back."""

    serial: int
    projects: int
    tokens: int


def new_tables(config: Config) -> None:
    """The database's tables, in a file that was not there or a database that had none."""
    if is_sqlite(config):
        create_sqlite_file(config.sqlite_file)
    close_connection()
    migrate()


def rebuild(config: Config, store: Store, clock: Clock, make_tables: Callable[[Config], None] = new_tables) -> Rebuilt:
    """Make the database. Raises NotInitialised when there is one, Unavailable, Corrupt.

    The singleton rows come last: a database that a crash left half built has none and is refused by everyone.
    """
    django_setup(config)
    _refuse_existing(config)
    tree = read_instance(store)
    reader = TreeReader(store, clock, tree.instance)
    reader.load()
    make_folders(config)
    make_tables(config)
    projects = _absorb_projects(reader, clock)
    _absorb_journal(config, reader, clock)
    tokens = _absorb_rest(reader, clock)
    create_rows(tree.instance, tree.created, reader.head)
    if not config.marker.exists():
        write_marker(config, Marker(tree.instance, DATA_FORMAT, tree.created))
    return Rebuilt(reader.head, projects, tokens)


def _refuse_existing(config: Config) -> None:
    if is_sqlite(config) and config.sqlite_file.exists():
        raise NotInitialised(
            f"{config.sqlite_file} exists; a rebuild never touches a database. Move it away first, or use"
            " `holdfast restore FILE` or `holdfast reconcile`"
        )
    if not is_sqlite(config) and has_rows(config):
        raise NotInitialised("the configured database has tables; a rebuild needs an empty one")


def _absorb_projects(reader: TreeReader, clock: Clock) -> int:
    count = 0
    for index in reader.indexes():
        entries = list(reader.state().entries(index))
        for start in range(0, len(entries), _BATCH):
            batch = entries[start : start + _BATCH]
            records = [reader.record(entry) for entry in batch if not entry.gone]
            with held_transaction(clock, clock.monotonic() + _DEADLINE_SECONDS):
                for record in records:
                    absorb_record(record, clock.now())
                for entry in batch:
                    if entry.gone:
                        absorb_gone(entry, clock.now())
            count += len(batch)
    return count


def _absorb_journal(config: Config, reader: TreeReader, clock: Clock) -> None:
    """Bindings and bytes of files that are no longer listed, and the outbox as history."""
    for first in range(1, reader.head + 1, _BATCH):
        segments = list(read_segments(reader.store, first, min(first + _BATCH - 1, reader.head)))
        delisted = read_delisted(reader, segments)
        with held_transaction(clock, clock.monotonic() + _DEADLINE_SECONDS):
            absorb_delisted(delisted, config.deleted_days, clock.now())
            for segment in segments:
                for told in segment.entries:
                    if isinstance(told, FileAdded):
                        absorb_binding(told.index, told.project, told.filename, told.sha256, segment.at)
            Event.objects.bulk_create(
                [
                    Event(serial=s.serial, event=s.event, created=s.at, changes=changes_of(s), published=s.at)
                    for s in segments
                ]
            )


def _absorb_rest(reader: TreeReader, clock: Clock) -> int:
    state = reader.state()
    with held_transaction(clock, clock.monotonic() + _DEADLINE_SECONDS):
        for removal in dict.fromkeys(state.removed.values()):
            absorb_removal(removal, clock.now())
        begin_trail(reader.store, reader.instance, clock)
        return sum(absorb_token(token, clock.now()) for token in state.tokens.values())
