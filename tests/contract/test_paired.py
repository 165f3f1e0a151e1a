"""A pair of stores keeps the contract, whatever its sides do: what was acknowledged is there, and both become equal."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import TypeVar

import pytest
from contract.store_contract import StoreContract, keys
from hanging import Hang

from holdfast.core.errors import Absent, Conflict, Outcome, Unavailable
from holdfast.store.convergence import compare
from holdfast.store.local import LocalStore
from holdfast.store.memory import MemoryStore
from holdfast.store.pair_notes import SIDES, Notes
from holdfast.store.paired import PairedStore
from holdfast.store.port import ObjectInfo, Store

T = TypeVar("T")


class FaultyStore:
    """A side that is down, answers some requests with an error, or loses the acknowledgement of what it did."""

    def __init__(self, store: Store, seed: int = 0) -> None:
        self.store = store
        self.is_down = False
        self.failing = 0.0  # share of operations refused
        self.losing = 0.0  # share of operations done and yet answered with an error
        self._random = random.Random(seed)

    def _do(self, work: Callable[[], T]) -> T:
        if self.is_down or self._random.random() < self.failing:
            raise Unavailable("500")
        answer = work()
        if self._random.random() < self.losing:
            raise Unavailable("the acknowledgement was lost")
        return answer

    def get(self, key: str) -> bytes:
        return self._do(lambda: self.store.get(key))

    def read(self, key: str, start: int, length: int) -> bytes:
        return self._do(lambda: self.store.read(key, start, length))

    def head(self, key: str) -> ObjectInfo:
        return self._do(lambda: self.store.head(key))

    def put(self, key: str, data: bytes, *, create: bool = False) -> None:
        self._do(lambda: self.store.put(key, data, create=create))

    def put_file(self, key: str, path: Path) -> None:
        self._do(lambda: self.store.put_file(key, path))

    def adopt_file(self, key: str, path: Path) -> None:
        self._do(lambda: self.store.adopt_file(key, path))

    def delete(self, key: str) -> None:
        self._do(lambda: self.store.delete(key))

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        return self._do(lambda: self.store.list(prefix, after))

    def local_path(self, key: str) -> Path | None:
        return self.store.local_path(key)


class Rig:
    """A pair over two faulty sides in memory."""

    def __init__(self, folder: Path, seed: int = 0, *, whole: bool = True) -> None:
        self.folder = folder
        self.sides = [FaultyStore(MemoryStore(), seed), FaultyStore(MemoryStore(), seed + 1)]
        self.pair = self.another()
        if whole:
            for side in SIDES:
                self.pair.notes.call_whole(side)

    def another(self) -> PairedStore:
        """The same pair as another process has it."""
        return PairedStore(self.sides[0], self.sides[1], Notes.create(self.folder / "notes"))

    def down(self, *down: bool) -> None:
        for side, is_down in zip(self.sides, down, strict=True):
            side.is_down = is_down

    def converge(self) -> None:
        self.down(False, False)
        for side in self.sides:
            side.failing = side.losing = 0.0
        compare(self.pair, self.folder, lambda _: None, deep=True)

    def contents(self) -> list[dict[str, bytes]]:
        return [{key: side.store.get(key) for key in keys(side.store)} for side in self.sides]


class TestPairInMemory(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> PairedStore:
        return PairedStore(MemoryStore(), MemoryStore(), Notes.create(tmp_path / "notes"))


class TestPairOfFolders(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> PairedStore:
        one, other = LocalStore.create(tmp_path / "one"), LocalStore.create(tmp_path / "other")
        return PairedStore(one, other, Notes.create(tmp_path / "notes"))


class TestPairWithoutItsFirstSide(StoreContract):
    """Everything works on one side alone."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> PairedStore:
        rig = Rig(tmp_path)
        rig.down(True, False)
        return rig.pair


@pytest.mark.parametrize("dead", [0, 1])
def test_what_was_written_without_one_side_is_read_when_both_are_there(tmp_path: Path, dead: int) -> None:
    rig = Rig(tmp_path)
    rig.pair.put("changed", b"old")
    rig.pair.put("deleted", b"old")
    rig.sides[dead].is_down = True
    rig.pair.put("changed", b"new")
    rig.pair.put("created", b"one", create=True)
    rig.pair.delete("deleted")
    rig.down(False, False)

    assert (b"new", b"one", ["changed", "created"]) == (
        rig.pair.get("changed"),
        rig.pair.get("created"),
        keys(rig.pair),
    )
    with pytest.raises(Absent):
        rig.pair.get("deleted")
    rig.converge()
    assert [{"changed": b"new", "created": b"one"}] * 2 == rig.contents()


@pytest.mark.parametrize("dead", [0, 1])
def test_a_side_that_is_behind_never_answers_alone(tmp_path: Path, dead: int) -> None:
    rig = Rig(tmp_path)
    rig.pair.put("changed", b"old")
    rig.pair.put("kept", b"same")
    rig.sides[dead].is_down = True
    rig.pair.put("changed", b"new")
    rig.pair.put("created", b"one")
    rig.sides[dead].is_down, rig.sides[1 - dead].is_down = False, True

    assert b"same" == rig.pair.get("kept")
    for operation in (
        lambda: rig.pair.get("changed"),
        lambda: rig.pair.head("created"),
        lambda: keys(rig.pair),
        lambda: rig.pair.put("created", b"two", create=True),
    ):
        with pytest.raises(Unavailable):
            operation()


def test_two_writers_with_every_combination_of_dead_sides_never_both_create(tmp_path: Path) -> None:
    ways = list(product([False, True], repeat=2))
    for number, (first, second) in enumerate(product(ways, repeat=2)):
        rig = Rig(tmp_path / str(number))
        won = []
        for name, down in ((b"1", first), (b"2", second), (b"3", (False, False))):
            rig.down(*down)
            try:
                rig.another().put("journal/1", name, create=True)
            except (Conflict, Unavailable):
                continue
            won.append(name)

        rig.converge()

        assert [{"journal/1": name} for name in won] * 2 == rig.contents(), (first, second)


@pytest.mark.parametrize("seed", range(6))
def test_racing_writers_whose_sides_fail_at_random_never_both_create(tmp_path: Path, seed: int) -> None:
    rig = Rig(tmp_path, seed)
    for side in rig.sides:
        side.failing, side.losing = 0.2, 0.2
    barrier = threading.Barrier(8)

    def create(number: int) -> set[tuple[str, bytes]]:
        pair, won = rig.another(), set()
        barrier.wait(30)
        for serial in range(10):
            data = b"%d" % number
            try:
                pair.put(f"journal/{serial}", data, create=True)
                won.add((f"journal/{serial}", data))
            except (Conflict, Unavailable):
                continue
        return won

    with ThreadPoolExecutor(8) as pool:
        won = [one for found in pool.map(create, range(8)) for one in found]
    rig.converge()

    assert len(dict(won)) == len(won) > 0
    assert dict(won).items() <= rig.contents()[0].items() and rig.contents()[0] == rig.contents()[1]


@pytest.mark.parametrize("seed", range(8))
def test_what_was_acknowledged_is_read_through_any_faults_and_both_sides_become_equal(
    tmp_path: Path, seed: int
) -> None:
    """A walk of writes and outages against a dictionary. An unacknowledged write may or may not have happened."""
    rig, chance = Rig(tmp_path, seed), random.Random(seed)
    known: dict[str, set[bytes | None]] = {}
    for step in range(200):
        rig.down(*chance.choice([(False, False), (False, False), (True, False), (False, True)]))
        for side in rig.sides:
            side.failing, side.losing = chance.choice([(0.0, 0.0), (0.3, 0.0), (0.1, 0.2)])
        key, data = f"k/{chance.randrange(12)}", b"%d" % step
        possible = known.setdefault(key, {None})
        what = chance.choice(["put", "put", "create", "delete", "get", "heal"])
        try:
            if what == "heal":
                compare(rig.pair, tmp_path, lambda _: None, deep=chance.random() < 0.5)
            elif what == "get":
                assert rig.pair.get(key) in possible
            elif what == "delete":
                rig.pair.delete(key)
                known[key] = {None}
            else:
                rig.pair.put(key, data, create=what == "create")
                assert what == "put" or None in possible, "created over something"
                known[key] = {data}
        except Absent:
            assert None in possible
        except Unavailable:
            if what in ("put", "create"):
                possible.add(data)
            elif what == "delete":
                possible.add(None)
        except Conflict:
            assert what == "create" and possible != {None}
    rig.converge()

    one, other = rig.contents()
    assert one == other
    assert [] == [key for key, possible in known.items() if one.get(key) not in possible]
    assert all(one[key] == rig.pair.get(key) for key in one)


@pytest.mark.parametrize("damaged", [0, 1])
def test_damaged_bytes_never_leave_and_are_repaired_from_the_other_side(tmp_path: Path, damaged: int) -> None:
    rig, data = Rig(tmp_path), b"a wheel"
    digest = sha256(data).hexdigest()
    key = f"blobs/{digest[:2]}/{digest[2:4]}/{digest[4:]}"
    rig.pair.put(key, data)
    rig.sides[damaged].store.put(key, b"a whee!")

    assert data == rig.pair.get(key)
    rig.converge()
    assert [{key: data}] * 2 == rig.contents()


def test_a_pair_with_bytes_that_nobody_has_any_more_is_whole_all_the_same(tmp_path: Path) -> None:
    """One rotten file of an old store must not keep its copy from ever standing in for it."""
    rig = Rig(tmp_path, whole=False)
    digest = sha256(b"a wheel").hexdigest()
    rotten = f"blobs/{digest[:2]}/{digest[2:4]}/{digest[4:]}"
    rig.sides[0].store.put(rotten, b"a whee!")
    rig.sides[0].store.put("sound", b"1")

    done = compare(rig.pair, tmp_path, lambda _: None, deep=False)
    again = compare(rig.pair, tmp_path, lambda _: None, deep=False)
    rig.down(True, False)

    assert ([rotten], [rotten], True) == (done.damaged, again.damaged, rig.pair.notes.is_whole("secondary"))
    assert b"1" == rig.pair.get("sound")
    with pytest.raises(Unavailable):  # never absent: the bytes are lost, and that is trouble of ours
        rig.pair.get(rotten)
    rig.down(False, False)
    rig.pair.put(rotten, b"a wheel")
    assert b"a wheel" == rig.pair.get(rotten)


def test_a_side_that_was_never_compared_is_not_believed_about_what_it_lacks(tmp_path: Path) -> None:
    rig = Rig(tmp_path, whole=False)
    rig.sides[0].store.put("old", b"before there was a pair")
    rig.down(True, False)
    with pytest.raises(Unavailable):
        rig.pair.get("old")
    with pytest.raises(Unavailable):
        rig.pair.put("old", b"other", create=True)

    rig.converge()
    rig.down(True, False)

    assert (b"before there was a pair", ["old"]) == (rig.pair.get("old"), keys(rig.pair))
    with pytest.raises(Absent):
        rig.pair.get("never")


class Killed(BaseException):
    """The end of a process at this very point."""


class DyingStore(FaultyStore):
    """A side whose process dies at the second deletion of both sides together."""

    def __init__(self, store: Store, deletions: list[str]) -> None:
        super().__init__(store)
        self.deletions = deletions

    def delete(self, key: str) -> None:
        self.deletions.append(key)
        if len(self.deletions) == 2:
            raise Killed
        super().delete(key)


def test_a_deletion_that_was_cut_off_between_the_sides_is_done_when_it_is_asked_for_again(tmp_path: Path) -> None:
    """Whoever looks first whether there is anything to delete must find it, or the other side keeps it for ever."""
    deletions: list[str] = []
    sides = [DyingStore(MemoryStore(), deletions), DyingStore(MemoryStore(), deletions)]
    pair = PairedStore(*sides, Notes.create(tmp_path / "notes"))
    for side in SIDES:
        pair.notes.call_whole(side)
    pair.put("taken down", b"1")

    with pytest.raises(Killed):
        pair.delete("taken down")
    found = pair.head("taken down").key, keys(pair)
    pair.delete("taken down")

    assert ("taken down", ["taken down"]) == found
    assert [[], []] == [keys(side) for side in sides]


def test_with_both_sides_gone_nothing_is_absent(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.pair.put("a", b"1")
    rig.down(True, True)

    for operation in (
        lambda: rig.pair.get("a"),
        lambda: rig.pair.get("b"),
        lambda: keys(rig.pair),
        lambda: rig.pair.delete("a"),
        lambda: rig.pair.put("c", b""),
    ):
        with pytest.raises(Outcome) as refused:
            operation()
        assert isinstance(refused.value, Unavailable)


class HangingStore(FaultyStore):
    """A side that takes requests and answers none until it is let go."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.hang = Hang()
        self.asked = 0

    def _do(self, work: Callable[[], T]) -> T:
        self.asked += 1
        self.hang.wait()
        return work()


def test_a_side_that_hangs_holds_nobody_up_for_long_and_what_was_given_up_is_left_alone(tmp_path: Path) -> None:
    hanging, other = HangingStore(MemoryStore()), MemoryStore()
    pair = PairedStore(hanging, other, Notes.create(tmp_path / "notes"))
    for side in SIDES:
        pair.notes.call_whole(side)
    other.put("old", b"1")

    assert b"1" == pair.get("old")
    pair.put("new", b"2")
    assert b"2" == pair.get("new")
    for _ in range(20):
        pair.get("old")
    asked = hanging.asked
    hanging.hang.end()
    note = pair.notes.owed("primary", "new")

    assert not hanging.hang.was_waited_out
    assert asked < 10, "after a side was given up it is left alone for a while"
    assert note is not None
    assert b"2" == pair.get("new")
