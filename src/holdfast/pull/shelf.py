"""The store as the event loop may use it: every call in a thread of a pool of its own.

The pool is not the loop's default one: name look-ups of a dead upstream may fill that.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from holdfast.core.errors import Absent
from holdfast.store.port import ObjectInfo, Store

THREADS = 8
V = TypeVar("V")


class Shelf:
    """Async face of a Store; the outcomes are the store's own."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store")

    async def run(self, work: Callable[[], V]) -> V:
        """Do blocking work in the pool."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def get(self, key: str) -> bytes:
        return await self.run(lambda: self.store.get(key))

    async def find(self, key: str) -> bytes | None:
        """The object, or None when it is absent. Raises Unavailable."""
        try:
            return await self.get(key)
        except Absent:
            return None

    async def head(self, key: str) -> ObjectInfo | None:
        """Size and version, or None when it is absent. Raises Unavailable."""
        try:
            return await self.run(lambda: self.store.head(key))
        except Absent:
            return None

    async def put(self, key: str, data: bytes) -> None:
        await self.run(lambda: self.store.put(key, data))

    async def adopt_file(self, key: str, path: Path) -> None:
        await self.run(lambda: self.store.adopt_file(key, path))

    async def delete(self, key: str) -> None:
        await self.run(lambda: self.store.delete(key))

    def close(self) -> None:
        """Let running calls end and take no more."""
        self._threads.shutdown(wait=False)
