"""Where the database is, whether it is still the one we opened, and what its failures are called.

`database_guard` is the one place where a driver's trouble becomes Unavailable; sqlite_engine keeps SQLite
connections to the file they opened. Nothing here creates a database: that is initialise()'s alone.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import django
from django.conf import settings
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    ProgrammingError,
    connections,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper

from holdfast.clock import Clock
from holdfast.config import SQLITE_URL, Config
from holdfast.control import settings as fixed
from holdfast.control.page_settings import apply_page_settings
from holdfast.control.sqlite_engine.base import GONE, identity_of
from holdfast.control.sqlite_engine.base import DatabaseWrapper as SqliteWrapper
from holdfast.core.errors import Unavailable

BUSY_SECONDS = 1.0  # how long SQLite itself waits for the write lock; write transactions try again until their deadline
PG_CONNECT_SECONDS = 3
PG_LOCK_MS = 1_000  # as BUSY_SECONDS: locks are held for milliseconds, and writes try again until their deadline
PG_STATEMENT_MS = 30_000
PG_IDLE_MS = 15_000  # a process that was stopped inside a transaction must not keep all others from writing
# A server that is cut off without a goodbye is noticed in about 10 s instead of a quarter of an hour.
_PG_KEEPALIVE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 2, "tcp_user_timeout": 8_000}
RETRY_SECONDS = 0.05
_PG_IDENTITY = "to_regclass('publication_counter')::oid, pg_postmaster_start_time()"
_PRAGMAS = (  # the write-ahead log is a property of the file, set when it is made: opening one must not write
    "PRAGMA synchronous=FULL;"  # NORMAL may lose the last acknowledged uploads when the power goes
    "PRAGMA foreign_keys=ON;"
    "PRAGMA journal_size_limit=67108864"
)
_MISTAKES = (IntegrityError, DataError, NotSupportedError)  # ours, not the database's


class DatabaseUnavailable(Unavailable):
    """The database cannot answer: missing, replaced, locked, read-only, refusing connections."""


def django_setup(config: Config) -> None:
    """Point Django at the configured database. Opens nothing; may be called again with another configuration."""
    if not settings.configured:
        settings.configure(**{name: getattr(fixed, name) for name in dir(fixed) if name.isupper()})
    wanted = _database_settings(config)
    if connections.settings["default"].get("HOLDFAST_URL") != wanted["HOLDFAST_URL"]:
        close_connection()
        connections.settings["default"] = connections.configure_settings({"default": wanted})["default"]
        del connections["default"]
    apply_page_settings(config)
    django.setup()


def is_sqlite(config: Config) -> bool:
    """True when the database is a file: the data folder's, or one that a release beside this one uses as well."""
    return not config.database_url or config.database_url.startswith(SQLITE_URL)


def connection() -> BaseDatabaseWrapper:
    """This thread's connection."""
    return connections["default"]


def database_identity() -> object:
    """What changes when another database is put in this one's place, a restored one for example.

    SQLite's inode. PostgreSQL's address, the number of the counter's table (a restore of tables makes new ones), and
    when the server started (one that was taken back to an earlier moment was started for that). Raises
    DatabaseUnavailable.
    """
    wrapper = connection()
    if isinstance(wrapper, SqliteWrapper):
        return identity_of(wrapper.file_path)
    with database_guard(), wrapper.cursor() as cursor:
        cursor.execute(f"SELECT {_PG_IDENTITY}")
        return (wrapper.settings_dict["HOLDFAST_URL"], *cursor.fetchone())


def instance_row() -> tuple[tuple[str, str, int] | None, object]:
    """(instance id, why publication was stopped, data format) or None; and `database_identity()`: in one question.

    Raises DatabaseUnavailable.
    """
    wrapper = connection()
    is_file = isinstance(wrapper, SqliteWrapper)
    # Written out: it is asked in each write transaction, and the second half is in no table.
    columns = "instance, halted, data_format" if is_file else f"instance, halted, data_format, {_PG_IDENTITY}"
    with database_guard(), wrapper.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM publication_instance WHERE id = 1")  # noqa: S608 - constants
        row = cursor.fetchone()
    if row is None:
        return None, None
    of_server = (wrapper.settings_dict["HOLDFAST_URL"], *row[3:])
    return row[:3], identity_of(wrapper.file_path) if isinstance(wrapper, SqliteWrapper) else of_server


def close_connection() -> None:
    """Close this thread's connection; the next use opens a new one. Never raises for a dead connection."""
    try:
        connections["default"].close()
    except (DatabaseError, InterfaceError):
        connections["default"].connection = None


@contextmanager
def database_guard() -> Iterator[BaseDatabaseWrapper]:
    """Work with the database; whatever keeps it from answering leaves as DatabaseUnavailable.

    A connection that failed, or whose file is no longer at its path, is closed, so that the next use looks afresh.
    """
    wrapper = connection()
    try:
        _leave_replaced_file(wrapper)
        yield wrapper
    except _MISTAKES:
        raise
    except (DatabaseError, InterfaceError, sqlite3.Error) as error:
        if isinstance(error, ProgrammingError) and not _is_missing_table(error):
            raise
        close_connection()
        raise DatabaseUnavailable(f"the database cannot answer: {_sentence(error)}") from error


@contextmanager
def held_transaction(clock: Clock, deadline: float) -> Iterator[BaseDatabaseWrapper]:
    """One short write transaction. Its beginning is tried again until `deadline` (monotonic seconds).

    SQLite takes the write lock here (IMMEDIATE), so that nothing later in the transaction can find it locked; the
    threads of this process take it in the order in which they came.
    """
    with database_guard() as wrapper, _turn(wrapper, clock, deadline):
        block = _begin(wrapper, clock, deadline)
        try:
            yield wrapper
        except BaseException as error:
            block.__exit__(type(error), error, error.__traceback__)
            raise
        block.__exit__(None, None, None)


_has = threading.local()  # whether this thread has its turn


@contextmanager
def _turn(wrapper: BaseDatabaseWrapper, clock: Clock, deadline: float) -> Iterator[None]:
    """Raises DatabaseUnavailable when those before took until `deadline`, and as long as SQLite would have waited."""
    if not isinstance(wrapper, SqliteWrapper) or wrapper.in_atomic_block or getattr(_has, "turn", False):
        yield  # what runs on commit writes once more, before the turn is handed over: it must not wait for itself
        return
    if not wrapper.turns.enter(max(deadline - clock.monotonic(), BUSY_SECONDS)):
        raise DatabaseUnavailable("the database cannot answer: others are writing to it")
    _has.turn = True
    try:
        yield
    finally:
        _has.turn = False
        wrapper.turns.leave()


@contextmanager
def read_snapshot() -> Iterator[None]:
    """Several reads of one state, without the write lock that `atomic` would take on SQLite."""
    with database_guard() as wrapper:
        if wrapper.in_atomic_block:
            yield
        elif wrapper.vendor == "sqlite":
            with wrapper.cursor() as cursor:
                cursor.execute("BEGIN DEFERRED")
                try:
                    yield
                finally:
                    with suppress(DatabaseError):  # the connection was closed under us: its reads are over anyway
                        cursor.execute("ROLLBACK")
        else:
            with transaction.atomic(), wrapper.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield


def _begin(wrapper: BaseDatabaseWrapper, clock: Clock, deadline: float) -> transaction.Atomic:
    while True:
        block = transaction.atomic()
        try:
            _leave_replaced_file(wrapper)
            block.__enter__()
            return block
        except (DatabaseError, InterfaceError):
            close_connection()
            if clock.monotonic() + RETRY_SECONDS >= deadline:
                raise
            time.sleep(RETRY_SECONDS)


def _leave_replaced_file(wrapper: BaseDatabaseWrapper) -> None:
    """Close a connection whose file is no longer at its path; inside a transaction the commit will notice."""
    if not isinstance(wrapper, SqliteWrapper) or wrapper.connection is None or wrapper.in_atomic_block:
        return
    if not wrapper.is_where_it_was():
        close_connection()


def _is_missing_table(error: ProgrammingError) -> bool:
    """PostgreSQL's undefined_table (42P01): the database answers but was never set up, or was emptied."""
    return getattr(error.__cause__, "sqlstate", "") == "42P01"


def _sentence(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{text}; `holdfast restore` puts a backup in its place" if GONE in text else text


def _database_settings(config: Config) -> dict[str, Any]:
    if is_sqlite(config):
        path = str(config.sqlite_file)
        return {
            "ENGINE": "holdfast.control.sqlite_engine",
            "NAME": f"file:{quote(path)}?mode=rw",
            "CONN_MAX_AGE": 60,
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": BUSY_SECONDS, "init_command": _PRAGMAS},
            "HOLDFAST_FILE": path,
            "HOLDFAST_URL": f"sqlite:{path}",
        }
    return _postgresql_settings(config.database_url)


def _postgresql_settings(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or query.pop("host", "")),
        "PORT": str(parts.port or query.pop("port", "")),
        "CONN_MAX_AGE": 60,
        "DISABLE_SERVER_SIDE_CURSORS": True,  # a transaction pooler in between would lose them
        "OPTIONS": {
            "connect_timeout": PG_CONNECT_SECONDS,
            "options": f"-c lock_timeout={PG_LOCK_MS} -c statement_timeout={PG_STATEMENT_MS}"
            f" -c idle_in_transaction_session_timeout={PG_IDLE_MS}",
            **_PG_KEEPALIVE,
            **query,
        },
        "HOLDFAST_URL": url,
    }
