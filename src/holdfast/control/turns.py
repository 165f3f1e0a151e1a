"""Whose turn it is among the threads of one process that want the same thing: who came first, or who needs least.

SQLite lets whoever happens to look first have its write lock, and Python's semaphores whoever comes when a place is
given back: with sixteen uploads at once some waited a hundred times as long as others.
"""

import heapq
import threading
from collections import deque
from itertools import count


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


class LeastFirst:
    """So many places for work of known length, done in pieces: the next piece is of whoever has least left.

    Many that began together end one after the other, not all at the end, and who has little never waits for much.
    """

    def __init__(self, places: int) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[int, int, threading.Event]] = []  # a heap: what is left, who came first, whom to call
        self._coming = count()
        self._free = places

    def enter(self, left: int) -> None:
        """Wait for a place to do a piece of work of which so much is left. Whoever got one must `leave`."""
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine = self._place_in_line(left)
            heapq.heappush(self._waiting, mine)
        mine[2].wait()

    def go_on(self, left: int) -> None:
        """Keep one's place for the next piece, or lend it to who has less left and wait again."""
        with self._lock:
            mine = self._place_in_line(left)
            first = heapq.heappushpop(self._waiting, mine)
            if first is mine:
                return
            first[2].set()
        mine[2].wait()

    def leave(self) -> None:
        """Hand over to who has least left."""
        with self._lock:
            if self._waiting:
                heapq.heappop(self._waiting)[2].set()
            else:
                self._free += 1

    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    def _place_in_line(self, left: int) -> tuple[int, int, threading.Event]:
        return left, next(self._coming), threading.Event()
