"""Following the journal: the hint that makes the next request see an upload, and a look each second regardless.

The reader's catch-up runs in a thread of its own; requests wait for it at most a moment, then get what is known.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import structlog

from holdfast.clock import Clock
from holdfast.core.errors import Outcome
from holdfast.tree.reader import Changes, TreeReader

log = structlog.get_logger(__name__)

TAIL_SECONDS = 1.0
WAIT_SECONDS = 0.25  # the longest a request waits for news; an unreachable store must not slow warm pages
OVERDUE_SECONDS = 5.0  # without a look at the journal, before a request for something uncached asks for one
RETRY_LOG_SECONDS = 60.0  # how often lasting trouble is told again


class Hint(Protocol):
    """The published head as publishers on this machine bump it; only a hint. The number is `cells[0]`."""

    @property
    def cells(self) -> Sequence[int]: ...


class Follower:
    """Keeps one reader current. `on_changes` runs in the event loop before anybody is answered from the news."""

    def __init__(self, reader: TreeReader, hint: Hint, clock: Clock, on_changes: Callable[[Changes], None]) -> None:
        self.seen = -1  # the hint's value that was caught up with; -1 before the first load
        self.trouble: Outcome | None = None
        self._reader = reader
        self._cells = hint.cells
        self._clock = clock
        self._on_changes = on_changes
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._flight: asyncio.Task[None] | None = None
        self._flight_began = 0.0
        self._told_at = float("-inf")
        self._tail: asyncio.Task[None] | None = None

    @property
    def hinted(self) -> int:
        """The head publishers on this machine announced."""
        return self._cells[0]

    async def start(self) -> None:
        """One attempt to load, then go on behind: a front starts whatever the store does."""
        await self._fly()
        self._tail = asyncio.get_running_loop().create_task(self._tail_for_ever())

    async def stop(self) -> None:
        if self._tail is not None:
            self._tail.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def is_behind(self) -> bool:
        """True when something newer was announced, or when the look each second has not happened for a while."""
        return self._cells[0] != self.seen or self._is_overdue

    @property
    def _is_overdue(self) -> bool:
        return self._clock.monotonic() - self._reader.last_contact > OVERDUE_SECONDS

    async def catch_up(self) -> None:
        """Before an answer: see what the hint promises, or give up waiting after a moment."""
        deadline = self._clock.monotonic() + WAIT_SECONDS
        if self._is_overdue:
            await self._wait(deadline)
        while self.seen != self._cells[0] and await self._wait(deadline):
            pass

    async def _wait(self, deadline: float) -> bool:
        """Wait for one catch-up until the deadline; False when that is past.

        A catch-up that takes too long delays nobody else: whoever comes now gets what is known.
        """
        flight = self._fly()
        left = min(deadline, self._flight_began + WAIT_SECONDS) - self._clock.monotonic()
        return left > 0 and bool((await asyncio.wait([flight], timeout=left))[0])

    def _fly(self) -> asyncio.Task[None]:
        if self._flight is None or self._flight.done():
            self._flight_began = self._clock.monotonic()
            self._flight = asyncio.get_running_loop().create_task(self._catch_up_once())
        return self._flight

    async def _catch_up_once(self) -> None:
        promised = self._cells[0]  # read first: what is published later moves it again
        changes = await asyncio.get_running_loop().run_in_executor(self._thread, self._reader.catch_up)
        self._on_changes(changes)
        self._tell(changes.trouble)
        self.seen = promised  # also in trouble: warm pages go on, and the tail looks again each second

    async def _tail_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TAIL_SECONDS)
            try:
                await asyncio.shield(self._fly())
            except Exception:
                log.exception("following the journal failed, the next attempt comes in a second")

    def _tell(self, trouble: Outcome | None) -> None:
        if trouble is None:
            if self.trouble is not None:
                log.warning("the published tree can be read again", head=self._reader.head)
            self._told_at = float("-inf")
        elif self._clock.monotonic() - self._told_at > RETRY_LOG_SECONDS:
            self._told_at = self._clock.monotonic()
            log.error("the published tree cannot be followed: %s", trouble.reason, head=self._reader.head)
        self.trouble = trouble
