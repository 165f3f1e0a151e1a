"""Kill switches: where one holds, what people are told, and how it ends."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from holdfast.clock import ManualClock
from holdfast.control.switches.following import Switches
from holdfast.core.errors import Unavailable
from holdfast.store.memory import MemoryStore
from holdfast.tree import addresses
from holdfast.tree.overrides import Overrides, change, newest
from holdfast.tree.switches import (
    CAPABILITIES,
    Switch,
    ages_in_force,
    extended,
    find_switch,
    new_switch,
    refusing,
    with_switch,
    without_switch,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def made(capability: str = "uploads", **facts: object) -> Switch:
    given = {
        "scope": "*",
        "reason": "a flood of malware",
        "status_url": "https://status.example/7",
        "banner": None,
        "until": NOW + DAY,
        "by": "alice",
        "now": NOW,
    }
    return new_switch(capability, **(given | facts))  # type: ignore[arg-type]


def put(store: MemoryStore, *switches: Switch, now: datetime = NOW) -> Overrides:
    def edit(old: Overrides) -> Overrides:
        return msgspec.structs.replace(old, switches=switches)

    return change(store, edit, by="alice", what="switched", now=now)


def test_a_client_is_told_what_until_when_why_and_where_to_look():
    assert (
        "Creating new projects is switched off for projects named acme-* in index main until 2026-01-02 00:00 UTC:"
        " a flood of malware. See https://status.example/7"
    ) == made("new-projects", scope="main/acme-*").sentence()
    assert (
        "Creating accounts is switched off: full."
        == made("sign-up", reason="full.", status_url="", until=None).sentence()
    )
    assert (
        "Trusted publishing is switched off for https://ci.example: full."
        == made("trusted-publishing", scope="https://ci.example", reason="full", status_url="", until=None).sentence()
    )


@pytest.mark.parametrize(
    ("scope", "index", "project", "holds"),
    [
        ("*", "main", "demo", True),
        ("*", "", "", True),
        ("main", "main", "", True),
        ("main", "team", "demo", False),
        ("main", "", "", False),
        ("main/acme-*", "main", "acme-x", True),
        ("main/acme-*", "main", "demo", False),
        ("main/acme-*", "main", "", False),
        ("*/acme-*", "team", "acme-x", True),
        ("main/Acme.Web", "main", "acme-web", True),
    ],
)
def test_a_switch_holds_in_its_scope_alone(scope, index, project, holds):
    switches = (made(scope=scope),)

    assert holds is (refusing(switches, "uploads", NOW, index=index, project=project) is not None)
    assert refusing(switches, "deletions", NOW, index=index, project=project) is None


def test_an_issuer_is_switched_off_alone():
    switches = (made("trusted-publishing", scope="https://ci.example"),)

    assert refusing(switches, "trusted-publishing", NOW, issuer="https://ci.example") is not None
    assert refusing(switches, "trusted-publishing", NOW, issuer="https://other.example") is None


def test_read_only_stops_every_change_and_no_search():
    switches = (made("read-only"),)

    stopped = {name for name in CAPABILITIES if refusing(switches, name, NOW) is not None}

    assert {*CAPABILITIES} - {"search"} == stopped


def test_a_switch_ends_by_itself_and_a_person_moves_its_end():
    first = made()
    later = extended(first, NOW + 2 * DAY, "bob", NOW + 23 * HOUR)

    assert refusing((first,), "uploads", NOW + DAY - HOUR) is first
    assert refusing((first,), "uploads", NOW + DAY) is None
    assert refusing((later,), "uploads", NOW + DAY) is later
    assert (NOW, "alice", "bob") == (later.at, later.by, later.extended_by)
    with pytest.raises(ValueError, match="asked for as such"):
        extended(first, NOW + 31 * DAY, "bob", NOW)


def test_the_same_switch_again_keeps_its_age():
    switches = with_switch((made(),), made(reason="another", now=NOW + HOUR, until=NOW + DAY))

    assert [(NOW, "another")] == [(one.at, one.reason) for one in switches]
    assert () == without_switch(switches, "uploads", "*")
    assert find_switch(switches, "uploads", "main") is None


@pytest.mark.parametrize(
    ("capability", "facts", "words"),
    [
        ("installs", {}, "no capability 'installs'; known: sign-up"),
        ("sign-up", {"scope": "main"}, "whole site only"),
        ("uploads", {"scope": "No Index"}, "no scope"),
        ("uploads", {"scope": "main/"}, "no scope"),
        ("uploads", {"scope": "https://ci.example"}, "no scope"),
        ("trusted-publishing", {"scope": "main"}, "https URL"),
        ("uploads", {"reason": ""}, "reason"),
        ("uploads", {"reason": "x" * 201}, "reason"),
        ("uploads", {"status_url": "javascript:alert(1)"}, "http"),
        ("uploads", {"status_url": 'https://status.example/"><b>'}, "http"),
        ("uploads", {"until": NOW}, "within 30 days"),
        ("uploads", {"until": NOW + 31 * DAY}, "within 30 days"),
        ("uploads", {"banner": "x" * 301}, "banner"),
    ],
)
def test_what_makes_no_switch_is_said_in_a_sentence(capability, facts, words):
    with pytest.raises(ValueError, match=words):
        made(capability, **facts)


def test_public_pages_show_the_reason_of_a_switch_for_the_whole_site_alone():
    """The name of a private index is nobody's business."""
    assert made("sign-up").banner == made("sign-up").sentence()
    assert made(scope="team").banner == ""
    assert made(scope="team", banner="Uploads to team rest.").banner == "Uploads to team rest."
    assert made("sign-up", banner="").banner == ""


def test_a_metric_tells_for_how_long():
    ages = ages_in_force((made(), made("sign-up", until=NOW + HOUR)), NOW + 2 * HOUR)

    assert {name: 7200.0 if name == "uploads" else 0.0 for name in CAPABILITIES} == ages


def test_a_change_leaves_out_what_has_ended_and_reads_what_an_older_release_wrote():
    store = MemoryStore()
    store.put(addresses.overrides(1), b'{"serial": 1, "by": "alice", "what": "before there were switches"}')
    assert () == newest(store).switches

    put(store, made("sign-up", until=NOW + HOUR), made())
    after = change(store, lambda old: old, by="bob", what="something else", now=NOW + 2 * HOUR)

    assert ["uploads"] == [one.capability for one in after.switches]


class Unreachable(MemoryStore):
    """A store that can be cut off."""

    down = False

    def list(self, prefix, after=""):
        self._reach()
        return super().list(prefix, after)

    def get(self, key):
        self._reach()
        return super().get(key)

    def _reach(self):
        if self.down:
            raise Unavailable("the store does not answer")


def test_a_switch_is_in_force_within_a_second_and_stays_so_while_the_store_is_away():
    store, clock = Unreachable(), ManualClock(NOW)
    switches = Switches(store, clock)
    assert switches.refusal("uploads", "main") is None

    put(store, made())
    clock.advance(0.9)
    refused = switches.refusal("uploads", "main")
    store.down = True
    clock.advance(3600)

    assert refused is not None
    assert refused.reason == made().sentence()
    assert switches.refusal("uploads", "main") is not None
    clock.advance(DAY.total_seconds())
    assert switches.refusal("uploads", "main") is None


def test_before_the_switches_could_be_read_once_nothing_is_believed_to_be_on():
    store, clock = Unreachable(), ManualClock(NOW)
    store.down = True
    switches = Switches(store, clock)

    for _ in range(2):  # the second time without asking the store again
        with pytest.raises(Unavailable, match="switched off: the store does not answer"):
            switches.refusal("sign-up")
    store.down = False
    clock.advance(1)
    assert switches.refusal("sign-up") is None
