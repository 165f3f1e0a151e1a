"""`holdfast token create` with several indexes: what the token may read, and where it may upload."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from instances import with_tables

from holdfast.cli.main import main

INDEXES = """\
upstream = "none"

[index.staging]

[index.vault]
private = true

[index.all]
layers = ["main"]
upload_to = "main"
"""

CASES = [
    ((), "read main upload main"),
    (("--index", "staging", "--index", "vault"), "read staging,vault upload staging,vault"),
    (("--index", "staging", "--read-index", "main"), "read main,staging upload staging"),
    (("--read-index", "vault"), "read vault"),
    (("--index", "vault", "--read-only"), "read vault"),
    (("--index", "vault", "--upload"), "upload vault"),
    (("--index", "all"), "read all upload main"),
    (("--index", "all", "--project", "Demo"), "read all upload main/demo"),
    (("--project", "staging/Demo", "--index", "vault"), "read vault upload staging/demo"),
]


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Commands set this process's logging up; the test runner gets its own back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_token_is_good_for_the_indexes_it_was_made_for_and_uploads_where_they_land(tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_text(INDEXES)
    environ = {"HOLDFAST_DATA": str(tmp_path / "data"), "HOLDFAST_CONFIG": str(tmp_path / "holdfast.toml")}

    def holdfast(*words: str) -> str:
        done = CliRunner().invoke(main, words, env=environ)
        assert 0 == done.exit_code, done.output
        return done.stdout

    with_tables(tmp_path / "data")
    holdfast("_initialise")
    try:
        for number, (options, rights) in enumerate(CASES):
            holdfast("token", "create", f"ci-{number}", *options)
            listed = holdfast("token", "list").splitlines()[-1]
            assert listed.partition("  user operator  ")[2] == f"{rights}  valid", options
    finally:
        from holdfast.control.database import close_connection

        close_connection()


def test_an_argument_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_text(INDEXES)
    environ = {"HOLDFAST_DATA": str(tmp_path / "data"), "HOLDFAST_CONFIG": str(tmp_path / "holdfast.toml")}

    def holdfast(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, words, env=environ)
        return done.exit_code, done.stderr

    try:
        with_tables(tmp_path / "data")
        assert 0 == holdfast("_initialise")[0]
        for words in (("create", "ci\udcff"), ("create", "ci", "--user", "al\udcff"), ("revoke", "ci\udcff")):
            code, said = holdfast("token", *words)
            assert (1, True) == (code, said.startswith("holdfast: an argument is not UTF-8 text: '")), said
    finally:
        from holdfast.control.database import close_connection

        close_connection()
