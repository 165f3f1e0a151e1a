"""`holdfast promote` as a person runs it: what it prints, and its exit codes."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from instances import with_tables

from holdfast.cli.main import main
from holdfast.clock import SystemClock

INDEXES = """\
[index.main]
layers = []

[index.staging]

[index.all]
layers = ["main"]
upload_to = "main"

[index.layered]
layers = ["upstream"]

[upstream.upstream]
url = "https://upper.example/simple/"
"""


class Shell:
    """Runs `holdfast` on one data folder, in this process: the commands are many and Python's start is slow."""

    def __init__(self, folder: Path) -> None:
        self.environ = {"HOLDFAST_DATA": str(folder / "data"), "HOLDFAST_CONFIG": str(folder / "holdfast.toml")}
        (folder / "holdfast.toml").write_text(INDEXES)

    def __call__(self, *words: str, code: int = 0) -> str:
        done = CliRunner().invoke(main, words, env=self.environ)
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
    """A new instance whose index `staging` has demo 1.0."""
    from holdfast.control.database import close_connection

    shell = Shell(tmp_path)
    with_tables(tmp_path / "data")
    shell("_initialise")
    stage(shell)
    yield shell
    close_connection()


def stage(shell: Shell) -> None:
    from hashlib import sha256

    from holdfast.control.accounts.actor import operator
    from holdfast.control.instance import with_instance
    from holdfast.control.projects.publishing import NewFile, publish_file
    from holdfast.control.publication.publisher import Publisher
    from holdfast.effective import effective_config
    from holdfast.store.opening import open_store
    from holdfast.tree import addresses

    config = with_instance(effective_config(shell.environ))
    store = open_store(config.store, config.store_folder)
    digest = sha256(b"sdist").hexdigest()
    store.put(addresses.blob(digest), b"sdist")
    new = NewFile("Demo", "1.0", "demo-1.0.tar.gz", digest, 5, "sdist", "source")
    publish_file(Publisher(config, store), "staging", new, operator(), deadline=SystemClock().monotonic() + 8)


def test_a_release_is_promoted_once_and_then_there_already(holdfast: Shell) -> None:
    assert holdfast("promote", "Demo==1.0", "staging", "main", "--dry-run") == (
        "to list  demo-1.0.tar.gz\nwould promote demo 1.0 to main\n"
    )
    assert holdfast("promote", "Demo==1.0", "staging", "main") == (
        "listed  demo-1.0.tar.gz\npromoted demo 1.0 to main\n"
    )
    assert holdfast("promote", "demo==1.0.0", "staging", "all") == (
        "there already  demo-1.0.tar.gz\ndemo 1.0 is in main already\n"
    )
    assert holdfast("fsck").startswith("clean: 2 projects, 2 files checked")


def test_programs_get_one_json_object(holdfast: Shell) -> None:
    found = json.loads(holdfast("promote", "demo==1.0", "staging", "main", "--json"))

    assert found.pop("files")[0]["filename"] == "demo-1.0.tar.gz"
    assert found == {
        "project": "demo", "version": "1.0", "from": "staging", "to": "main", "dry_run": False, "existing": False,
        "serial": 2,
    }  # fmt: skip


REFUSED = [
    (("demo", "staging", "main"), "'demo' is no PROJECT==VERSION; a good one: demo==1.2.3"),
    (("demo==x", "staging", "main"), "'demo==x' is no PROJECT==VERSION; a good one: demo==1.2.3"),
    ((f"demo=={'1' * 5000}", "staging", "main"), "'demo==1111"),
    (("demo==2.0", "staging", "main"), "no release '2.0' of 'demo' in index 'staging'"),
    (("demo==1.0", "staging", "nowhere"), "there is no index 'nowhere'; the configured ones: main, staging"),
    (("demo==1.0", "upstream", "main"), "'upstream' is an upstream: releases are promoted between hosted indexes."),
    (("demo==1.0", "staging", "layered"), "upstream cannot be asked whether it has demo"),
]  # fmt: skip


def test_what_cannot_be_promoted_is_one_sentence_and_exit_code_1(holdfast: Shell) -> None:
    for words, sentence in REFUSED:
        assert holdfast("promote", *words, code=1).startswith(f"holdfast: {sentence}")


def test_a_layer_that_cannot_be_asked_is_overruled_by_a_grant(holdfast: Shell) -> None:
    holdfast("project", "shadow", "demo", "--index", "layered")

    assert "promoted demo 1.0 to layered\n" in holdfast("promote", "demo==1.0", "staging", "layered")
