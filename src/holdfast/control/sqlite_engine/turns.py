"""First come, first served, among the threads of one process that want SQLite's write lock.

SQLite itself lets whoever happens to look first have it, and those that found it taken sleep ever longer between two
looks: with sixteen uploads at once some waited a hundred times as long as others.
"""

import threading
from collections import deque


class Turns:
    """A lock that is handed over in the order in which it was asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._is_taken = False

    def enter(self, seconds_max: float) -> bool:
        """Wait for one's turn; False when it did not come in time. Whoever got one must `leave`."""
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
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
            assert self._is_taken, "nobody has the turn"
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False
