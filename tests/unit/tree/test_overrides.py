"""Overrides: decided in the middle of an incident, never lost to another operator, ended by the clock."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from holdfast.core.errors import Conflict, Corrupt
from holdfast.store.memory import MemoryStore
from holdfast.tree import addresses
from holdfast.tree.overrides import Overrides, OverridesReader, PolicyPass, UpstreamOff, change, history, newest

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def off(upstream: str, until: datetime | None = None) -> UpstreamOff:
    return UpstreamOff(upstream=upstream, until=until, reason="maintenance", by="alice", at=NOW)


def switch_off(store: MemoryStore, switch: UpstreamOff, now: datetime = NOW) -> Overrides:
    def edit(old: Overrides) -> Overrides:
        return msgspec.structs.replace(old, upstreams_off=(*old.upstreams_off, switch))

    return change(store, edit, by="alice", what=f"switched {switch.upstream} off", now=now)


def test_a_change_is_seen_by_a_reader_that_has_looked_before() -> None:
    store = MemoryStore()
    reader = OverridesReader(store)
    assert not reader.look()

    switch_off(store, off("up"))
    switch_off(store, off("other"))

    assert reader.look() and not reader.look()
    assert ("switched other off", "alice", 2) == (reader.current.what, reader.current.by, reader.current.serial)
    assert reader.current.off("up", NOW) == off("up")
    assert reader.current.off("third", NOW) is None


def test_a_switch_ends_by_the_clock_and_leaves_with_the_next_change() -> None:
    store = MemoryStore()
    until = NOW + timedelta(minutes=10)
    current = switch_off(store, off("up", until))

    assert current.off("up", until - timedelta(seconds=1)) and not current.off("up", until)
    assert [off("other")] == list(switch_off(store, off("other"), until).upstreams_off)


def test_a_pass_that_ran_out_leaves_with_the_next_change() -> None:
    store = MemoryStore()
    granted = PolicyPass(index="main", project="demo", version="2.0", until=NOW, reason="fix", by="bob", at=NOW)
    change(store, lambda old: msgspec.structs.replace(old, passes=(granted,)), by="bob", what="passed", now=NOW)

    assert not switch_off(store, off("up"), NOW).passes


def test_two_operators_at_once_lose_nothing() -> None:
    store = MemoryStore()
    rivals = [off("theirs")]

    def edit(old: Overrides) -> Overrides:
        if rivals:
            switch_off(store, rivals.pop())
        return msgspec.structs.replace(old, upstreams_off=(*old.upstreams_off, off("mine")))

    found = change(store, edit, by="bob", what="switched mine off", now=NOW)

    assert ["theirs", "mine"] == [switch.upstream for switch in found.upstreams_off]
    assert ["switched theirs off", "switched mine off"] == [step.what for step in history(store)]
    assert newest(store) == found


def test_a_change_that_never_gets_through_says_so() -> None:
    store = MemoryStore()

    def edit(old: Overrides) -> Overrides:
        switch_off(store, off("theirs"))
        return old

    with pytest.raises(Conflict, match="try again"):
        change(store, edit, by="bob", what="nothing", now=NOW)


def test_what_cannot_be_read_leaves_what_was_known_in_force() -> None:
    store = MemoryStore()
    reader = OverridesReader(store)
    switch_off(store, off("up"))
    reader.look()
    store.put(addresses.overrides(2), b"{")

    with pytest.raises(Corrupt, match="change 2"):
        reader.look()
    assert reader.current.off("up", NOW)
