"""`holdfast switch` as an operator uses it in the middle of an incident: with the store alone, and nothing running."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from holdfast.cli.main import main
from holdfast.config import Config
from holdfast.store.local import LocalStore
from holdfast.tree.instance import InstanceDocument, create_instance
from holdfast.tree.overrides import newest

OFF = ("off", "new-projects", "--reason", "a  flood\n of malware", "--status-url", "https://status.example/7")


class Desk:
    """A data folder whose store was initialised, and that has no database at all."""

    def __init__(self, folder: Path) -> None:
        self.config = Config(data=folder / "data")
        self.store = LocalStore.create(self.config.store_folder)
        create_instance(self.store, InstanceDocument("0123456789abcdef", 1, datetime.now(UTC)))
        self.environ = {"HOLDFAST_DATA": str(self.config.data), "HOLDFAST_UPSTREAM": "none", "SUDO_USER": "alice"}

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["switch", *arguments], env=self.environ)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Desk(tmp_path)
    root.handlers[:] = handlers  # commands set this process's logging up; the test runner gets its own back
    root.setLevel(level)


def test_a_capability_is_switched_off_for_a_day_without_any_database(desk: Desk):
    before = datetime.now(UTC)

    done = desk.run(*OFF)

    switch = newest(desk.store).switches[0]
    assert done.exit_code == 0, done.output
    assert "Creating new projects is switched off until" in done.output
    assert "a flood of malware. See https://status.example/7" in done.output
    assert "not noted in the audit trail" in done.output
    assert switch.by.startswith("alice@")
    assert switch.until is not None
    assert before <= switch.until - timedelta(hours=24) <= datetime.now(UTC)


def test_it_is_listed_extended_taken_back_and_remembered(desk: Desk):
    desk.run(*OFF)

    extended = desk.run("extend", "new-projects", "--for", "7d")
    listed = json.loads(desk.run("list", "--json").stdout)["switches"]
    shown = desk.run("list").stdout
    on = desk.run("on", "new-projects")

    assert (0, 0) == (extended.exit_code, on.exit_code), extended.output + on.output
    assert ["new-projects"] == [one["capability"] for one in listed]
    assert listed[0]["extended_by"].startswith("alice@")
    assert "for 0.0 h, by alice@" in shown
    assert "everything is on\n" == desk.run("list").stdout
    history = desk.run("history").stdout.splitlines()
    assert [True] * 3 == [
        words in line
        for words, line in zip(("projects on", "extended new-projects", "new-projects off"), history, strict=True)
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("on", "uploads"), "uploads is not switched off; off: nothing"),
        (("extend", "uploads"), "uploads is not switched off"),
        ((*OFF, "--for", "31d"), "at most 30 days"),
        ((*OFF, "--for", "soon"), "--for must be"),
        ((*OFF, "--for", "1h", "--no-expiry"), "not both"),
        ((*OFF, "--scope", "nowhere/acme-*"), "no index 'nowhere'"),
        (("off", "sign-up", "--reason", "x", "--scope", "main"), "whole site only"),
        (("off", "uploads", "--reason", " \n"), "reason"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(desk: Desk, arguments, words):
    done = desk.run(*arguments)

    assert done.exit_code == 1
    assert words in done.output
    assert 0 == newest(desk.store).serial


def test_a_switch_without_an_end_must_be_asked_for(desk: Desk):
    done = desk.run("off", "read-only", "--reason", "moving house", "--no-expiry")

    assert "Changing anything is switched off: moving house." in done.output
    assert newest(desk.store).switches[0].until is None
