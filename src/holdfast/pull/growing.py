"""A file while it arrives: one writer, any number of readers who join when they like.

The last 64 KiB stay back until the digest of the whole matched, so nobody can complete a wrong file. Readers read
the partial file itself: memory does not grow with its size or with their number.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Executor
from pathlib import Path

from holdfast.core.errors import Corrupt, Outcome, Unavailable
from holdfast.store.port import DiskFull

HELD_BACK_BYTES = 64 * 1024
BLOCK_BYTES = 256 * 1024
CACHED_BYTES = 256 * 1024 * 1024  # written so recently that reading it back will not wait for a disk


class Growing:
    """The partial file at `path`. `hashes` are the digests the finished file must have, by algorithm."""

    def __init__(self, path: Path, filename: str, hashes: Iterable[tuple[str, str]], threads: Executor) -> None:
        self.path = path
        self.filename = filename
        self.total: int | None = None  # bytes, once the source has said it or the file is complete
        self.etag = ""  # the strong validator of the URL `etag_of`, for going on there after a break
        self.etag_of = ""
        self.received = 0
        self.released = 0  # readers may have the bytes before this offset
        self.failure: Outcome | None = None
        self.is_verified = False
        self.has_begun = False  # the source has promised the whole file
        self._expected = dict(hashes)
        self._hashers = {"sha256": hashlib.sha256()}
        self._hashers |= {name: hashlib.new(name, usedforsecurity=False) for name in self._expected}
        self._threads = threads
        self._news = asyncio.Event()
        self._readers = 0
        self._is_closed = False
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DiskFull(f"the partial folder takes no file ({error.strerror})", retry_after_seconds=60) from error

    # The writer's side

    def begin(self, total: int | None) -> None:
        """The source promised the whole file, of `total` bytes if it said so."""
        self.total = total
        self.has_begun = True

    async def write(self, chunk: bytes) -> None:
        """Append what arrived. Raises Unavailable when the disk does not take it."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._append, chunk)
        self.received += len(chunk)
        self.released = max(self.released, self.received - HELD_BACK_BYTES)
        self._tell()

    def verify(self) -> str:
        """Hold the complete file to its size and digests; answers its sha256. Raises Corrupt."""
        if self.total is not None and self.received != self.total:
            raise Corrupt(f"{self.filename} has {self.received} bytes instead of {self.total}")
        found = {name: hasher.hexdigest() for name, hasher in self._hashers.items()}
        for name, expected in self._expected.items():
            if found[name] != expected:
                raise Corrupt(f"the {name} of {self.filename} is {found[name]} instead of {expected}")
        return found["sha256"]

    def release(self) -> None:
        """The file is verified: readers may have its end."""
        self.total = self.released = self.received
        self.is_verified = True
        self._tell()

    def fail(self, failure: Outcome) -> None:
        """The file will not be completed: every reader's connection must break."""
        self.failure = failure
        self._tell()

    def end(self) -> None:
        """Nobody joins any more; the file is closed when its last reader leaves."""
        self._is_closed = True
        self._close_unread()

    # The readers' side

    async def begun(self) -> None:
        """Return once the first bytes can be given. Raises the failure if there will be none."""
        while not self.released and not self.is_verified:
            await self._next()

    async def finished(self) -> None:
        """Return once the file is verified. Raises the failure if it will not be."""
        while not self.is_verified:
            await self._next()

    def has(self, end: int) -> bool:
        """True when everything before `end` can be given now."""
        return self.failure is None and end <= self.released

    async def blocks(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` to before `end` as they are released. Raises the failure, wherever it happens."""
        offset = start
        self._readers += 1
        try:
            while end is None or offset < end:
                if self.failure is not None:
                    raise self.failure
                limit = self.released if end is None else min(end, self.released)
                if offset < limit:
                    block = await self._read(offset, min(BLOCK_BYTES, limit - offset))
                    offset += len(block)
                    yield block
                elif self.is_verified:
                    return
                else:
                    await self._next()
        finally:
            self._readers -= 1
            self._close_unread()

    def _append(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise DiskFull(f"the partial file cannot be written ({error.strerror})", retry_after_seconds=60) from error
        for hasher in self._hashers.values():
            hasher.update(chunk)

    async def _read(self, offset: int, length: int) -> bytes:
        if self.received - offset <= CACHED_BYTES:
            block = os.pread(self._descriptor, length, offset)
        else:
            loop = asyncio.get_running_loop()
            block = await loop.run_in_executor(self._threads, os.pread, self._descriptor, length, offset)
        if not block:
            raise Unavailable(f"the partial file of {self.filename} was cut short")
        return block

    async def _next(self) -> None:
        if self.failure is not None:
            raise self.failure
        await self._news.wait()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _close_unread(self) -> None:
        if self._is_closed and not self._readers and self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
