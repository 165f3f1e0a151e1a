"""Uploads while database, store, disk or the pull process fail: held through a blip, else 503 with a sentence."""

import hashlib
import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import wheels
from control.clocks import ForwardClock
from django.db.models import F
from doors import Door
from instances import Instance, new_instance
from structlog.testing import capture_logs

from holdfast.clock import ManualClock, SystemClock
from holdfast.control.compose import open_parts
from holdfast.control.database import close_connection
from holdfast.control.parts import Opening
from holdfast.control.projects.intents import UPLOAD_LEASE_SECONDS, Watch
from holdfast.control.projects.models import File, Intent, Project
from holdfast.control.publication.upkeep import collect_orphans
from holdfast.control.uploads.hold import deadline_of, held, with_last_try
from holdfast.core.errors import Absent, Unavailable
from holdfast.store.port import DiskFull
from holdfast.tree import addresses

WHEEL = wheels.wheel("demo", "1.0")


class FailingStore:
    """A real store whose writes fail a number of times, for as long as told."""

    def __init__(self, inner: Any, failures: int, error: Callable[[], Unavailable]) -> None:
        self._inner = inner
        self.failures = failures
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def put(self, key: str, data: bytes, *, create: bool = False) -> None:
        self._fail()
        self._inner.put(key, data, create=create)

    def adopt_file(self, key: str, path: Path) -> None:
        self._fail()
        self._inner.adopt_file(key, path)

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise self._error()


def blink() -> Unavailable:
    return Unavailable("the store does not answer")


def full() -> Unavailable:
    return DiskFull("the disk of the store folder is full", retry_after_seconds=60)


def test_a_store_that_blinks_is_waited_for(sqlite_instance: Instance):
    door = Door(sqlite_instance, store=FailingStore(sqlite_instance.store, 3, blink))

    assert door.upload(wheels.twine_body(*WHEEL), door.token()).status == 200


@pytest.mark.parametrize(("error", "status", "level"), [(blink, 503, "warning"), (full, 507, "error")])
def test_a_refusal_of_our_own_is_one_line_in_the_log_with_its_reason_and_counted(
    sqlite_instance: Instance, caplog: pytest.LogCaptureFixture, error, status, level
):
    """Not an error line of Django's for each: a store that is down is one fault, not as many as there are clients."""
    store = FailingStore(sqlite_instance.store, 10_000, error)
    door = Door(sqlite_instance, store=store, hold_seconds=0.1)
    token = door.token()
    counted = door.request("GET", "/-/health").json()["figures"]
    caplog.clear()

    with capture_logs() as told:
        assert status == door.upload(wheels.twine_body(*WHEEL), token).status

    sample = f'holdfast_uploads_refused_total{{status="{status}"}}'
    again = door.request("GET", "/-/health").json()["figures"]
    assert counted[sample] + 1 == again[sample]
    assert [(level, f"upload refused with {status}", error().reason)] == [
        (t["log_level"], t["event"], t["why"]) for t in told
    ]
    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_store_that_stays_away_means_503_and_nothing_listed_and_the_retry_succeeds(sqlite_instance: Instance):
    store = FailingStore(sqlite_instance.store, 10_000, blink)
    door = Door(sqlite_instance, store=store, hold_seconds=0.2)
    token = door.token()

    away = door.upload(wheels.twine_body(*WHEEL), token)
    store.failures = 0
    back = door.upload(wheels.twine_body(*WHEEL), token)

    assert (away.status, away.headers["retry-after"]) == (503, "5")
    assert away.text == "Try again: the store does not answer\n"
    assert back.status == 200
    assert list(door.parts.config.spool_folder.iterdir()) == []


def test_a_full_disk_means_507_at_once(sqlite_instance: Instance):
    door = Door(sqlite_instance, store=FailingStore(sqlite_instance.store, 10_000, full), hold_seconds=60)

    answer = door.upload(wheels.twine_body(*WHEEL), door.token())

    assert (answer.status, answer.text) == (507, "the disk of the store folder is full\n")
    assert not Project.objects.exists()
    assert not Intent.objects.filter(lease_until__gt=F("created")).exists(), "the next sweep clears it away"


def test_a_database_that_is_locked_for_a_moment_is_waited_for(sqlite_instance: Instance):
    door = Door(sqlite_instance, hold_seconds=8.0)
    token = door.token()
    locker = sqlite3.connect(sqlite_instance.config.sqlite_file, isolation_level=None, check_same_thread=False)
    locker.execute("BEGIN IMMEDIATE")
    release = threading.Timer(1.5, lambda: locker.execute("ROLLBACK"))
    release.start()

    answer = door.upload(wheels.twine_body(*WHEEL), token)

    release.join()
    locker.close()
    assert answer.status == 200


def test_a_database_that_stays_locked_means_503_within_the_hold(sqlite_instance: Instance):
    door = Door(sqlite_instance, hold_seconds=0.5)
    token = door.token()
    locker = sqlite3.connect(sqlite_instance.config.sqlite_file, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")

    answer = door.upload(wheels.twine_body(*WHEEL), token)

    locker.execute("ROLLBACK")
    locker.close()
    assert answer.status == 503
    assert answer.text.startswith("Try again: the database cannot answer")
    assert not File.objects.exists()


def test_a_deleted_database_is_never_made_again_and_works_when_it_is_back(sqlite_instance: Instance, tmp_path: Path):
    door = Door(sqlite_instance, hold_seconds=0.2)
    token = door.token()
    close_connection()
    database = sqlite_instance.config.sqlite_file
    aside = database.rename(tmp_path / "aside")

    gone = door.upload(wheels.twine_body(*WHEEL), token)
    assert not database.exists()
    aside.rename(database)
    back = door.upload(wheels.twine_body(*WHEEL), token)

    assert gone.status == 503
    assert "holdfast restore" in gone.text
    assert back.status == 200


def test_a_file_that_was_committed_but_not_published_is_told_so_and_the_retry_finishes_it(sqlite_instance: Instance):
    store = FailingStore(sqlite_instance.store, 0, blink)
    sqlite_instance.publisher.store = store  # the publisher's own store fails, the uploads' does not
    door = Door(sqlite_instance, hold_seconds=0.2)
    token = door.token()
    store.failures = 10_000

    unfinished = door.upload(wheels.twine_body(*WHEEL), token)
    store.failures = 0
    again = door.upload(wheels.twine_body(*WHEEL), token)

    assert unfinished.status == 503
    assert "not published yet" in unfinished.text
    assert (again.status, again.text) == (200, f"{WHEEL[0]} was already there with the same bytes.\n")


def test_a_disk_that_takes_half_a_minute_leaves_time_for_a_blip_in_publication(sqlite_instance: Instance):
    clock = ForwardClock()

    class SlowStore(FailingStore):
        def adopt_file(self, key: str, path: Path) -> None:
            super().adopt_file(key, path)
            clock.advance(30)

    publisher = sqlite_instance.another_publisher(clock=clock)
    publisher.store = FailingStore(sqlite_instance.store, 1, blink)
    slow = SlowStore(sqlite_instance.store, 0, blink)
    door = Door(sqlite_instance, clock=clock, store=slow, publisher=publisher)

    assert door.upload(wheels.twine_body(*WHEEL), door.token()).status == 200


def test_the_bytes_are_durable_before_the_row_is(sqlite_instance: Instance):
    """A crash in between must leave an orphan, never a listed file without bytes."""
    seen: list[bool] = []

    class Watching(FailingStore):
        def adopt_file(self, key: str, path: Path) -> None:
            seen.append(File.objects.exists())
            super().adopt_file(key, path)

    door = Door(sqlite_instance, store=Watching(sqlite_instance.store, 0, blink))
    door.upload(wheels.twine_body(*WHEEL), door.token())

    assert seen == [False]
    assert door.parts.store.get(addresses.blob(hashlib.sha256(WHEEL[1]).hexdigest())) == WHEEL[1]


def test_bytes_of_an_upload_whose_commit_nobody_can_tell_are_not_swept(sqlite_instance: Instance):
    """A commit whose answer was lost may land later than anybody looked: the intents last until their lease ends."""

    class Undecided:
        """A publisher whose database hangs up at every commit."""

        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def head_before_write(self) -> int:
            raise Unavailable("the database hung up")

    door = Door(sqlite_instance, hold_seconds=0.2)
    token = door.token()
    door.parts = replace(door.parts, publisher=Undecided(sqlite_instance.publisher))

    answer = door.upload(wheels.twine_body(*WHEEL), token)

    assert answer.status == 503
    assert collect_orphans(sqlite_instance.store, SystemClock()) == 0
    clock, watch = ManualClock(SystemClock().now() + timedelta(hours=3)), Watch()
    assert collect_orphans(sqlite_instance.store, clock, watch) == 0
    clock.advance(UPLOAD_LEASE_SECONDS)
    assert collect_orphans(sqlite_instance.store, clock, watch) == 2


# The hold itself, on a clock that moves when told.


def test_work_is_tried_again_until_its_deadline():
    clock, tries = ManualClock(), []

    def work() -> None:
        tries.append(clock.monotonic())
        raise blink()

    with pytest.raises(Unavailable):
        held(work, clock, clock.monotonic() + 8, clock.advance)

    assert tries[-1] <= tries[0] + 8
    assert tries[-1] > tries[0] + 7
    assert len(tries) < 40


def test_two_uploads_that_meet_one_fault_do_not_come_back_together():
    paces: list[list[float]] = []
    for _ in range(2):
        clock, pauses = ManualClock(), []

        def work() -> None:
            raise blink()

        def pause(seconds: float, clock: ManualClock = clock, pauses: list[float] = pauses) -> None:
            pauses.append(seconds)
            clock.advance(seconds)

        with pytest.raises(Unavailable):
            held(work, clock, clock.monotonic() + 2, pause)
        paces.append(pauses)

    assert paces[0] != paces[1]


def test_what_is_no_blip_is_not_tried_again():
    def work() -> None:
        raise Absent("no such project")

    clock = ManualClock()
    with pytest.raises(Absent):
        held(work, clock, clock.monotonic() + 8, clock.advance)
    assert clock.monotonic() == 1000.0


@pytest.mark.parametrize(
    ("age", "left"), [(0, 8.0), (3, 5.0), (100, 0.0), (-50, 8.0)], ids=["now", "a while", "long ago", "in the future"]
)
def test_the_hold_counts_from_the_last_byte(age, left):
    clock = ManualClock()

    assert deadline_of(str(clock.now().timestamp() - age), 8.0, clock) == clock.monotonic() + left


def test_without_the_fronts_word_the_hold_counts_from_now_and_a_last_try_is_always_due():
    clock = ManualClock()

    assert deadline_of("", 8.0, clock) == clock.monotonic() + 8.0
    assert with_last_try(clock.monotonic() + 0.5, clock, 8.0) == clock.monotonic() + 1.5


def test_who_is_still_there_when_the_hold_is_over_waits_as_for_a_new_upload():
    """Work of our own used it up: hatch has left, and the others must not be refused for that."""
    clock = ManualClock()

    assert with_last_try(clock.monotonic() - 5, clock, 8.0) == clock.monotonic() + 8.0


# A start without a database.


def test_control_starts_without_its_database_and_finds_it_later(tmp_path: Path):
    instance = new_instance(tmp_path / "data")
    close_connection()
    aside = instance.config.sqlite_file.rename(tmp_path / "aside")
    clock = ManualClock()
    opening = Opening(lambda: open_parts(instance.config), clock)

    with pytest.raises(Unavailable, match="holdfast restore"):
        opening.parts()
    aside.rename(instance.config.sqlite_file)
    with pytest.raises(Unavailable):  # not asked again so soon
        opening.parts()
    clock.advance(1)

    assert opening.parts().config.instance == instance.config.instance
    assert not (tmp_path / "aside").exists()
    close_connection()


def test_a_folder_that_was_never_initialised_is_unavailable_and_stays_empty(tmp_path: Path):
    from holdfast.config import Config

    opening = Opening(lambda: open_parts(Config(data=tmp_path)), SystemClock())

    with pytest.raises(Unavailable, match="never initialised"):
        opening.parts()
    assert list(tmp_path.iterdir()) == []
