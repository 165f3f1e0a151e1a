"""What an upload costs beside its bytes: statements and transactions, which every file of a release pays for."""

import sys
from types import FrameType
from typing import Any

import pytest
import wheels
from doors import Door
from instances import ALICE, OPERATOR, Instance, soon

from holdfast.control.accounts.actions import create_token
from holdfast.control.database import connection
from holdfast.control.projects.actions import yank_release
from holdfast.control.projects.models import Project

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


def test_an_upload_to_a_known_project_has_django_write_no_sql_again(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    token = door.token()
    assert door.upload(wheels.twine_body(*wheels.wheel("demo", "1.0")), token).status == 200
    assert door.upload(wheels.twine_body(*wheels.wheel("demo", "1.1")), token).status == 200
    written: list[str] = []

    def noting(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_qualname.endswith("Compiler.as_sql"):
            written.append(repr(frame.f_locals["self"].query.model))

    body = wheels.twine_body(*wheels.wheel("demo", "1.2"))
    sys.setprofile(noting)
    try:
        answer = door.upload(body, token)
        assert Project.objects.count() == 1  # each that is written anew costs the CPU of ten that are prepared
    finally:
        sys.setprofile(None)

    assert answer.status == 200
    assert written == [repr(Project)], "the one above, which shows that such are seen"


@pytest.mark.parametrize("deed", ["upload", "yank", "token"])
def test_which_database_it_is_costs_a_write_one_question_and_comes_with_the_instance_otherwise(
    instance: Instance, deed: str
):
    """PostgreSQL answers each question across a network; SQLite's file tells without one."""
    instance.upload("demo", "1.0")
    deeds = {
        "upload": lambda: instance.upload("demo", "1.1"),
        "yank": lambda: yank_release(instance.publisher, "main", "demo", "1.0", "bad", ALICE, deadline=soon()),
        "token": lambda: create_token(instance.publisher, "ci", "alice", ALICE.scopes, None, OPERATOR, deadline=soon()),
    }
    statements: list[str] = []

    def noting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection().execute_wrapper(noting):
        deeds[deed]()

    asked = [sql for sql in statements if "pg_postmaster_start_time" in sql]
    with_instance = ["halted" in sql for sql in asked]  # alone, then in the transaction, then by the publisher
    assert ([False, True, True] if instance.config.database_url else []) == with_instance, asked
