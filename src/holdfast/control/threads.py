"""How many requests control lets in, works on and keeps waiting.

Health must be answered while every request at work waits for a locked database: so the server has more threads than
requests are let through at once. The others wait their turn; beyond that they are told to come again.
"""

import threading

from holdfast.control.turns import Turns

WAITING_MAX = 32  # requests; each is a spooled upload that costs nothing but a thread while it waits
HEALTH_THREADS = 2
NOTICE_THREADS = 2  # for notices of what arrives, answered in a millisecond; one that comes too many is not missed


def threads_for(working_max: int) -> int:
    """How many threads the server needs for that many requests at work."""
    return working_max + WAITING_MAX + HEALTH_THREADS + NOTICE_THREADS


class WaitingRoom:
    """At most `working_max` inside, at most `waiting_max` waiting to be let in."""

    def __init__(self, working_max: int, waiting_max: int = WAITING_MAX) -> None:
        self._places = working_max + waiting_max
        self._taken = 0
        self._seats = Turns(working_max)
        self._lock = threading.Lock()

    def enter(self) -> bool:
        """Wait for a seat; False at once when even the waiting room is full."""
        with self._lock:
            if self._taken == self._places:
                return False
            self._taken += 1
        self._seats.enter()
        return True

    def leave(self) -> None:
        """Give the seat back."""
        self._seats.leave()
        with self._lock:
            self._taken -= 1

    def taken(self) -> int:
        """How many are inside or waiting."""
        return self._taken
