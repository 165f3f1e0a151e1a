"""Publication's contract on a real PostgreSQL server, started for these tests."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import instances  # noqa: F401 - sets Django up before models are imported
import pytest
from contract.outbox_contract import OutboxContract
from contract.upload_contract import UploadContract
from postgres import TEMPLATE, create_database, drop_database, postgres_server

from holdfast.config import Config
from holdfast.control.database import close_connection, django_setup
from holdfast.control.instance import migrate

_numbers = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as folder:
        url = create_database(folder, TEMPLATE)
        django_setup(Config(data=Path("/nonexistent"), database_url=url))
        migrate()
        close_connection()
        yield folder


class TestPostgres(OutboxContract, UploadContract):
    @pytest.fixture
    def database_url(self, server: str) -> Iterator[str]:
        name = f"outbox{next(_numbers)}"
        yield create_database(server, name, TEMPLATE)
        close_connection()
        drop_database(server, name)
