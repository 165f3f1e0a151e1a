"""An instance per test, on each engine. HOLDFAST's own settings never leak in; see tests/conftest.py."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from instances import Instance, new_instance
from people_issuer import PeopleIssuer, running_people_issuer
from postgres import TEMPLATE, create_database, drop_database, postgres_server

from holdfast.config import Config
from holdfast.control.database import close_connection, django_setup
from holdfast.control.instance import migrate

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The socket folder of a server that has the migrated database `TEMPLATE`."""
    with postgres_server() as folder:
        url = create_database(folder, TEMPLATE)
        django_setup(Config(data=Path("/nonexistent"), database_url=url))
        migrate()
        close_connection()
        yield folder


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database: "" for SQLite in the data folder, else a PostgreSQL URL."""
    if request.param == "sqlite":
        yield ""
        close_connection()
        return
    folder = request.getfixturevalue("postgres")
    name = f"test{next(_numbers)}"
    yield create_database(folder, name, TEMPLATE)
    close_connection()
    drop_database(folder, name)


@pytest.fixture
def instance(tmp_path: Path, database_url: str) -> Instance:
    """A new instance, on each engine in turn."""
    return new_instance(tmp_path / "data", database_url)


@pytest.fixture
def sqlite_instance(tmp_path: Path) -> Iterator[Instance]:
    """A new instance on SQLite, for what only a file can suffer."""
    yield new_instance(tmp_path / "data")
    close_connection()


@pytest.fixture
def sso() -> Iterator[PeopleIssuer]:
    """An organisation's sign-in provider on loopback, where Alice signs in."""
    with running_people_issuer() as running:
        running.person = {
            "sub": "alice-1",
            "email": "Alice@acme.example",
            "email_verified": True,
            "preferred_username": "Alice.Smith@acme.example",
            "groups": ["python"],
        }
        yield running
