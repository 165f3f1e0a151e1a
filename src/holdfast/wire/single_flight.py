"""One piece of work per key at a time, shared by everybody who wants its outcome.

The work is a task of its own: a waiter that leaves cancels nothing, and the outcome is kept by nobody afterwards.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from holdfast.core.errors import Unavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Waiters by key. `flights_max` bounds how many different keys may be in work at once."""

    def __init__(self, flights_max: int = 10_000) -> None:
        self._flights: dict[K, asyncio.Task[V]] = {}
        self._flights_max = flights_max

    def __len__(self) -> int:
        return len(self._flights)

    async def run(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        """The outcome of `work`, started only when none for `key` is under way.

        Raises what the work raises, or Unavailable when too many keys are in work.
        """
        flight = self._flights.get(key)
        if flight is None:
            if len(self._flights) >= self._flights_max:
                raise Unavailable("too many different objects are being fetched at once", retry_after_seconds=1)
            flight = asyncio.create_task(_call(work))
            self._flights[key] = flight
            flight.add_done_callback(lambda task: self._landed(key, task))
        return await asyncio.shield(flight)

    async def drain(self) -> None:
        """Cancel what is under way and wait until it has ended."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _landed(self, key: K, task: asyncio.Task[V]) -> None:
        if self._flights.get(key) is task:
            del self._flights[key]
        if not task.cancelled():
            task.exception()  # every waiter may have left; an outcome nobody read is not a defect to report


async def _call(work: Callable[[], Awaitable[V]]) -> V:
    return await work()
