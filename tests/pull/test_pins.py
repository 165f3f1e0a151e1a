"""Pins: what they keep is what an operator named, and if that cannot be read nothing leaves."""

import hashlib
from datetime import UTC, datetime

import pytest

from holdfast.core.errors import Corrupt, Unavailable
from holdfast.core.model import Card
from holdfast.pull.cache.pinned import Pinned
from holdfast.store.memory import MemoryStore
from holdfast.tree import addresses
from holdfast.tree.card import encode_book
from holdfast.tree.pins import Pin, PinnedProject, drop_pin, put_pin, read_pins

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def listing(store: MemoryStore, upstream: str, *filenames: str) -> None:
    """The upstream lists these files of demo."""
    cards = tuple(Card(upstream, "demo", name, sha(name), 10, NOW) for name in filenames)
    store.put(addresses.card_book(upstream, "demo"), encode_book(cards))


def kept(store: MemoryStore, *upstreams: str) -> set[tuple[str, str, str]]:
    pinned = Pinned(store, upstreams or ("up",))
    pinned.look()
    return set(pinned.objects)


def files(upstream: str, *names: str) -> set[tuple[str, str, str]]:
    return {(upstream, kind, sha(name)) for name in names for kind in ("file", "metadata")}


def test_a_pinned_version_keeps_its_files_and_the_page() -> None:
    store = MemoryStore()
    listing(store, "up", "demo-1.0.tar.gz", "demo-1.0-py3-none-any.whl", "demo-2.0.tar.gz")

    put_pin(store, Pin(name="demo==1", projects=(PinnedProject("demo", ("1",)),), at=NOW))

    expected = files("up", "demo-1.0.tar.gz", "demo-1.0-py3-none-any.whl") | {("up", "page", "demo")}
    assert expected == kept(store)


def test_a_pinned_project_keeps_what_is_listed_later_too() -> None:
    store = MemoryStore()
    put_pin(store, Pin(name="demo", projects=(PinnedProject("demo"),), at=NOW))
    listing(store, "up", "demo-1.0.tar.gz")
    pinned = Pinned(store, ("up",))
    pinned.look()

    listing(store, "up", "demo-1.0.tar.gz", "demo-2.0.tar.gz")
    pinned.look()

    assert files("up", "demo-1.0.tar.gz", "demo-2.0.tar.gz") | {("up", "page", "demo")} == set(pinned.objects)


def test_a_pin_of_one_upstream_keeps_nothing_of_another() -> None:
    store = MemoryStore()
    for upstream in ("up", "down"):
        listing(store, upstream, "demo-1.0.tar.gz")
    put_pin(store, Pin(name="demo", projects=(PinnedProject("demo"),), upstream="down", at=NOW))

    assert {"down"} == {key[0] for key in kept(store, "up", "down")}


def test_the_files_of_a_lock_are_kept_by_digest_with_their_projects_pages() -> None:
    store = MemoryStore()
    put_pin(store, Pin(name="lock-uv.lock", sha256=(sha("a"),), pages=("demo",), at=NOW))

    assert files("up", "a") | {("up", "page", "demo")} == kept(store)


def test_an_unpinned_project_may_leave_again() -> None:
    store = MemoryStore()
    put_pin(store, Pin(name="demo", projects=(PinnedProject("demo"),), at=NOW))

    assert [True, False] == [drop_pin(store, "demo"), drop_pin(store, "demo")]
    assert ([], set()) == (read_pins(store), kept(store))


def test_a_pin_that_cannot_be_read_is_not_taken_for_none() -> None:
    class Unreadable(MemoryStore):
        def list(self, prefix, after=""):
            raise Unavailable("the bucket does not answer")

    damaged = MemoryStore()
    damaged.put(addresses.pin("demo"), b"{")

    with pytest.raises(Corrupt):
        kept(damaged)
    with pytest.raises(Unavailable):
        kept(Unreadable())
