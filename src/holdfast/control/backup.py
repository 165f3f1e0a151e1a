"""Backup and restore of the database: one file, written whole or not at all, while everything runs.

The published tree is not in it: it is immutable objects and is copied like any folder or bucket. A backup is
therefore older than the tree the moment something is published, which is what `holdfast reconcile` is for.
"""

import io
import os
import sqlite3
import tarfile
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import msgspec

from holdfast import __version__
from holdfast.clock import Clock
from holdfast.config import DATA_FORMAT, Config
from holdfast.control import postgres_tools
from holdfast.control.accounts.standing import Ended, end_older_standing
from holdfast.control.database import close_connection, django_setup, is_sqlite
from holdfast.control.instance import (
    Marker,
    NotInitialised,
    has_rows,
    migrate,
    read_marker,
    use_write_ahead_log,
    write_marker,
)
from holdfast.control.migrating import migration_lock
from holdfast.control.newer import has_pending_migrations
from holdfast.control.publication.transaction import current_serial
from holdfast.core.errors import Corrupt, Unavailable
from holdfast.datafolder import sync_folder
from holdfast.store.port import Store
from holdfast.tree.instance import read_instance
from holdfast.tree.standing import newest_standing
from holdfast.tree.writer import published_head

MANIFEST = "manifest.json"
MAKING, RESTORING = ".holdfast-backup-", ".holdfast-restore-"  # folders that a crash leaves are swept by these names
_SQLITE, _POSTGRESQL = "database.sqlite3", "database.pgdump"
_MIGRATION_SECONDS = 60.0  # how long a restore waits for another process that brings the database to this release
_LOCK_SECONDS = 5.0  # how long a restore waits for a write transaction in the database it replaces


class Manifest(msgspec.Struct, frozen=True):
    """What a backup file says of itself."""

    instance: str
    format: int
    serial: int  # the database's counter; on PostgreSQL it may have grown while the copy was made
    created: datetime
    instance_created: datetime
    member: str
    release: str


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. `is_behind`: the tree was published further, writes wait for `holdfast reconcile`."""

    manifest: Manifest
    head: int
    kept: Path | None  # the database that was replaced
    ended: Ended  # what it would have given back to people who lost it since

    @property
    def is_behind(self) -> bool:
        return self.head > self.manifest.serial


def backup(config: Config, target: Path | None, clock: Clock) -> Path:
    """Write a backup file and answer its path. Raises Unavailable, NotInitialised, Corrupt, FileExistsError."""
    marker = read_marker(config)
    serial = current_serial()
    now = clock.now()
    path = target or config.backup_folder / f"holdfast-{now:%Y%m%dT%H%M%S}-{serial}.tar"
    if path.exists():
        raise FileExistsError(f"{path} exists; backups never overwrite anything")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=MAKING, dir=path.parent) as folder:
        member = _SQLITE if is_sqlite(config) else _POSTGRESQL
        copy = Path(folder) / member
        if is_sqlite(config):
            serial = _copy_sqlite(config.sqlite_file, copy)
        else:
            postgres_tools.dump(config.database_url, copy)
        manifest = Manifest(marker.instance, DATA_FORMAT, serial, now, marker.created, member, __version__)
        _write_tar(path, Path(folder) / "backup.tar", manifest, copy)
    return path


def restore(config: Config, store: Store, source: Path, clock: Clock) -> Restored:
    """Put a backup's database in place, also under running processes: they notice and look at it afresh.

    One that an older release made is brought to this one, because processes that run do not look for that again.
    Raises Corrupt for a file that is no whole backup, NotInitialised for another instance's, Unavailable. Until the
    database is put in place nothing is changed.
    """
    django_setup(config)
    manifest = read_manifest(source)
    _hold_to_instance(config, store, manifest)
    told = newest_standing(store)
    config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=RESTORING, dir=config.data) as folder:
        copy = _extract(source, manifest, Path(folder))
        kept = None
        if is_sqlite(config):
            kept = _put_sqlite(config, copy, manifest, clock)
        else:
            _put_postgresql(config, copy)
    if not config.marker.exists():
        write_marker(config, Marker(manifest.instance, manifest.format, manifest.instance_created))
    close_connection()
    if not has_rows(config):
        raise Unavailable("the database was put in place but does not answer")
    _bring_to_this_release(config)
    ended = end_older_standing(told, manifest.instance, manifest.created, clock)
    return Restored(manifest, published_head(store), kept, ended)


def read_manifest(source: Path) -> Manifest:
    """What a backup file says of itself. Raises Corrupt, FileNotFoundError."""
    try:
        with tarfile.open(source) as tar:
            member = tar.extractfile(MANIFEST)
            manifest = msgspec.json.decode(member.read() if member else b"", type=Manifest)
    except (tarfile.TarError, KeyError, msgspec.MsgspecError, EOFError) as error:
        raise Corrupt(f"{source} is not a backup made by `holdfast backup`: {error}") from error
    if manifest.format > DATA_FORMAT:
        raise Corrupt(f"{source} has data format {manifest.format}, this release reads up to {DATA_FORMAT}")
    return manifest


def _copy_sqlite(source: Path, target: Path) -> int:
    """Copy a live database in one consistent piece; answers its counter. Writers are not held up."""
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a write-ahead log beside it
            found: tuple[int] = copy.execute("SELECT value FROM publication_counter").fetchone()
    except sqlite3.Error as error:
        raise Unavailable(f"{source} cannot be copied: {error}") from error
    return found[0]


def _write_tar(path: Path, beside: Path, manifest: Manifest, copy: Path) -> None:
    """Write the file beside its target and link it there: whole or not at all, and never over another."""
    text = msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"
    with open(os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b") as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            header = tarfile.TarInfo(MANIFEST)
            header.size, header.mtime, header.mode = len(text), int(manifest.created.timestamp()), 0o600
            tar.addfile(header, io.BytesIO(text))
            tar.add(copy, manifest.member, filter=_private)
        file.flush()
        os.fsync(file.fileno())
    os.link(beside, path)
    sync_folder(path.parent)


def _private(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.mode, info.uid, info.gid, info.uname, info.gname = 0o600, 0, 0, "", ""
    return info


def _hold_to_instance(config: Config, store: Store, manifest: Manifest) -> None:
    tree = read_instance(store)
    known = {str(config.marker): read_marker(config).instance} if config.marker.exists() else {}
    for what, instance in {"the published tree": tree.instance, **known}.items():
        if instance != manifest.instance:
            raise NotInitialised(f"the backup belongs to instance {manifest.instance}, {what} to {instance}")
    wanted = _SQLITE if is_sqlite(config) else _POSTGRESQL
    if manifest.member != wanted:
        raise NotInitialised(f"the backup holds {manifest.member}, this instance's database needs {wanted}")


def _extract(source: Path, manifest: Manifest, folder: Path) -> Path:
    target = folder / manifest.member
    try:
        with tarfile.open(source) as tar, open(target, "xb") as file:
            member = tar.extractfile(manifest.member)
            if member is None:
                raise Corrupt(f"{source} holds no {manifest.member}")
            while block := member.read(1 << 20):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise Corrupt(f"{source} is damaged: {error}") from error
    target.chmod(0o600)
    return target


def _put_sqlite(config: Config, copy: Path, manifest: Manifest, clock: Clock) -> Path | None:
    """Swap the files. Nothing is deleted: the database that was there moves to the backups folder.

    The main file goes first: without it nobody can open the old log, and connections that are open see that their
    file has moved and commit nothing. The write lock keeps a commit from being under way at that moment.
    """
    _check_sqlite(copy, manifest)
    use_write_ahead_log(copy)
    path = config.sqlite_file
    config.backup_folder.mkdir(mode=0o700, exist_ok=True)
    kept = config.backup_folder / f"replaced-{clock.now():%Y%m%dT%H%M%S%f}.sqlite3"
    with closing(_lock_out_writers(path)):
        had_one = path.exists()
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.rename(f"{path}{suffix}", f"{kept}{suffix}")
        os.rename(copy, path)
        sync_folder(path.parent)
    return kept if had_one else None


def _check_sqlite(copy: Path, manifest: Manifest) -> None:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(copy))}?mode=ro", uri=True)) as database:
            (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
            (instance,) = database.execute("SELECT instance FROM publication_instance").fetchone()
    except (sqlite3.Error, TypeError) as error:
        raise Corrupt(f"the backup's database cannot be read: {error}") from error
    if verdict != "ok" or instance != manifest.instance:
        raise Corrupt(f"the backup's database is damaged: {verdict}, instance {instance}")


def _lock_out_writers(path: Path) -> sqlite3.Connection:
    """The write lock on the database that is to be replaced, or nothing when it is gone or beyond locking."""
    try:
        address = f"file:{quote(str(path))}?mode=rw"
        database = sqlite3.connect(address, uri=True, timeout=_LOCK_SECONDS, isolation_level=None)
    except sqlite3.Error:
        return sqlite3.connect(":memory:")
    with suppress(sqlite3.Error):
        database.execute("BEGIN IMMEDIATE")
    return database


def _bring_to_this_release(config: Config) -> None:
    if not has_pending_migrations():
        return
    with migration_lock(config, _MIGRATION_SECONDS):
        if has_pending_migrations():  # control may start at this moment
            migrate()


def _put_postgresql(config: Config, copy: Path) -> None:
    close_connection()  # pg_restore waits for our own locks otherwise
    postgres_tools.load(config.database_url, copy)
