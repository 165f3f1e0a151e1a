"""Tables that a newer release has changed, and what an older one does with them.

Releases run beside each other while one takes over (docs/deploying.md), so a migration only adds (expand), and an older
release goes on with what it knows. What takes away or changes (contract) comes a release later, and says so: it raises
the format in the database's instance row, and whoever reads less refuses to start and to write, by name. Installs
ask no database and go on either way. tests/control/test_newer_tables.py holds every migration to it.
"""

from functools import cache
from typing import Any

from django.apps import apps
from django.db.migrations import RunPython
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from holdfast.config import DATA_FORMAT
from holdfast.control.database import database_guard
from holdfast.core.errors import Unavailable

OURS = "holdfast.control."
NAMED_MAX = 5


class NewerData(Unavailable):
    """The database was changed by a newer release in a way that this one cannot work with."""

    def __init__(self, data_format: int) -> None:
        super().__init__(
            f"the database holds newer data: its format is {data_format}, this release of Holdfast reads up to"
            f" {DATA_FORMAT}. Start the newer release again, or `holdfast restore` a backup from before it (each"
            " upgrade leaves one in `backups/`). Installs go on meanwhile",
            retry_after_seconds=60,
        )


def demand_readable(data_format: int) -> None:
    """Raises NewerData."""
    if data_format > DATA_FORMAT:
        raise NewerData(data_format)


class NeedsFormat(RunPython):
    """In a migration that takes something away from releases of a lower format: keeps them from starting.

    Such a migration depends on ("publication", "0001_initial"), and `DATA_FORMAT` is at least `data_format`.
    """

    def __init__(self, data_format: int) -> None:
        self.data_format = data_format
        super().__init__(self._raise, RunPython.noop)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, [self.data_format], {}

    def _raise(self, old: Any, schema_editor: Any) -> None:
        rows = old.get_model("publication", "Instance").objects.using(schema_editor.connection.alias)
        rows.filter(data_format__lt=self.data_format).update(data_format=self.data_format)


def newer_migrations() -> list[str]:
    """Migrations of ours that the database has and this release does not know. Raises DatabaseUnavailable."""
    ours = {config.label for config in apps.get_app_configs() if config.name.startswith(OURS)}
    unknown = _applied() - set(_of_this_release().disk_migrations)
    return sorted(f"{app}.{name}" for app, name in unknown if app in ours)


def has_pending_migrations() -> bool:
    """True when this release knows migrations the database has not seen. Raises DatabaseUnavailable."""
    return not set(_of_this_release().graph.nodes) <= _applied()


@cache
def _of_this_release() -> MigrationLoader:
    """Its migrations, read from their files once: these stay as they are while a process runs."""
    return MigrationLoader(None)


def _applied() -> set[tuple[str, str]]:
    with database_guard() as wrapper:
        return set(MigrationRecorder(wrapper).applied_migrations())


def told_newer() -> str:
    """A sentence about them, "" when there are none. Raises DatabaseUnavailable."""
    found = newer_migrations()
    if not found:
        return ""
    named = ", ".join(found[:NAMED_MAX]) + (f" and {len(found) - NAMED_MAX} more" if len(found) > NAMED_MAX else "")
    return f"its tables are those of a newer release ({named}), which this one can go on with"
