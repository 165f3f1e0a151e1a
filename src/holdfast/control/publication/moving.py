"""Whether publication goes on, whichever process is at it: seen from its oldest waiting row.

Rows are published in order and one by one. A writer whose row waits behind others' on a busy machine is not told that
it is not published as long as that moves: the rows before its own are given, and no later one comes in between.
"""

from holdfast.clock import Clock
from holdfast.control.database import database_guard
from holdfast.control.prepared import Prepared
from holdfast.control.publication.models import Event
from holdfast.core.errors import Unavailable

STALLED_SECONDS = 1.5  # over one row: it takes milliseconds, and a second on a machine that can hardly work any more

_oldest = Prepared(lambda: Event.objects.filter(published=None).order_by("serial").values_list("serial", flat=True)[:1])


class Moving:
    """One writer's looks at it, for as long as it waits beyond its deadline."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._oldest: int | None = None
        self._since = clock.monotonic()

    def is_stalled(self) -> bool:
        """True once the same row was the oldest for too long, or the database does not say."""
        try:
            with database_guard():
                oldest = _oldest.first()
        except Unavailable:
            return True
        now = self._clock.monotonic()
        if oldest != self._oldest:
            self._oldest, self._since = oldest, now
        return now - self._since >= STALLED_SECONDS
