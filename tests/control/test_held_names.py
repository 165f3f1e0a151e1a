"""A new project whose name is one slip from a popular one is taken, hidden, and waits for a moderator."""

import pytest
import wheels
from allauth.account.models import EmailAddress
from doors import Answered, Door
from instances import OPERATOR, Instance, Scopes, empty_database, rebuilt, soon

from holdfast.clock import SystemClock
from holdfast.config import IndexConfig
from holdfast.control.accounts.models import User
from holdfast.control.mail.models import Mail
from holdfast.control.moderation.models import Report
from holdfast.control.moderation.verdicts import release_project
from holdfast.control.projects import actions
from holdfast.control.projects.models import Project
from holdfast.core.simple_json import offered_files

ADMIN = Scopes(("*",), ("*",), (), True, True)


class Scene:
    """An index for strangers, where Alice uploads and can be mailed."""

    def __init__(self, instance: Instance, rules: str = "public") -> None:
        self.instance = instance
        self.door = Door(instance).among(IndexConfig("main", rules=rules))  # type: ignore[arg-type]
        self.alice = self.door.token("alice")
        self.root = self.door.token("root", ADMIN)
        user = User.objects.get(username="alice")
        EmailAddress.objects.create(user=user, email="alice@example.org", verified=True, primary=True)

    def upload(self, name: str, token: str = "", version: str = "1.0") -> Answered:
        wheel = wheels.wheel(name, version, metadata={"Description-Content-Type": "text/plain"})
        return self.door.upload(wheels.twine_body(*wheel), token or self.alice)

    def shown(self, name: str) -> tuple[str, str, int]:
        """Status, reason and how many files a reader is offered."""
        reader = self.instance.reader()
        entry = reader.state().find("main", name)
        assert entry is not None
        record = reader.record(entry)
        return record.status, record.status_reason, len(offered_files(record))

    def judge(self, verdict: str) -> int:
        report = Report.objects.get(verdict="")
        document = {"verdict": verdict, "reason": "a trap"}
        return self.door.api("POST", f"reports/{report.pk}/verdict", self.root, document).status


def test_it_is_taken_and_nobody_sees_it_and_the_rest_of_the_release_follows(instance: Instance):
    scene = Scene(instance)

    first, again, more = scene.upload("reqeusts"), scene.upload("reqeusts"), scene.upload("reqeusts", version="1.1")

    for answer in (first, again, more):
        assert 200 == answer.status, answer.text
        assert "and held: a moderator looks at the project's name first" in answer.text
    reason = "its name is close to requests; a moderator looks at it before it is shown"
    assert ("quarantined", reason, 0) == scene.shown("reqeusts")
    assert [("suspicious-name", "(rules)", "")] == list(Report.objects.values_list("kind", "reporter", "verdict"))
    assert ["Your new project main/reqeusts waits for a moderator"] == list(
        Mail.objects.values_list("subject", flat=True)
    )


def test_a_moderator_lets_it_be_seen_with_everything_that_was_uploaded(instance: Instance):
    scene = Scene(instance)
    scene.upload("reqeusts")
    scene.upload("reqeusts", version="1.1")

    assert 200 == scene.judge("not-malware")

    assert ("active", "", 2) == scene.shown("reqeusts")
    assert "is published." in scene.upload("reqeusts", version="1.2").text
    assert "main/reqeusts is shown now" == Mail.objects.order_by("-pk").values_list("subject", flat=True)[0]


@pytest.mark.parametrize("verdict", ["quarantine", "remove"])
def test_a_trap_stays_hidden_and_takes_no_more(sqlite_instance: Instance, verdict: str):
    scene = Scene(sqlite_instance)
    scene.upload("reqeusts")

    assert 200 == scene.judge(verdict)

    assert ("quarantined", "a trap") == scene.shown("reqeusts")[:2]
    assert 403 == scene.upload("reqeusts", version="1.1").status
    mail = Mail.objects.order_by("-pk")[0]
    assert ("main/reqeusts is not shown", True) == (mail.subject, "a trap" in mail.text)


def test_an_end_of_the_quarantine_by_hand_judges_the_report_too(sqlite_instance: Instance):
    scene = Scene(sqlite_instance)
    scene.upload("reqeusts")

    release_project(sqlite_instance.publisher, "main", "reqeusts", OPERATOR, deadline=soon())

    assert [("not-malware", "operator")] == list(Report.objects.values_list("verdict", "decided_by"))
    assert ("active", "", 1) == scene.shown("reqeusts")


def test_its_owner_cannot_end_the_hold(sqlite_instance: Instance):
    scene = Scene(sqlite_instance)
    scene.upload("reqeusts")

    answer = scene.door.api("POST", "projects/main/reqeusts/status", scene.alice, {"status": "active"})

    assert 403 == answer.status, answer.text
    assert Project.objects.get(name="reqeusts").held


@pytest.mark.parametrize(
    ("name", "by_root", "rules"),
    [("reqeusts", True, "public"), ("reqeusts", False, "private"), ("ours", False, "public")],
)
def test_others_are_published_at_once(sqlite_instance: Instance, name: str, by_root: bool, rules: str):
    scene = Scene(sqlite_instance, rules)

    answer = scene.upload(name, scene.root if by_root else scene.alice)

    assert (200, True) == (answer.status, "is published." in answer.text), answer.text
    assert ("active", "", 1) == scene.shown(name)
    assert not Report.objects.exists()


def test_a_name_that_was_deleted_while_held_comes_back_held(sqlite_instance: Instance):
    scene = Scene(sqlite_instance)
    scene.upload("reqeusts")
    actions.delete_project(sqlite_instance.publisher, "main", "reqeusts", OPERATOR, deadline=soon())

    answer = scene.upload("reqeusts", version="1.1")

    assert "and held" in answer.text
    assert "quarantined" == scene.shown("reqeusts")[0]


def test_a_rebuild_brings_it_back_as_held_and_in_the_queue(instance: Instance):
    scene = Scene(instance)
    scene.upload("reqeusts")
    empty_database(instance)
    rebuilt(instance, SystemClock())
    door = Door(instance, publisher=instance.another_publisher()).among(IndexConfig("main", rules="public"))
    token, root = door.token("alice"), door.token("root", ADMIN)

    more = door.upload(wheels.twine_body(*wheels.wheel("reqeusts", "1.1")), token)
    (report,) = Report.objects.all()
    judged = door.api("POST", f"reports/{report.pk}/verdict", root, {"verdict": "not-malware"})

    assert (200, True) == (more.status, "and held: a moderator looks" in more.text), more.text
    reason = "its name is close to requests; a moderator looks at it before it is shown"
    assert ("suspicious-name", "(rules)", reason) == (report.kind, report.reporter, report.text)
    assert 200 == judged.status
    assert ("active", "", 2) == scene.shown("reqeusts")
