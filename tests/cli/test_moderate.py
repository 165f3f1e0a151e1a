"""`holdfast moderate` and `holdfast audit` over an instance that does not run."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from instances import Instance, new_instance, unguard_trail

from holdfast.cli.main import main
from holdfast.control.accounts.models import AuditEvent
from holdfast.control.database import close_connection
from holdfast.control.projects.models import Project
from holdfast.tree.overrides import newest


class Desk:
    """An instance with a few projects of Alice's, and its command line."""

    def __init__(self, folder: Path) -> None:
        self.instance: Instance = new_instance(folder / "data")
        self.environ = {"HOLDFAST_DATA": str(folder / "data"), "HOLDFAST_UPSTREAM": "none", "SUDO_USER": "root"}
        for name in ("bad-one", "bad-two", "good"):
            self.instance.upload(name, "1.0")

    def run(self, *arguments: str, code: int = 0) -> Result:
        done = CliRunner().invoke(main, arguments, env=self.environ)
        assert code == done.exit_code, done.output
        return done

    def statuses(self) -> dict[str, str]:
        return dict(Project.objects.values_list("name", "status"))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Desk(tmp_path)
    root.handlers[:] = handlers  # commands set this process's logging up; the test runner gets its own back
    root.setLevel(level)
    close_connection()


def test_projects_are_quarantined_by_pattern_and_owner_and_released(desk: Desk):
    desk.run("moderate", "quarantine", "--pattern", "bad-*", "--user", "alice", "--reason", "INC-7")
    hidden = desk.statuses()
    desk.run("moderate", "release", "bad-one")

    assert {"bad-one": "quarantined", "bad-two": "quarantined", "good": "active"} == hidden
    assert {"bad-one": "active", "bad-two": "quarantined", "good": "active"} == desk.statuses()
    assert "name a pattern" in desk.run("moderate", "quarantine", "--reason", "x", code=1).output


def test_names_and_networks_are_shut_out_and_let_in_again(desk: Desk):
    desk.run("moderate", "prohibit", "acme-*", "--reason", "a brand")
    desk.run("moderate", "ban", "192.0.2.7", "--reason", "a flood", "--for", "3d")
    shown = desk.run("moderate", "list").stdout
    desk.run("moderate", "permit", "acme-*")
    desk.run("moderate", "lift-ban", "::ffff:192.0.2.7")

    assert "name     */acme-*, by root@" in shown
    assert "network  192.0.2.7/32 until 2" in shown
    assert ((), ()) == (newest(desk.instance.store).prohibited, newest(desk.instance.store).bans)
    assert "this machine" in desk.run("moderate", "ban", "127.0.0.1", "--reason", "x", code=1).output
    told = AuditEvent.objects.order_by("id").values_list("action", flat=True)
    assert ["prohibit-name", "ban-network", "permit-name", "lift-ban"] == list(told)[-4:]


def test_who_came_by_ssh_does_not_shut_themselves_out(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """From there nobody could reach the operators' pages any more."""
    monkeypatch.setenv("SSH_CONNECTION", "::ffff:192.0.2.7 50000 198.51.100.1 22")

    refused = desk.run("moderate", "ban", "192.0.2.0/24", "--reason", "x", code=1)
    done = desk.run("moderate", "ban", "203.0.113.0/24", "--reason", "x")

    assert "yourself" in refused.output
    assert "take it back with: holdfast moderate lift-ban 203.0.113.0/24" in done.stdout
    assert ["203.0.113.0/24"] == [one.network for one in newest(desk.instance.store).bans]


def test_the_trail_is_listed_exported_and_verified(desk: Desk):
    listed = desk.run("audit", "list", "--project", "main/good", "--json").stdout.splitlines()
    exported = [json.loads(line) for line in desk.run("audit", "export").stdout.splitlines()]
    whole = desk.run("audit", "verify")
    unguard_trail()
    AuditEvent.objects.filter(position=2).update(actor="mallory")
    broken = desk.run("audit", "verify", code=1)

    assert {"main/good"} == {"/".join(json.loads(line)["subject"].split("/")[:2]) for line in listed}
    assert list(range(1, len(exported) + 1)) == [one["position"] for one in exported]
    assert f"{len(exported)} events hold, 0 published heads compared, 0 not chained yet" in whole.output
    assert "BROKEN: event 2 is not what was written" in broken.output
