"""Sessions that are cut off while they publish, and that meet others who want the same."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import wheels
from doors import Door
from instances import Instance
from sessions import NAMES, OTHER, RELEASE, WHEEL, ask, filenames, preview_of, stage, staged

from holdfast.clock import ManualClock, SystemClock
from holdfast.control.database import close_connection
from holdfast.control.projects.models import File, FilenameBinding
from holdfast.control.publication.models import Event
from holdfast.control.publication.publisher import LEASE_SECONDS
from holdfast.control.staging.models import StagingSession
from holdfast.control.staging.preview import show_changed
from holdfast.core.errors import Unavailable
from holdfast.store.local import LocalStore
from holdfast.tree import addresses

CLOCK = SystemClock()


class Killed(BaseException):
    """What a process that ends looks like from inside."""


@pytest.mark.parametrize("step", ["claimed", "rendered", "record-written", "card-written", "segment-written", "marked"])
def test_publishing_cut_off_at_any_step_shows_all_or_nothing_and_is_finished_by_the_next_publisher(
    sqlite_instance: Instance, step: str
):
    _, alice, session = staged(sqlite_instance)

    def die(at: str) -> None:
        if at == step:
            raise Killed

    cut_off = Door(sqlite_instance, publisher=sqlite_instance.another_publisher(die))
    with pytest.raises(Killed):
        ask(cut_off, alice, session, "POST", "publish")

    assert filenames(sqlite_instance) in ([], NAMES)
    lease_is_over = ManualClock(CLOCK.now() + timedelta(seconds=2 * LEASE_SECONDS))
    sqlite_instance.another_publisher(clock=lease_is_over).drain()
    assert filenames(sqlite_instance) == NAMES
    again = ask(Door(sqlite_instance), alice, session, "POST", "publish")
    assert (again.status, again.json()["serial"]) == (200, StagingSession.objects.get().serial)
    assert not Event.objects.filter(published=None).exists()


def test_publishing_cut_off_before_the_commit_changes_nothing(sqlite_instance: Instance):
    door, alice, session = staged(sqlite_instance)

    class NoHead:
        clock, instance = CLOCK, sqlite_instance.config.instance
        switches = sqlite_instance.publisher.switches

        def head_before_write(self) -> int:
            raise Killed

        def publish_until(self, serial: int, deadline: float) -> None:
            raise AssertionError

    with pytest.raises(Killed):
        ask(Door(sqlite_instance, publisher=NoHead()), alice, session, "POST", "publish")

    assert (filenames(sqlite_instance), FilenameBinding.objects.count()) == ([], 0)
    assert ask(door, alice, session).json()["status"] == "open"
    assert ask(door, alice, session, "POST", "publish").status == 200


def at_once(*calls: Any) -> list[int]:
    """The statuses of calls that are made in threads at the same time, in the calls' order."""
    answers = [0] * len(calls)
    start = threading.Barrier(len(calls))

    def work(place: int) -> None:
        try:
            start.wait(10)
            answers[place] = calls[place]().status
        finally:
            close_connection()

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def test_of_two_sessions_for_one_release_exactly_one_opens(instance: Instance):
    door = Door(instance)
    alice = door.token("alice")

    answers = at_once(*[lambda: door.api("POST", "sessions/main", alice, RELEASE)] * 4)

    assert sorted(answers) == [201, 409, 409, 409]
    assert StagingSession.objects.count() == 1


def test_of_two_files_with_one_name_and_other_bytes_exactly_one_is_staged(instance: Instance):
    door, alice, session = staged(instance)
    ask(door, alice, session, "DELETE", f"files/{WHEEL[0]}")

    answers = at_once(lambda: stage(door, alice, session, WHEEL), lambda: stage(door, alice, session, OTHER))

    assert sorted(answers) == [200, 409]


def test_of_a_session_and_an_upload_with_other_bytes_exactly_one_wins_and_the_index_is_whole(instance: Instance):
    door, alice, session = staged(instance)

    published, uploaded = at_once(
        lambda: ask(door, alice, session, "POST", "publish"), lambda: door.upload(wheels.twine_body(*OTHER), alice)
    )

    assert (published, uploaded) in ((200, 400), (409, 200))
    assert filenames(instance) == (NAMES if published == 200 else [WHEEL[0]])
    bound = dict(FilenameBinding.objects.values_list("filename", "sha256"))
    assert bound == dict(File.objects.values_list("filename", "sha256"))


def test_two_who_publish_one_session_at_once_publish_it_once(instance: Instance):
    door, alice, session = staged(instance)

    answers = at_once(*[lambda: ask(door, alice, session, "POST", "publish")] * 3)

    assert answers == [200, 200, 200]
    assert File.objects.count() == 2


class NoPreviews(LocalStore):
    """A store that takes everything but previews while `broken`."""

    broken = True

    def put(self, key: str, data: bytes, *, create: bool = False) -> None:
        if self.broken and key.startswith(addresses.PREVIEW_PREFIX):
            raise Unavailable("the store is full of holes")
        super().put(key, data, create=create)


def test_a_preview_that_could_not_be_written_is_written_by_work(sqlite_instance: Instance):
    store = NoPreviews(sqlite_instance.config.store_folder)
    door, alice, session = staged(sqlite_instance, store=store)
    before = preview_of(door, alice, session)

    store.broken = False
    shown = show_changed(store, CLOCK)

    found = preview_of(door, alice, session)
    assert (before, shown) == (None, 1)
    assert found is not None and [file.filename for file in found.staged().files] == NAMES
