"""`holdfast user` and `holdfast mail`: what an operator does to accounts, at the machine, without a mail server."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from instances import with_tables

from holdfast.cli.main import main
from holdfast.control.database import close_connection


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Commands set this process's logging up; the test runner gets its own back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_people_are_made_invited_frozen_and_freed(tmp_path: Path) -> None:
    environ = {"HOLDFAST_DATA": str(tmp_path / "data"), "HOLDFAST_UPSTREAM": "none"}

    def holdfast(*words: str, status: int = 0, **more: str) -> str:
        done = CliRunner().invoke(main, words, env=environ | more)
        assert status == done.exit_code, done.output
        return done.output

    with_tables(tmp_path / "data")
    holdfast("_initialise")
    try:
        key = r"http://127\.0\.0\.1:8000/account/password/reset/key/\w+-[\w-]+/"
        assert re.fullmatch(key, holdfast("user", "create", "dora", "--admin", "--email", "dora@example.org").strip())
        assert re.fullmatch(key, holdfast("user", "link", "dora").strip())
        assert "owns tokens" in holdfast("user", "create", "ci", "--robot")
        assert "no name for an account" in holdfast("user", "create", "Bad Name", status=1)
        assert "no mail address" in holdfast("user", "create", "eve", "--email", "nowhere", status=1)
        assert "another account has the address" in holdfast(
            "user", "create", "eve", "--email", "dora@example.org", status=1
        )
        assert "there is no account" in holdfast("user", "link", "ci", status=1)
        holdfast("token", "create", "laptop", "--user", "tokens-only")
        assert "/account/password/" in holdfast("user", "create", "tokens-only")

        link = holdfast("user", "invite", "carol@example.org", "--days", "3").strip()
        assert link in holdfast("mail", "list", "--show")
        assert link not in holdfast("mail", "list")
        assert "lead nowhere" in holdfast("user", "invite", "x@example.org", status=1, HOLDFAST_SIGN_UP="closed")
        assert "tried again" in holdfast("mail", "retry", "1")
        assert "no unsent mail 7" in holdfast("mail", "retry", "7", status=1)

        assert "there is no account" in holdfast("user", "sessions", "nobody", status=1)
        assert "" == holdfast("user", "sessions", "dora")
        assert "ended: 0" in holdfast("user", "sessions", "dora", "--end-all")
        assert "dora is frozen" in holdfast("user", "freeze", "dora", "--reason", "a test")
        assert ["ci  robot", "dora  admin, frozen, dora@example.org"] == holdfast("user", "list").splitlines()[:2]
        assert "is open again" in holdfast("user", "unfreeze", "dora")
        assert "password alone" in holdfast("user", "reset-two-factor", "dora")
        assert "no account 'nobody'" in holdfast("user", "freeze", "nobody", "--reason", "x", status=1)
    finally:
        close_connection()
