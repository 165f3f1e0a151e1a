"""A remote store seen from a front: local copies of what was read, and no waiting for a bucket that is dead.

Bytes whose key names their content are read from the copy for good. Everything else is asked of the bucket, and of
the copy while the bucket cannot answer: what was warm stays warm. A bucket that stalls holds up a reader for a moment
only; then every read is answered at once, from the copy or as Unavailable, while probes look for its return.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from typing import TypeVar

import structlog

from holdfast.core.errors import Absent, Unavailable
from holdfast.store.copies import Copies, Writing
from holdfast.store.keys import check_key
from holdfast.store.port import ObjectInfo, Store

log = structlog.get_logger(__name__)

T = TypeVar("T")

COPIED_SECONDS = 1.0  # how long the bucket is waited for when there is a copy to answer from
ALONE_SECONDS = 4.0  # and when there is none: an installer waits 15 s in all
FAILURES_MAX = 3  # in a row that came at once; a bucket may stumble over one object
PROBE_SECONDS = 0.5
PROBES_MAX = 24  # that hang at once: one begins every half second, and gives up by itself after ten
THREADS = 24  # reads of the bucket that are under way
PART_BYTES = 4 * 1024 * 1024  # what one read should ask for: ALONE_SECONDS allow 1 MB/s


class CopiedStore:
    """`remote`, with `copies`. `is_immutable` tells whether a key can ever get other bytes.

    `probe_key` names an object that is always there. Safe among threads, and among fronts that share the copies.
    """

    def __init__(self, remote: Store, copies: Copies, is_immutable: Callable[[str], bool], probe_key: str) -> None:
        self._remote = remote
        self._copies = copies
        self._is_immutable = is_immutable
        self._probe_key = probe_key
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="bucket")
        self._lock = threading.Lock()
        self._is_closed = False
        self._failures = 0
        self._trouble = ""

    @property
    def trouble(self) -> str:
        """Why the bucket is not asked right now, or ''."""
        return self._trouble

    def get(self, key: str) -> bytes:
        copy = self._copies.sealed(key)
        if self._is_immutable(key):
            if copy is None and (whole := self._copies.whole(key)) is not None:
                copy = _read(whole, 0, -1)
            if copy is not None:
                return copy
        try:
            data = self._ask(lambda: self._remote.get(key), has_copy=copy is not None)
        except Absent:
            self._copies.drop(key)
            raise
        except Unavailable:
            if copy is None:
                raise
            return copy
        if data != copy:
            self._copies.seal(key, data)
        return data

    def read(self, key: str, start: int, length: int) -> bytes:
        copy = self._copies.whole(key) if self._is_immutable(key) else None
        if copy is not None and (found := _read(copy, start, length)) is not None:
            return found
        return self._ask(lambda: self._remote.read(key, start, length), has_copy=False)

    def head(self, key: str) -> ObjectInfo:
        known = self._copies.size(key)
        copied = ObjectInfo(key, known[0], f"copy-{known[1]}") if known is not None else None
        if copied is not None and self._is_immutable(key):
            return copied
        try:
            return self._ask(lambda: self._remote.head(key), has_copy=copied is not None)
        except Unavailable:
            if copied is None:
                raise
            return copied

    def put(self, key: str, data: bytes, *, create: bool = False) -> None:
        self._remote.put(key, data, create=create)
        self._copies.drop(key)

    def put_file(self, key: str, path: Path) -> None:
        self._remote.put_file(key, path)

    def adopt_file(self, key: str, path: Path) -> None:
        self._remote.adopt_file(key, path)

    def delete(self, key: str) -> None:
        self._remote.delete(key)
        self._copies.drop(key)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        if self._trouble:
            raise Unavailable(self._trouble, retry_after_seconds=1)
        return self._remote.list(prefix, after)

    def local_path(self, key: str) -> Path | None:
        """The whole copy, once there is one of an object that never changes."""
        check_key(key)
        return self._copies.whole(key) if self._is_immutable(key) else None

    def copy(self, key: str) -> Path:
        """The whole copy of an object, made now if there is none. Raises Absent, NoRoom, Unavailable."""
        found = self._copies.whole(key)
        if found is not None:
            return found
        size = self._ask(lambda: self._remote.head(key), has_copy=False).size
        with self.writing_copy(key, size) as target:
            for begin in range(0, size, PART_BYTES):
                length = min(PART_BYTES, size - begin)
                data = self.read(key, begin, length)
                if len(data) != length:
                    raise Unavailable(f"{key} changed while it was read", retry_after_seconds=1)
                target.write(data)
        return target.path

    def writing_copy(self, key: str, size: int) -> Writing:
        """The whole copy of an object that never changes, to be written. Raises NoRoom."""
        assert self._is_immutable(key), key
        return self._copies.writing(key, size)

    def drop_copy(self, key: str) -> None:
        """Forget the copy: its bytes were taken down, or turned out damaged."""
        self._copies.drop(key)

    def close(self) -> None:
        """Wait for nothing: reads that hang end by themselves."""
        self._is_closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, work: Callable[[], T], *, has_copy: bool) -> T:
        """Ask the bucket with the patience there is. Raises what `work` does, Unavailable when that takes too long."""
        if self._trouble:
            raise Unavailable(self._trouble, retry_after_seconds=1)
        asked: Future[T] = self._threads.submit(work)
        seconds = COPIED_SECONDS if has_copy else ALONE_SECONDS
        try:
            found = asked.result(seconds)
        except FutureTimeoutError:
            asked.cancel()
            reason = f"the bucket of the store did not answer within {seconds:g} s"
            self._give_up(reason)
            raise Unavailable(reason, retry_after_seconds=1) from None
        except Unavailable as error:
            self._failures += 1
            if self._failures >= FAILURES_MAX:
                self._give_up(error.reason)
            raise
        self._failures = 0
        return found

    def _give_up(self, reason: str) -> None:
        """Ask for nothing more until a probe was answered."""
        with self._lock:
            if self._trouble:
                return
            self._trouble = reason
        log.error("the store is not asked until it answers again: %s", reason)
        threading.Thread(target=self._probe_until_back, name="store-probe", daemon=True).start()

    def _probe_until_back(self) -> None:
        answered = threading.Event()
        free = threading.Semaphore(PROBES_MAX)

        def probe() -> None:
            try:
                self._remote.head(self._probe_key)
            except Absent:
                answered.set()
            except Exception as error:  # noqa: BLE001 - whatever it is, the bucket did not answer
                log.debug("the store does not answer yet: %s", error)
            else:
                answered.set()
            finally:
                free.release()

        while not answered.wait(PROBE_SECONDS):
            if self._is_closed:
                return
            # A probe that hangs must not be what the return of the bucket waits for.
            if free.acquire(blocking=False):
                threading.Thread(target=probe, name="store-probe", daemon=True).start()
        with self._lock:
            self._trouble, self._failures = "", 0
        log.warning("the store answers again")


def _read(copy: Path, start: int, length: int) -> bytes | None:
    """Bytes of a copy, or None when it has gone meanwhile."""
    try:
        with open(copy, "rb") as file:
            file.seek(start)
            return file.read(length)
    except OSError:
        return None
