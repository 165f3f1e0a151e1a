"""`holdfast publisher`: added, listed, removed, and a sentence that helps for whatever is wrong."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from instances import Instance, new_instance

from holdfast.cli.main import main
from holdfast.control.database import close_connection
from holdfast.control.publishers.models import Publisher

WORKFLOW = ("owner=acme", "repository=tool", "workflow=release.yml")


class Desk:
    """An instance with a project of Alice's that trusts GitHub and GitLab, and its command line."""

    def __init__(self, folder: Path) -> None:
        self.instance: Instance = new_instance(folder / "data")
        self.environ = {"HOLDFAST_DATA": str(folder / "data"), "HOLDFAST_UPSTREAM": "none", "SUDO_USER": "root"}
        self.environ["HOLDFAST_TRUSTED_PUBLISHING"] = "github,gitlab"
        self.instance.upload("tool", "1.0")

    def run(self, *arguments: str, code: int = 0, **environ: str) -> str:
        done = CliRunner().invoke(main, ("publisher", *arguments), env=self.environ | environ)
        assert code == done.exit_code, done.output
        return done.output


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Desk(tmp_path)
    root.handlers[:] = handlers  # commands set this process's logging up; the test runner gets its own back
    root.setLevel(level)
    close_connection()


def test_a_publisher_is_added_listed_and_removed(desk: Desk):
    number = desk.run("add", "tool", "github", *WORKFLOW, "environment=release").strip()
    listed = desk.run("list", "tool")
    removed = desk.run("remove", "tool", number)

    assert f"{number}  main/tool  github  " in listed
    assert all(part in listed for part in (*WORKFLOW, "environment=release"))
    assert f"removed {number}\n" == removed
    assert "" == desk.run("list", "tool")


def test_a_pending_publisher_waits_for_its_first_publish(desk: Desk):
    number = desk.run("add", "new-tool", "github", *WORKFLOW, "--pending", "--user", "alice").strip()
    listed = desk.run("list")
    desk.run("remove", "new-tool", number, "--pending")

    assert "main/new-tool" in listed and "for alice (pending)" in listed
    assert "" == desk.run("list")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "tool", "gitbub", *WORKFLOW), "there is no provider 'gitbub'; the configured ones: github, gitlab"),
        (("add", "tool", "github", "owner"), "NAME=VALUE, such as owner=acme"),
        (("add", "tool", "github", "=acme"), "NAME=VALUE, such as owner=acme"),
        (("add", "tool", "github", "owner=acme"), "repository"),
        (("add", "tool", "github", *WORKFLOW, "colour=red"), "colour"),
        (("add", "nothing", "github", *WORKFLOW), "nothing"),
        (("add", "not a name", "github", *WORKFLOW), "not a name"),
        (("add", "tool", "github", *WORKFLOW, "--index", "nowhere"), "nowhere"),
        (("add", "tool", "github", *WORKFLOW, "--pending"), "tool"),
        (("list", "nothing"), "nothing"),
        (("list", "tool", "--index", "nowhere"), "nowhere"),
        (("remove", "tool", "7"), "there is no such publisher"),
        (("remove", "tool", "7", "--pending"), "there is no such publisher"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_and_changes_nothing(desk: Desk, arguments: tuple[str, ...], words: str):
    output = desk.run(*arguments, code=1)

    assert words in output
    assert "Traceback" not in output
    assert not Publisher.objects.exists()


@pytest.mark.parametrize("number", ["0", "-1", "one"])
def test_a_number_that_cannot_be_one_is_a_mistake_in_the_command(desk: Desk, number: str):
    assert "Invalid value for 'NUMBER'" in desk.run("remove", "tool", "--", number, code=2)


def test_the_same_publisher_twice_is_one(desk: Desk):
    numbers = {desk.run("add", "tool", "github", *WORKFLOW) for _ in range(2)}

    assert (1, 1) == (Publisher.objects.count(), len(numbers))


def test_without_trusted_publishing_it_says_which_setting_to_set(desk: Desk):
    output = desk.run("add", "tool", "github", *WORKFLOW, code=1, HOLDFAST_TRUSTED_PUBLISHING="")

    assert "none: see trusted_publishing" in output
