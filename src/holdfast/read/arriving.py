"""Large objects of a remote store, sent while their local copy is made: nobody waits for the whole file.

One reading of the bucket however many ask, and it goes on when they leave. The last bytes are held back until the
digest is known to be right; on a mismatch the connections break and no copy is kept. Parts of a file are passed on as
they are: whoever asked for one checks the whole it belongs to.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from weakref import finalize

import structlog

from holdfast.core.errors import Corrupt, Outcome, Unavailable
from holdfast.read.workers import Workers
from holdfast.store.copied import PART_BYTES, CopiedStore

log = structlog.get_logger(__name__)

HELD_BACK_BYTES = 64 * 1024
SENT_BYTES = 256 * 1024  # one chunk of an answer
READS_AHEAD = 3  # parts asked of the bucket at once: one connection alone is far from what a bucket can give


class Arriving:
    """One object that is not here yet. Nothing is read before somebody iterates."""

    def __init__(self, store: CopiedStore, key: str, sha256: str, size: int, workers: Workers) -> None:
        self.size = size
        self._store = store
        self._key = key
        self._sha256 = sha256
        self._workers = workers
        self._received = 0
        self._descriptor = -1  # of the copy that is made, under whatever name; closed when nobody reads any more
        self._is_given_up = False
        self.failure: Outcome | None = None
        self._has_no_room = False
        self._is_verified = False
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes from the first to the last. Raises Unavailable, Corrupt: the connection must then break."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        sent = 0
        try:
            while sent < self.size and not self._has_no_room:
                ready = self._received if self._is_verified else min(self._received, self.size - HELD_BACK_BYTES)
                if sent >= ready:
                    if self.failure is not None:
                        raise self.failure
                    await self._news.wait()
                    continue
                data = await self._workers.in_thread(self._read_back, min(SENT_BYTES, ready - sent), sent)
                sent += len(data)
                yield data
        except OSError as error:
            raise Unavailable(f"a file that arrives cannot be read back: {error.strerror}") from error
        if self._has_no_room:
            async for data in self._passed_on():
                yield data

    async def part(self, start: int, length: int) -> AsyncIterator[bytes]:
        """`length` bytes from `start`, straight from the bucket. Raises Unavailable, Corrupt."""
        end = start + length
        for begin in range(start, end, PART_BYTES):
            yield await self._read(begin, min(end, begin + PART_BYTES))

    def give_up(self) -> None:
        """The bytes were taken down meanwhile: no copy is made, and connections that wait for more of them break."""
        self._is_given_up = True

    def _read_back(self, length: int, start: int) -> bytes:
        return os.pread(self._descriptor, length, start)

    async def _passed_on(self) -> AsyncIterator[bytes]:
        """All of it, checked like an arriving file, without a copy."""
        digest = hashlib.sha256()
        begin = 0
        async for data in self.part(0, self.size):
            begin += len(data)
            await self._workers.in_thread(digest.update, data)
            if begin == self.size and digest.hexdigest() != self._sha256:
                raise Corrupt(f"{self._key} does not have its digest")
            yield data

    async def _run(self) -> None:
        try:
            await self._receive()
        except Outcome as error:
            self.failure = error
            log.warning("a stored file did not arrive whole: %s", error.reason, key=self._key)
        except BaseException:
            self.failure = Unavailable("reading the stored file was given up")
            raise
        finally:
            self._tell()

    async def _receive(self) -> None:
        try:
            writing = await self._workers.in_thread(self._store.writing_copy, self._key, self.size)
        except Unavailable as error:
            log.info("no local copy is made: %s", error.reason, key=self._key)
            self._has_no_room = True
            return
        loop, digest, reads = asyncio.get_running_loop(), hashlib.sha256(), list[asyncio.Task[bytes]]()
        with writing as target:
            self._descriptor = os.open(target.partial, os.O_RDONLY | os.O_CLOEXEC)
            finalize(self, os.close, self._descriptor)
            begins = range(0, self.size, PART_BYTES)
            try:
                for number in range(len(begins)):
                    for begin in begins[number + len(reads) : number + READS_AHEAD]:
                        reads.append(loop.create_task(self._read(begin, min(self.size, begin + PART_BYTES))))
                    part = await reads.pop(0)
                    await self._workers.in_thread(_take, digest.update, target.write, part)
                    self._received += len(part)
                    if self._received == self.size and digest.hexdigest() != self._sha256:
                        raise Corrupt(f"{self._key} does not have its digest")
                    if self._is_given_up:
                        raise Unavailable(f"{self._key} was taken down while it was read")
                    self._is_verified = self._received == self.size
                    self._tell()
            finally:
                for read in reads:
                    read.cancel()

    async def _read(self, begin: int, end: int) -> bytes:
        data = await self._workers.in_thread(self._store.read, self._key, begin, end - begin)
        if len(data) != end - begin:
            raise Corrupt(f"{self._key} ended after {begin + len(data)} of {self.size} bytes")
        return data

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


def _take(update: Callable[[bytes], None], write: Callable[[bytes], None], part: bytes) -> None:
    update(part)
    write(part)
