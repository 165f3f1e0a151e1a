"""The store with local copies keeps the contract, and goes on answering from them while the bucket is dead."""

import hashlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from contract.store_contract import StoreContract
from hanging import Hang
from processes import wait_for

from holdfast.core.errors import Absent, Unavailable
from holdfast.store.copied import FAILURES_MAX, PART_BYTES, PROBE_SECONDS, CopiedStore
from holdfast.store.copies import SEAL_BYTES, Copies
from holdfast.store.memory import MemoryStore
from holdfast.store.port import ObjectInfo

PROBE = "probe"


class FaultyBucket(MemoryStore):
    """A bucket that can hang or refuse, and counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.put(PROBE, b"")
        self.asked: list[str] = []
        self.refuses = False
        self._answers = threading.Event()
        self._answers.set()

    def hang(self) -> None:
        self._answers.clear()

    def heal(self) -> None:
        self.refuses = False
        self._answers.set()

    def get(self, key: str) -> bytes:
        self._ask(key)
        return super().get(key)

    def read(self, key: str, start: int, length: int) -> bytes:
        self._ask(key)
        return super().read(key, start, length)

    def head(self, key: str) -> ObjectInfo:
        self._ask(key)
        return super().head(key)

    def _ask(self, key: str) -> None:
        self.asked.append(key)
        self._answers.wait(30)
        if self.refuses:
            raise Unavailable("the bucket refuses")


def is_fixed(key: str) -> bool:
    return key.startswith("fixed/")


OPEN: list[CopiedStore] = []


def over(bucket: MemoryStore, folder: Path, bytes_max: int = 10**6) -> CopiedStore:
    OPEN.append(CopiedStore(bucket, Copies(folder, bytes_max), is_fixed, PROBE))
    return OPEN[-1]


@pytest.fixture(autouse=True)
def no_probe_goes_on() -> Iterator[None]:
    """A store whose bucket stays dead looks for it for ever, and logs into other tests' output."""
    yield
    while OPEN:
        OPEN.pop().close()


class TestCopiedStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> CopiedStore:
        return over(MemoryStore(), tmp_path / "copies")


def test_what_never_changes_is_read_once(tmp_path: Path) -> None:
    bucket = FaultyBucket()
    bucket.put("fixed/a", b"bytes")
    store = over(bucket, tmp_path)

    assert [b"bytes"] * 3 == [store.get("fixed/a") for _ in range(3)]
    assert 5 == store.head("fixed/a").size
    assert ["fixed/a"] == bucket.asked


def test_a_whole_copy_answers_every_kind_of_reading(tmp_path: Path) -> None:
    bucket = FaultyBucket()
    bucket.put("fixed/a", b"bytes")
    store = over(bucket, tmp_path)
    store.copy("fixed/a")
    bucket.asked.clear()

    assert (b"bytes", b"yt", 5) == (store.get("fixed/a"), store.read("fixed/a", 1, 2), store.head("fixed/a").size)
    assert [] == bucket.asked


def test_what_changes_is_asked_for_each_time(tmp_path: Path) -> None:
    bucket = FaultyBucket()
    bucket.put("moving", b"old")
    store = over(bucket, tmp_path)
    store.get("moving")
    bucket.put("moving", b"new")

    assert b"new" == store.get("moving")


@pytest.mark.parametrize("how", ["hang", "refuse"])
def test_a_dead_bucket_costs_freshness_not_answers(tmp_path: Path, how: str) -> None:
    bucket = FaultyBucket()
    for key in ("moving", "fixed/a", "fixed/unseen"):
        bucket.put(key, b"bytes")
    store = over(bucket, tmp_path)
    for key in ("moving", "fixed/a"):
        store.get(key)
    if how == "hang":
        bucket.hang()
    else:
        bucket.refuses = True

    for _ in range(FAILURES_MAX):
        assert (b"bytes", b"bytes") == (store.get("moving"), store.get("fixed/a"))
    assert store.trouble
    bucket.asked.clear()
    for operation in (
        lambda: store.get("fixed/unseen"),
        lambda: store.head("fixed/unseen"),
        lambda: store.read("fixed/unseen", 0, 1),
        lambda: store.get("unknown"),
        lambda: list(store.list("")),
    ):
        with pytest.raises(Unavailable):
            operation()
    assert 5 == store.head("moving").size
    assert {PROBE} >= set(bucket.asked), "a bucket that is known to be dead is not asked"

    bucket.put("moving", b"later")
    bucket.heal()
    wait_for(lambda: not store.trouble, "the bucket to be trusted again")
    assert (b"later", b"bytes") == (store.get("moving"), store.get("fixed/unseen"))
    with pytest.raises(Absent):
        store.get("unknown")


def probes() -> int:
    return sum(thread.name == "store-probe" for thread in threading.enumerate())


def test_nobody_looks_for_a_dead_bucket_after_the_store_is_closed(tmp_path: Path) -> None:
    bucket = FaultyBucket()
    store = over(bucket, tmp_path)
    before = probes()
    bucket.refuses = True
    for _ in range(FAILURES_MAX):
        with pytest.raises(Unavailable):
            store.get("fixed/a")
    assert probes() > before

    store.close()

    wait_for(lambda: probes() <= before, "the probes to end")


def test_the_return_of_the_bucket_is_seen_although_probes_before_it_hang(tmp_path: Path) -> None:
    class BlackHole(FaultyBucket):
        """What was asked while it was dead is never answered, as behind a network that drops packets."""

        def head(self, key: str) -> ObjectInfo:
            if self.refuses:
                self.asked.append(key)
                begun.append(time.monotonic())
                hang.wait()
            return super().head(key)

    begun: list[float] = []
    hang, bucket = Hang(), BlackHole()
    store = over(bucket, tmp_path)
    bucket.refuses = True
    for _ in range(FAILURES_MAX):
        with pytest.raises(Unavailable):
            store.get("fixed/a")
    wait_for(lambda: len(begun) >= 6, "a sixth probe")
    rests = [later - earlier for earlier, later in pairwise(begun)]

    bucket.refuses = False
    hung = bucket.asked.count(PROBE)
    wait_for(lambda: not store.trouble, "the bucket to be trusted again")
    hang.end()

    assert bucket.asked.count(PROBE) <= hung + 2, "the first probe that is answered is enough"
    # A busy machine makes some of them longer, and never all of the last three; probes that rest ever longer do.
    assert min(rests[-3:]) < 2 * PROBE_SECONDS, rests
    assert not hang.was_waited_out


def test_one_object_that_cannot_be_read_is_no_dead_bucket(tmp_path: Path) -> None:
    bucket = FaultyBucket()
    bucket.put("moving", b"bytes")
    store = over(bucket, tmp_path)
    bucket.refuses = True
    with pytest.raises(Unavailable):
        store.get("fixed/a")
    bucket.refuses = False

    assert (b"bytes", "") == (store.get("moving"), store.trouble)


def test_what_the_bucket_no_longer_has_is_no_longer_answered_from_the_copy(tmp_path: Path) -> None:
    bucket = FaultyBucket()
    bucket.put("moving", b"bytes")
    store = over(bucket, tmp_path)
    store.get("moving")
    bucket.delete("moving")
    with pytest.raises(Absent):
        store.get("moving")
    bucket.refuses = True

    for _ in range(FAILURES_MAX):
        with pytest.raises(Unavailable):
            store.get("moving")


def test_a_damaged_copy_is_read_from_the_bucket_again(tmp_path: Path) -> None:
    bucket = FaultyBucket()
    bucket.put("fixed/a", b"bytes")
    store = over(bucket, tmp_path)
    store.get("fixed/a")
    copy = next(tmp_path.glob("*/*"))
    copy.write_bytes(b"other" + copy.read_bytes()[-SEAL_BYTES:])

    assert b"bytes" == store.get("fixed/a")
    assert ["fixed/a"] * 2 == bucket.asked


def test_a_copy_that_was_dropped_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    bucket = FaultyBucket()
    bucket.put("fixed/a", b"bytes")
    store = over(bucket, tmp_path)
    store.get("fixed/a")
    store.copy("fixed/a")

    store.drop_copy("fixed/a")

    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_large_copy_is_read_in_parts_that_each_have_their_time(tmp_path: Path) -> None:
    class Parts(MemoryStore):
        def get(self, key: str) -> bytes:
            raise AssertionError("the whole object at once")

        def read(self, key: str, start: int, length: int) -> bytes:
            assert length <= PART_BYTES
            return super().read(key, start, length)

    bucket = Parts()
    data = random.Random(1).randbytes(2 * PART_BYTES + 5)
    bucket.put("fixed/a", data)

    assert data == over(bucket, tmp_path, bytes_max=10**8).copy("fixed/a").read_bytes()


def fill(store: CopiedStore, bucket: MemoryStore, names: str) -> None:
    for name in names:
        bucket.put(f"fixed/{name}", name.encode() * 1000)
        store.copy(f"fixed/{name}")


def copied(store: CopiedStore, names: str) -> str:
    return "".join(name for name in names if store.local_path(f"fixed/{name}") is not None)


def test_the_least_used_copies_leave_when_the_limit_is_reached(tmp_path: Path) -> None:
    bucket = MemoryStore()
    store = over(bucket, tmp_path, bytes_max=3500)
    fill(store, bucket, "abc")
    store.local_path("fixed/a")

    fill(store, bucket, "d")

    assert "acd" == copied(store, "abcd")


def test_several_processes_keep_to_the_limit_together(tmp_path: Path) -> None:
    bucket = MemoryStore()
    fronts = [over(bucket, tmp_path, bytes_max=100_000) for _ in range(3)]

    for number in range(90):
        name = f"fixed/{number}"
        bucket.put(name, bytes(3000))
        fronts[number % 3].copy(name)

    assert 110_000 > sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())


def test_a_full_disk_costs_the_copy_not_the_answer(tmp_path: Path) -> None:
    bucket = FaultyBucket()
    bucket.put("fixed/a", b"bytes")
    store = CopiedStore(bucket, Copies(tmp_path, 3), is_fixed, PROBE)

    assert b"bytes" == store.get("fixed/a")
    assert not list(tmp_path.rglob("*"))


def test_what_a_writer_that_died_left_behind_is_not_a_copy_and_goes_in_time(tmp_path: Path) -> None:
    bucket = MemoryStore()
    store = over(bucket, tmp_path, bytes_max=2500)
    fill(store, bucket, "a")
    folder = next(path for path in tmp_path.iterdir())
    stale, fresh = folder / "x.1-1.partial", folder / "y.1-1.partial"
    for partial in (stale, fresh):
        partial.write_bytes(b"half" * 200)
    os.utime(stale, (1, 1))

    fill(store, bucket, "bc")

    assert (False, True) == (stale.exists(), fresh.exists())


def wait_in_threads(work: Callable[[], object], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_many_readers_of_one_object_end_with_one_good_copy(tmp_path: Path) -> None:
    bucket = MemoryStore()
    data = random.Random(1).randbytes(100_000)
    bucket.put("fixed/a", data)
    store = over(bucket, tmp_path)

    wait_in_threads(lambda: store.copy("fixed/a"), 8)

    path = store.local_path("fixed/a")
    assert path is not None
    assert hashlib.sha256(data).digest() == hashlib.sha256(path.read_bytes()).digest()
    assert 1 == len([found for found in tmp_path.rglob("*") if found.is_file()])
