"""The audit trail in the database: chained by every writer, whole or named as broken, and nobody's address in it."""

import threading
from dataclasses import replace

import pytest
from django.db import DatabaseError, connection, transaction
from doors import Door
from instances import ALICE, OPERATOR, Instance, soon, unguard_trail

from holdfast.control.accounts import trail
from holdfast.control.accounts.actor import Actor, Scopes
from holdfast.control.accounts.audit_reading import about_project, done_by
from holdfast.control.accounts.models import AuditEvent, AuditHead
from holdfast.control.accounts.networks import Networks, network_of
from holdfast.control.database import close_connection
from holdfast.control.instance import prepare
from holdfast.control.projects import actions
from holdfast.control.projects.standing import add_role, grant_shadow, remove_role
from holdfast.control.retention.quotas import set_quota

UPLOADER = Scopes(read=("main",), upload=("main",), create_projects=True)


def problems(instance: Instance) -> tuple[str, ...]:
    return trail.verify(instance.store, instance.config.instance).problems


def some_events(instance: Instance) -> None:
    instance.upload("demo", "1.0")
    actions.set_status(instance.publisher, "main", "demo", "archived", "done", OPERATOR, deadline=soon())


def test_every_change_is_chained_with_who_how_and_what_was_before(instance: Instance):
    some_events(instance)

    rows = list(AuditEvent.objects.order_by("position"))
    assert [1, 2, 3, 4] == [row.position for row in rows]
    assert ("set-status", "machine", {"status": "active", "reason": ""}) == (
        rows[3].action,
        rows[3].credential,
        rows[3].detail["before"],
    )
    assert ("token", "alice") == (rows[0].credential, rows[0].actor)
    assert () == problems(instance)


def test_writers_side_by_side_make_one_chain(instance: Instance):
    def write(number: int) -> None:
        for one in range(3):
            grant_shadow(instance.publisher, "main", f"demo-{number}-{one}", OPERATOR, deadline=soon(20))
        close_connection()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    found = trail.verify(instance.store, instance.config.instance)
    assert (12, ()) == (found.count, found.problems)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE accounts_auditevent SET actor='mallory' WHERE position=2", "event 2 is not what was written"),
        ("DELETE FROM accounts_auditevent WHERE position=2", "event 2 is missing"),
        ("UPDATE accounts_auditevent SET detail='{}' WHERE position=4", "event 4 is not what was written"),
        ("DELETE FROM accounts_auditevent WHERE position=4", "the chain ends at event 3, and should end at 4"),
    ],
)
def test_what_was_changed_by_hand_is_named(instance: Instance, change, words):
    some_events(instance)
    unguard_trail()

    with connection.cursor() as cursor:
        cursor.execute(change)

    assert words in problems(instance)[0]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE accounts_auditevent SET actor='mallory' WHERE position=2",
        "DELETE FROM accounts_auditevent WHERE position=2",
        "UPDATE accounts_audithead SET position=3",
        "DELETE FROM accounts_audithead",
    ],
)
def test_the_database_itself_refuses_to_change_the_past(instance: Instance, change):
    some_events(instance)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)

    assert () == problems(instance)


def test_a_guard_that_was_taken_away_is_told_and_comes_back_with_the_next_start(instance: Instance):
    some_events(instance)
    unguard_trail()
    assert "its triggers are gone" in problems(instance)[0]

    prepare(instance.config, instance.store)

    assert () == problems(instance)


def test_events_of_a_project_and_of_a_person_are_found_by_an_index(sqlite_instance: Instance):
    some_events(sqlite_instance)
    sqlite_instance.upload("demo-more", "1.0")

    plans = [about_project("main", "demo").explain(), done_by("alice").order_by("-pk").explain()]

    assert {"main/demo", "main/demo/demo-1.0.tar.gz"} == {event.subject for event in about_project("main", "demo")}
    assert not [plan for plan in plans if "SCAN" in plan], plans


def test_events_say_what_was_there_before_them(sqlite_instance: Instance):
    publisher, at = sqlite_instance.publisher, ("main", "demo")
    sqlite_instance.upload("demo", "1.0")
    wheel = "demo-1.0.tar.gz"
    actions.yank_file(publisher, *at, wheel, "one", OPERATOR, deadline=soon())
    actions.yank_release(publisher, *at, "1.0", "all", OPERATOR, deadline=soon())
    actions.unyank_release(publisher, *at, "1.0", OPERATOR, deadline=soon())
    add_role(publisher, *at, "bob", "maintainer", OPERATOR, deadline=soon())
    add_role(publisher, *at, "bob", "owner", OPERATOR, deadline=soon())
    remove_role(publisher, *at, "bob", OPERATOR, deadline=soon())
    set_quota(publisher, "main", "demo", 10_000, OPERATOR, deadline=soon())
    set_quota(publisher, "main", "demo", None, OPERATOR, deadline=soon())
    actions.delete_release(publisher, *at, "1.0", OPERATOR, deadline=soon())

    rows = AuditEvent.objects.filter(credential="machine").order_by("id").values_list("action", "detail")
    assert [
        ("yank-file", {"yanked": False, "reason": ""}),
        ("yank-release", {"yanked": False, "reason": "", "files": {wheel: "one"}}),
        ("unyank-release", {"yanked": True, "reason": "all", "files": {}}),
        ("add-role", {"role": None}),
        ("add-role", {"role": "maintainer"}),
        ("remove-role", {"role": "owner"}),
        ("set-quota", {"bytes_max": None}),
        ("set-quota", {"bytes_max": 10_000}),
        ("delete-release", {"files": 1}),
    ] == [(action, detail["before"]) for action, detail in rows]


def test_an_end_that_was_cut_off_cleanly_is_told_by_the_tree(instance: Instance):
    some_events(instance)
    assert 4 == trail.publish_trail_head(instance.publisher, instance.store)
    assert 4 == trail.publish_trail_head(instance.publisher, instance.store)  # again: the same

    unguard_trail()
    AuditEvent.objects.filter(position=4).delete()
    AuditHead.objects.update(position=3, hash=AuditEvent.objects.get(position=3).hash)

    assert "the end is cut off" in problems(instance)[0]
    actions.set_status(instance.publisher, "main", "demo", "active", "", OPERATOR, deadline=soon())
    assert "event 4 is not the one that was published" in problems(instance)[0]


def test_events_of_an_earlier_release_are_chained_afterwards_and_lose_their_address(instance: Instance):
    some_events(instance)
    for number in range(2):
        AuditEvent.objects.create(
            created=instance.publisher.clock.now(),
            actor="bob",
            action="old",
            subject=f"s{number}",
            address="192.0.2.77",
        )
    assert 2 == trail.verify(instance.store, instance.config.instance).strays

    assert 2 == trail.chain_waiting(instance.publisher)
    assert 0 == trail.chain_waiting(instance.publisher)

    rows = list(AuditEvent.objects.filter(action="old").order_by("position"))
    assert [(5, "s0", ""), (6, "s1", "")] == [(row.position, row.subject, row.address) for row in rows]
    assert rows[0].network == instance.publisher.networks.hashed("192.0.2.1") != ""
    assert () == problems(instance)


def test_people_read_what_they_did_and_administrators_what_anybody_did(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    some_events(sqlite_instance)
    alice = door.token("alice", replace(UPLOADER, actions=("account",)))
    root = door.token("root", Scopes(("*",), ("*",), (), True, True))

    own = door.api("GET", "audit?user=operator&limit=2", alice).json()
    everything = door.api("GET", "audit", root).json()["items"]
    hers = door.api("GET", "audit?user=alice", root).json()["items"]

    assert {"alice"} == {one["actor"] for one in own["items"]}
    assert own["next"]
    assert len(everything) == AuditEvent.objects.count()
    assert {"alice"} == {one["actor"] for one in hers}


def test_no_address_is_kept_and_equal_networks_are_equal(instance: Instance):
    instance.upload("demo", "1.0", actor=Actor("alice", UPLOADER, address="2001:db8:1:2:3::4"))

    row = AuditEvent.objects.order_by("id").first()
    assert row is not None
    assert ("", 32) == (row.address, len(row.network))
    assert row.network == Networks(instance.config).hashed("2001:db8:1:2::9")
    assert row.network != Networks(instance.config).hashed("2001:db8:1:3::9")
    assert ("192.0.2.0/24", "192.0.2.0/24", "") == (
        network_of("192.0.2.9"),
        network_of("::ffff:192.0.2.1"),
        network_of("no address"),
    )
    assert ALICE.address == ""
