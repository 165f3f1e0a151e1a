"""Large files of a remote store are sent while their copy is made: once for all, checked, whoever leaves."""

import asyncio
import hashlib
import random
from collections import Counter
from pathlib import Path

import pytest
from read.plays import plays

from holdfast.core.errors import Corrupt, Outcome, Unavailable
from holdfast.read.arriving import HELD_BACK_BYTES
from holdfast.read.local_files import ARRIVING_BYTES_MIN, LocalFiles
from holdfast.read.workers import Workers
from holdfast.store.copied import PART_BYTES, CopiedStore
from holdfast.store.copies import Copies
from holdfast.store.memory import MemoryStore

KEY = "blobs/big"
DATA = random.Random(1).randbytes(3 * PART_BYTES + 12_345)
SHA256 = hashlib.sha256(DATA).hexdigest()


class CountingBucket(MemoryStore):
    """Counts the reads, and can lose its object midway."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.put(KEY, data)
        self.reads: Counter[int] = Counter()
        self.dies_at = len(data)

    def read(self, key: str, start: int, length: int) -> bytes:
        self.reads[start] += 1
        if start >= self.dies_at:
            raise Unavailable("the bucket died")
        return super().read(key, start, length)


def files_over(bucket: MemoryStore, folder: Path, bytes_max: int = 10 * len(DATA)) -> LocalFiles:
    copied = CopiedStore(bucket, Copies(folder, bytes_max), lambda _key: True, KEY)
    return LocalFiles(copied, Workers())


async def received(files: LocalFiles, bytes_max: int = len(DATA)) -> bytes:
    """What a client gets, leaving after `bytes_max`."""
    arriving = await files.arriving(KEY, SHA256)
    assert arriving is not None
    found = bytearray()
    async for chunk in arriving.chunks():
        found += chunk
        if len(found) >= bytes_max:
            break
    return bytes(found)


async def wait_copied(folder: Path) -> None:
    while not [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".partial"]:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def wait_empty(folder: Path) -> None:
    while [path for path in folder.rglob("*") if path.is_file()]:  # noqa: ASYNC110 - the disk tells nobody
        await asyncio.sleep(0.01)


async def wait_at_hand(files: LocalFiles) -> None:
    while await files.arriving(KEY, SHA256) is not None:  # noqa: ASYNC110 - the state lives in another thread
        await asyncio.sleep(0.01)


@plays
async def test_many_clients_of_one_file_read_the_bucket_once(tmp_path: Path) -> None:
    bucket = CountingBucket(DATA)
    files = files_over(bucket, tmp_path)

    found = await asyncio.gather(*(received(files) for _ in range(5)))

    assert all(body == DATA for body in found)
    assert dict.fromkeys(range(0, len(DATA), PART_BYTES), 1) == bucket.reads
    await wait_at_hand(files)
    assert len(DATA) == (await files.open(KEY, SHA256)).size
    assert 4 == bucket.reads.total()


@plays
async def test_the_copy_is_made_although_the_client_left(tmp_path: Path) -> None:
    bucket = CountingBucket(DATA)
    files = files_over(bucket, tmp_path)

    await received(files, 1)

    await wait_at_hand(files)
    assert dict.fromkeys(range(0, len(DATA), PART_BYTES), 1) == bucket.reads


async def broken(files: LocalFiles) -> tuple[int, Outcome]:
    """How much was sent before the connection broke, and why it did."""
    arriving = await files.arriving(KEY, SHA256)
    assert arriving is not None
    sent = 0
    try:
        async for chunk in arriving.chunks():
            sent += len(chunk)
    except Outcome as error:
        return sent, error
    raise AssertionError("the transfer ended as if nothing were wrong")


@plays
async def test_wrong_bytes_never_arrive_whole_and_are_not_kept(tmp_path: Path) -> None:
    files = files_over(CountingBucket(DATA[:-1] + bytes([DATA[-1] ^ 1])), tmp_path)

    sent, error = await broken(files)

    assert sent <= len(DATA) - HELD_BACK_BYTES
    assert isinstance(error, Corrupt)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@plays
async def test_a_bucket_that_dies_midway_breaks_the_connection_and_the_next_client_begins_anew(tmp_path: Path) -> None:
    bucket = CountingBucket(DATA)
    files = files_over(bucket, tmp_path)
    bucket.dies_at = 2 * PART_BYTES

    sent, error = await broken(files)
    bucket.dies_at = len(DATA)

    assert sent <= 2 * PART_BYTES
    assert isinstance(error, Unavailable)
    assert DATA == await received(files)


@plays
async def test_who_comes_when_the_file_has_just_arrived_gets_it_too(tmp_path: Path) -> None:
    bucket = CountingBucket(DATA)
    files = files_over(bucket, tmp_path)
    arriving = await files.arriving(KEY, SHA256)
    assert arriving is not None
    slow = aiter(arriving.chunks())
    first = await anext(slow)
    await wait_copied(tmp_path)

    assert DATA == await received(files)
    assert DATA == first + b"".join([chunk async for chunk in slow])
    assert 4 == bucket.reads.total()


@plays
async def test_bytes_taken_down_while_they_arrive_are_not_kept(tmp_path: Path) -> None:
    files = files_over(CountingBucket(DATA), tmp_path)
    arriving = await files.arriving(KEY, SHA256)
    assert arriving is not None
    chunks = aiter(arriving.chunks())
    await anext(chunks)

    files.forget([KEY])

    with pytest.raises(Unavailable):
        while True:
            await anext(chunks)
    await wait_empty(tmp_path)


@plays
async def test_without_room_for_a_copy_the_bytes_are_passed_on_and_checked(tmp_path: Path) -> None:
    good = files_over(CountingBucket(DATA), tmp_path, bytes_max=1000)
    bad = files_over(CountingBucket(DATA[:-1] + bytes([DATA[-1] ^ 1])), tmp_path, bytes_max=1000)

    assert DATA == await received(good)
    sent, error = await broken(bad)
    assert sent < len(DATA)
    assert isinstance(error, Corrupt)
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize("size", [200_000, len(DATA)])
def test_a_disk_without_room_costs_the_copy_and_not_the_answer(tmp_path: Path, size: int) -> None:
    asyncio.run(_no_room(tmp_path, DATA[:size]))


async def _no_room(folder: Path, data: bytes) -> None:
    bucket = CountingBucket(data)
    keeps_free = 2**62  # more than any disk has
    copied = CopiedStore(bucket, Copies(folder, 10 * len(DATA), keeps_free), lambda _key: True, KEY)
    files = LocalFiles(copied, Workers())

    arriving = await files.arriving(KEY, hashlib.sha256(data).hexdigest())

    assert arriving is not None
    assert data == b"".join([chunk async for chunk in arriving.chunks()])
    assert not list(folder.rglob("*"))


@plays
async def test_a_part_is_read_by_itself(tmp_path: Path) -> None:
    bucket = CountingBucket(DATA)
    files = files_over(bucket, tmp_path)
    arriving = await files.arriving(KEY, SHA256)
    assert arriving is not None

    found = [chunk async for chunk in arriving.part(len(DATA) - 100_000, 100_000)]

    assert DATA[-100_000:] == b"".join(found)
    assert 1 == bucket.reads.total()


@plays
async def test_smaller_files_are_copied_before_they_are_sent(tmp_path: Path) -> None:
    bucket = CountingBucket(DATA[:ARRIVING_BYTES_MIN])
    files = files_over(bucket, tmp_path)
    digest = hashlib.sha256(DATA[:ARRIVING_BYTES_MIN]).hexdigest()

    assert await files.arriving(KEY, digest) is None
    assert ARRIVING_BYTES_MIN == (await files.open(KEY, digest)).size


@plays
async def test_bytes_that_were_taken_down_leave_the_disk(tmp_path: Path) -> None:
    files = files_over(CountingBucket(DATA), tmp_path)
    await received(files)
    await wait_at_hand(files)

    files.forget([KEY])

    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@plays
async def test_a_damaged_copy_of_a_small_file_is_read_from_the_bucket_again(tmp_path: Path) -> None:
    data = DATA[:1000]
    files, digest = files_over(CountingBucket(data), tmp_path), hashlib.sha256(data).hexdigest()
    await files.open(KEY, digest)
    copy = next(path for path in tmp_path.rglob("*") if path.is_file())
    copy.write_bytes(b"x" * len(data))

    assert data == await files.read_small(KEY, digest, len(data))
    assert data == await files.read_small(KEY, digest, len(data))


@pytest.mark.parametrize("damage", ["shorter", "other"])
def test_a_damaged_copy_is_dropped_and_made_again(tmp_path: Path, damage: str) -> None:
    asyncio.run(_damaged(tmp_path, damage))


async def _damaged(folder: Path, damage: str) -> None:
    bucket = CountingBucket(DATA)
    await received(files_over(bucket, folder))
    await wait_at_hand(files_over(bucket, folder))
    copy = next(path for path in folder.rglob("*") if path.is_file())
    copy.write_bytes(DATA[:-1] if damage == "shorter" else b"x" * len(DATA))
    files = files_over(bucket, folder)

    with pytest.raises(Corrupt):
        await files.open(KEY, SHA256)

    assert DATA == await received(files)
