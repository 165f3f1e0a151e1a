"""Quotas and what a release still takes hold on every way into an index: uploads, staged releases, promotions."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import wheels
from control.clocks import ForwardClock
from doors import Door
from instances import ALICE, OPERATOR, Instance, Scopes, new_file, soon

from holdfast.config import IndexConfig
from holdfast.control.database import close_connection
from holdfast.control.projects.models import File
from holdfast.control.projects.publishing import publish_file
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.retention.quotas import set_quota, used
from holdfast.control.staging.models import StagedFile

DAY = 86_400
BOTH = Scopes(read=("main", "strict"), upload=("main", "strict"), create_projects=True)
WHEEL, SDIST = wheels.wheel("demo", "1.0"), wheels.sdist("demo", "1.0")
SESSIONS = "sessions/strict"


@pytest.fixture
def door(sqlite_instance: Instance) -> Door:
    """A private index `main` and a public one `strict`; its clock can be set forward."""
    clock = ForwardClock()
    made = Door(sqlite_instance, clock=clock, publisher=sqlite_instance.another_publisher(clock=clock))
    return made.among(IndexConfig("main"), IndexConfig("strict", rules="public"))


def test_a_release_that_closes_while_files_are_staged_takes_none_of_them(door: Door):
    alice = door.token("alice", BOTH)
    assert door.upload(wheels.twine_body(*SDIST), alice, "/strict/legacy/").status == 200
    session = door.api("POST", SESSIONS, alice, {"name": "demo", "version": "1.0"}).json()["session"]
    assert door.upload(wheels.twine_body(*WHEEL), alice, f"/api/{SESSIONS}/{session}/files").status == 200
    clock = door.parts.clock
    assert isinstance(clock, ForwardClock)
    clock.advance(7 * DAY - 60)
    assert door.api("POST", f"{SESSIONS}/{session}/extend", alice, {"seconds": 7 * DAY}).status == 200
    clock.advance(7 * DAY - 60)
    assert door.api("POST", f"{SESSIONS}/{session}/extend", alice, {"seconds": 7 * DAY}).status == 200
    clock.advance(DAY)

    refused = door.api("POST", f"{SESSIONS}/{session}/publish", alice)

    assert (refused.status, "is closed: it takes new files for 14 days" in refused.text) == (400, True), refused.text
    assert [SDIST[0]] == list(File.objects.values_list("filename", flat=True))


def test_a_closed_release_has_nothing_staged(door: Door):
    alice = door.token("alice", BOTH)
    assert door.upload(wheels.twine_body(*SDIST), alice, "/strict/legacy/").status == 200
    clock = door.parts.clock
    assert isinstance(clock, ForwardClock)
    clock.advance(15 * DAY)
    session = door.api("POST", SESSIONS, alice, {"name": "demo", "version": "1.0"}).json()["session"]

    refused = door.upload(wheels.twine_body(*WHEEL), alice, f"/api/{SESSIONS}/{session}/files")

    assert (refused.status, "is closed" in refused.text, StagedFile.objects.count()) == (400, True, 0), refused.text


def test_a_promotion_is_held_to_the_rules_of_where_it_goes(door: Door):
    alice = door.token("alice", BOTH)
    for made in (SDIST, wheels.sdist("demo", "1.0", suffix=".zip")):
        assert door.upload(wheels.twine_body(*made), alice).status == 200

    refused = door.api("POST", "projects/main/demo/releases/1.0/promote", alice, {"to": "strict"})

    assert (refused.status, "takes no second one" in refused.text) == (400, True), refused.text
    assert not File.objects.filter(project__index="strict").exists()


@pytest.mark.parametrize("name", ["demo", ""], ids=["of the project", "of the index"])
def test_a_promotion_past_a_quota_lists_nothing(door: Door, name: str):
    alice = door.token("alice", BOTH)
    for made in (WHEEL, SDIST):
        assert door.upload(wheels.twine_body(*made), alice).status == 200
    bytes_max = len(WHEEL[1]) + len(SDIST[1]) - 1
    set_quota(door.parts.publisher, "strict", name, bytes_max, OPERATOR, deadline=soon())

    refused = door.api("POST", "projects/main/demo/releases/1.0/promote", alice, {"to": "strict"})

    assert (refused.status, "past the quota" in refused.text) == (400, True), refused.text
    assert not File.objects.filter(project__index="strict").exists()


def test_projects_that_grow_at_once_stay_within_the_quota_of_their_index(instance: Instance):
    set_quota(instance.publisher, "main", "", 100, OPERATOR, deadline=soon())

    def upload(number: int) -> bool:
        try:
            new = new_file(f"tool-{number}", "1.0", size=30)
            publish_file(instance.publisher, "main", new, ALICE, deadline=soon(30))
        except NotAccepted:
            return False
        finally:
            close_connection()
        return True

    with ThreadPoolExecutor(8) as pool:
        listed = sum(pool.map(upload, range(8)))

    assert (3, 90) == (listed, used("main"))
