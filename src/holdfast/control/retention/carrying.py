"""Carrying rules out, project by project, as `work` does it each hour: bounded, and going on where it left off."""

import structlog

from holdfast.control.database import database_guard
from holdfast.control.projects.models import Project
from holdfast.control.publication.transaction import NotYetPublished, Publication
from holdfast.control.retention.actions import carry_out
from holdfast.control.retention.models import RetentionRule
from holdfast.core.errors import Absent, Refused

log = structlog.get_logger()

BATCH = 500  # projects looked at in one go
STATEMENT_SECONDS = 8.0


class Retention:
    """Goes through every project that a rule holds for; each run goes on behind the last project of the one before."""

    def __init__(self, publisher: Publication) -> None:
        self._publisher = publisher
        self._after = 0

    def run(self) -> int:
        """Look at the next projects; returns how many releases were deleted. Raises Unavailable."""
        projects = self._next()
        self._after = projects[-1][0] if len(projects) == BATCH else 0
        return sum(self._one(index, name) for _pk, index, name in projects)

    def _next(self) -> list[tuple[int, str, str]]:
        with database_guard():
            rules = RetentionRule.objects.exclude(newest=None, days=None)
            whole = set(rules.filter(project="").values_list("index", flat=True))
            single = set(rules.exclude(project="").values_list("index", "project"))
            if not whole and not single:
                return []
            listed = Project.objects.filter(deleted=None, pk__gt=self._after, index__in=whole | {i for i, _ in single})
            rows = listed.order_by("pk").values_list("pk", "index", "name")[:BATCH]
            return [row for row in rows if row[1] in whole or (row[1], row[2]) in single]

    def _one(self, index: str, name: str) -> int:
        deadline = self._publisher.clock.monotonic() + STATEMENT_SECONDS
        try:
            versions = carry_out(self._publisher, index, name, deadline=deadline)
        except (Absent, Refused):  # deleted meanwhile; deletions are switched off there
            return 0
        except NotYetPublished:
            return 1
        if versions:
            log.info("retention deleted %s releases of %s", len(versions), name, index=index)
        return len(versions)
