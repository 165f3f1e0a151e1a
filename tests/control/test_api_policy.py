"""Denials and passes over HTTP: written to the tree like the command's, and to the audit trail."""

from doors import Door
from instances import Instance, Scopes

from holdfast.control.accounts.models import AuditEvent
from holdfast.core.model import format_time
from holdfast.tree.overrides import newest

ADMIN = Scopes(("*",), ("*",), (), True, True)


def test_versions_are_denied_shown_and_no_longer_denied(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    root = door.token("root", ADMIN)

    made = door.api("POST", "policy/denials", root, {"what": "Acme <2", "reason": "INC-7\n"})
    again = door.api("POST", "policy/denials", root, {"what": "acme<2", "reason": "INC-8", "index": "team"})
    (first, second) = newest(door.parts.store).denials
    shown = door.api("GET", "policy", root).json()
    lifted = door.api("POST", "policy/denials/lift", root, {"what": "acme < 2"})
    missing = door.api("POST", "policy/denials/lift", root, {"what": "acme<2"})

    assert [200, 200, 200, 404] == [answer.status for answer in (made, again, lifted, missing)]
    assert [("*", "acme<2", "INC-7", "root"), ("team", "acme<2", "INC-8", "root")] == [
        (one.index, one.what, one.reason, one.by) for one in (first, second)
    ]
    assert {"index": "*", "what": "acme<2", "reason": "INC-7", "by": "root", "at": format_time(first.at)} == (
        shown["denials"][0]
    )
    assert (second,) == newest(door.parts.store).denials
    assert "no longer denied acme<2 in every index" == newest(door.parts.store).what
    assert [
        ("deny", {"reason": "INC-7", "index": "*"}),
        ("deny", {"reason": "INC-8", "index": "team"}),
        ("undeny", {"index": "*"}),
    ] == list(AuditEvent.objects.filter(subject="acme<2").order_by("id").values_list("action", "detail"))


def test_a_release_is_let_through_for_a_while_and_no_longer(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    root, release = door.token("root", ADMIN), {"name": "Acme", "version": "1.0.0"}

    made = door.api("POST", "policy/passes", root, release | {"reason": "an urgent fix", "hours": 2})
    (one,) = newest(door.parts.store).passes
    shown = door.api("GET", "policy", root).json()["passes"]
    ended = [door.api("POST", "policy/passes/end", root, release).status for _ in "12"]

    assert 200 == made.status
    assert ("main", "acme", "1.0.0", "an urgent fix", 7200) == (
        one.index,
        one.project,
        one.version,
        one.reason,
        (one.until - one.at).total_seconds(),
    )
    assert [("acme", "1.0.0", format_time(one.until))] == [(p["name"], p["version"], p["until"]) for p in shown]
    assert ([200, 404], ()) == (ended, newest(door.parts.store).passes)


def test_what_makes_no_sense_is_refused_and_changes_nothing(sqlite_instance: Instance):
    door = Door(sqlite_instance)
    root = door.token("root", ADMIN)

    refused = [
        door.api("POST", path, root, document).status
        for path, document in (
            ("policy/denials", {"what": "acme; python_version<'3'", "reason": "x"}),
            ("policy/denials", {"what": "acme", "reason": " "}),
            ("policy/denials", {"what": "acme", "reason": "x", "index": "nothing"}),
            ("policy/passes", {"name": "acme", "version": "newest", "reason": "x"}),
            ("policy/passes", {"name": "acme", "version": "1", "reason": "x", "hours": 10_000}),
        )
    ]

    assert [400, 400, 404, 400, 400] == refused
    assert 0 == newest(door.parts.store).serial
