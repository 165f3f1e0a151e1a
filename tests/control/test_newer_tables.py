"""An older release on tables that a newer one has changed: it goes on where it can, and refuses by name where not."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from instances import Instance, soon

from holdfast.config import DATA_FORMAT
from holdfast.control.database import database_guard
from holdfast.control.instance import prepare
from holdfast.control.newer import OURS, NeedsFormat, NewerData, newer_migrations, told_newer
from holdfast.control.publication.models import Instance as InstanceRow
from holdfast.control.publication.transaction import Publication, held

# What an older release does not notice.
ADDS = (operations.CreateModel, operations.AddField, operations.AddIndex, operations.RemoveIndex, NeedsFormat)
# Before the first release there was no older one; what these change, code from before them can live with all the same.
JUDGED = {
    "accounts.0003_people: AlterField password",  # a default of the code alone
    "accounts.0003_people: RunPython",  # an unusable password in the place of an empty one
    "accounts.0004_audit_chain: RunPython",  # the row of the chain's end, which only newer code reads
    "accounts.0005_audit_indexes: AlterField subject",  # an index
}


def test_an_older_release_starts_and_publishes_on_tables_that_were_only_added_to(instance: Instance) -> None:
    with database_guard() as wrapper, wrapper.cursor() as cursor:
        cursor.execute("ALTER TABLE projects_project ADD COLUMN later text NULL")
        cursor.execute("CREATE TABLE projects_later (id integer PRIMARY KEY)")
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('projects', '0099_later', CURRENT_TIMESTAMP)"
        )

    prepare(instance.config, instance.store)

    assert ["projects.0099_later"] == newer_migrations()
    assert "tables are those of a newer release (projects.0099_later)" in told_newer()
    assert 1 == instance.upload("demo", "1.0").serial


def test_this_release_knows_all_of_its_own_tables(instance: Instance) -> None:
    assert ([], "") == (newer_migrations(), told_newer())


def test_a_migration_that_takes_something_away_keeps_older_releases_from_starting_and_from_writing(
    instance: Instance,
) -> None:
    class Contract(Migration):
        operations = [NeedsFormat(DATA_FORMAT + 1)]

    instance.upload("demo", "1.0")  # by a process of this release, which runs on
    with database_guard() as wrapper, wrapper.schema_editor() as editor:
        Contract("later", "publication").apply(_state(), editor)

    assert DATA_FORMAT + 1 == InstanceRow.objects.get().data_format
    told = "newer data: its format is 2, this release of Holdfast reads up to 1. Start the newer release again"
    with pytest.raises(NewerData, match=told):
        prepare(instance.config, instance.store)
    with pytest.raises(NewerData, match=told):
        instance.upload("demo", "2.0")


def test_nobody_is_held_for_what_no_waiting_cures(sqlite_instance: Instance) -> None:
    tries: list[int] = []

    @held
    def action(_publisher: Publication, *, deadline: float) -> None:
        tries.append(1)
        raise NewerData(DATA_FORMAT + 1)

    with pytest.raises(NewerData):
        action(sqlite_instance.publisher, deadline=soon(1))

    assert [1] == tries


def _state() -> ProjectState:
    with database_guard() as wrapper:
        return MigrationLoader(wrapper).project_state()


def test_every_migration_only_adds_or_says_which_format_it_needs() -> None:
    """A release that still runs must be able to go on: see docs/deploying.md."""
    assert sorted(JUDGED) == sorted(_breaking())


def _breaking() -> Iterator[str]:
    labels = {config.label for config in apps.get_app_configs() if config.name.startswith(OURS)}
    for (app, name), migration in MigrationLoader(None).disk_migrations.items():
        if app not in labels or name == "0001_initial" or _needs_format(migration):
            continue
        for one in migration.operations:
            if type(one) not in ADDS or _stops_inserts(one):
                yield f"{app}.{name}: {type(one).__name__} {getattr(one, 'name', '')}".rstrip()


def _needs_format(migration: Migration) -> bool:
    return any(isinstance(one, NeedsFormat) for one in migration.operations)


def _stops_inserts(one: object) -> bool:
    """A column that older code does not fill must be filled by the database."""
    if not isinstance(one, operations.AddField) or isinstance(one.field, models.ManyToManyField):
        return False
    return not one.field.null and one.field.db_default is models.NOT_PROVIDED
