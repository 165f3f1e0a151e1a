"""Promotions that are cut off, that meet others, and that a database has to learn again from the tree."""

import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import wheels
from doors import Door
from instances import Instance, empty_database, operator, rebuilt, soon
from staged import MAIN, NAMES, STAGING, filenames, staged, to_main

from holdfast.clock import ManualClock, SystemClock
from holdfast.control.backup import backup, restore
from holdfast.control.database import close_connection
from holdfast.control.projects.models import File, FilenameBinding
from holdfast.control.publication.fsck import check
from holdfast.control.publication.models import Event
from holdfast.control.publication.publisher import LEASE_SECONDS
from holdfast.control.publication.reconcile import reconcile

CLOCK = SystemClock()


class Killed(BaseException):
    """What a process that ends looks like from inside."""


@pytest.mark.parametrize("step", ["claimed", "rendered", "record-written", "card-written", "segment-written", "marked"])
def test_a_promotion_cut_off_at_any_step_is_whole_or_absent_and_finished_by_the_next_publisher(
    sqlite_instance: Instance, step: str
):
    door, alice = staged(sqlite_instance)

    def die(at: str) -> None:
        if at == step:
            raise Killed

    cut_off = Door(sqlite_instance, publisher=sqlite_instance.another_publisher(die)).among(MAIN, STAGING)
    with pytest.raises(Killed):
        to_main(cut_off, alice)

    assert filenames(sqlite_instance, "main") in ([], NAMES)
    lease_is_over = ManualClock(CLOCK.now() + timedelta(seconds=2 * LEASE_SECONDS))
    sqlite_instance.another_publisher(clock=lease_is_over).drain()
    assert filenames(sqlite_instance, "main") == NAMES
    again = to_main(door, alice)
    assert (again.status, again.json()["existing"]) == (200, True)
    assert not Event.objects.filter(published=None).exists()


def test_promotions_and_uploads_of_one_release_at_once_neither_lock_up_nor_lose_a_file(instance: Instance):
    door, alice = staged(instance)
    late = [wheels.wheel("demo-pkg", "1.0", tags=[f"cp3{minor}-none-any"]) for minor in range(10, 14)]
    answers: list[int] = []

    def work(call: Any) -> None:
        try:
            answers.append(call().status)
        finally:
            close_connection()

    def upload(made: tuple[str, bytes], path: str) -> Any:
        return lambda: door.upload(wheels.twine_body(*made), alice, path)

    calls = [upload(made, path) for made in late for path in ("/main/legacy/", "/staging/legacy/")]
    calls += [lambda: to_main(door, alice)] * 4
    threads = [threading.Thread(target=work, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    told = Counter(answers)
    assert told[200] + told[503] == len(calls), told  # 503: it changed faster than it was read
    assert to_main(door, alice).status == 200
    assert sorted(filenames(instance, "main")) == sorted([*NAMES, *(made[0] for made in late)])


def fsck(instance: Instance) -> list[str]:
    lines: list[str] = []
    check(instance.config, repair=False, deep=True, say=lines.append)
    return lines


def test_a_restored_and_reconciled_database_knows_what_was_promoted_after_the_backup(
    instance: Instance, tmp_path: Path
):
    door, alice = staged(instance)
    saved = backup(instance.config, tmp_path / "saved.tar", CLOCK)
    to_main(door, alice)
    before = facts()

    restore(instance.config, instance.store, saved, CLOCK)
    publisher = instance.another_publisher()
    reconcile(publisher, operator(), soon())

    assert facts() == before
    assert fsck(instance) == []
    door = Door(instance, publisher=publisher).among(MAIN, STAGING)
    again = to_main(door, alice)
    assert (again.status, again.json()["existing"]) == (200, True)


def test_a_rebuilt_database_knows_promoted_files_like_uploaded_ones(instance: Instance):
    door, alice = staged(instance)
    to_main(door, alice)
    before = facts()
    empty_database(instance)

    rebuilt(instance, CLOCK)

    assert facts() == before
    assert fsck(instance) == []


def facts() -> list[tuple[Any, ...]]:
    """Everything of a file that must come back, and what its name is bound to."""
    columns = ("project__index", "filename", "sha256", "metadata_sha256", "size", "upload_time", "release__version")
    bindings = FilenameBinding.objects.values_list("index", "filename", "sha256")
    return sorted(File.objects.values_list(*columns)) + sorted(bindings)
