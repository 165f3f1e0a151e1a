"""What the database has as published and the tree's end does not hold: an older copy of the store, or lost files."""

import structlog

from holdfast.clock import Clock
from holdfast.control.database import database_guard, held_transaction
from holdfast.control.publication.models import Event
from holdfast.store.port import Store
from holdfast.tree.journal import has_segment
from holdfast.tree.writer import published_head

log = structlog.get_logger()

MARK_SECONDS = 2.0  # how long the statement waits for the write lock
NEWEST = 10  # serials looked for: what a busy minute writes after a lost one must not always hide it


def reopen_lost(head: int, clock: Clock) -> int:
    """Publish again what the tree should hold beyond `head` and does not: a tree restored from an older copy."""
    with database_guard():
        lost = Event.objects.filter(serial__gt=head).exclude(published=None)
        if not lost.exists():
            return 0
    with held_transaction(clock, clock.monotonic() + MARK_SECONDS):
        count = lost.update(published=None, held=False)
    log.warning("the tree ends at serial %s: %s serials are published again", head, count, serial=head)
    return count


def reopen_lost_end(store: Store, clock: Clock) -> int:
    """Publish again what was published last and is in the tree no more: while a server runs, nobody else looks.

    Answers how many serials. Raises Unavailable.
    """
    with database_guard():
        newest = list(
            Event.objects.exclude(published=None).order_by("-serial").values_list("serial", flat=True)[:NEWEST]
        )
    if all(has_segment(store, serial) for serial in newest):
        return 0
    return reopen_lost(published_head(store), clock)  # what lies in chunks or below a checkpoint is not lost
