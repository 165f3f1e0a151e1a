"""Large uploads are looked into while they arrive: a front tells of more bytes, and a few threads read on.

What is found is a cache for whoever examines the whole file (core/read_ahead.py); nothing waits for it, and whatever
fails here costs no more than reading the file later. A file has no thread and no descriptor of its own: each notice is
worth a few slices of work, which take turns with those of other files, and without notices nothing happens.
"""

import errno
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

import structlog

from holdfast.clock import Clock
from holdfast.control.turns import LeastFirst
from holdfast.core.archive_limits import MIB
from holdfast.core.read_ahead import NOTHING_KNOWN, ArchiveWalk, Known

log = structlog.get_logger()

FILES_MAX = 32  # looked into at once, at most 4 MiB kept of each; the others are read when they are whole
THREADS_MAX = 2  # reading at once: reads, and uploads under way, have the same cores
SLICE_BYTES = 64 * MIB  # unpacked in one turn, a quarter of a second or less; whoever wants the facts waits for one
WHOLE_MAX = max(THREADS_MAX, len(os.sched_getaffinity(0)))  # whole files at once: a core each
QUIET_SECONDS_MAX = 600.0  # without a notice; a front gives an upload up after 60 s without a byte


@dataclass(slots=True)
class _Followed:
    """One arriving file. Its walk belongs to whoever holds `reading`."""

    noticed_at: float  # monotonic
    walk: ArchiveWalk = field(default_factory=ArchiveWalk)
    identity: tuple[int, int] | None = None  # device and inode, once it was opened
    reading: threading.Lock = field(default_factory=threading.Lock)
    is_queued: bool = False
    is_longer: bool = False  # noticed again while its slice was read


class Ahead:
    """What this process reads ahead of the spool's files. Their names were judged by the caller."""

    def __init__(self, turns: LeastFirst | None = None, slice_bytes: int = SLICE_BYTES) -> None:
        self._turns, self._slice_bytes = turns or LeastFirst(WHOLE_MAX), slice_bytes
        self._lock = threading.Lock()
        self._followed: dict[Path, _Followed] = {}
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="ahead")

    def notice(self, path: Path, clock: Clock) -> bool:
        """More of that file is there; False when it is not one that is followed."""
        with self._lock:
            followed = self._followed.get(path)
            if followed is None:
                return False
            followed.noticed_at = clock.monotonic()
            self._queue(path, followed)
        return True

    def follow(self, path: Path, clock: Clock) -> bool:
        """Begin with a file; False when enough are followed already."""
        with self._lock:
            self._drop_ended(clock.monotonic() - QUIET_SECONDS_MAX)
            if path not in self._followed and len(self._followed) >= FILES_MAX:
                return False
            self._queue(path, self._followed.setdefault(path, _Followed(clock.monotonic())))
        return True

    def known(self, path: Path) -> Known:
        """What was read of the file, which is whole now, the little that was still to be read too. It is forgotten."""
        with self._lock:
            followed = self._followed.pop(path, None)
        if followed is None:
            return NOTHING_KNOWN
        try:
            self._read_out(path, followed)
        except OSError:
            return NOTHING_KNOWN  # whoever examines the file is about to learn that himself
        except Exception:
            log.exception("what was read ahead of a file is of no use")
            return NOTHING_KNOWN
        with followed.reading:
            return followed.walk.known

    @property
    def is_idle(self) -> bool:
        """True when all that was noticed was read."""
        with self._lock:
            return not any(followed.is_queued for followed in self._followed.values())

    def close(self) -> None:
        """Forget everything, and end the threads after what they read now."""
        with self._lock:
            self._followed.clear()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _read_out(self, path: Path, followed: _Followed) -> None:
        """Read to the end. The first slice at once: it is all there is of most files. Raises OSError."""
        if not self._read_on(path, followed):
            return
        self._turns.enter(_bytes_left(path, followed))
        try:
            while self._read_on(path, followed):
                self._turns.go_on(_bytes_left(path, followed))
        finally:
            self._turns.leave()

    def _read_on(self, path: Path, followed: _Followed) -> bool:
        """One slice; True when there is more to read now. Raises OSError."""
        with followed.reading:
            return _read_slice(path, followed, self._slice_bytes)

    def _queue(self, path: Path, followed: _Followed) -> None:
        followed.is_longer = True
        if not followed.is_queued:
            followed.is_queued = True
            self._threads.submit(self._take_turn, path, followed)

    def _take_turn(self, path: Path, followed: _Followed) -> None:
        """One slice of a file, then the others' turn."""
        with self._lock:
            if self._followed.get(path) is not followed:
                return
            followed.is_longer = False
        is_more = False
        try:
            is_more = self._read_on(path, followed)
        except OSError:
            self._forget(path)  # the client left, or the upload ended meanwhile
        except Exception:
            log.exception("an arriving file is not looked into")
            self._forget(path)
        with self._lock:
            followed.is_queued = False
            if (is_more or followed.is_longer) and self._followed.get(path) is followed:
                self._queue(path, followed)

    def _forget(self, path: Path) -> None:
        with self._lock:
            self._followed.pop(path, None)

    def _drop_ended(self, quiet_since: float) -> None:
        """Uploads that were refused unread, whose client left, or of which nothing was heard for long."""
        for path, followed in list(self._followed.items()):
            if followed.noticed_at < quiet_since or not path.exists():
                del self._followed[path]


def _read_slice(path: Path, followed: _Followed, work_max: int) -> bool:
    """Read on; True when there is more to read now. Raises OSError."""
    with _opened(path) as (file, size, identity):
        if followed.identity not in (None, identity) or size < followed.walk.position:
            followed.walk.give_up()  # what was read was another file, or is not there any more
        followed.identity = identity
        return followed.walk.advance(file, size, work_max)


def _bytes_left(path: Path, followed: _Followed) -> int:
    """Of a file that is whole, what was not read. Raises OSError."""
    return path.stat().st_size - followed.walk.position


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int, tuple[int, int]]]:
    """The file, how long it is now, and which one it is: opened for each slice, so that no deleted one takes place."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        found = os.fstat(file.fileno())
        if not S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not a file")
        yield file, found.st_size, (found.st_dev, found.st_ino)
