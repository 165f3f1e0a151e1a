"""Advisories taken in from a dump: believed only when plausible, the newest for every machine."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pull.osv import NOW, compiled, record, records, zipped
from pull.rig import plays

from holdfast.clock import ManualClock, SystemClock
from holdfast.config import Config
from holdfast.core.errors import Corrupt, Unavailable
from holdfast.pull.advisories import LOOK_SECONDS, SETTLE_SECONDS, AdvisoryWatch, Compile, Published, publish
from holdfast.pull.osv_dump import Compiled, compile_dump
from holdfast.pull.serve import Pull
from holdfast.pull.shelf import Shelf
from holdfast.store.local import LocalStore
from holdfast.store.memory import MemoryStore
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.advisories import read_advisories
from holdfast.tree.overrides import history, newest


def ids(store: Store) -> list[str]:
    """The advisories in force."""
    table = read_advisories(store, newest(store).advisories)
    return sorted(affected.advisory.id for project in table.entries for affected in table.entries[project])


def take_in(store: Store, path: Path, **how: Any) -> Published:
    return publish(store, compiled(path), by="alice", now=NOW, **how)


# Coming into force


def test_a_dump_comes_into_force_with_one_change(tmp_path: Path) -> None:
    store = MemoryStore()

    done = take_in(store, zipped(tmp_path / "all.zip", records(1, 1)))

    assert ("taken in", None) == (done.done, done.before)
    [change] = history(store)
    assert (done.digest, NOW, "alice") == (change.advisories, change.advisories_at, change.by)
    assert "took advisories of 2025-06-01T00:00:00Z (1 malware, 1 vulnerabilities) in" == change.what
    assert ["GHSA-0", "MAL-0"] == ids(store)


def test_the_same_dump_again_changes_nothing(tmp_path: Path) -> None:
    store = MemoryStore()
    path = zipped(tmp_path / "all.zip", records())
    take_in(store, path)

    assert "in force already" == take_in(store, path).done
    assert 1 == len(history(store))


def test_a_newer_dump_replaces_an_older_one_and_never_the_other_way_round(tmp_path: Path) -> None:
    store = MemoryStore()
    old, new = zipped(tmp_path / "old.zip", records(day=1)), zipped(tmp_path / "new.zip", records(5, 5, day=2))

    assert ["taken in", "taken in"] == [take_in(store, path).done for path in (old, new)]
    for by_hand in (False, True):
        assert "older than what is in force" == take_in(store, old, by_hand=by_hand).done
    assert 10 == len(ids(store))
    assert "taken in" == take_in(store, old, by_hand=True, force=True).done
    assert 8 == len(ids(store))


def test_two_machines_with_equally_old_dumps_do_not_take_turns(tmp_path: Path) -> None:
    store = MemoryStore()
    one, two = zipped(tmp_path / "one.zip", records(4)), zipped(tmp_path / "two.zip", records(5))

    done = [take_in(store, path).done for path in (one, two, one, two)]

    assert ["taken in", "older than what is in force", "in force already", "older than what is in force"] == done
    assert 1 == len(history(store))
    assert "taken in" == take_in(store, two, by_hand=True).done


@pytest.mark.parametrize(
    ("malware", "flaws", "why"),
    [
        (1, 4, "has 1 malware advisories, 4 are in force"),
        (2, 1, "has 3 advisories, 8 are in force"),
        (0, 0, "no record in the dump can be read"),
    ],
)
def test_a_dump_that_lost_more_than_half_is_refused_unless_forced(
    tmp_path: Path, malware: int, flaws: int, why: str
) -> None:
    """A truncated dump must not lift denials."""
    store = MemoryStore()
    take_in(store, zipped(tmp_path / "all.zip", records()))
    less = zipped(tmp_path / "less.zip", records(malware, flaws, day=2))

    with pytest.raises(Corrupt, match=f"{why}.*--force"):
        take_in(store, less, by_hand=True)
    assert 8 == len(ids(store))
    assert "taken in" == take_in(store, less, force=True).done
    assert malware + flaws == len(ids(store))


def test_a_dump_that_lost_half_is_taken(tmp_path: Path) -> None:
    store = MemoryStore()
    take_in(store, zipped(tmp_path / "all.zip", records()))

    assert "taken in" == take_in(store, zipped(tmp_path / "half.zip", records(2, 2, day=2))).done


def test_a_first_dump_of_which_most_cannot_be_read_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "dump"
    folder.mkdir()
    for name, text in (("a", json.dumps(record("MAL-1", "demo"))), ("b", "{"), ("c", "")):
        (folder / f"{name}.json").write_text(text)

    with pytest.raises(Corrupt, match="2 of 3"):
        take_in(MemoryStore(), folder)


def test_a_table_that_cannot_be_read_is_replaced_by_any(tmp_path: Path) -> None:
    store = MemoryStore()
    path = zipped(tmp_path / "all.zip", records())
    key = addresses.advisories(take_in(store, path).digest)
    store.put(key, b"damaged")

    assert "taken in" == take_in(store, path).done
    store.delete(key)
    assert "taken in" == take_in(store, zipped(tmp_path / "less.zip", records(1, 0))).done
    assert ["MAL-0"] == ids(store)


class _Rival(MemoryStore):
    """Lets another machine publish between our look and our change."""

    def __init__(self) -> None:
        super().__init__()
        self.rivals: list[Compiled] = []

    def put(self, key: str, data: bytes, *, create: bool = False) -> None:
        if self.rivals and key.startswith(addresses.ADVISORIES_PREFIX):
            publish(self, self.rivals.pop(), by="rival", now=NOW)
        super().put(key, data, create=create)


def test_of_two_machines_at_once_the_newer_dump_wins(tmp_path: Path) -> None:
    store = _Rival()
    store.rivals = [compiled(zipped(tmp_path / "new.zip", records(5, 5, day=2)))]

    assert "older than what is in force" == take_in(store, zipped(tmp_path / "old.zip", records())).done
    assert (["rival"], 10) == ([change.by for change in history(store)], len(ids(store)))


def test_replaced_tables_go_with_a_later_dump(tmp_path: Path) -> None:
    store = MemoryStore()
    digests = []
    for day in (1, 2, 3):
        later = NOW + timedelta(days=2 * day)
        path = zipped(tmp_path / f"{day}.zip", records(day=day))
        digests.append(publish(store, compiled(path), by="alice", now=later).digest)

    kept = [info.key for info in store.list(addresses.ADVISORIES_PREFIX)]

    assert sorted(addresses.advisories(digest) for digest in digests[1:]) == kept


# Following


async def compile_here(path: Path, now: datetime) -> Compiled:
    return compile_dump(path, now)


class _Watched:
    """A dump, a watch on it, and its clock."""

    def __init__(self, path: Path, store: Store, compile_: Compile | None = compile_here) -> None:
        self.clock = ManualClock(NOW)
        self.path = path
        self.shelf = Shelf(store)
        self.watch = AdvisoryWatch(path, self.shelf, self.clock, compile_)

    def write(self, documents: list[dict[str, Any]], seconds_ago: float = 60) -> None:
        zipped(self.path, documents)
        when = self.clock.now().timestamp() - seconds_ago
        os.utime(self.path, (when, when))


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[_Watched]:
    found = _Watched(tmp_path / "all.zip", MemoryStore())
    yield found
    found.shelf.close()


@plays
async def test_a_dump_is_taken_in_when_it_changes_and_not_before(watched: _Watched) -> None:
    store = watched.shelf.store
    watched.write(records(1, 0))
    await watched.watch.look()
    await watched.watch.look()
    assert 1 == len(history(store))

    watched.write(records(2, 0, day=2), seconds_ago=30)
    await watched.watch.look()

    assert (2, ["MAL-0", "MAL-1"]) == (len(history(store)), ids(store))
    assert newest(store).by.startswith("pull@")


@plays
async def test_a_dump_that_is_still_being_written_is_left_alone(watched: _Watched) -> None:
    watched.write(records(1, 0), seconds_ago=1)

    assert SETTLE_SECONDS == await watched.watch.look()
    assert [] == history(watched.shelf.store)
    watched.clock.advance(SETTLE_SECONDS)
    assert LOOK_SECONDS == await watched.watch.look()
    assert ["MAL-0"] == ids(watched.shelf.store)


@plays
async def test_a_dump_that_is_not_believed_leaves_the_table_in_force_and_tells_why(watched: _Watched) -> None:
    watched.write(records())
    await watched.watch.look()

    watched.write(records(1, 0, day=2), seconds_ago=30)
    await watched.watch.look()
    assert "4 are in force" in watched.watch.trouble
    watched.path.unlink()
    await watched.watch.look()
    assert "No such file" in watched.watch.trouble
    watched.path.write_bytes(b"PK")
    os.utime(watched.path, (NOW.timestamp() - 10,) * 2)
    await watched.watch.look()
    assert "neither a folder nor a whole zip file" in watched.watch.trouble
    assert 8 == len(ids(watched.shelf.store))

    watched.write(records(5, 5, day=3), seconds_ago=20)
    await watched.watch.look()
    assert ("", 10) == (watched.watch.trouble, len(ids(watched.shelf.store)))


class _Blinking(MemoryStore):
    """A store that is gone while `dead`."""

    dead = True

    def list(self, prefix: str, after: str = "") -> Iterator[Any]:
        if self.dead:
            raise Unavailable("the store is gone")
        return super().list(prefix, after)


@plays
async def test_a_dump_waits_for_a_store_that_is_gone(tmp_path: Path) -> None:
    store = _Blinking()
    watched = _Watched(tmp_path / "all.zip", store)
    watched.write(records(1, 0))
    await watched.watch.look()
    assert "the store is gone" == watched.watch.trouble

    store.dead = False
    await watched.watch.look()

    assert ("", ["MAL-0"]) == (watched.watch.trouble, ids(store))
    watched.shelf.close()


@plays
async def test_the_dump_is_read_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Tens of thousands of records take seconds, which no upstream's page should wait for."""
    watched = _Watched(tmp_path / "all.zip", MemoryStore(), compile_=None)
    watched.write(records(2, 1))
    await watched.watch.look()
    assert ["GHSA-0", "MAL-0", "MAL-1"] == ids(watched.shelf.store)

    watched.path.write_bytes(b"PK")
    os.utime(watched.path, (NOW.timestamp() - 10,) * 2)
    await watched.watch.look()
    assert "neither a folder nor a whole zip file" in watched.watch.trouble
    watched.shelf.close()


@plays
async def test_a_running_pull_process_takes_the_dump_of_its_settings_in(tmp_path: Path) -> None:
    path = zipped(tmp_path / "all.zip", records(1, 1))
    os.utime(path, (NOW.timestamp(),) * 2)
    store = LocalStore.create(tmp_path / "store")
    pull = Pull(Config(data=tmp_path / "data", advisories=str(path)), store, SystemClock())
    await pull.start()
    try:
        await wait_until(lambda: newest(store).advisories != "")
    finally:
        await pull.stop()

    assert ["GHSA-0", "MAL-0"] == ids(store)


async def wait_until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not fact():  # noqa: ASYNC110 - another thread puts it into the store
            await asyncio.sleep(0.02)
