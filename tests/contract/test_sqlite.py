"""Publication's contract on SQLite, in a file as every installation has it."""

from collections.abc import Iterator

import pytest
from contract.outbox_contract import OutboxContract
from contract.upload_contract import UploadContract

from holdfast.control.database import close_connection


class TestSqlite(OutboxContract, UploadContract):
    @pytest.fixture
    def database_url(self) -> Iterator[str]:
        yield ""
        close_connection()
