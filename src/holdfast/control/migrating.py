"""One process at a time makes a database's tables or changes them, on whichever machine it runs.

SQLite: a lock on the folder of the file, which no other machine has. PostgreSQL: an advisory lock in a transaction of
its own, on a connection of its own, so that a pooler in between keeps the two together. Both end with the process.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from django.db import DatabaseError, InterfaceError

from holdfast.config import Config
from holdfast.control.database import DatabaseUnavailable, connection, is_sqlite
from holdfast.core.errors import Unavailable

_POLL_SECONDS = 0.1
_KEY = (0x484F4C44, 0x4D494752)  # write transactions lock names with the same first number: see WriteTransaction.lock


class MigrationUnderWay(Unavailable):
    """Another process is at it; a moment later there is nothing left to do."""

    def __init__(self) -> None:
        super().__init__("another process is bringing the database to this release", retry_after_seconds=5)


@contextmanager
def migration_lock(config: Config, wait_seconds: float = 0.0) -> Iterator[None]:
    """Keep every other process out. Raises MigrationUnderWay when one is still in after `wait_seconds`, Unavailable.

    Whoever gets in looks again at what there is to do.
    """
    lock: Callable[[Config], AbstractContextManager[bool]] = _folder_lock if is_sqlite(config) else _advisory_lock
    deadline = time.monotonic() + wait_seconds
    while True:
        with lock(config) as is_ours:
            if is_ours:
                yield
                return
        if time.monotonic() >= deadline:
            raise MigrationUnderWay
        time.sleep(_POLL_SECONDS)


@contextmanager
def _folder_lock(config: Config) -> Iterator[bool]:
    """The folder, not the file: closing any descriptor of a SQLite file ends the locks SQLite has on it."""
    try:
        descriptor = os.open(config.sqlite_file.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise Unavailable(f"the database's folder cannot be opened: {error}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


@contextmanager
def _advisory_lock(config: Config) -> Iterator[bool]:
    wrapper = connection().copy()
    try:
        try:
            wrapper.set_autocommit(False)
            with wrapper.cursor() as cursor:
                # This transaction idles for as long as a migration takes; it has seen nothing and holds nothing up.
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", _KEY)
                (is_ours,) = cursor.fetchone()
        except (DatabaseError, InterfaceError) as error:
            raise DatabaseUnavailable(f"the database cannot answer: {error}") from error
        yield bool(is_ours)
    finally:
        wrapper.close()
