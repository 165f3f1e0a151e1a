"""The three digests an index keeps of a file, computed side by side while its bytes pass."""

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

_SIDE_BY_SIDE_BYTES = 4 * 1024 * 1024  # below this a thread costs more than it saves


@dataclass(frozen=True, slots=True)
class DigestsOfFile:
    """What a file's bytes hash to (hex), and how many there are."""

    size: int  # bytes
    sha256: str
    blake2b_256: str
    md5: str


class Digests:
    """sha256, blake2b-256 and md5 of one stream.

    md5 and blake2b take twice as long as sha256 each: in a long stream both have a thread of their own, one chunk
    behind at most (hashing lets other threads run).
    """

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._slow = (hashlib.blake2b(digest_size=32), hashlib.md5(usedforsecurity=False))
        self._executor: ThreadPoolExecutor | None = None
        self._behind: list[Future[None]] = []
        self._size = 0  # bytes so far

    def update(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes, which must not change any more."""
        self._size += len(chunk)
        if self._size > _SIDE_BY_SIDE_BYTES:
            self._slow_ones_behind(chunk)
        else:
            for digest in self._slow:
                digest.update(chunk)
        self._sha256.update(chunk)

    def finish(self) -> DigestsOfFile:
        """The result; the threads are gone afterwards."""
        self.close()
        blake2b, md5 = self._slow
        return DigestsOfFile(self._size, self._sha256.hexdigest(), blake2b.hexdigest(), md5.hexdigest())

    def close(self) -> None:
        """Wait for the threads and end them."""
        if self._executor is not None:
            self._executor.shutdown(wait=True)

    def _slow_ones_behind(self, chunk: bytes | memoryview) -> None:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(len(self._slow), thread_name_prefix="digest")
        for before in self._behind:
            before.result()
        self._behind = [self._executor.submit(digest.update, chunk) for digest in self._slow]
