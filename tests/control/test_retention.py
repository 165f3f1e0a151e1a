"""Retention and quotas: what goes by itself, what never does, and what no longer fits."""

from datetime import UTC, datetime, timedelta

import pytest
import wheels
from doors import Door
from instances import ALICE, BOB, OPERATOR, Instance, soon

from holdfast.control.accounts.models import AuditEvent
from holdfast.control.projects import actions as projects
from holdfast.control.projects.models import Release
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.retention.actions import carry_out, index_rule, keep_release, set_rule, show_plan
from holdfast.control.retention.carrying import Retention
from holdfast.control.retention.plan import Candidate, Rule, doomed
from holdfast.control.retention.quotas import Room, room, set_quota
from holdfast.core.errors import Absent, Refused

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def releases(*told: str) -> list[Candidate]:
    """`version@days old`, with `!` for yanked and `+` for kept."""
    found = []
    for text in told:
        version, _, age = text.rstrip("!+").partition("@")
        found.append(Candidate(version, NOW - timedelta(days=int(age)), "!" in text, "+" in text))
    return found


PLANS = [
    ("nothing without a bound", Rule(), ("1@900", "2@800"), ()),
    ("the newest stay, whatever their age", Rule(2), ("1@900", "2@800", "3@700"), ("1",)),
    ("the young stay, however many", Rule(days=30), ("1@900", "2@29", "3@28", "4@1"), ("1",)),
    ("what either bound keeps stays", Rule(1, 30), ("1@900", "2@29", "3@28"), ("1",)),
    ("never the only one", Rule(days=1), ("1@900",), ()),
    ("never the one an installer gets", Rule(days=1), ("2@900", "1@800", "3b1@700"), ("1", "3b1")),
    ("never the highest that is not yanked", Rule(days=1), ("1@900", "2@800!"), ("2",)),
    ("never what somebody keeps", Rule(1), ("1@900+", "2@800", "3@700"), ("2",)),
    ("a yank pushes no good release out", Rule(1), ("1@900", "2@800", "3@700!"), ("1",)),
    ("all are yanked: the highest stays", Rule(days=1), ("1@900!", "2@800!"), ("1",)),
]


@pytest.mark.parametrize(("what", "rule", "told", "gone"), PLANS, ids=[plan[0] for plan in PLANS])
def test_a_rule_dooms(what: str, rule: Rule, told: tuple[str, ...], gone: tuple[str, ...]):
    assert doomed(rule, releases(*told), NOW) == gone


def test_a_rule_is_carried_out_as_deletions_with_their_audit(instance: Instance):
    publisher = instance.publisher
    for version in ("1.0", "1.1", "1.2", "1.3"):
        instance.upload("tool", version)
    keep_release(publisher, "main", "tool", "1.0.0", True, ALICE, deadline=soon())
    set_rule(publisher, "main", "", Rule(newest=1), OPERATOR, deadline=soon())
    assert index_rule("main") == Rule(1)
    planned = show_plan(publisher, "main", "tool", ALICE)
    assert (planned.of_index, planned.versions, planned.kept) == (True, ("1.1", "1.2"), ("1.0",))

    assert Retention(publisher).run() == 2

    entry = instance.reader().find("main", "tool")
    assert entry is not None
    assert [file.version for file in instance.reader().record(entry).files] == ["1.0", "1.3"]
    told = AuditEvent.objects.filter(action="delete-release").values_list("actor", "subject", "detail")
    assert list(told) == [
        ("retention", "main/tool/1.1", {"by": "retention"}),
        ("retention", "main/tool/1.2", {"by": "retention"}),
    ]
    assert Retention(publisher).run() == 0


def test_rules_are_carried_out_a_few_projects_at_a_time_and_none_is_left_out(sqlite_instance: Instance):
    publisher = sqlite_instance.publisher
    for name in ("aaa", "bbb", "ccc"):
        for version in ("1.0", "1.1"):
            sqlite_instance.upload(name, version)
    for name in ("bbb", "ccc"):
        set_rule(publisher, "main", name, Rule(newest=1), ALICE, deadline=soon())

    retention = Retention(publisher, batch=1)

    assert [retention.run() for _ in range(3)] == [1, 1, 0], "one with a rule behind any number without"
    gone = AuditEvent.objects.filter(action="delete-release").values_list("subject", flat=True)
    assert list(gone) == ["main/bbb/1.0", "main/ccc/1.0"]


def test_a_projects_own_rule_replaces_its_indexs(sqlite_instance: Instance):
    publisher = sqlite_instance.publisher
    for version in ("1.0", "1.1", "1.2"):
        sqlite_instance.upload("tool", version)
    set_rule(publisher, "main", "", Rule(newest=1), OPERATOR, deadline=soon())
    set_rule(publisher, "main", "tool", Rule(), ALICE, deadline=soon())

    assert carry_out(publisher, "main", "tool", deadline=soon()) == ()
    set_rule(publisher, "main", "tool", None, ALICE, deadline=soon())
    assert carry_out(publisher, "main", "tool", deadline=soon()) == ("1.0", "1.1")
    with pytest.raises(Absent):
        set_rule(publisher, "main", "tool", None, ALICE, deadline=soon())


def test_what_is_in_quarantine_stays_as_it_is(sqlite_instance: Instance):
    publisher = sqlite_instance.publisher
    for version in ("1.0", "1.1"):
        sqlite_instance.upload("tool", version)
    set_rule(publisher, "main", "tool", Rule(newest=1), ALICE, deadline=soon())
    projects.set_status(publisher, "main", "tool", "quarantined", "malware", OPERATOR, deadline=soon())

    assert carry_out(publisher, "main", "tool", deadline=soon()) == ()
    assert Release.objects.filter(deleted=None).count() == 2


def test_rules_are_the_owners_and_quotas_the_administrators(sqlite_instance: Instance):
    publisher = sqlite_instance.publisher
    sqlite_instance.upload("tool", "1.0")

    with pytest.raises(Refused):
        set_rule(publisher, "main", "tool", Rule(1), BOB, deadline=soon())
    with pytest.raises(Refused):
        set_rule(publisher, "main", "", Rule(1), ALICE, deadline=soon())
    with pytest.raises(Refused):
        set_quota(publisher, "main", "tool", 10, ALICE, deadline=soon())
    for rule in (Rule(0), Rule(days=0)):
        with pytest.raises(NotAccepted):
            set_rule(publisher, "main", "tool", rule, ALICE, deadline=soon())


def test_an_upload_past_a_quota_is_refused_with_a_sentence_and_stores_nothing(instance: Instance):
    door = Door(instance)
    token = door.token()
    filename, data = wheels.wheel("demo-pkg", "1.0")
    assert door.upload(wheels.twine_body(filename, data), token).status == 200
    set_quota(instance.publisher, "main", "demo-pkg", len(data) + 10, OPERATOR, deadline=soon())
    objects = len(list(instance.store.list("")))

    answer = door.upload(wheels.twine_body(*wheels.wheel("demo-pkg", "1.1")), token)
    again = door.upload(wheels.twine_body(filename, data), token)

    assert answer.status == 400
    assert "past the quota of project 'demo-pkg'" in answer.text
    assert len(list(instance.store.list(""))) == objects
    assert again.status == 200, "what is there already takes no more room"
    assert room("main", "demo-pkg") == Room(len(data) + 10, len(data))


def test_a_deletion_makes_room_and_an_index_has_a_quota_too(sqlite_instance: Instance):
    publisher = sqlite_instance.publisher
    sqlite_instance.upload("tool", "1.0", size=60)
    set_quota(publisher, "main", "", 100, OPERATOR, deadline=soon())

    with pytest.raises(NotAccepted, match="past the quota of index 'main': it holds 60 of 100 bytes"):
        sqlite_instance.upload("other", "1.0", size=60)
    projects.delete_release(publisher, "main", "tool", "1.0", ALICE, deadline=soon())
    sqlite_instance.upload("other", "1.0", size=60)
    set_quota(publisher, "main", "", None, OPERATOR, deadline=soon())
    sqlite_instance.upload("other", "1.1", size=60)
    assert room("main") == Room(None, 120)
