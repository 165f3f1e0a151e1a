"""What an upload costs beside its bytes: statements and transactions, which every file of a release pays for."""

from typing import Any

import wheels
from doors import Door
from instances import Instance

from holdfast.control.database import connection

STATEMENTS_MAX = 54  # 52 of them now; each costs about a third of a millisecond
TRANSACTIONS_MAX = 4  # intents, the upload itself, the publisher's lease and its mark: each is an fsync


def test_an_upload_to_a_known_project_takes_few_statements_and_transactions(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    token = door.token()
    assert door.upload(wheels.twine_body(*wheels.wheel("demo", "1.0")), token).status == 200
    statements: list[str] = []

    def noting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection().execute_wrapper(noting):
        answer = door.upload(wheels.twine_body(*wheels.wheel("demo", "1.1")), token)

    assert answer.status == 200
    assert len(statements) <= STATEMENTS_MAX, "\n".join(statements)
    assert statements.count("BEGIN IMMEDIATE") <= TRANSACTIONS_MAX
