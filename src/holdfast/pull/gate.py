"""Bounded concurrency with a bounded queue: over both, the answer is Unavailable at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from holdfast.core.errors import Unavailable


class Gate:
    """`limit` holders at a time; `waiting_max` more may queue."""

    def __init__(self, label: str, limit: int, waiting_max: int) -> None:
        self.label = label
        self.held = 0
        self.waiting = 0
        self._waiting_max = waiting_max
        self._limit = limit
        self._semaphore = asyncio.Semaphore(limit)

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Hold a place, got within `seconds`. Raises Unavailable when the queue is full or too slow."""
        await self._enter(seconds)
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1
            self._semaphore.release()

    async def _enter(self, seconds: float) -> None:
        if self.held >= self._limit and self.waiting >= self._waiting_max:
            raise Unavailable(f"too many requests wait for {self.label}", retry_after_seconds=1)
        self.waiting += 1
        try:
            async with asyncio.timeout(seconds):
                await self._semaphore.acquire()
        except TimeoutError:
            raise Unavailable(f"too many requests wait for {self.label}", retry_after_seconds=2) from None
        finally:
            self.waiting -= 1
