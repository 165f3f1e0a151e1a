"""Carrying rules out, project by project, as `work` does it each hour: bounded, and going on where it left off."""

import structlog
from django.db.models import Exists, OuterRef, Q

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

    def __init__(self, publisher: Publication, batch: int = BATCH) -> None:
        self._publisher = publisher
        self._batch = batch
        self._after = 0

    def run(self) -> int:
        """Look at the next projects; returns how many releases were deleted. Raises Unavailable."""
        projects = self._next()
        self._after = projects[-1][0] if len(projects) == self._batch else 0
        return sum(self._one(index, name) for _pk, index, name in projects)

    def _next(self) -> list[tuple[int, str, str]]:
        rules = RetentionRule.objects.exclude(newest=None, days=None).filter(index=OuterRef("index"))
        ruled = Exists(rules.filter(Q(project="") | Q(project=OuterRef("name"))))
        with database_guard():
            listed = Project.objects.filter(ruled, deleted=None, pk__gt=self._after).order_by("pk")
            return list(listed.values_list("pk", "index", "name")[: self._batch])

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
