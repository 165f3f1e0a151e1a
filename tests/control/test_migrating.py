"""Two processes that start over one database at the same moment: one migrates, the other finds it done."""

import json
from pathlib import Path

import pytest
from django.core.management import call_command
from instances import Instance
from postgres import create_database, drop_database
from processes import Command, starting, wait_for

from holdfast.config import Config
from holdfast.control.database import close_connection, database_guard, django_setup
from holdfast.control.instance import NotInitialised, initialise, prepare
from holdfast.control.migrating import MigrationUnderWay, migration_lock
from holdfast.control.newer import has_pending_migrations
from holdfast.settings.loading import load
from holdfast.store.local import LocalStore

# What control and work do at their start, again and again until it is done.
START = """
import sys, time
from pathlib import Path
from holdfast.config import Config, IndexConfig
from holdfast.control.database import django_setup
config = Config(data=Path(sys.argv[1]), database_url=sys.argv[2])
django_setup(config)
from holdfast.control.instance import prepare
from holdfast.control.migrating import MigrationUnderWay
from holdfast.store.opening import open_store
while True:
    try:
        prepare(config, open_store("", config.store_folder))
        break
    except MigrationUnderWay:
        print("waiting", flush=True)
        time.sleep(0.01)
"""


FIRST_START = """
import sys
from pathlib import Path
from holdfast.config import Config
from holdfast.control.database import django_setup
config = Config(data=Path(sys.argv[1]), database_url=sys.argv[2], store=sys.argv[3])
django_setup(config)
from holdfast.control.instance import initialise
from holdfast.store.opening import open_store
print(initialise(config, open_store(config.store, config.store_folder)).instance)
"""


def go_back(instance: Instance) -> None:
    """The tables as an older release left them: one is missing. Unmaking all takes seconds and shows no more."""
    with database_guard():
        call_command("migrate", "domains", "zero", verbosity=0)
    assert has_pending_migrations()
    close_connection()


def test_control_and_work_that_start_together_migrate_once_after_one_backup(instance: Instance, tmp_path: Path):
    go_back(instance)
    with starting(tmp_path) as start:
        with migration_lock(instance.config):
            both = [start("-c", START, str(instance.config.data), instance.config.database_url) for _ in range(2)]
            for one in both:
                one.says("waiting")

        assert [wait_for_end(one) for one in both] == [0, 0], [one.stderr for one in both]

    assert not has_pending_migrations()
    assert len(list(instance.config.backup_folder.iterdir())) == 1


def wait_for_end(command: Command) -> int:
    wait_for(lambda: command.process.poll() is not None, "the end of a start")
    return int(command.process.returncode)


def test_who_comes_while_another_migrates_is_refused_and_changes_nothing(instance: Instance):
    go_back(instance)
    with migration_lock(instance.config), pytest.raises(MigrationUnderWay, match="another process is bringing"):
        prepare(instance.config, instance.store)

    assert has_pending_migrations()
    assert list(instance.config.backup_folder.iterdir()) == []
    prepare(instance.config, instance.store)
    assert not has_pending_migrations()


def test_a_release_that_changes_no_tables_starts_while_another_holds_the_lock(instance: Instance):
    with migration_lock(instance.config):
        assert prepare(instance.config, instance.store) == instance.config


def test_a_lock_ends_with_its_process(sqlite_instance: Instance, tmp_path: Path):
    hold = (
        "import sys, time; from pathlib import Path; from holdfast.config import Config;"
        "from holdfast.control.migrating import migration_lock;"
        "lock = migration_lock(Config(data=Path(sys.argv[1]))); lock.__enter__();"
        "print('held', flush=True); time.sleep(600)"
    )
    with starting(tmp_path) as start:
        holder = start("-c", hold, str(sqlite_instance.config.data))
        holder.says("held")
        with pytest.raises(MigrationUnderWay), migration_lock(sqlite_instance.config):
            pass
        holder.process.kill()
        holder.process.wait()

        with migration_lock(sqlite_instance.config):
            pass


def test_two_machines_that_start_first_over_one_empty_database_make_one_instance(postgres: str, tmp_path: Path):
    url = create_database(postgres, "first")
    LocalStore.create(tmp_path / "store")
    config = Config(data=tmp_path, database_url=url)
    django_setup(config)
    try:
        with starting(tmp_path) as start:
            with migration_lock(config):
                both = [start("-c", FIRST_START, str(tmp_path / name), url, str(tmp_path / "store")) for name in "ab"]
                for name in "ab":
                    wait_for((tmp_path / name / "log").exists, "both at the door")

            assert [wait_for_end(one) for one in both] == [0, 0], [one.stderr for one in both]
    finally:
        close_connection()
        drop_database(postgres, "first")

    found = {json.loads((tmp_path / name / "instance.json").read_text())["instance"] for name in "ab"}
    assert found == {both[0].stdout.strip()} == {both[1].stdout.strip()}


def test_a_release_beside_one_with_sqlite_joins_it_and_waits_for_its_migrations(
    sqlite_instance: Instance, tmp_path: Path
):
    """Each has a data folder of its own; the database and the store are the ones that are in use."""
    running = sqlite_instance.config
    store = LocalStore(running.store_folder)
    beside = Config(
        data=tmp_path / "beside", database_url=f"sqlite://{running.sqlite_file}", store=str(running.store_folder)
    )

    assert initialise(beside, store).instance == running.instance
    with migration_lock(running), pytest.raises(MigrationUnderWay), migration_lock(beside):
        pass
    assert not (beside.data / "holdfast.sqlite3").exists()


def test_the_setting_names_the_file_of_the_other_one():
    config = load({"HOLDFAST_DATABASE_URL": "sqlite:///srv/one/holdfast.sqlite3"}, folder=Path("/srv"))

    assert config.sqlite_file == Path("/srv/one/holdfast.sqlite3")


def test_half_an_instance_is_not_joined(sqlite_instance: Instance, tmp_path: Path):
    """The database alone, with a store of its own, would be a second tree."""
    sqlite_instance.upload("demo", "1.0")
    alone = Config(data=tmp_path / "beside", database_url=f"sqlite://{sqlite_instance.config.sqlite_file}")

    with pytest.raises(NotInitialised):
        initialise(alone, LocalStore.create(alone.store_folder))
