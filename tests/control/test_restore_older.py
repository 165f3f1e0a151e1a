"""A backup that an older release made, restored after the upgrade: the way back that the upgrade itself leaves."""

from pathlib import Path

import pytest
from django.db.migrations.loader import MigrationLoader
from instances import ALICE, Instance, new_file, soon

from holdfast.clock import SystemClock
from holdfast.control.accounts.models import User
from holdfast.control.backup import backup, restore
from holdfast.control.database import database_guard
from holdfast.control.newer import has_pending_migrations
from holdfast.control.organisations.models import Membership, Organisation
from holdfast.control.projects.models import File
from holdfast.control.projects.publishing import publish_file
from holdfast.control.publication.reconcile import reconcile

CLOCK = SystemClock()


LATER = ("hooks", "publishers", "organisations")  # apps that the older release did not have, and what builds on them


def later_apps() -> list[str]:
    graph = MigrationLoader(None).graph
    return sorted({label for app in LATER for label, _ in graph.backwards_plan((app, "0001_initial"))})


@pytest.fixture
def older(instance: Instance, tmp_path: Path) -> Path:
    """A backup from before there were organisations, trusted publishers and webhooks; then the upgrade, and its use."""
    with database_guard() as wrapper, wrapper.cursor() as cursor:
        apps = later_apps()
        prefixes = tuple(f"{app}_" for app in apps)
        tables = [name for name in wrapper.introspection.table_names(cursor) if name.startswith(prefixes)]
        whole = backup(instance.config, tmp_path / "whole.tar", CLOCK)
        # Undoing migrations takes ten seconds: this leaves the same tables.
        if wrapper.vendor == "sqlite":
            cursor.execute("PRAGMA foreign_keys=OFF")
            for name in tables:
                cursor.execute(f"DROP TABLE {name}")
        else:
            cursor.execute(f"DROP TABLE {', '.join(tables)}")
        for app in apps:
            cursor.execute("DELETE FROM django_migrations WHERE app = %s", [app])
    saved = backup(instance.config, tmp_path / "older.tar", CLOCK)
    restore(instance.config, instance.store, whole, CLOCK)
    alice = User.objects.get_or_create(username="alice")[0]
    acme = Organisation.objects.create(name="acme", display="Acme", created=CLOCK.now())
    Membership.objects.create(organisation=acme, user=alice, role="owner")
    instance.upload("tool", "1.0")
    return saved


def test_a_backup_of_an_older_release_is_restored_over_newer_tables_and_brought_to_this_release(
    instance: Instance, older: Path
) -> None:
    restored = restore(instance.config, instance.store, older, CLOCK)

    assert (True, False) == (restored.is_behind, has_pending_migrations())
    assert (0, 0) == (Organisation.objects.count(), File.objects.count())

    reconcile(instance.publisher, ALICE, soon(30))
    done = publish_file(instance.publisher, "main", new_file("tool", "1.1"), ALICE, deadline=soon())

    assert (2, False) == (done.serial, done.existing)
