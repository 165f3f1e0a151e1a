"""New projects of one person and one network in an hour, where strangers upload."""

from dataclasses import replace
from typing import Any

import pytest
import wheels
from control.clocks import ForwardClock
from doors import Answered, Door
from instances import Actor, Instance, Scopes

from holdfast.config import IndexConfig
from holdfast.control.accounts.models import Attempts
from holdfast.control.database import connection
from holdfast.control.projects.models import Project
from holdfast.control.projects.publishing import Published
from holdfast.control.tokens.rate import TooMany
from holdfast.control.uploads.new_projects import count_new_project
from holdfast.control.uploads.rules import PUBLIC

BOTH = Scopes(read=("main", "strict"), upload=("main", "strict"), create_projects=True)
HOUR = 3600


@pytest.fixture
def clock() -> ForwardClock:
    return ForwardClock()


@pytest.fixture
def door(sqlite_instance: Instance, clock: ForwardClock) -> Door:
    publisher = sqlite_instance.another_publisher(clock=clock)
    made = Door(sqlite_instance, clock=clock, publisher=publisher)
    return made.among(IndexConfig("main"), IndexConfig("strict", rules="public"))


def create(door: Door, token: str, name: str, version: str = "1.0", **headers: str) -> Answered:
    return door.upload(wheels.twine_body(*wheels.sdist(name, version)), token, "/strict/legacy/", **headers)


def test_the_21st_new_project_is_put_off_and_versions_of_the_others_are_not(door: Door, clock: ForwardClock):
    token = door.token("alice", BOTH)
    assert [200] * 20 == [create(door, token, f"project-{20 + number}").status for number in range(20)]

    answer = create(door, token, "third")

    assert 429 == answer.status
    assert HOUR - 60 < int(answer.headers["retry-after"]) <= HOUR + 1
    assert "takes 20 new projects an hour from one person and 40 from one network" in answer.text
    assert not Project.objects.filter(name="third").exists()
    assert 200 == create(door, token, "project-20", "1.1").status
    assert 200 == create(door, token, "project-20").status, "the same bytes again create nothing"
    clock.advance(HOUR + 1)
    assert 200 == create(door, token, "third").status


def test_a_network_has_twice_as_many_as_a_person(sqlite_instance: Instance, clock: ForwardClock):
    index, profile = IndexConfig("strict", rules="public"), replace(PUBLIC, new_projects_hourly=2)

    def count(user: str, client: str = "192.0.2.1") -> None:
        profiles = {"public": profile}
        count_new_project(clock, index, "new", Actor(user, BOTH), client, clock.monotonic() + 5, profiles)

    for user in ("alice", "alice", "bob", "bob"):
        count(user)
    with pytest.raises(TooMany):
        count("charlie")
    count("charlie", "198.51.100.7")


def test_what_is_refused_for_another_reason_costs_no_try(door: Door):
    token = door.token("alice", BOTH)
    for _ in range(3):
        assert 400 == create(door, token, "json").status

    assert not Attempts.objects.exists()


def test_administrators_and_private_indexes_are_not_counted(door: Door):
    operator = door.token("olga", replace(BOTH, admin=True))
    alice = door.token("alice", BOTH)
    for number in range(3):
        assert 200 == create(door, operator, f"of-operators-{number}x").status
        body = wheels.twine_body(*wheels.sdist(f"of-alice-{number}x", "1.0"))
        assert 200 == door.upload(body, alice).status

    assert not Attempts.objects.exists()


def test_a_name_that_another_upload_creates_meanwhile_is_not_confused_with_itself(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    token = door.token("alice")
    meanwhile: list[Published] = []

    def create_first(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "REPLACE(" in sql and "LIKE" not in sql and not meanwhile:  # the look for names that are alike
            meanwhile.append(sqlite_instance.upload("demo-pkg", "1.0"))
        return execute(sql, params, many, context)

    with connection().execute_wrapper(create_first):
        answer = door.upload(wheels.twine_body(*wheels.wheel("demo-pkg", "1.1")), token)

    assert (len(meanwhile), answer.status) == (1, 200), answer.text
