"""A quota is held in the transaction to what came since the upload looked, and that is never less than the truth."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import wheels
from doors import Door
from instances import ALICE, OPERATOR, Instance, new_file, soon

from holdfast.control.database import close_connection, connection
from holdfast.control.projects.actions import delete_file
from holdfast.control.projects.models import File
from holdfast.control.projects.publishing import publish_file
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.retention.quotas import CAME_MAX, Sighting, look, set_quota, used

BYTES_MAX = 100
UPLOADER = replace(ALICE, scopes=replace(ALICE.scopes, upload=("*",)))


@pytest.fixture
def bounded(sqlite_instance: Instance) -> Instance:
    set_quota(sqlite_instance.publisher, "main", "", BYTES_MAX, OPERATOR, deadline=soon())
    return sqlite_instance


def upload(
    instance: Instance, name: str, seen: Sighting, size: int = 30, index: str = "main", version: str = "1"
) -> bool:
    """Whether it was taken, after that look at its places."""
    new = replace(new_file(name, version, size=size), seen=seen)
    try:
        publish_file(instance.publisher, index, new, UPLOADER, deadline=soon(30))
    except NotAccepted:
        return False
    return True


def test_uploads_that_looked_at_the_same_moment_stay_within_the_quota(instance: Instance):
    """All of them saw an empty index; on PostgreSQL they go on at once, with another index between their keys."""
    set_quota(instance.publisher, "main", "", BYTES_MAX, OPERATOR, deadline=soon())
    seen = look("main", "tool", 0)

    def one(number: int) -> bool:
        try:
            return upload(instance, f"tool-{number}", seen, index="main" if number % 2 else "other")
        finally:
            close_connection()

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(one, range(16)))

    assert (3, 8) == (sum(taken[1::2]), sum(taken[::2]))
    assert 90 == used("main")


def test_what_came_since_counts_and_what_went_makes_room(bounded: Instance):
    seen = look("main", "tool", 0)
    assert upload(bounded, "one", seen, 60) and not upload(bounded, "two", seen, 60)
    full = look("main", "two", 0)

    delete_file(bounded.publisher, "main", "one", "one-1.tar.gz", ALICE, deadline=soon())

    assert upload(bounded, "two", full, 60)
    assert not upload(bounded, "three", full, 60) and 60 == used("main")


def test_whatever_happens_between_a_look_and_its_upload_the_answer_is_the_exact_one(bounded: Instance):
    chance = random.Random(20260101)
    set_quota(bounded.publisher, "main", "tool", 70, OPERATOR, deadline=soon())
    looks: list[Sighting] = [look("main", "tool", 0)]
    answers, listed = set(), []

    for number in range(70):
        looks.append(look("main", "tool", 0))
        name, index = chance.choice(["tool", "other"]), chance.choice(["main", "main", "elsewhere"])
        if listed and chance.random() < 0.4:
            gone = listed.pop(chance.randrange(len(listed)))
            delete_file(bounded.publisher, "main", *gone, ALICE, deadline=soon())
            continue
        size = chance.randrange(1, 40)
        fits = index != "main" or (
            used("main") + size <= BYTES_MAX and (name != "tool" or used("main", "tool") + size <= 70)
        )
        seen = {place: one for place, one in chance.choice(looks).items() if place in ("", name)}

        assert fits is upload(bounded, name, seen if index == "main" else {}, size, index, str(number)), number

        answers.add(fits)
        if fits and index == "main":
            listed.append((name, f"{name}-{number}.tar.gz"))

    assert {True, False} == answers and used("main") <= BYTES_MAX


def sums_of(instance: Instance, name: str, seen: Sighting) -> tuple[bool, int]:
    """Whether it was taken, and how often everything was added up in the transaction."""
    statements: list[str] = []

    def noting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection().execute_wrapper(noting):
        taken = upload(instance, name, seen)
    return taken, sum("SUM(" in sql for sql in statements)


def test_other_writers_wait_for_a_sum_only_when_the_answer_could_be_no(bounded: Instance):
    seen = look("main", "one", 0)

    assert (True, 1) == sums_of(bounded, "one", {})
    assert (True, 0) == sums_of(bounded, "two", seen)
    assert (True, 0) == sums_of(bounded, "three", seen)
    assert (False, 1) == sums_of(bounded, "four", seen)


def test_behind_an_old_mark_everything_is_added_up_again(bounded: Instance):
    """A quiet index beside a busy one."""
    assert upload(bounded, "busy", {}, index="other")
    seen = look("main", "one", 0)
    busy = File.objects.get()
    rows = (
        File(project=busy.project, release=busy.release, filename=f"busy-{n}", size=1, upload_time=busy.upload_time)
        for n in range(CAME_MAX + 1)
    )
    File.objects.bulk_create(rows)

    assert (True, 1) == sums_of(bounded, "one", seen)
    assert (True, 0) == sums_of(bounded, "two", look("main", "two", 0))


def test_an_upload_adds_up_before_its_transaction_and_not_in_it(bounded: Instance):
    door = Door(bounded)
    token = door.token()
    set_quota(bounded.publisher, "main", "", 10**9, OPERATOR, deadline=soon())
    set_quota(bounded.publisher, "main", "demo", 10**9, OPERATOR, deadline=soon())
    where: list[bool] = []

    def noting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "SUM(" in sql:
            where.append(connection().in_atomic_block)
        return execute(sql, params, many, context)

    with connection().execute_wrapper(noting):
        answer = door.upload(wheels.twine_body(*wheels.wheel("demo", "1.0")), token)

    assert (200, [False, False]) == (answer.status, where)
