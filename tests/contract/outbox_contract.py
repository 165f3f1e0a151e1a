"""What publication promises on every database engine. An engine joins with a `database_url` fixture."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from instances import ALICE, OPERATOR, Instance, fresh_sha256, new_file, new_instance, soon

from holdfast.clock import ManualClock, SystemClock
from holdfast.control.database import close_connection
from holdfast.control.projects import actions
from holdfast.control.projects.models import File, Project
from holdfast.control.projects.publishing import publish_file
from holdfast.control.publication.drill import Step
from holdfast.control.publication.models import Counter, Event, PublisherLease
from holdfast.control.publication.publisher import Publisher, is_published
from holdfast.control.publication.transaction import NotYetPublished, TreeAhead, current_serial, write_transaction
from holdfast.core.errors import Unavailable
from holdfast.core.model import Record
from holdfast.store.local import LocalStore
from holdfast.tree import addresses, hint
from holdfast.tree.journal import Segment, read_segment
from holdfast.tree.numbered import numbers
from holdfast.tree.writer import append

STEPS: tuple[Step, ...] = get_args(Step)
UPLOADERS = 16


class Gate:
    """Stops the first publisher that arrives at one step, as SIGSTOP would, until it is opened."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self, step: Step) -> None:
        if step == self.step and not self.reached.is_set():
            self.reached.set()
            assert self.open.wait(60)


class Crash(BaseException):
    """The process ends here: not an Exception, so that nothing in between handles it."""


class FailingStore(LocalStore):
    """A store that is away for everything under one prefix while it is told so."""

    away = ""

    def put(self, key: str, data: bytes, *, create: bool = False) -> None:
        if self.away and key.startswith(self.away):
            raise Unavailable("the store is away")
        super().put(key, data, create=create)


def in_thread(work: object, *args: object) -> None:
    """Run with a database connection that ends with the work."""
    try:
        work(*args)  # type: ignore[operator]
    finally:
        close_connection()


def expire_lease() -> None:
    """What two seconds do."""
    PublisherLease.objects.update(holder="", until="2000-01-01T00:00:00Z")


def commit_only(instance: Instance, project: str, version: str, **facts: object) -> int:
    """An upload whose process dies between the commit and the publication."""
    publisher = instance.another_publisher(pause=_die)
    with pytest.raises(Crash):
        publish_file(publisher, "main", new_file(project, version, **facts), ALICE, deadline=soon())  # type: ignore[arg-type]
    expire_lease()
    return current_serial()


def _die(step: Step) -> None:
    raise Crash


def page(instance: Instance, name: str) -> Record:
    reader = instance.reader()
    entry = reader.find("main", name)
    assert entry is not None
    return reader.record(entry)


def segments(instance: Instance) -> list[Segment]:
    """The journal, read from outside."""
    serials = list(numbers(instance.store, addresses.JOURNAL_PREFIX, addresses.segment))
    return [read_segment(instance.store, serial) for serial in serials]


class OutboxContract:
    """Serials, publishers and crashes."""

    @pytest.fixture
    def instance(self, tmp_path: Path, database_url: str) -> Instance:
        return new_instance(tmp_path / "data", database_url)

    def test_sixteen_writers_at_once_give_contiguous_serials_and_lose_nothing(self, instance: Instance) -> None:
        per_writer = 3

        def upload(writer: int) -> None:
            for number in range(per_writer):
                project = f"shared-{number}" if writer % 2 else f"own-{writer}"
                filename = f"{project}-{writer}.{number}.tar.gz"
                publish_file(
                    instance.publisher,
                    "main",
                    replace(new_file(project, f"{writer}.{number}"), filename=filename),
                    OPERATOR,
                    deadline=soon(60),
                )

        with ThreadPoolExecutor(UPLOADERS) as pool:
            list(pool.map(lambda writer: in_thread(upload, writer), range(UPLOADERS)))

        total = UPLOADERS * per_writer
        rows = list(Event.objects.order_by("serial").values_list("serial", "event"))
        assert [(s.serial, s.event) for s in segments(instance)] == rows
        assert list(range(1, total + 1)) == [serial for serial, _ in rows]
        reader = instance.reader()
        listed = [f for entry in reader.names("main") for f in reader.record(entry).files]
        assert total == len(listed) == File.objects.count()

    def test_serials_are_in_commit_order(self, instance: Instance) -> None:
        """A later serial never sees less than an earlier one: each file row is visible at its own serial."""
        for number in range(3):
            instance.upload("tool", f"1.{number}")

        serials = [page(instance, "tool").serial, *[s.serial for s in segments(instance)]]
        assert [3, 1, 2, 3] == serials

    def test_a_transaction_that_fails_gives_its_serial_back(self, instance: Instance) -> None:
        instance.upload("tool", "1.0")

        with pytest.raises(Crash):
            _write_and_die(instance)

        assert 2 == instance.upload("tool", "1.1").serial

    def test_an_upload_cut_off_before_publication_is_finished_by_the_next_publisher(self, instance: Instance) -> None:
        serial = commit_only(instance, "tool", "1.0")
        assert (1, False, []) == (serial, is_published(1), segments(instance))

        published = instance.upload("other", "1.0")

        assert (2, True) == (published.serial, is_published(1))
        assert ["tool-1.0.tar.gz"] == [file.filename for file in page(instance, "tool").files]

    def test_the_same_bytes_again_finish_what_was_cut_off(self, instance: Instance) -> None:
        digest = fresh_sha256()
        commit_only(instance, "tool", "1.0", sha256=digest)

        again = instance.upload("tool", "1.0", digest)

        assert (1, True, True) == (again.serial, again.existing, is_published(1))

    @pytest.mark.parametrize("step", STEPS)
    def test_a_publisher_stopped_at_any_step_and_continued_later_undoes_nothing(
        self, instance: Instance, step: Step
    ) -> None:
        instance.upload("tool", "1.0")
        gate = Gate(step)
        stopped = instance.another_publisher(pause=gate)
        digest = fresh_sha256()
        late = threading.Thread(
            target=in_thread,
            args=(lambda: publish_file(stopped, "main", new_file("tool", "1.1", digest), ALICE, deadline=soon(60)),),
        )
        late.start()
        assert gate.reached.wait(20)
        expire_lease()

        actions.yank_release(instance.publisher, "main", "tool", "1.0", "bad", ALICE, deadline=soon())
        actions.delete_file(instance.publisher, "main", "tool", "tool-1.1.tar.gz", ALICE, deadline=soon())
        instance.upload("tool", "1.2")
        before = segments(instance)
        gate.open.set()
        late.join(20)

        assert not late.is_alive()
        assert before == segments(instance)
        assert [1, 2, 3, 4, 5] == [segment.serial for segment in before]
        assert [("tool-1.0.tar.gz", True), ("tool-1.2.tar.gz", False)] == [
            (file.filename, file.yanked) for file in page(instance, "tool").files
        ]
        assert instance.reader().card("main", digest, "tool-1.1.tar.gz").deleted
        assert 5 == page(instance, "tool").serial

    @pytest.mark.parametrize("step", STEPS)
    def test_a_publisher_that_dies_at_any_step_leaves_nothing_unfinished(self, instance: Instance, step: Step) -> None:
        def die_at(reached: Step) -> None:
            if reached == step:
                raise Crash

        dying = instance.another_publisher(pause=die_at)
        with pytest.raises(Crash):
            publish_file(dying, "main", new_file("tool", "1.0"), ALICE, deadline=soon())
        expire_lease()

        instance.publisher.drain()
        instance.upload("tool", "1.1")

        assert [1, 2] == [segment.serial for segment in segments(instance)]
        assert ["tool-1.0.tar.gz", "tool-1.1.tar.gz"] == [file.filename for file in page(instance, "tool").files]
        assert not Event.objects.filter(published=None).exists()

    def test_two_publishers_at_once_write_each_serial_once(self, instance: Instance) -> None:
        for number in range(20):
            commit_only(instance, "tool", f"1.{number}")
        publishers = [instance.another_publisher() for _ in range(2)]

        def drain(publisher: Publisher) -> None:
            while Event.objects.filter(published=None).exists():
                publisher.drain()
                expire_lease()  # both believe they hold it

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda publisher: in_thread(drain, publisher), publishers))

        assert list(range(1, 21)) == [segment.serial for segment in segments(instance)]
        assert 20 == len(page(instance, "tool").files)

    def test_a_writer_publishes_no_more_than_it_waits_for(self, instance: Instance) -> None:
        """Whoever came later has a thread of its own: with many writers the first would never get its answer."""
        for number in range(3):
            commit_only(instance, "tool", f"1.{number}")

        instance.publisher.publish_until(2, soon())

        assert [1, 2] == [segment.serial for segment in segments(instance)]

    def test_a_publisher_that_came_too_late_gives_the_lease_back(self, instance: Instance) -> None:
        """Else every writer of another process waits until the lease ends."""
        commit_only(instance, "tool", "1.0")

        class Overtaken(SystemClock):
            """Just before this one's publisher asks for the lease, the other one finishes."""

            def now(self) -> datetime:
                instance.publisher.drain()
                return super().now()

        done = instance.another_publisher(clock=Overtaken()).drain()

        assert (0, True) == (done, is_published(1))
        assert PublisherLease.objects.get().until <= datetime.now(UTC)

    def test_a_store_outage_holds_nothing_and_is_waited_for(self, instance: Instance) -> None:
        store = FailingStore(instance.config.store_folder)
        publisher = Publisher(instance.config, store)
        store.away = "v1/main/"

        with pytest.raises(NotYetPublished, match="saved as serial 1"):
            publish_file(publisher, "main", new_file("tool", "1.0"), ALICE, deadline=soon(0.2))
        waiting = Event.objects.get(serial=1)
        store.away = ""
        publisher.publish_until(1, soon())

        assert (0, False, None) == (waiting.attempts, waiting.held, waiting.published)
        assert ["tool-1.0.tar.gz"] == [file.filename for file in page(instance, "tool").files]

    def test_one_project_that_cannot_be_rendered_is_held_and_the_log_goes_on(self, instance: Instance) -> None:
        instance.upload("bad", "1.0")
        instance.upload("good", "1.0")
        clock = ManualClock(Event.objects.get(serial=2).created)
        publisher = instance.another_publisher(clock=clock)
        commit_only(instance, "bad", "1.1")
        File.objects.filter(filename="bad-1.1.tar.gz").update(sha256="not a digest")
        commit_only(instance, "good", "1.1")

        tries = 0
        while Event.objects.filter(published=None).exists():
            publisher.drain()
            clock.advance(1.0)
            tries += 1

        reader = instance.reader()
        held = reader.state().held["main", "bad"]
        assert (3, 5, True) == (held.serial, Event.objects.get(serial=3).attempts, Event.objects.get(serial=3).held)
        assert 10 <= tries <= 20
        assert ["bad-1.0.tar.gz"] == [file.filename for file in page(instance, "bad").files]
        assert ["good-1.0.tar.gz", "good-1.1.tar.gz"] == [file.filename for file in page(instance, "good").files]

    def test_a_clock_set_back_after_a_failure_does_not_stop_the_log(self, instance: Instance) -> None:
        serial = commit_only(instance, "tool", "1.0")
        ahead = SystemClock().now() + timedelta(days=30)
        Event.objects.filter(serial=serial).update(attempts=1, first_failure=ahead)
        expire_lease()

        assert 1 == instance.publisher.drain()
        assert is_published(serial)

    def test_another_databases_segment_stops_publication_and_writing(self, instance: Instance) -> None:
        commit_only(instance, "tool", "1.0")
        row = Event.objects.get(serial=1)
        foreign = Segment(1, "f" * 32, instance.config.instance, row.created, ())
        append(instance.store, foreign)

        with pytest.raises(Unavailable, match="two databases write to one tree"):
            instance.publisher.drain()
        with pytest.raises(Unavailable, match=r"writing is stopped: .* run `holdfast reconcile` on one machine"):
            instance.upload("tool", "1.1")

        assert [foreign] == segments(instance)
        assert 1 == current_serial()

    def test_a_database_older_than_the_tree_takes_no_write(self, instance: Instance) -> None:
        for number in range(3):
            instance.upload("tool", f"1.{number}")
        Counter.objects.update(value=1)  # as a backup of an hour ago would have it
        Event.objects.filter(serial__gt=1).delete()

        for publisher in (instance.publisher, instance.another_publisher()):
            with pytest.raises(TreeAhead, match="holdfast reconcile"):
                publish_file(publisher, "main", new_file("tool", "9.0"), ALICE, deadline=soon())

        assert 1 == current_serial()
        assert 3 == instance.reader().head

    def test_a_left_over_hint_of_a_tree_that_is_no_more_does_not_stop_writing(self, instance: Instance) -> None:
        hint.bump(instance.config.head_hint, 5000)

        assert 1 == instance.upload("tool", "1.0").serial

    def test_publishing_what_is_published_writes_no_object_twice(self, instance: Instance) -> None:
        instance.upload("tool", "1.0")
        before = [(info.key, info.version) for info in instance.store.list("")]

        Event.objects.update(published=None)
        instance.another_publisher().drain()

        assert before == [(info.key, info.version) for info in instance.store.list("")]

    def test_a_real_process_killed_at_a_step_is_finished_by_the_next(self, instance: Instance, tmp_path: Path) -> None:
        commit_only(instance, "tool", "1.0")
        fifo = tmp_path / "gate"
        os.mkfifo(fifo)
        environ = os.environ | {"HOLDFAST_DRILL": "1", "HOLDFAST_DRILL_PAUSE": f"work@card-written:{fifo}"}
        words = [sys.executable, "-c", _DRAIN, str(instance.config.data), instance.config.database_url]
        process = subprocess.Popen(words, env=environ)
        with open(fifo, "wb"):  # opens once the process waits at the step
            process.kill()
        process.wait(20)
        expire_lease()

        instance.publisher.drain()

        assert [1] == [segment.serial for segment in segments(instance)]


def _write_and_die(instance: Instance) -> None:
    with write_transaction(instance.publisher, ALICE, soon()) as tx:
        tx.changed(Project.objects.get(name="tool"))
        raise Crash


_DRAIN = """
import sys
from dataclasses import replace
from pathlib import Path
from holdfast.config import Config
from holdfast.control.database import django_setup
config = Config(data=Path(sys.argv[1]), database_url=sys.argv[2])
django_setup(config)
from holdfast.control.instance import with_instance
from holdfast.control.publication.drill import pause_from_environment
from holdfast.control.publication.publisher import Publisher
from holdfast.store.local import LocalStore
Publisher(with_instance(config), LocalStore(config.store_folder), pause=pause_from_environment("work")).drain()
"""
