"""Reports, the rules that quarantine without a person, verdicts, prohibited names and banned networks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import wheels
from browsers import Browser
from doors import Answered, Door, basic
from instances import OPERATOR, Instance, Scopes, empty_database, rebuilt, soon

from holdfast.clock import SystemClock
from holdfast.config import AutoQuarantine, IndexConfig
from holdfast.control.accounts.models import AuditEvent
from holdfast.control.moderation import deciding
from holdfast.control.moderation.models import Report
from holdfast.control.moderation.reports import backlog
from holdfast.control.moderation.rules import PUBLIC, Suspect, must_quarantine
from holdfast.control.moderation.verdicts import projects_matching, quarantine_project, release_project
from holdfast.control.projects import actions
from holdfast.control.projects.models import Project
from holdfast.control.tokens.rate import Rate
from holdfast.tree.bans import new_ban

ADMIN = Scopes(("*",), ("*",), (), True, True)
MALWARE = {"kind": "malware", "text": "it sends tokens away"}
BAD = "projects/main/bad/reports"


class Scene:
    """An index for strangers with a project in it."""

    def __init__(self, instance: Instance, **door: Any) -> None:
        self.instance = instance
        self.door = Door(instance, publisher=instance.another_publisher(), **door)
        self.door.among(IndexConfig("main", rules="public"), IndexConfig("team", private=True))
        self.root = self.door.token("root", ADMIN)
        instance.upload("bad", "1.0")

    def observer(self, name: str) -> str:
        token = self.door.token(name)
        assert self.door.api("PUT", f"observers/{name}", self.root).status == 200
        return token

    def report(self, token: str, **facts: str) -> Answered:
        return self.door.api("POST", BAD, token, MALWARE | facts)

    @property
    def status(self) -> str:
        return Project.objects.values_list("status", flat=True).get(name="bad")


def test_an_observers_word_quarantines_a_young_project_at_once(instance: Instance):
    scene = Scene(instance)

    made = scene.report(scene.observer("scanner"))

    assert (201, True) == (made.status, made.json()["quarantined"])
    assert "quarantined" == scene.status
    entry = instance.reader().state().find("main", "bad")
    assert entry is not None and entry.status == "quarantined"
    event = AuditEvent.objects.filter(action="set-status").get()
    assert (True, "active", "scanner") == (event.detail["rule"], event.detail["before"]["status"], event.actor)


def test_strangers_alone_quarantine_nothing_and_an_old_project_needs_two_with_an_observer(sqlite_instance: Instance):
    scene = Scene(sqlite_instance)
    Project.objects.update(created=datetime.now(UTC) - timedelta(days=300))

    by_strangers = [scene.report(scene.door.token(name)).json()["quarantined"] for name in ("eve", "mallory", "eve")]
    by_observer = scene.report(scene.observer("scanner")).json()["quarantined"]

    assert [False] * 3 == by_strangers
    assert by_observer is True
    assert 3 == Report.objects.count()  # Eve's second report changed her first


def test_spam_and_private_indexes_wait_for_a_person(sqlite_instance: Instance):
    scene = Scene(sqlite_instance)
    spam = scene.report(scene.observer("scanner"), kind="spam")
    observer = scene.observer("other")
    scene.door = Door(sqlite_instance)  # whose main index has an organisation's rules
    malware = scene.report(observer)

    assert [False, False] == [spam.json()["quarantined"], malware.json()["quarantined"]]
    assert "active" == scene.status


@pytest.mark.parametrize(
    ("reports", "observers", "hours", "releases", "expected"),
    [
        (1, 0, 1, 1, False),
        (9, 0, 1, 1, False),
        (1, 1, 23, 1, True),
        (1, 1, 25, 1, False),
        (2, 1, 8000, 50, True),
        (2, 2, 8000, 51, False),
        (9, 9, 9999, 1, False),
    ],
)
def test_the_rules_are_data(reports, observers, hours, releases, expected):
    found = Suspect(reports, observers, timedelta(hours=hours), releases)

    assert expected is must_quarantine(PUBLIC, found)


@pytest.mark.parametrize(
    ("rules", "quarantined"),
    [
        ((), False),
        ((AutoQuarantine(),), True),
        ((AutoQuarantine(observers=1, reports=2),), False),
        ((AutoQuarantine(bytes_max=1),), False),
        ((AutoQuarantine(bytes_max=10**6, releases_max=1, age_seconds=60),), True),
    ],
)
def test_an_index_has_rules_of_its_own(sqlite_instance: Instance, rules, quarantined):
    scene = Scene(sqlite_instance)
    observer = scene.observer("scanner")
    scene.door = Door(sqlite_instance).among(IndexConfig("main", auto_quarantine=rules))

    assert quarantined is scene.report(observer).json()["quarantined"]


def test_rules_reloaded_since_the_start_are_in_force(sqlite_instance: Instance):
    scene = Scene(sqlite_instance)
    observer = scene.observer("scanner")
    patient = replace(scene.door.parts.config, indexes=(IndexConfig("main", auto_quarantine=()),))
    scene.door = Door(sqlite_instance, config=scene.door.parts.config, policy=lambda: patient)

    assert scene.report(observer).json()["quarantined"] is False


def test_the_queue_and_its_verdicts(instance: Instance):
    """A verdict decides all reports of the project, ends the quarantine, and may be given again."""
    scene = Scene(instance)
    first = scene.report(scene.door.token("eve")).json()["id"]
    scene.report(scene.observer("scanner"))
    queue = scene.door.api("GET", "reports?limit=1", scene.root).json()

    judged = [scene.door.api("POST", f"reports/{first}/verdict", scene.root, {"verdict": "not-malware"}) for _ in "12"]
    other = scene.door.api("POST", f"reports/{first}/verdict", scene.root, {"verdict": "quarantine"})

    assert (2, str(first)) == (queue["waiting"], queue["next"])
    assert ("bad", "malware", "it sends tokens away", "eve", False) == tuple(
        queue["items"][0][key] for key in ("name", "kind", "text", "reporter", "trusted")
    )
    assert [200, 200, 400] == [answer.status for answer in (*judged, other)]
    assert "active" == scene.status
    assert (0, 0.0) == backlog(datetime.now(UTC))
    assert 1 == AuditEvent.objects.filter(action="judge-report").count()


def test_removal_takes_the_bytes_down_for_good(sqlite_instance: Instance):
    scene = Scene(sqlite_instance)
    made = scene.report(scene.door.token("eve")).json()["id"]

    judged = scene.door.api("POST", f"reports/{made}/verdict", scene.root, {"verdict": "remove", "reason": "INC-7"})

    assert 200 == judged.status, judged.text
    assert "quarantined" == scene.status
    assert 1 == len(sqlite_instance.reader().state().removed)


@pytest.mark.parametrize(
    ("verdict", "status", "removed"),
    [("not-malware", "active", 0), ("quarantine", "quarantined", 0), ("remove", "quarantined", 1)],
)
def test_a_project_that_its_owner_deleted_meanwhile_is_judged_all_the_same(
    sqlite_instance: Instance, verdict: str, status: str, removed: int
):
    """Else whoever uploads malware would only have to delete it: the report would wait for ever, the bytes stay."""
    scene = Scene(sqlite_instance)
    made = scene.report(scene.door.token("eve")).json()["id"]
    actions.delete_project(sqlite_instance.publisher, "main", "bad", OPERATOR, deadline=soon())

    judged = scene.door.api("POST", f"reports/{made}/verdict", scene.root, {"verdict": verdict, "reason": "INC-7"})

    assert 200 == judged.status, judged.text
    assert (status, 0) == (scene.status, backlog(datetime.now(UTC))[0])
    assert removed == len(sqlite_instance.reader().state().removed)


def test_deleting_a_project_ends_no_quarantine(instance: Instance):
    """Its bytes stay for a month: readers go on refusing them, also those of a database made anew."""
    scene = Scene(instance)
    quarantine_project(instance.publisher, "main", "bad", "INC-8", OPERATOR, deadline=soon())
    actions.delete_project(instance.publisher, "main", "bad", OPERATOR, deadline=soon())

    told = instance.reader().find("main", "bad")

    assert told is not None and (told.gone, told.status) == (True, "quarantined")
    empty_database(instance)
    rebuilt(instance, SystemClock())
    assert "quarantined" == scene.status


def test_a_quarantine_is_taken_back_exactly(sqlite_instance: Instance):
    scene, publisher = Scene(sqlite_instance), sqlite_instance.publisher
    actions.set_status(publisher, "main", "bad", "deprecated", "use good", OPERATOR, deadline=soon())

    for _ in range(2):
        quarantine_project(publisher, "main", "bad", "INC-7", OPERATOR, deadline=soon())
    assert "quarantined" == scene.status
    for _ in range(2):
        release_project(publisher, "main", "bad", OPERATOR, deadline=soon())

    assert [("deprecated", "use good")] == list(Project.objects.values_list("status", "status_reason"))
    assert ["bad"] == projects_matching("main", "b*", "alice")
    assert [] == projects_matching("main", "", "bob")


@pytest.mark.parametrize(
    ("facts", "words"), [({"kind": "hatred"}, "kind"), ({"text": " "}, "what was seen"), ({"text": "x" * 2001}, "text")]
)
def test_a_report_that_says_nothing_is_400(sqlite_instance: Instance, facts, words):
    scene = Scene(sqlite_instance)

    answer = scene.report(scene.door.token("eve"), **facts)

    assert 400 == answer.status
    assert words in answer.json()["detail"]


def test_a_flood_of_reports_is_429(sqlite_instance: Instance):
    scene = Scene(sqlite_instance, reports=Rate(by_network=2, by_all=9, seconds=3600.0))
    token = scene.door.token("eve")

    answers = [scene.report(token) for _ in range(3)]

    assert [201, 201, 429] == [answer.status for answer in answers]
    assert "retry-after" in answers[2].headers


def test_a_private_project_is_not_told_to_who_may_not_read_it(sqlite_instance: Instance):
    scene = Scene(sqlite_instance)
    token = scene.door.token("eve", replace(Scopes(read=("main",)), upload=("main",)))

    answers = [scene.door.api("POST", f"projects/team/{name}/reports", token, MALWARE) for name in ("a", "b")]

    assert [403, 403] == [answer.status for answer in answers]


# Prohibited names.


def test_a_prohibited_name_is_not_given_away_and_projects_that_have_one_stay(instance: Instance):
    token = Door(instance).token()
    root = Door(instance).token("root", ADMIN)
    assert Door(instance).upload(wheels.twine_body(*wheels.wheel("acme-old", "1.0")), token).status == 200
    document = {"index": "main", "pattern": "Acme-*", "reason": "the brand of Acme"}
    assert Door(instance).api("POST", "prohibited-names", root, document).status == 200
    door = Door(instance, publisher=instance.another_publisher())

    new = door.upload(wheels.twine_body(*wheels.wheel("acme-new", "1.0")), token)
    old = door.upload(wheels.twine_body(*wheels.wheel("acme-old", "1.1")), token)
    by_root = door.upload(wheels.twine_body(*wheels.wheel("acme-root", "1.0")), root)

    assert (403, 200, 200) == (new.status, old.status, by_root.status)
    assert new.text == "the name 'acme-new' is not given away in index main: the brand of Acme\n"
    assert door.api("GET", "bans", root).json()["prohibited"][0]["pattern"] == "acme-*"
    assert door.api("POST", "prohibited-names/permit", root, {"index": "main", "pattern": "acme-*"}).status == 200
    again = Door(instance, publisher=instance.another_publisher())
    assert again.upload(wheels.twine_body(*wheels.wheel("acme-new", "1.0")), token).status == 200


# Banned networks. Requests of the door come from 192.0.2.1.


def test_a_ban_holds_for_every_kind_of_credential_and_can_be_lifted_from_elsewhere(sqlite_instance: Instance):
    token, root = Door(sqlite_instance).token(), Door(sqlite_instance).token("root", ADMIN)
    elsewhere = {"X-Holdfast-Client": "203.0.113.9", "Authorization": f"Bearer {root}"}
    body = b'{"network": "192.0.2.0/24", "reason": "a flood"}'
    assert Door(sqlite_instance).request("POST", "/api/bans", body, elsewhere).status == 200
    door = Door(sqlite_instance, publisher=sqlite_instance.another_publisher())

    refused = [
        door.upload(wheels.twine_body(*wheels.wheel("demo-pkg", "1.0")), token).status,
        door.upload(wheels.twine_body(*wheels.wheel("demo-pkg", "1.0"))).status,
        door.api("GET", "projects", token).status,
        door.api("GET", "bans", root).status,
        Browser(door).get("/account/login/").status,
        Browser(door).get("/account/signup/").status,
        door.request("POST", "/_/oidc/mint-token", b"{}").status,
    ]
    other = door.request("GET", "/api/bans", b"", elsewhere)
    lifted = door.request("POST", "/api/bans/lift", b'{"network": "192.0.2.0/24"}', elsewhere)

    assert [403] * 7 == refused
    assert (200, "192.0.2.0/24") == (other.status, other.json()["bans"][0]["network"])
    assert 200 == lifted.status
    assert Door(sqlite_instance, publisher=sqlite_instance.another_publisher()).api("GET", "bans", root).status == 200


@pytest.mark.parametrize(
    ("method", "path", "kind", "said"),
    [
        (
            "POST",
            "/legacy/",
            "text/plain; charset=utf-8",
            "your network is shut out from everything but reading: a flood",
        ),
        ("POST", "/team/legacy", "text/plain; charset=utf-8", "a flood"),
        ("POST", "/_/oidc/mint-token", "application/json", '"errors": [{"code": "not-enabled", "description": "your'),
        (
            "GET",
            "/manage/",
            "text/html; charset=utf-8",
            "Your network is shut out from everything but reading: a flood",
        ),
        ("GET", "/_/me", "application/problem+json", '"detail": "your network'),
        ("GET", "/api/projects", "application/problem+json", '"detail": "your network'),
    ],
)
def test_a_banned_network_is_told_in_the_form_that_its_client_shows(
    sqlite_instance: Instance, method: str, path: str, kind: str, said: str
):
    """twine prints the first line of plain text, uv the errors of an exchange, a browser a page."""
    now = datetime.now(UTC)
    deciding.ban(sqlite_instance.store, new_ban("192.0.2.0/24", "a flood", now + timedelta(days=1), "oper", now))

    answer = Door(sqlite_instance).request(method, path)

    assert (403, kind) == (answer.status, answer.headers["content-type"])
    assert said in answer.text
    assert "no-store" in answer.headers["cache-control"]


def test_nobody_bans_their_own_network_or_a_trusted_proxy(sqlite_instance: Instance):
    config = replace(sqlite_instance.config, trusted_proxies=("10.0.0.0/8",))
    door = Door(sqlite_instance, config=config)
    root = door.token("root", ADMIN)

    answers = [
        door.api("POST", "bans", root, {"network": network, "reason": "x"}) for network in ("192.0.2.0/24", "10.9.0.1")
    ]

    assert [400, 400] == [answer.status for answer in answers]
    assert "trusted proxy" in answers[1].json()["detail"]
    assert basic(root)
