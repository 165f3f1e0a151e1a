"""What operators decided lies in the tree: upkeep leaves it alone, and fsck tells when it cannot be read."""

from collections.abc import Callable

import msgspec
import pytest
from instances import Instance, rebuilt, stored_upload

from holdfast.clock import SystemClock
from holdfast.control.database import close_connection
from holdfast.control.publication.fsck import check
from holdfast.control.publication.upkeep import compact_tree, sweep
from holdfast.core.advisories import EVERY_VERSION, Advisories, Advisory, Affected
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.advisories import put_advisories
from holdfast.tree.overrides import Denial, change, newest
from holdfast.tree.pins import Pin, PinnedProject, put_pin

CLOCK = SystemClock()
TABLE = Advisories({"evil": (Affected(Advisory("MAL-1", "malware", "steals"), (), (EVERY_VERSION,)),)}, malware=1)
PREFIXES = (addresses.OVERRIDES_PREFIX, addresses.ADVISORIES_PREFIX, addresses.PIN_PREFIX)


def decide(store: Store) -> None:
    """Two changes, a table in force and a pin."""
    now = CLOCK.now()
    digest = put_advisories(store, TABLE)
    denial = Denial(index="*", what="evil", reason="steals", by="alice", at=now)
    change(store, lambda old: msgspec.structs.replace(old, denials=(denial,)), by="alice", what="denied", now=now)
    change(store, lambda old: msgspec.structs.replace(old, advisories=digest), by="alice", what="table", now=now)
    put_pin(store, Pin(name="release", projects=(PinnedProject("demo"),), by="alice", at=now))


def decisions(store: Store) -> dict[str, bytes]:
    return {info.key: store.get(info.key) for prefix in PREFIXES for info in store.list(prefix)}


def fsck(instance: Instance, *, repair: bool = False) -> list[str]:
    lines: list[str] = []
    check(instance.config, repair=repair, deep=True, say=lines.append)
    return lines


def test_upkeep_fsck_and_a_rebuild_leave_decisions_as_they_are(sqlite_instance: Instance) -> None:
    instance = sqlite_instance
    stored_upload(instance, "tool", "1.0")
    decide(instance.store)
    before = decisions(instance.store)

    assert [] == fsck(instance, repair=True)
    sweep(instance.config, instance.store, CLOCK)
    compact_tree(instance.config, instance.reader(), CLOCK)
    close_connection()
    for path in instance.config.data.glob("holdfast.sqlite3*"):
        path.unlink()
    rebuilt(instance, CLOCK)

    assert 4 == len(before)
    assert before == decisions(instance.store)
    assert [] == fsck(instance)


def table_key(store: Store) -> str:
    return addresses.advisories(newest(store).advisories)


DAMAGES: dict[str, tuple[Callable[[Store], None], str]] = {
    "table missing": (
        lambda store: store.delete(table_key(store)),
        "the advisory table in force, is missing: put it back from a copy of the store, or `holdfast policy advisories",
    ),
    "table damaged": (lambda store: store.put(table_key(store), b"x"), "is not a whole zstd frame"),
    "newest change damaged": (
        lambda store: store.put(addresses.overrides(2), b"{"),
        "until then nothing can be decided, and what starts knows no decision",
    ),
    "older change damaged": (
        lambda store: store.put(addresses.overrides(1), b"{"),
        "000000000001.json is damaged: the overrides of change 1 do not parse",
    ),
    "older change missing": (
        lambda store: store.delete(addresses.overrides(1)),
        "000000000001.json is missing, its change is lost from the history",
    ),
    "pin damaged": (lambda store: store.put(addresses.pin("release"), b"["), "until then nothing is evicted"),
}


@pytest.mark.parametrize(("damage", "told"), DAMAGES.values(), ids=DAMAGES)
def test_fsck_tells_a_decision_that_cannot_be_read_and_deletes_nothing(
    sqlite_instance: Instance, damage: Callable[[Store], None], told: str
) -> None:
    decide(sqlite_instance.store)
    damage(sqlite_instance.store)
    before = decisions(sqlite_instance.store)

    [line] = fsck(sqlite_instance, repair=True)

    assert told in line
    assert before == decisions(sqlite_instance.store)
