"""What happens when the database is deleted, replaced, locked, read-only or refusing: Unavailable, and nothing lost."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import transaction
from django.db.models.signals import post_migrate
from instances import ALICE, Instance, new_config, new_file, new_instance, soon
from postgres import TEMPLATE, create_database, drop_database, psql

from holdfast.control.backup import read_manifest
from holdfast.control.database import (
    DatabaseUnavailable,
    close_connection,
    database_guard,
    django_setup,
    held_transaction,
    is_sqlite,
    read_snapshot,
)
from holdfast.control.instance import (
    NotInitialised,
    check_instance,
    has_pending_migrations,
    initialise,
    migrate,
    prepare,
)
from holdfast.control.newer import NewerData
from holdfast.control.projects.models import Project
from holdfast.control.projects.publishing import publish_file
from holdfast.control.publication.models import Counter, Event
from holdfast.control.publication.models import Instance as InstanceRow
from holdfast.control.publication.transaction import current_serial, write_transaction
from holdfast.core.errors import Corrupt, Unavailable
from holdfast.drill.figures import measured
from holdfast.store.local import LocalStore
from holdfast.tree import addresses


def upload_now(instance: Instance, version: str, seconds: float = 0.3) -> int:
    return publish_file(instance.publisher, "main", new_file("tool", version), ALICE, deadline=soon(seconds)).serial


def _write_while_the_file_goes(instance: Instance) -> None:
    with write_transaction(instance.publisher, ALICE, soon()) as tx:
        tx.changed(Project.objects.get(name="tool"))
        instance.config.sqlite_file.unlink()


def test_a_deleted_database_is_never_made_again_and_writes_say_so(sqlite_instance: Instance) -> None:
    upload_now(sqlite_instance, "1.0")
    before = [info.key for info in sqlite_instance.store.list("")]
    sqlite_instance.config.sqlite_file.unlink()

    with pytest.raises(DatabaseUnavailable, match=r"gone or was replaced.*holdfast restore"):
        upload_now(sqlite_instance, "1.1")
    with pytest.raises(DatabaseUnavailable):
        sqlite_instance.publisher.drain()

    assert not sqlite_instance.config.sqlite_file.exists()
    assert before == [info.key for info in sqlite_instance.store.list("")]


def test_a_write_under_way_when_the_database_is_deleted_is_not_acknowledged(sqlite_instance: Instance) -> None:
    upload_now(sqlite_instance, "1.0")

    with pytest.raises(DatabaseUnavailable, match="gone or was replaced"):
        _write_while_the_file_goes(sqlite_instance)

    assert 1 == sqlite_instance.reader().head


def test_a_database_replaced_under_an_open_connection_is_looked_at_afresh(sqlite_instance: Instance) -> None:
    upload_now(sqlite_instance, "1.0")
    path = sqlite_instance.config.sqlite_file
    with closing(sqlite3.connect(path)) as live, closing(sqlite3.connect(path.with_name("copy"))) as copy:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        copy.execute("UPDATE publication_instance SET instance = 'another'")
        copy.commit()
    os.replace(path.with_name("copy"), path)
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)

    with pytest.raises(DatabaseUnavailable, match="belongs to instance another"):
        upload_now(sqlite_instance, "1.1")


def test_a_database_that_comes_back_in_time_is_written_as_if_nothing_had_been(sqlite_instance: Instance) -> None:
    upload_now(sqlite_instance, "1.0")
    path = sqlite_instance.config.sqlite_file
    close_connection()
    away = path.with_name("away")
    os.rename(path, away)
    back = threading.Timer(0.5, os.rename, (away, path))
    back.start()

    serial = upload_now(sqlite_instance, "1.1", seconds=20)

    back.join()
    assert 2 == serial


@pytest.mark.usefixtures("figures")
def test_a_locked_database_is_waited_for_until_the_deadline_and_no_longer(sqlite_instance: Instance) -> None:
    def wait(_turn: int) -> float:
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailable, match="locked"):
            upload_now(sqlite_instance, "1.0", seconds=1.5)
        return time.monotonic() - started

    with closing(sqlite3.connect(sqlite_instance.config.sqlite_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waited = measured(wait, lambda seconds: seconds > 4.0)
        other.execute("ROLLBACK")

    assert 1.0 <= waited <= 4.0
    assert 1 == upload_now(sqlite_instance, "1.0")


def test_a_read_only_database_refuses_writes_and_still_answers_reads(sqlite_instance: Instance) -> None:
    upload_now(sqlite_instance, "1.0")
    close_connection()
    path = sqlite_instance.config.sqlite_file
    with open(path, "r+b") as file:  # a file of a future format is read-only to SQLite, whoever asks, root included
        file.seek(18)
        file.write(b"\x03")

    with pytest.raises(DatabaseUnavailable, match="readonly"):
        upload_now(sqlite_instance, "1.1")

    assert (1, 1) == (current_serial(), sqlite_instance.reader().head)


@pytest.mark.parametrize("content", [b"", b"not a database" * 100], ids=["emptied", "overwritten"])
def test_a_database_file_without_a_database_in_it_is_unavailable(sqlite_instance: Instance, content: bytes) -> None:
    upload_now(sqlite_instance, "1.0")
    close_connection()
    sqlite_instance.config.sqlite_file.write_bytes(content)

    with pytest.raises(DatabaseUnavailable):
        upload_now(sqlite_instance, "1.1")
    with pytest.raises((DatabaseUnavailable, NotInitialised)):
        initialise(sqlite_instance.config, sqlite_instance.store)

    assert content == sqlite_instance.config.sqlite_file.read_bytes()


def test_a_store_that_is_away_refuses_the_write_before_anything_is_committed(instance: Instance) -> None:
    folder = instance.config.store_folder
    folder.rename(folder.with_name("unmounted"))
    folder.mkdir()

    with pytest.raises(Unavailable):
        upload_now(instance, "1.0")

    assert 0 == current_serial()


def test_a_snapshot_reads_one_state_while_others_write(instance: Instance) -> None:
    upload_now(instance, "1.0")

    def write() -> None:
        upload_now(instance, "1.1", seconds=10)
        close_connection()

    with read_snapshot():
        first = Event.objects.count()
        writer = threading.Thread(target=write)
        writer.start()
        writer.join(20)
        second = Event.objects.count()

    assert (1, 1, 2) == (first, second, Event.objects.count())


def test_nothing_is_initialised_over_whatever_is_missing(sqlite_instance: Instance, tmp_path: Path) -> None:
    config, store = sqlite_instance.config, sqlite_instance.store
    upload_now(sqlite_instance, "1.0")
    close_connection()
    saved = config.marker.read_bytes()
    moved = tmp_path / "moved"

    config.marker.unlink()
    with pytest.raises(NotInitialised, match=r"instance.json is missing"):
        initialise(config, store)
    config.marker.write_bytes(saved)
    shutil.move(config.sqlite_file, moved)
    with pytest.raises(NotInitialised, match=r"missing or empty.*holdfast restore FILE.*holdfast rebuild"):
        initialise(config, store)
    config.marker.unlink()
    with pytest.raises(NotInitialised, match="holdfast rebuild"):
        initialise(config, store)
    config.marker.write_bytes(saved)
    shutil.move(moved, config.sqlite_file)
    other = LocalStore.create(tmp_path / "other-store")
    with pytest.raises(NotInitialised, match="holds no published tree"):
        initialise(config, other)

    assert [] == list(other.list(""))
    assert config == initialise(config, store)
    check_instance(config, store)


def test_a_first_start_that_was_cut_off_is_taken_up_again(tmp_path: Path, database_url: str) -> None:
    instance = new_instance(tmp_path / "data", database_url)
    instance.config.marker.unlink()
    again = initialise(instance.config, instance.store)
    instance.config.marker.unlink()
    instance.store.delete(addresses.INSTANCE)

    assert instance.config.instance == again.instance == initialise(instance.config, instance.store).instance


def test_ids_that_differ_and_newer_data_are_refused_by_name(instance: Instance) -> None:
    check_instance(instance.config, instance.store)

    InstanceRow.objects.update(instance="0" * 32)
    with pytest.raises(NotInitialised, match=r"the database belongs to instance 0{32}"):
        check_instance(instance.config, instance.store)
    InstanceRow.objects.update(instance=instance.config.instance, data_format=99)
    with pytest.raises(NewerData, match="its format is 99, this release of Holdfast reads up to 1"):
        check_instance(instance.config, instance.store)
    marker = json.loads(instance.config.marker.read_text())
    instance.config.marker.write_text(json.dumps(marker | {"format": 99}))
    with pytest.raises(Corrupt, match="this release reads up to 1"):
        check_instance(instance.config, instance.store)


def test_pending_migrations_are_run_after_an_automatic_backup(instance: Instance) -> None:
    upload_now(instance, "1.0")
    with database_guard():
        call_command("migrate", "domains", "zero", verbosity=0)
    assert has_pending_migrations()

    known = prepare(instance.config, instance.store)
    prepare(instance.config, instance.store)

    (made,) = instance.config.backup_folder.iterdir()
    assert (instance.config, 1, False) == (known, read_manifest(made).serial, has_pending_migrations())


class TestPostgres:
    """What only a server can do."""

    @pytest.fixture
    def instance(self, tmp_path: Path, postgres: str) -> Instance:  # type: ignore[misc]  # ends in the finalizer below
        return new_instance(tmp_path / "data", create_database(postgres, "trouble", TEMPLATE))

    @pytest.fixture(autouse=True)
    def _drop(self, postgres: str):  # type: ignore[no-untyped-def]
        yield
        close_connection()
        drop_database(postgres, "trouble")

    def test_a_connection_the_server_ended_is_replaced_by_a_new_one(self, instance: Instance, postgres: str) -> None:
        upload_now(instance, "1.0")
        psql(postgres, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'trouble'")

        assert 2 == upload_now(instance, "1.1", seconds=8)

    def test_a_migration_has_all_the_time_it_needs_and_nothing_else_has(self, instance: Instance) -> None:
        """An index over millions of files is made in minutes; cut off each time, control would never start again."""
        upload_now(instance, "1.0")
        seen = []

        def look(**_facts: object) -> None:
            seen.append(limits())

        def limits() -> tuple[str, ...]:
            with database_guard() as wrapper, wrapper.cursor() as cursor:
                cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
                return tuple(cursor.fetchone())

        post_migrate.connect(look)
        try:
            migrate()
        finally:
            post_migrate.disconnect(look)

        assert {("0", "1s")} == set(seen)
        assert ("30s", "1s") == limits()

    def test_a_server_that_refuses_is_unavailable(self, instance: Instance, tmp_path: Path) -> None:
        config = new_config(tmp_path / "data", f"postgresql://holdfast@/trouble?host={tmp_path}")
        django_setup(config)

        with pytest.raises(DatabaseUnavailable, match="the database cannot answer"):
            upload_now(instance, "1.0")

    def test_a_lock_held_elsewhere_ends_in_unavailable(self, instance: Instance, postgres: str) -> None:
        import psycopg

        upload_now(instance, "1.0")
        with psycopg.connect(host=postgres, user="holdfast", dbname="trouble") as other:
            other.execute("SELECT * FROM publication_counter FOR UPDATE")
            with database_guard() as wrapper, wrapper.cursor() as cursor:
                cursor.execute("SET lock_timeout = '200ms'")
            with pytest.raises(DatabaseUnavailable, match="lock timeout"):
                upload_now(instance, "1.1")
            other.rollback()

        assert 1 == current_serial()


def test_no_process_touches_the_network_or_the_disk_by_setting_django_up(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from holdfast.config import Config;"
        "from holdfast.control.database import django_setup; django_setup(Config(data=Path(sys.argv[1])))"
    )

    subprocess.run([sys.executable, "-c", code, str(tmp_path / "nothing")], check=True)

    assert [] == list(tmp_path.iterdir())


def test_an_emptied_counter_is_our_trouble_and_no_crash(instance: Instance) -> None:
    Counter.objects.all().delete()

    with pytest.raises(DatabaseUnavailable, match="never initialised"):
        upload_now(instance, "1.0")
    with held_transaction(instance.publisher.clock, soon()):
        assert not Event.objects.exists()


@pytest.mark.usefixtures("figures")
def test_a_database_that_locks_up_during_publication_costs_no_more_than_the_hold_and_one_try(
    instance: Instance,
) -> None:
    """hatch gives up ten seconds after its last byte, so the hold of eight must not be overdrawn by more than one."""
    upload_now(instance, "1.0")

    def publish(turn: int) -> float:
        with locked_up(instance) as lock:
            publisher = instance.another_publisher(lambda step: lock() if step == "claimed" else None)
            began = time.monotonic()
            with pytest.raises(Unavailable):
                publish_file(publisher, "main", new_file("tool", f"1.1.{turn}"), ALICE, deadline=soon(0.5))
            spent = time.monotonic() - began
        assert upload_now(instance, f"1.2.{turn}", 60) == 2 * turn + 3
        return spent

    assert measured(publish, lambda seconds: seconds >= 2.0) < 2.0


@contextmanager
def locked_up(instance: Instance) -> Iterator[Callable[[], None]]:
    """A call that locks the whole database, as a migration or a backup tool of another kind does; undone at the end."""
    if is_sqlite(instance.config):
        with closing(sqlite3.connect(instance.config.sqlite_file, isolation_level=None)) as locker:
            yield lambda: None if locker.in_transaction else locker.execute("BEGIN IMMEDIATE") and None
        return
    with psycopg.connect(instance.config.database_url) as locker:
        yield lambda: locker.execute("LOCK TABLE publication_event, publication_publisherlease") and None
        locker.rollback()


def test_what_runs_on_commit_may_write_once_more(instance: Instance):
    """It runs before the turn is handed over, in the very thread that has it, and waits for nobody."""
    clock, seen = instance.publisher.clock, []

    def write_once_more() -> None:
        with held_transaction(clock, clock.monotonic()):
            seen.append("written")

    with held_transaction(clock, soon()):
        transaction.on_commit(write_once_more)

    assert ["written"] == seen
