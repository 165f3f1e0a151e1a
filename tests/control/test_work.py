"""The work role: finishes what was cut off, lives through outages, stops when told."""

import os
import threading
from collections.abc import Callable, Iterator

import pytest
from instances import ALICE, Instance, new_file, soon
from processes import wait_for

from holdfast.control.database import close_connection
from holdfast.control.projects.publishing import publish_file
from holdfast.control.publication.drill import Step
from holdfast.control.publication.models import PublisherLease
from holdfast.control.publication.publisher import is_published
from holdfast.control.tasks import Task
from holdfast.control.work import run
from holdfast.core.errors import Unavailable


@pytest.fixture
def working(instance: Instance) -> Iterator[Callable[[], None]]:
    """Starts the role in a thread of its own; stops it at the end."""
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(instance.config, stop))
    yield thread.start
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def cut_off(instance: Instance, version: str) -> None:
    """An upload whose process died before publication."""

    def die(step: Step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish_file(instance.another_publisher(die), "main", new_file("tool", version), ALICE, deadline=soon())
    PublisherLease.objects.update(holder="", until="2000-01-01T00:00:00Z")


def test_a_publication_that_was_cut_off_is_finished_within_seconds(
    instance: Instance, working: Callable[[], None]
) -> None:
    cut_off(instance, "1.0")

    working()

    assert wait_for(lambda: is_published(1), "the serial is published")


def test_it_starts_without_a_database_and_goes_on_when_one_comes_back(sqlite_instance: Instance) -> None:
    instance = sqlite_instance
    cut_off(instance, "1.0")
    close_connection()
    path, away = instance.config.sqlite_file, instance.config.data / "away"
    os.rename(path, away)
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(instance.config, stop))
    thread.start()
    wait_for(thread.is_alive, "the role runs")

    os.rename(away, path)

    assert wait_for(lambda: is_published(1), "the serial is published")
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def test_a_task_that_fails_rests_longer_each_time_up_to_ten_seconds() -> None:
    calls: list[float] = []

    def fail() -> None:
        calls.append(now)
        raise Unavailable("the store is away")

    task = Task("sweeping", 1.0, fail)
    for now in map(float, range(50)):
        task.run_when_due(now)

    assert [0.0, 1.0, 3.0, 7.0, 15.0, 25.0, 35.0, 45.0] == calls
