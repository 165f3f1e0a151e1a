"""Kill switches at control's doors: who is stopped, with which words, and who is not."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import wheels
from doors import Door
from instances import ALICE, BOB, OPERATOR, Instance, Scopes, empty_database, soon

from holdfast.control.accounts.actions import create_token
from holdfast.control.accounts.models import AuditEvent
from holdfast.control.projects import actions, standing
from holdfast.control.projects.models import Project
from holdfast.control.switches import switching
from holdfast.core.errors import Refused
from holdfast.tree.overrides import newest
from holdfast.tree.switches import new_switch

ADMIN = Scopes(("*",), ("*",), (), True, True)
KNOWN, NEW = wheels.wheel("demo-pkg", "1.0"), wheels.wheel("reqeusts-x", "1.0")
URL = "https://status.example/7"


def switched_off(instance: Instance, capability: str, scope: str = "*", **facts: Any) -> None:
    now = datetime.now(UTC)
    given = {"reason": "a flood", "status_url": URL, "banner": None, "until": now + timedelta(hours=24)}
    switching.switch_off(
        instance.store,
        new_switch(capability, scope=scope, by="op", now=now, **(given | facts)),  # type: ignore[arg-type]
    )


def door_of(instance: Instance) -> Door:
    """A door in whose process nothing was asked yet: what is decided before its first request is in force."""
    return Door(instance, publisher=instance.another_publisher())


def test_new_projects_are_stopped_and_known_ones_go_on(instance: Instance):
    """r15: twine to an existing project works; a new one is 403 with the reason and where to look."""
    token = Door(instance).token()
    assert Door(instance).upload(wheels.twine_body(*KNOWN), token).status == 200
    switched_off(instance, "new-projects")
    door = door_of(instance)

    refused = door.upload(wheels.twine_body(*NEW), token)
    as_json = door.upload(wheels.twine_body(*NEW), token, accept="application/json")
    known = door.upload(wheels.twine_body(*wheels.wheel("demo-pkg", "1.1")), token)

    assert refused.status == 403
    assert refused.text.startswith("Creating new projects is switched off until 2")
    assert refused.text.endswith(f" UTC: a flood. See {URL}\n")
    assert as_json.json()["code"] == f"403 {refused.text.strip()}"
    assert known.status == 200
    assert list(Project.objects.values_list("name", flat=True)) == ["demo-pkg"]


def test_a_deleted_project_is_its_owners_and_a_released_name_is_new(sqlite_instance: Instance):
    sqlite_instance.upload("kept", "1.0")
    sqlite_instance.upload("given-up", "1.0")
    for name in ("kept", "given-up"):
        actions.delete_project(sqlite_instance.publisher, "main", name, ALICE, deadline=soon())
    standing.release_name(sqlite_instance.publisher, "main", "given-up", OPERATOR, deadline=soon())
    switched_off(sqlite_instance, "new-projects")
    again = Instance(sqlite_instance.config, sqlite_instance.store, sqlite_instance.another_publisher())

    again.upload("kept", "1.1")
    with pytest.raises(Refused, match="new projects"):
        again.upload("given-up", "1.1", actor=BOB)


@pytest.mark.parametrize(("scope", "status"), [("*", 403), ("main", 403), ("main/demo-*", 403), ("team", 200)])
def test_uploads_are_stopped_where_the_switch_holds(sqlite_instance: Instance, scope, status):
    token = Door(sqlite_instance).token()
    switched_off(sqlite_instance, "uploads", scope)

    answer = door_of(sqlite_instance).upload(wheels.twine_body(*KNOWN), token)

    assert answer.status == status, answer.text


def test_who_has_no_token_is_asked_for_one_first(sqlite_instance: Instance):
    switched_off(sqlite_instance, "uploads")

    assert door_of(sqlite_instance).upload(wheels.twine_body(*KNOWN)).status == 401


def test_deletions_are_stopped_and_yanks_are_not(sqlite_instance: Instance):
    token = Door(sqlite_instance).token()
    assert Door(sqlite_instance).upload(wheels.twine_body(*KNOWN), token).status == 200
    switched_off(sqlite_instance, "deletions", "main/demo-pkg")
    door = door_of(sqlite_instance)
    project = "projects/main/demo-pkg"

    deleted = [door.api("DELETE", f"{project}{rest}", token) for rest in ("", "/releases/1.0", f"/files/{KNOWN[0]}")]
    yanked = door.api("POST", f"{project}/releases/1.0/yank", token)

    assert [403] * 3 == [answer.status for answer in deleted]
    assert deleted[0].json()["detail"].startswith("Deleting is switched off for projects named demo-pkg in index main")
    assert yanked.status == 200


def test_tokens_are_not_made_and_still_revoked(sqlite_instance: Instance):
    admin = Door(sqlite_instance).token("root", ADMIN)
    switched_off(sqlite_instance, "token-creation")
    door = door_of(sqlite_instance)

    assert door.api("POST", "tokens", admin, {"name": "ci"}).status == 403
    assert door.api("DELETE", "tokens/test", admin).status == 200


def test_a_read_only_site_takes_no_change_from_anybody_over_the_network(instance: Instance):
    alice, admin = Door(instance).token(), Door(instance).token("root", ADMIN)
    assert Door(instance).upload(wheels.twine_body(*KNOWN), alice).status == 200
    switched_off(instance, "read-only")
    door = door_of(instance)
    project = "projects/main/demo-pkg"

    statuses = [
        door.upload(wheels.twine_body(*NEW), alice).status,
        door.upload(wheels.twine_body(*NEW), admin).status,
        door.api("POST", f"{project}/releases/1.0/yank", alice).status,
        door.api("PUT", f"{project}/roles/bob", alice, {"role": "maintainer"}).status,
        door.api("POST", f"{project}/status", alice, {"status": "archived"}).status,
        door.api("PUT", "grants/shadow/main/other", admin).status,
        door.api("POST", "tokens", admin, {"name": "ci"}).status,
    ]

    assert [403] * 7 == statuses
    assert door.api("GET", project, alice).status == 200


def test_operators_moderate_a_read_only_site(sqlite_instance: Instance):
    """An incident does not wait until the site is writable again."""
    admin = Door(sqlite_instance).token("root", ADMIN)
    digest = sqlite_instance.upload("demo-pkg", "1.0", "ab" * 32).serial and "ab" * 32
    switched_off(sqlite_instance, "read-only")
    door = door_of(sqlite_instance)

    quarantined = door.api("POST", "projects/main/demo-pkg/status", admin, {"status": "quarantined", "reason": "INC-7"})
    removed = door.api("POST", "removals", admin, {"sha256": [digest], "reason": "malware"})

    assert (200, 200) == (quarantined.status, removed.status)


def test_the_machines_own_command_line_passes_every_switch(sqlite_instance: Instance):
    switched_off(sqlite_instance, "read-only")
    publisher = sqlite_instance.another_publisher()

    made = create_token(publisher, "rescue", "root", ADMIN, None, OPERATOR, deadline=soon())

    assert made.id


@pytest.mark.parametrize("status", ["archived", "quarantined"])
def test_a_project_that_is_closed_takes_no_uploads(sqlite_instance: Instance, status):
    """PEP 792."""
    sqlite_instance.upload("demo-pkg", "1.0")
    set_to = (sqlite_instance.publisher, "main", "demo-pkg", status, "INC-7", OPERATOR)
    actions.set_status(*set_to, deadline=soon())

    with pytest.raises(Refused, match=f"is {status} in index 'main' and takes no uploads"):
        sqlite_instance.upload("demo-pkg", "1.1")


# The management API.


def test_an_administrator_switches_off_extends_lists_and_switches_on(instance: Instance):
    admin = Door(instance).token("root", ADMIN)
    door = door_of(instance)

    made = door.api("PUT", "switches/sign-up", admin, {"reason": "a flood", "status_url": URL, "hours": 2})
    extended = door_of(instance).api("POST", "switches/sign-up/extend", admin, {"hours": 48})
    listed = door_of(instance).api("GET", "switches", admin).json()["switches"]
    on = door.api("DELETE", "switches/sign-up", admin)
    history = door.api("GET", "switches/history", admin).json()["changes"]

    assert (200, 200, 200) == (made.status, extended.status, on.status)
    assert ("sign-up", "*", "a flood", URL, "root") == tuple(
        made.json()[key] for key in ("capability", "scope", "reason", "status_url", "by")
    )
    assert made.json()["until"] < extended.json()["until"] == listed[0]["until"]
    assert [] == door_of(instance).api("GET", "switches", admin).json()["switches"]
    assert ["switched sign-up on", "extended sign-up until"] == [
        history[0]["what"],
        history[1]["what"].partition(" 2")[0],
    ]
    assert [
        ("switch-off", {"reason": "a flood", "until": made.json()["until"]}),
        ("extend-switch", {"reason": "a flood", "until": extended.json()["until"]}),
        ("switch-on", {}),
    ] == list(AuditEvent.objects.filter(subject="sign-up").order_by("id").values_list("action", "detail"))


def test_a_read_only_site_is_made_writable_again_over_the_network(sqlite_instance: Instance):
    admin = Door(sqlite_instance).token("root", ADMIN)
    door = door_of(sqlite_instance)

    off = door.api("PUT", "switches/read-only", admin, {"reason": "moving house", "no_expiry": True})
    on = door_of(sqlite_instance).api("DELETE", "switches/read-only", admin)

    assert (200, None) == (off.status, off.json()["until"])
    assert 200 == on.status
    assert 2 == AuditEvent.objects.filter(subject="read-only").count()


@pytest.mark.parametrize(
    ("capability", "body", "words"),
    [
        ("installs", {"reason": "x"}, "no capability"),
        ("uploads", {}, "reason"),
        ("uploads", {"reason": "x", "hours": 0}, "hours"),
        ("uploads", {"reason": "x", "hours": 721}, "hours"),
        ("uploads", {"reason": "x", "hours": 1, "no_expiry": True}, "not both"),
        ("uploads", {"reason": "x", "scope": "nowhere"}, "no index"),
        ("uploads", {"reason": "x", "scope": "main/a b"}, "no scope"),
        ("uploads", {"reason": "x", "until": "2030-01-01"}, "unknown fields"),
    ],
)
def test_a_switch_that_makes_no_sense_is_400(sqlite_instance: Instance, capability, body, words):
    door = Door(sqlite_instance)

    answer = door.api("PUT", f"switches/{capability}", door.token("root", ADMIN), body)

    assert 400 == answer.status
    assert words in answer.json()["detail"]
    assert 0 == newest(sqlite_instance.store).serial


def test_only_administrators_see_and_move_switches(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    alice = door.token()

    answers = [
        door.api("GET", "switches", alice),
        door.api("GET", "switches/history", alice),
        door.api("PUT", "switches/uploads", alice, {"reason": "mine"}),
        door.api("POST", "switches/uploads/extend", alice),
        door.api("DELETE", "switches/uploads", alice),
    ]

    assert [403] * 5 == [answer.status for answer in answers]
    assert 404 == door.api("DELETE", "switches/uploads", door.token("root", ADMIN)).status


def test_a_switch_is_in_force_with_the_database_dead(sqlite_instance: Instance):
    empty_database(sqlite_instance)

    switched_off(sqlite_instance, "sign-up")
    publisher = sqlite_instance.another_publisher()
    said = switching.audit(publisher, "switch-off", ("sign-up", "*"), OPERATOR, time.monotonic())

    assert said
    assert Door(sqlite_instance, publisher=publisher).parts.switches.refusal("sign-up") is not None
