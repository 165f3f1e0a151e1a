"""The three digests an index keeps of a file, computed side by side while its bytes pass."""

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor

_SIDE_BY_SIDE_BYTES = 4 * 1024 * 1024  # below this a thread costs more than it saves


class Digests:
    """sha256, blake2b-256 and md5 of one stream.

    md5 takes as long as the other two together, and only the legacy JSON API wants it: in a long stream a thread of
    its own computes it, one chunk behind at most (hashing lets other threads run).
    """

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._blake2b = hashlib.blake2b(digest_size=32)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._executor: ThreadPoolExecutor | None = None
        self._behind: Future[None] | None = None
        self.size = 0  # bytes so far

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.size += len(chunk)
        if self.size > _SIDE_BY_SIDE_BYTES:
            self._md5_behind(chunk)
        else:
            self._md5.update(chunk)
        self._sha256.update(chunk)
        self._blake2b.update(chunk)

    def finish(self) -> tuple[str, str, str]:
        """(sha256, blake2b-256, md5) in hex; the thread is gone afterwards."""
        self.close()
        return self._sha256.hexdigest(), self._blake2b.hexdigest(), self._md5.hexdigest()

    def close(self) -> None:
        """Wait for the thread and end it."""
        if self._executor is not None:
            self._executor.shutdown(wait=True)

    def _md5_behind(self, chunk: bytes) -> None:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="md5")
        if self._behind is not None:
            self._behind.result()
        self._behind = self._executor.submit(self._md5.update, chunk)
