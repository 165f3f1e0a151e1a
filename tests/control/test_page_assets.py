"""The assets of pages in the store: left by each release that runs, gone when no release had them for a month."""

from datetime import UTC, datetime, timedelta

import msgspec

from holdfast.clock import ManualClock
from holdfast.control.publication.page_assets import KEPT, AssetSet, forget_assets, keep_assets
from holdfast.pages.assets import assets
from holdfast.store.memory import MemoryStore
from holdfast.tree import addresses

NOW = datetime(2026, 5, 1, tzinfo=UTC)
OLD, SHARED = "holdfast.00000000000000aa.css", "mark.00000000000000bb.svg"


def names(store: MemoryStore) -> set[str]:
    return {info.key.removeprefix(addresses.ASSET_PREFIX) for info in store.list(addresses.ASSET_PREFIX)}


def other_release(store: MemoryStore, name: str, *has: str, seen: datetime) -> None:
    store.put(addresses.asset_set(name), msgspec.json.encode(AssetSet(has, seen)))
    for one in has:
        store.put(addresses.asset(one), b"x")


def test_a_release_leaves_its_assets_and_may_do_so_again() -> None:
    store, clock = MemoryStore(), ManualClock(NOW)

    keep_assets(store, clock)
    keep_assets(store, clock)

    assert set(assets()) == names(store)
    for name, asset in assets().items():
        assert asset.body == store.get(addresses.asset(name))


def test_assets_stay_a_month_after_their_release_was_last_seen() -> None:
    """What a later release has too stays with that one."""
    store, clock = MemoryStore(), ManualClock(NOW)
    other_release(store, "old", OLD, SHARED, seen=NOW)
    other_release(store, "newer", SHARED, seen=NOW + timedelta(days=20))
    keep_assets(store, clock)

    clock.advance(KEPT.total_seconds())
    assert 0 == forget_assets(store, clock)
    clock.advance(1)
    keep_assets(store, clock)
    gone = forget_assets(store, clock)

    assert 1 == gone
    assert {SHARED, *assets()} == names(store)


def test_without_any_word_of_what_is_needed_nothing_goes() -> None:
    """A tree whose sets are lost, or whose releases all rested for months, keeps its assets."""
    store, clock = MemoryStore(), ManualClock(NOW)
    store.put(addresses.asset(OLD), b"x")

    assert 0 == forget_assets(store, clock)
    assert {OLD} == names(store)
