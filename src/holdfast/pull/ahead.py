"""Fetches what the reader of a page asks for next: the metadata of its newest wheel. Behind answers, never before.

What comes too late or in too great numbers is left to the request itself, so this delays nobody.
"""

import asyncio
from collections.abc import Coroutine

from holdfast.pull.facts import Newest
from holdfast.pull.metadata import Metadata
from holdfast.pull.origins import Origins

FETCHES_PER_CONNECTION = 0.25  # of an upstream's connections, at most; the rest is for those who wait
PROOF_SECONDS = 1.0  # a first page waits so long at most for the round trip that lets it offer metadata


class FetchAhead:
    """For one upstream."""

    def __init__(self, metadata: Metadata, origins: Origins, connections_max: int, proof_seconds: float) -> None:
        self._metadata = metadata
        self._origins = origins
        self._fetches_max = max(1, int(connections_max * FETCHES_PER_CONNECTION))
        self._proof_seconds = proof_seconds
        self._tasks: set[asyncio.Task[None]] = set()

    async def prove(self, wheel: Newest) -> bool:
        """Whether it is known now, within a round trip, how the wheel's origin answers. Never raises.

        The proof is one real wheel's metadata, which is then kept.
        """
        task = self._begin(self._metadata.ahead(wheel.sha256, wheel.filename))
        if task is not None and self._origins.gives_parts(wheel.url) is None:
            await asyncio.wait({task}, timeout=self._proof_seconds)
        return self._origins.gives_parts(wheel.url) is not None

    def fetch(self, wheel: Newest) -> None:
        """Have the wheel's metadata soon, if that delays nobody."""
        self._begin(self._metadata.ahead(wheel.sha256, wheel.filename))

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None] | None:
        if len(self._tasks) >= self._fetches_max:
            work.close()
            return None
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
