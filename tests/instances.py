"""Whole instances for tests: data folder, store, database and publisher, without any process."""

import itertools
import tempfile
import time
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from postgres import TEMPLATE, create_database, drop_database

from holdfast.clock import Clock, SystemClock
from holdfast.config import Config, IndexConfig
from holdfast.control.database import close_connection, connection, django_setup, is_sqlite
from holdfast.control.publication.drill import Pause, no_pause
from holdfast.store.local import LocalStore
from holdfast.store.port import Store

# Models can only be imported after this; no file is opened. Each test then points Django at its own database.
django_setup(Config(data=Path("/nonexistent")))
settings.PASSWORD_HASHERS = ["passwords.QuickArgon2"]

from holdfast.control.accounts.actor import OPERATOR_SCOPES, Actor, Scopes, operator  # noqa: E402
from holdfast.control.instance import create_sqlite_file, initialise, migrate  # noqa: E402
from holdfast.control.projects.publishing import NewFile, Published, publish_file  # noqa: E402
from holdfast.control.publication.publisher import Publisher  # noqa: E402
from holdfast.control.publication.rebuild import rebuild  # noqa: E402
from holdfast.tree import addresses  # noqa: E402
from holdfast.tree.reader import TreeReader  # noqa: E402

__all__ = ["OPERATOR_SCOPES", "Actor", "Scopes", "operator"]

UPLOADER = Scopes(read=("main",), upload=("main",), create_projects=True)
ALICE = Actor("alice", UPLOADER)  # owner of what she uploads first
BOB = Actor("bob", UPLOADER)  # maintainer where Alice says so
CHARLIE = Actor("charlie", UPLOADER)  # an outsider with a token of his own
OPERATOR = operator()


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance as control sees it."""

    config: Config
    store: Store
    publisher: Publisher

    def upload(self, project: str, version: str, sha256: str = "", actor: Actor = ALICE, **facts: object) -> Published:
        """List an sdist; its bytes are its own sha256's business."""
        return publish_file(self.publisher, "main", new_file(project, version, sha256, **facts), actor, deadline=soon())

    def reader(self) -> TreeReader:
        """A reader that has just read the whole tree."""
        reader = TreeReader(self.store, SystemClock(), self.config.instance)
        reader.load()
        return reader

    def another_publisher(self, pause: Pause = no_pause, clock: Clock | None = None) -> Publisher:
        """A publisher as another process has it."""
        return Publisher(self.config, self.store, clock, pause)


def soon(seconds: float = 8.0) -> float:
    """A deadline."""
    return time.monotonic() + seconds


def mistyped(token: str) -> str:
    """`token` with another last character, whatever it ends with."""
    return token[:-1] + ("y" if token.endswith("x") else "x")


_digests = itertools.count(1)


def fresh_sha256() -> str:
    """A digest nobody used before in this process."""
    return f"{next(_digests):064x}"


def stored_upload(instance: Instance, project: str, version: str) -> str:
    """An upload whose bytes and metadata are really there; answers the digest."""
    content, metadata = f"{project} {version}".encode(), f"Name: {project}".encode()
    digests = [sha256(data).hexdigest() for data in (content, metadata)]
    instance.store.put(addresses.blob(digests[0]), content)
    instance.store.put(addresses.blob(digests[1]), metadata)
    instance.upload(project, version, digests[0], size=len(content), metadata_sha256=digests[1])
    return digests[0]


def new_file(project: str, version: str, sha256: str = "", **facts: object) -> NewFile:
    """The facts of an sdist."""
    stem = project.lower().replace("-", "_")
    base = NewFile(project, version, f"{stem}-{version}.tar.gz", sha256 or fresh_sha256(), 3, "sdist", "source")
    return replace(base, **facts)  # type: ignore[arg-type]


@cache
def _migrated_sqlite() -> bytes:
    """A database with tables and no rows: a first start that was cut off, which initialise() takes up again."""
    with tempfile.TemporaryDirectory() as folder:
        config = Config(data=Path(folder))
        django_setup(config)
        create_sqlite_file(config.sqlite_file)
        migrate()
        close_connection()  # the last connection moves the write-ahead log into the file
        return config.sqlite_file.read_bytes()


def with_tables(data: Path) -> Path:
    """A new data folder whose first start was cut off once the tables were made: the next has seconds less to do."""
    data.mkdir(mode=0o700)
    Config(data=data).sqlite_file.write_bytes(_migrated_sqlite())
    return data


def new_config(data: Path, database_url: str = "") -> Config:
    """The configuration of one instance with a public and a private index."""
    return Config(
        data=data, database_url=database_url, indexes=(IndexConfig("main"), IndexConfig("team", private=True))
    )


def new_instance(data: Path, database_url: str = "") -> Instance:
    """Initialise an instance in an empty folder."""
    config = new_config(data, database_url)
    store = LocalStore.create(config.store_folder)
    if not database_url:
        config.sqlite_file.write_bytes(_migrated_sqlite())
    config = initialise(config, store)
    return Instance(config, store, Publisher(config, store))


def rebuilt(instance: Instance, clock: Clock) -> None:
    """Rebuild a lost database. Its tables are copied: that a rebuild makes them is shown once (test_upkeep.py)."""
    rebuild(instance.config, instance.store, clock, _copied_tables)


def _copied_tables(config: Config) -> None:
    close_connection()
    if is_sqlite(config):
        config.sqlite_file.write_bytes(_migrated_sqlite())
    else:
        parts = urlsplit(config.database_url)
        name, folder = parts.path.removeprefix("/"), parse_qs(parts.query)["host"][0]
        drop_database(folder, name)
        create_database(folder, name, TEMPLATE)
    django_setup(config)  # the tables copied above may have been made in another file


def unguard_trail() -> None:
    """What whoever owns the database can do before rewriting the audit trail."""
    tables = {"update": "accounts_auditevent", "delete": "accounts_auditevent"}
    tables |= {f"head_{what}": "accounts_audithead" for what in ("update", "delete")}
    with connection().cursor() as cursor:
        for what, table in tables.items():
            where = f" ON {table}" if connection().vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER holdfast_trail_{what}{where}")


def empty_database(instance: Instance) -> None:
    """What a lost disk leaves."""
    if is_sqlite(instance.config):
        close_connection()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{instance.config.sqlite_file}{suffix}").unlink(missing_ok=True)
        return
    with connection().cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
