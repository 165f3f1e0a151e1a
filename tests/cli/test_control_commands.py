"""Commands on the database as a person runs them: what they print, and their exit codes."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from instances import with_tables

from holdfast.cli.main import main
from holdfast.core.tokens import parse


class Shell:
    """Runs `holdfast` on one data folder, in this process: the commands are many and Python's start is slow."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def __call__(self, *words: str, code: int = 0) -> str:
        done = CliRunner().invoke(main, words, env={"HOLDFAST_DATA": str(self.data), "HOLDFAST_UPSTREAM": "none"})
        assert code == done.exit_code, done.output
        return done.stdout if code == 0 else done.output


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Commands set this process's logging up; the test runner gets its own back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def holdfast(tmp_path: Path) -> Iterator[Shell]:
    from holdfast.control.database import close_connection

    shell = Shell(with_tables(tmp_path / "data"))
    shell("_initialise")
    yield shell
    close_connection()


def test_a_token_is_printed_alone_and_listed_without_its_secret(holdfast: Shell) -> None:
    text = holdfast("token", "create", "ci", "--project", "My.Tool", "--expires", "30").strip()

    token = parse(text)
    assert token is not None
    listed = holdfast("token", "list")
    assert listed.startswith(f"{token.id}  ci  user operator  read main upload main/my-tool  until ")
    assert text not in listed
    assert "revoked ci\n" == holdfast("token", "revoke", "ci")
    assert "revoked 20" in holdfast("token", "list")


def test_what_cannot_be_done_is_one_sentence_and_exit_code_1(holdfast: Shell) -> None:
    assert "holdfast: no token with the id or name 'nobody'\n" == holdfast("token", "revoke", "nobody", code=1)
    assert "holdfast: no project 'tool' in index 'main'\n" == holdfast("project", "yank", "tool", "1.0", code=1)
    assert "holdfast: there is no index 'x'; the configured ones: main\n" == holdfast(
        "token", "create", "a", "--index", "x", code=1
    )


def test_backup_restore_reconcile_and_fsck_follow_each_other(holdfast: Shell, tmp_path: Path) -> None:
    saved = tmp_path / "saved.tar"
    assert f"{saved}\n" == holdfast("backup", str(saved))
    holdfast("token", "create", "late")

    restored = holdfast("restore", str(saved))
    refused = holdfast("token", "create", "refused", code=1)
    wrong = holdfast("fsck", code=1)
    reconciled = holdfast("reconcile")

    assert "run `holdfast reconcile` before anything is written" in restored
    assert "ended 0 browser sessions and 0 open invitations to sign up" in restored
    assert "secret key" not in restored
    assert "nothing may be written until `holdfast reconcile`" in refused
    assert wrong.startswith("database: the published tree is at serial 1, the database at 0")
    assert "the database was at serial 0, the tree at 1; both agree now" in reconciled
    assert "clean: 0 projects, 0 files checked, 0 repaired, 0 orphans\n" == holdfast("fsck")


def test_fsck_ends_with_0_when_all_that_was_wrong_is_repaired(holdfast: Shell) -> None:
    """Scripts ask whether it is whole now; what was repaired is said."""
    (holdfast.data / "store/v1/instance.json").unlink()

    wrong, repaired, after = holdfast("fsck", code=1), holdfast("fsck", "--repair"), holdfast("fsck")

    assert ("1 findings", "clean") == (wrong.splitlines()[-1].partition(":")[0], after.partition(":")[0])
    assert "repaired: " in repaired and "1 repaired" in repaired.splitlines()[-1]
    assert "Exit code 0" in holdfast("fsck", "--help")


def test_a_restore_tells_when_the_key_that_the_backup_lacks_is_not_there(holdfast: Shell, tmp_path: Path) -> None:
    saved = tmp_path / "saved.tar"
    holdfast("backup", str(saved))
    (holdfast.data / "secret-key").unlink()

    assert f"there is no secret key at {holdfast.data / 'secret-key'}: put" in holdfast("restore", str(saved))


def test_a_lost_database_is_rebuilt_only_on_request(holdfast: Shell) -> None:
    holdfast("token", "create", "ci")
    for path in holdfast.data.glob("holdfast.sqlite3*"):
        path.unlink()

    assert "holdfast restore" in holdfast("token", "list", code=1)
    assert [] == list(holdfast.data.glob("holdfast.sqlite3*"))
    assert "rebuilt 0 projects up to serial 1\n" in holdfast("rebuild")
    assert "recovered" in holdfast("token", "list")


def test_what_the_system_refuses_is_told_in_a_sentence(holdfast: Shell, tmp_path: Path) -> None:
    assert holdfast("restore", str(tmp_path), code=1).startswith("holdfast: [Errno 21] Is a directory")
