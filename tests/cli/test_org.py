"""`holdfast org` and `holdfast project transfer`: what an operator does to an organisation, from start to end."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from instances import ALICE, new_file, soon, with_tables

from holdfast.cli.main import main
from holdfast.control.database import close_connection
from holdfast.control.instance import with_instance
from holdfast.control.projects.publishing import publish_file
from holdfast.control.publication.publisher import Publisher
from holdfast.settings.loading import load
from holdfast.store.opening import configured_store


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Commands set this process's logging up; the test runner gets its own back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_an_organisation_from_its_making_to_its_end(tmp_path: Path) -> None:
    environ = {"HOLDFAST_DATA": str(tmp_path / "data"), "HOLDFAST_UPSTREAM": "none"}

    def holdfast(*words: str, status: int = 0) -> str:
        done = CliRunner().invoke(main, words, env=environ)
        assert status == done.exit_code, done.output
        return done.output

    with_tables(tmp_path / "data")
    holdfast("_initialise")
    config = load(environ)
    store = configured_store(config)
    publisher = Publisher(with_instance(config), store)
    publish_file(publisher, "main", new_file("tool", "1.0"), ALICE, deadline=soon())
    close_connection()
    try:
        holdfast("org", "create", "acme", "--owner", "alice", "--display", "Acme")
        holdfast("org", "member", "acme", "bob", "manager")
        assert "tool belongs to acme" in holdfast("project", "transfer", "tool", "--to-org", "acme")
        assert holdfast("project", "people", "tool").splitlines() == [
            "held by the organisation acme",
            "owner  alice  (through the organisation)",
            "maintainer  bob  (through the organisation)",
        ]
        assert "acme  Acme  2 people, 1 projects" in holdfast("org", "list")
        assert "  holds main/tool" in holdfast("org", "show", "acme").splitlines()
        assert holdfast("org", "team", "acme", "makers") == "made team makers of acme\n"
        holdfast("org", "member", "acme", "charlie", "member")
        assert holdfast("org", "team", "acme", "makers", "--add", "charlie") == "charlie is in team makers of acme\n"
        told = holdfast("org", "team", "acme", "makers", "--project", "Tool", "--role", "maintainer")
        assert told == "team makers of acme is maintainer of Tool\n"
        assert "  team makers: charlie\n    maintainer of main/tool\n" in holdfast("org", "show", "acme")
        assert holdfast("project", "list", "--user", "charlie") == "main/tool  maintainer\n"
        assert "one change at a time" in holdfast("org", "team", "acme", "makers", "--role", "owner", status=1)
        assert "charlie is no longer" in holdfast("org", "team", "acme", "makers", "--take-out", "charlie")
        assert "deleted team makers" in holdfast("org", "team", "acme", "makers", "--delete")
        assert holdfast("project", "list") == "main/tool\n"
        holdfast("project", "yank", "tool", "1.0", "--reason", "broken")
        (line,) = [one for one in holdfast("project", "show", "tool").splitlines() if "tar.gz" in one]
        assert line.startswith("  1.0  tool-1.0.tar.gz  3 bytes  sha256 ") and line.endswith("  yanked: broken")
        assert "no project 'nothing'" in holdfast("project", "show", "nothing", status=1)
        assert holdfast("project", "staged") == ""
        assert "has no such session" in holdfast("project", "staged", "--give-up", "0" * 16, status=1)
        assert holdfast("moderate", "report", "tool", "--text", "it sends tokens away") == "report 1\n"
        assert "malware by operator: it sends tokens away" in holdfast("moderate", "queue")
        assert "acme-ci is a robot of acme" in holdfast("org", "robot", "acme", "ci")
        assert "acme-ci is disabled" in holdfast("org", "robot", "acme", "acme-ci", "--disable")
        assert "  robot acme-ci, 0 tokens, disabled" in holdfast("org", "show", "acme").splitlines()
        assert "acme-ci is enabled" in holdfast("org", "robot", "acme", "acme-ci", "--enable")
        assert "no robot 'bob'" in holdfast("org", "robot", "acme", "bob", "--disable", status=1)
        assert "last owner" in holdfast("org", "member", "acme", "alice", "none", status=1)
        assert "still holds main/tool" in holdfast("org", "delete", "acme", "--yes", status=1)
        assert "say to whom" in holdfast("org", "grant", "create", status=1)
        assert "everybody may create in main" in holdfast("org", "grant", "create", "--everybody")
        assert holdfast("org", "grants") == "create  everybody\n"
        assert "everybody may no longer create" in holdfast("org", "grant", "create", "--everybody", "--revoke")
        holdfast("project", "transfer", "tool", "--to-user", "bob")
        assert holdfast("project", "people", "tool") == "owner  bob\n"
        holdfast("org", "delete", "acme", "--yes")
        assert holdfast("org", "list") == ""
        assert "main: keeps the 1 newest releases" in holdfast("retention", "set", "--newest", "1")
        assert "tool 1.0 stays" in holdfast("retention", "keep", "tool==1.0")
        assert holdfast("retention", "show", "tool").splitlines() == [
            "rule of index main: keeps the 1 newest releases",
            "kept 1.0",
            "holds 3 bytes",
        ]
        assert "deleted nothing" in holdfast("retention", "run", "tool")
        assert "tool: at most 5 MiB" in holdfast("retention", "quota", "5", "--project", "tool")
        holdfast("retention", "unset")
        assert "whsec_" in holdfast("webhook", "add", "https://ci.example/", "--index", "main", "--project", "tool")
        assert "works  0 waiting" in holdfast("webhook", "list", "--index", "main", "--project", "tool")
        assert "https URL" in holdfast("webhook", "add", "ftp://ci.example/", status=1)
        assert "ended webhook 1" in holdfast("webhook", "end", "1", "--index", "main", "--project", "tool")
        holdfast("token", "create", "ci", "--action", "upload", "--action", "account")
        assert "upload main to upload,account  valid" in holdfast("token", "list")
    finally:
        close_connection()
