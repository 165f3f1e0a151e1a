"""Files that left the table of open ones: their descriptors stay for a while, and never more than some."""

import asyncio
import os
from pathlib import Path

import pytest

from holdfast.clock import ManualClock
from holdfast.core.errors import Unavailable
from holdfast.read.local_files import CLOSE_SECONDS_MIN, LocalFiles, OpenFile
from holdfast.read.workers import Workers
from holdfast.store.local import LocalStore

OPEN_MAX, RETIRED_MAX = 2, 3
pytestmark = pytest.mark.anyio


def descriptors(folder: Path) -> int:
    """How many of the folder's files this process has open."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}").startswith(str(folder))
        except OSError:
            continue  # the listing's own
    return found


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def files(tmp_path: Path, clock: ManualClock) -> LocalFiles:
    store = LocalStore.create(tmp_path / "store")
    for number in range(20):
        store.put(f"blobs/{number}", f"{number}".encode())
    return LocalFiles(store, Workers(), clock, open_max=OPEN_MAX, retired_max=RETIRED_MAX)


async def test_many_files_at_once_are_put_off_before_descriptors_run_out(files: LocalFiles, tmp_path: Path):
    """A descriptor just handed to the server cannot be closed: its number would soon be another file's."""
    for number in range(OPEN_MAX + RETIRED_MAX):
        await files.open(f"blobs/{number}", "")

    with pytest.raises(Unavailable, match="too many files") as refused:
        await files.open("blobs/19", "")

    assert refused.value.retry_after_seconds == CLOSE_SECONDS_MIN
    assert (await files.open(f"blobs/{OPEN_MAX + RETIRED_MAX - 1}", "")).size == 1, "what is at hand still is"
    assert descriptors(tmp_path) == OPEN_MAX + RETIRED_MAX
    files.close()
    assert descriptors(tmp_path) == 0


async def test_a_file_that_is_touched_over_and_over_is_put_off_too(files: LocalFiles, tmp_path: Path):
    """However few of them there are: each time it is opened again, and another descriptor stays behind."""
    stored = LocalStore(tmp_path / "store").local_path("blobs/0")
    with pytest.raises(Unavailable, match="too many files"):
        for number in range(2 * (OPEN_MAX + RETIRED_MAX)):
            os.utime(stored, ns=(0, number))
            await files.open("blobs/0", "")

    assert descriptors(tmp_path) == OPEN_MAX + RETIRED_MAX
    files.close()


async def test_files_taken_down_and_asked_for_again_are_put_off_too(files: LocalFiles, tmp_path: Path):
    with pytest.raises(Unavailable, match="too many files"):
        for _ in range(2 * (OPEN_MAX + RETIRED_MAX)):
            await files.open("blobs/0", "")
            files.forget(["blobs/0"])

    assert descriptors(tmp_path) == OPEN_MAX + RETIRED_MAX
    files.close()


async def test_of_many_files_asked_for_at_one_moment_no_more_are_opened_than_there_may_be(
    files: LocalFiles, tmp_path: Path
):
    answers = await asyncio.gather(*(files.open(f"blobs/{n}", "") for n in range(20)), return_exceptions=True)

    assert OPEN_MAX + RETIRED_MAX == sum(isinstance(answer, OpenFile) for answer in answers)
    assert descriptors(tmp_path) == OPEN_MAX + RETIRED_MAX
    files.close()


async def test_the_oldest_goes_as_soon_as_the_server_has_surely_opened_it(
    files: LocalFiles, clock: ManualClock, tmp_path: Path
):
    for number in range(20):
        await files.open(f"blobs/{number}", "")
        clock.advance(CLOSE_SECONDS_MIN)
        assert descriptors(tmp_path) <= OPEN_MAX + RETIRED_MAX

    files.close()


async def test_files_taken_down_keep_their_descriptors_no_longer_than_others(
    files: LocalFiles, clock: ManualClock, tmp_path: Path
):
    for number in range(OPEN_MAX):
        await files.open(f"blobs/{number}", "")
    files.forget([f"blobs/{number}" for number in range(OPEN_MAX)])
    assert descriptors(tmp_path) == OPEN_MAX

    clock.advance(60.0)
    await files.open("blobs/9", "")

    assert descriptors(tmp_path) == 1
    files.close()
