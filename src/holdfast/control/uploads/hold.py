"""Holding an upload through a blip of database or store, instead of answering 5xx at the first try.

twine sends a refused upload again at once and without a pause; hatch gives up ten seconds after its last byte. So a
blip is waited out here, until `hold_seconds` after the last byte arrived at the front. Our own work is no blip.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from holdfast.clock import Clock
from holdfast.core.errors import Unavailable
from holdfast.store.port import DiskFull

T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.05
PAUSE_SECONDS_MAX = 0.5
LAST_TRY_SECONDS = 1.5  # what is left at least when work on a big file used most of it up; hatch still waits


def deadline_of(body_end: str, hold_seconds: float, clock: Clock) -> float:
    """When to stop waiting, in the clock's monotonic seconds. `body_end` is the front's Unix time of the last byte."""
    try:
        age = clock.now().timestamp() - float(body_end)
    except ValueError:
        age = 0.0
    # A clock that was set meanwhile must neither end the hold at once nor stretch it.
    return clock.monotonic() + hold_seconds - min(max(age, 0.0), hold_seconds)


def with_last_try(deadline: float, clock: Clock, hold_seconds: float) -> float:
    """The same deadline, or a later one after work of ours that took long: the bytes are here, an honest try is due.

    Once the hold is over altogether, hatch has left, and whoever is still there waits as for a new upload: a machine
    with much else to do would else refuse what it was sent whole.
    """
    now = clock.monotonic()
    if now < deadline:
        return max(deadline, now + LAST_TRY_SECONDS)
    return now + max(hold_seconds, LAST_TRY_SECONDS)


def held(work: Callable[[], T], clock: Clock, deadline: float, pause: Callable[[float], None] = time.sleep) -> T:
    """Run `work`, again while it raises Unavailable, until `deadline`. A full disk does not empty itself: no wait.

    The pauses differ, so that many uploads that met one fault do not come back to the store all at once.
    """
    seconds = FIRST_PAUSE_SECONDS
    while True:
        try:
            return work()
        except DiskFull:
            raise
        except Unavailable:
            if clock.monotonic() + seconds > deadline:
                raise
        pause(seconds * random.uniform(0.5, 1.0))  # noqa: S311 - spreads tries, guards nothing
        seconds = min(2 * seconds, PAUSE_SECONDS_MAX)
