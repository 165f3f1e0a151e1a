"""Every kind of event arrives at a receiver on loopback that checks the signature as ours are told to."""

import hashlib
import hmac
import json
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler

import pytest
from control.delivering import send_due
from control.test_webhook_posting import Quiet, listening
from instances import ALICE, OPERATOR, Actor, Instance, Scopes, soon

from holdfast.config import IndexConfig
from holdfast.control.accounts.models import User
from holdfast.control.hooks.actions import Wanted, make_webhook
from holdfast.control.hooks.queueing import EVENTS
from holdfast.control.moderation.models import Observer
from holdfast.control.moderation.reports import report_project
from holdfast.control.moderation.verdicts import release_project
from holdfast.control.projects import actions, standing
from holdfast.control.secret_key import make_key, read_keys

AT = ("main", "tool")


class Checked:
    """A receiver's side: what it took, and what it refused for its signature."""

    def __init__(self) -> None:
        self.secret = ""
        self.took: list[dict[str, object]] = []
        self.refused = 0

    def take(self, signature: str, body: bytes) -> int:
        stamp, _, mac = signature.partition(",v1=")
        seconds = stamp.removeprefix("t=")
        expected = hmac.new(self.secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, mac) or abs(time.time() - int(seconds)) > 60:
            self.refused += 1
            return 401
        self.took.append(json.loads(body))
        return 204


@pytest.fixture
def told(sqlite_instance: Instance) -> list[dict[str, object]]:
    """What arrived of one of each kind, and of its opposite."""
    publisher, checked = sqlite_instance.publisher, Checked()
    sqlite_instance.upload("tool", "1.0")
    make_key(sqlite_instance.config)

    class Taking(Quiet, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(checked.take(self.headers["X-Holdfast-Signature"], body))
            self.end_headers()

    with listening(Taking) as port:
        config = replace(sqlite_instance.config, webhook_networks=("127.0.0.0/8",))
        wanted = Wanted(*AT, f"http://127.0.0.1:{port}/hook")
        checked.secret = make_webhook(
            publisher, wanted, read_keys(config), ALICE, networks=config.webhook_networks, deadline=soon()
        ).secret
        _one_of_each(sqlite_instance)
        assert 10 == send_due(config, publisher)
    assert 0 == checked.refused
    return checked.took


def _one_of_each(instance: Instance) -> None:
    publisher = instance.publisher
    instance.upload("tool", "1.1")
    actions.yank_release(publisher, *AT, "1.0", "broken", ALICE, deadline=soon())
    actions.unyank_release(publisher, *AT, "1.0", ALICE, deadline=soon())
    standing.add_role(publisher, *AT, "bob", "maintainer", ALICE, deadline=soon())
    standing.remove_role(publisher, *AT, "bob", ALICE, deadline=soon())
    actions.set_status(publisher, *AT, "deprecated", "use other", ALICE, deadline=soon())
    observer = User.objects.create(username="scanner")
    Observer.objects.create(user=observer, created=publisher.clock.now(), added_by="root")
    scanner = Actor("scanner", Scopes(), credential="session")
    index = IndexConfig("main", rules="public")
    assert report_project(publisher, index, "tool", "malware", "x", scanner, deadline=soon()).quarantined
    release_project(publisher, *AT, OPERATOR, deadline=soon())
    actions.delete_release(publisher, *AT, "1.1", ALICE, deadline=soon())
    actions.delete_project(publisher, *AT, ALICE, deadline=soon())


def test_every_kind_of_event_arrives_signed(told: list[dict[str, object]]):
    assert [
        ("publish", "publish-file", "alice"),
        ("yank", "yank-release", "alice"),
        ("yank", "unyank-release", "alice"),
        ("role", "add-role", "alice"),
        ("role", "remove-role", "alice"),
        ("status", "set-status", "alice"),
        ("quarantine", "set-status", "scanner"),
        ("quarantine", "set-status", "operator"),
        ("delete", "delete-release", "alice"),
        ("delete", "delete-project", "alice"),
    ] == [(one["event"], one["action"], one["by"]) for one in told]
    assert set(EVENTS) == {one["event"] for one in told}


def test_a_delivery_says_what_was_before_and_under_which_serial(told: list[dict[str, object]]):
    quarantine = told[6]

    assert {
        "status": "quarantined",
        "reason": "reported as malware; a moderator will look",
        "before": {"status": "deprecated", "reason": "use other"},
        "rule": True,
    } == quarantine["detail"]
    serials = [one["serial"] for one in told]
    assert sorted(set(serials)) == serials  # type: ignore[type-var]


def test_who_does_not_know_the_secret_is_not_believed():
    checked = Checked()
    checked.secret = "whsec_ours"
    forged = hmac.new(b"whsec_guess", b"1.{}", hashlib.sha256).hexdigest()

    assert 401 == checked.take(f"t={int(time.time())},v1={forged}", b"{}")
