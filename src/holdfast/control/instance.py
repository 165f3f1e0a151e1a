"""One instance, three places: the data folder's marker, the tree, the database. They are made together, once.

Whatever is found in any other combination is never initialised over: the error names the command that helps.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import structlog
from django.core.management import call_command
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from holdfast.clock import Clock, SystemClock
from holdfast.config import DATA_FORMAT, Config
from holdfast.control.database import (
    DatabaseUnavailable,
    close_connection,
    database_guard,
    django_setup,
    is_sqlite,
)
from holdfast.control.migrating import migration_lock
from holdfast.control.newer import demand_readable, has_pending_migrations, told_newer
from holdfast.control.page_settings import apply_page_settings
from holdfast.control.secret_key import make_key
from holdfast.core.errors import Absent, Corrupt, Outcome
from holdfast.core.model import format_time
from holdfast.datafolder import sync_folder
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.instance import TREE_FORMAT, InstanceDocument, create_instance, read_instance

log = structlog.get_logger()

FIRST_START_SECONDS = 60.0  # how long a machine waits for another one's first start over the same database


class NotInitialised(Outcome):
    """Marker, tree and database do not fit together; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Marker:
    """What the data folder's marker says."""

    instance: str
    data_format: int
    created: datetime


def initialise(config: Config, store: Store, clock: Clock | None = None) -> Config:
    """Make a new instance when there is nothing at all; answer the configuration with its instance id.

    An instance that is there already is only recognised. A machine that comes to share database and store with others
    gets its marker. Raises NotInitialised when something is there and something else is missing, Unavailable when that
    cannot be told.
    """
    django_setup(config)
    has_marker, has_tree, has_database = config.marker.exists(), _has_tree(store), has_rows(config)
    if has_marker and has_tree and has_database:
        return with_instance(config)
    if not has_marker and has_database and _is_unfinished(store):
        return _create(config, store, clock or SystemClock())
    if not has_marker and has_tree and has_database and _is_shared(config):
        return _join(config, store)
    if has_marker or has_tree or has_database:
        raise NotInitialised(_what_to_do(config, has_marker, has_tree, has_database))
    return _create(config, store, clock or SystemClock())


def with_instance(config: Config) -> Config:
    """The configuration with the instance id of its marker. Raises NotInitialised, Corrupt."""
    return replace(config, instance=read_marker(config).instance)


def read_marker(config: Config) -> Marker:
    """The data folder's marker. Raises NotInitialised without one, Corrupt when it is unreadable or newer."""
    try:
        found = json.loads(config.marker.read_text())
        marker = Marker(found["instance"], found["format"], datetime.fromisoformat(found["created"]))
    except FileNotFoundError:
        raise NotInitialised(f"{config.marker} does not exist: this data folder was never initialised") from None
    except (ValueError, KeyError, TypeError) as error:
        raise Corrupt(f"{config.marker} cannot be read: {error!r}") from error
    if marker.data_format > DATA_FORMAT:
        raise Corrupt(
            f"the data in {config.data} has format {marker.data_format}, this release reads up to {DATA_FORMAT};"
            " install the newer release again, or restore a backup made before the upgrade"
        )
    return marker


def write_marker(config: Config, marker: Marker) -> None:
    """Write the marker so that it is there whole or not at all. Other keys that are there are kept."""
    known = json.loads(config.marker.read_text()) if config.marker.exists() else {}
    known |= {
        "instance": marker.instance,
        "format": marker.data_format,
        "created": format_time(marker.created),
    }
    write_atomically(config.marker, json.dumps(known, indent=2).encode() + b"\n")


def write_atomically(path: Path, data: bytes) -> None:
    """Put bytes at a path, 0600 and durable, whole or not at all."""
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def has_rows(config: Config) -> bool:
    """True when a database with our tables exists. Creates nothing. Raises DatabaseUnavailable when it may exist."""
    if is_sqlite(config) and not config.sqlite_file.exists():
        return False
    with database_guard() as wrapper:
        return "publication_counter" in wrapper.introspection.table_names()


def migrate() -> None:
    """Bring the database's tables to this release. Raises DatabaseUnavailable."""
    from holdfast.control.accounts.append_only import guard_trail

    with database_guard() as wrapper, _unhurried(wrapper):
        call_command("migrate", verbosity=0, interactive=False)
    guard_trail()


@contextmanager
def _unhurried(wrapper: BaseDatabaseWrapper) -> Iterator[None]:
    """An index over millions of rows takes minutes; locks are waited for as shortly as ever, with others behind."""
    if wrapper.vendor != "postgresql":
        yield
        return
    with wrapper.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    try:
        yield
    finally:
        close_connection()  # the next one has its limit again, also after an error that left this one unusable


def create_sqlite_file(path: Path) -> None:
    """The only place that makes a database file. Raises FileExistsError."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    use_write_ahead_log(path)
    sync_folder(path.parent)


def use_write_ahead_log(path: Path) -> None:
    """Have every later connection to this file write ahead, so that readers and writers do not wait for each other."""
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True)) as database:
        database.execute("PRAGMA journal_mode=WAL")


def create_rows(instance: str, created: datetime, serial: int = 0) -> None:
    """The singleton rows of a database whose tables are new."""
    from holdfast.control.publication.models import Counter, Instance, PublisherLease

    with database_guard(), transaction.atomic():
        PublisherLease.objects.get_or_create(pk=1, defaults={"until": created})
        Counter.objects.get_or_create(pk=1, defaults={"value": serial})
        Instance.objects.get_or_create(
            pk=1, defaults={"instance": instance, "data_format": DATA_FORMAT, "created": created}
        )


def make_folders(config: Config) -> None:
    """The folders of the data folder, 0700, and the secret key."""
    for folder in (
        config.data,
        config.run_folder,
        config.spool_folder,
        config.partial_folder,
        config.backup_folder,
        config.log_folder,
    ):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    make_key(config)


def _create(config: Config, store: Store, clock: Clock) -> Config:
    """Database first, tree second, marker last: the marker says that the other two are whole.

    A start that was cut off in between is taken up again; its instance id is the one in the database.
    """
    make_folders(config)
    with migration_lock(config, FIRST_START_SECONDS):
        if is_sqlite(config) and not config.sqlite_file.exists():
            create_sqlite_file(config.sqlite_file)
        if has_pending_migrations():
            migrate()
        begun = _instance_row()
        marker = Marker(begun[0] if begun else uuid4().hex, DATA_FORMAT, clock.now().replace(microsecond=0))
        create_rows(marker.instance, marker.created)
        create_instance(store, InstanceDocument(marker.instance, TREE_FORMAT, marker.created))
        write_marker(config, marker)
    return replace(config, instance=marker.instance)


def _is_shared(config: Config) -> bool:
    """True when neither database nor store lies in the data folder: other machines, or a release beside, have them."""
    return bool(config.database_url and config.store) and not any(
        config.data in place.parents
        for place in (Path(config.store), *([config.sqlite_file] if is_sqlite(config) else []))
    )


def _join(config: Config, store: Store) -> Config:
    """Take a further machine into an instance whose database and tree belong together. Raises NotInitialised."""
    row, tree = _instance_row(), read_instance(store)
    if row is None or row[0] != tree.instance:
        raise NotInitialised(
            f"the database belongs to instance {row[0] if row else 'none'}, the store to {tree.instance};"
            " put the right one in its place. Nothing was created"
        )
    make_folders(config)
    write_marker(config, Marker(tree.instance, row[1], tree.created))
    return replace(config, instance=tree.instance)


def _is_unfinished(store: Store) -> bool:
    """True when a first start was cut off: a database without a single change, and no tree but its own."""
    from holdfast.control.publication.models import Counter

    begun = _instance_row()
    with database_guard():
        is_unused = not Counter.objects.filter(value__gt=0).exists()
    if not is_unused:
        return False
    return not _has_tree(store) or (begun is not None and read_instance(store).instance == begun[0])


def _has_tree(store: Store) -> bool:
    try:
        store.head(addresses.INSTANCE)
    except Absent:
        return False
    return True


def _what_to_do(config: Config, has_marker: bool, has_tree: bool, has_database: bool) -> str:
    database = str(config.sqlite_file) if is_sqlite(config) else "the configured database"
    if not has_database:
        return (
            f"the published tree or {config.marker} is there, but {database} is missing or empty. Nothing was created."
            " `holdfast restore FILE` puts a backup in its place; `holdfast rebuild` makes a new one from the tree"
        )
    if not has_tree:
        return (
            f"{database} is there, but the store holds no published tree: it is not mounted, or it is the wrong one."
            " Nothing was created. Put the right store in its place"
        )
    return (
        f"a database and a published tree are there, but {config.marker} is missing: this is not their data folder,"
        " or its marker was deleted. Nothing was created. `holdfast restore FILE` writes the marker again"
    )


def check_instance(config: Config, store: Store) -> None:
    """Hold marker, tree and database to each other. Raises NotInitialised, Corrupt, Unavailable (NewerData).

    Serials are compared by the publisher, before each write.
    """
    marker = read_marker(config)
    tree = read_instance(store)
    if tree.instance != marker.instance:
        raise NotInitialised(
            f"the store holds the tree of instance {tree.instance}, {config.marker} belongs to {marker.instance};"
            " put the right store in its place"
        )
    if not has_rows(config):
        raise DatabaseUnavailable(_what_to_do(config, True, True, False))
    instance, data_format = _database_instance()
    demand_readable(data_format)
    if instance != marker.instance:
        raise NotInitialised(
            f"the database belongs to instance {instance}, {config.marker} to {marker.instance};"
            " `holdfast restore FILE` puts the right one in its place"
        )


def _database_instance() -> tuple[str, int]:
    row = _instance_row()
    if row is None:
        raise DatabaseUnavailable("the database was never initialised; `holdfast restore` puts a backup in its place")
    return row


def _instance_row() -> tuple[str, int] | None:
    from holdfast.control.publication.models import Instance

    with database_guard():
        return Instance.objects.values_list("instance", "data_format").filter(pk=1).first()


def prepare(config: Config, store: Store, clock: Clock | None = None) -> Config:
    """What control and work do at their start: recognise the instance, back up, then migrate.

    Raises NotInitialised, Corrupt or Unavailable (also while another process migrates), and then nothing was changed.
    """
    from holdfast.control.accounts.append_only import guard_trail, is_guarded
    from holdfast.control.backup import backup

    django_setup(config)
    config = with_instance(config)
    check_instance(config, store)
    make_key(config)  # an instance of an earlier release has none
    apply_page_settings(config)
    if newer := told_newer():
        log.warning("the database: %s", newer)
    if has_pending_migrations():
        with migration_lock(config):
            if has_pending_migrations():  # control and work start at the same moment
                backup(config, None, clock or SystemClock())
                migrate()
    if not is_guarded():
        with migration_lock(config):
            guard_trail()
    return config
