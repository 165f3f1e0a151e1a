"""First come, first served, among the threads of one process that want the same thing.

SQLite lets whoever happens to look first have its write lock, and Python's semaphores whoever comes when a place is
given back: with sixteen uploads at once some waited a hundred times as long as others.
"""

import threading
from collections import deque


class Turns:
    """So many places, handed over in the order in which they were asked for."""

    def __init__(self, places: int = 1) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._free = places

    def enter(self, seconds_max: float | None = None) -> bool:
        """Wait for one's turn; False when it did not come in time. Whoever got one must `leave`."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            called = threading.Event()
            self._waiting.append(called)
        if called.wait(seconds_max):
            return True
        with self._lock:
            if called.is_set():  # called just now: it is ours after all
                return True
            self._waiting.remove(called)
            return False

    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    def leave(self) -> None:
        """Hand over to whoever has waited longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
