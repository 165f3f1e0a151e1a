"""Stored bytes as local files that may leave this process: opened, verified once, and served by descriptor.

A file is hashed when this process first opens it and again when inode, size or mtime changed; bit rot since the last
scrub therefore stops here. It is handed to the server as `/proc/self/fd/<n>`: Granian answers a path that vanished
meanwhile (an evicted or replaced object) with a 404 of its own, and our trouble must never look like absence.
"""

import asyncio
import hashlib
import os
import resource
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

import structlog

from holdfast.clock import Clock, SystemClock
from holdfast.core.errors import Corrupt, Unavailable
from holdfast.read.arriving import Arriving
from holdfast.read.workers import Workers
from holdfast.store.copied import CopiedStore
from holdfast.store.copies import NoRoom
from holdfast.store.port import ObjectInfo, Store
from holdfast.wire.single_flight import SingleFlight

log = structlog.get_logger(__name__)

OPEN_FILES_MAX = 128  # of a usual limit of 1,024 descriptors
# After leaving the table a descriptor stays: the server opens its path a moment after the answer was handed over, and a
# number that is given out again meanwhile would be another file's. So it stays at least that long, whatever happens.
CLOSE_SECONDS = 60.0
CLOSE_SECONDS_MIN = 5
RETIRED_SHARE = 4  # of all descriptors that this process may have, one in so many
VERIFIED_MAX = 100_000  # identities remembered, about 20 MB
ARRIVING_BYTES_MIN = 8 * 1024 * 1024  # below, a copy is made before the first byte is sent: a moment
_READ_BYTES = 1024 * 1024

Identity = tuple[int, int, int, int]  # device, inode, size, mtime in ns


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A verified file, open in this process."""

    descriptor: int
    identity: Identity

    @property
    def size(self) -> int:
        return self.identity[2]

    @property
    def path(self) -> Path:
        """A name for the very bytes that were verified, whatever happens to the file's own name."""
        return Path(f"/proc/self/fd/{self.descriptor}")

    def is_unchanged(self) -> bool:
        """True while these are the very bytes that were verified, as far as inode, size and mtime tell."""
        try:
            return _identity(os.fstat(self.descriptor)) == self.identity
        except OSError:
            return False  # closed at this moment by the thread that owns the table


class LocalFiles:
    """Verified files by store key. Files of a remote store become local copies first, or while they are sent."""

    def __init__(
        self,
        store: Store,
        workers: Workers,
        clock: Clock | None = None,
        *,
        open_max: int = OPEN_FILES_MAX,
        retired_max: int | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._open_max = open_max
        self._retired_max = retired_max or max(OPEN_FILES_MAX, _descriptors_max() // RETIRED_SHARE)
        self._retired: deque[tuple[float, int]] = deque()  # (when, descriptor), the oldest first
        self._opening = 0  # files that are being opened and checked: each will have a descriptor, or has it
        self._store = store
        self._workers = workers
        self._copied = store if isinstance(store, CopiedStore) else None
        self._arriving: WeakValueDictionary[str, Arriving] = WeakValueDictionary()
        self._open: OrderedDict[str, OpenFile] = OrderedDict()
        self._verified: OrderedDict[tuple[Identity, str], None] = OrderedDict()
        self._flights: SingleFlight[str, OpenFile] = SingleFlight(1000)

    def known(self, key: str) -> OpenFile | None:
        """The open file, whose `is_unchanged` must be asked before its bytes leave. Any thread may ask."""
        return self._open.get(key)

    def at_hand(self, key: str) -> OpenFile | None:
        """The open file if it is still the one that was verified. Any thread may ask."""
        found = self._open.get(key)
        return found if found is not None and found.is_unchanged() else None

    async def open(self, key: str, sha256: str) -> OpenFile:
        """The object at `key`, held to that digest ("" = whatever it has). Raises Absent, Unavailable, Corrupt."""
        found = self.at_hand(key)
        if found is not None:
            self._open.move_to_end(key)
            return found
        return await self._flights.run(key, lambda: self._open_verified(key, sha256))

    async def arriving(self, key: str, sha256: str) -> Arriving | None:
        """What is sent while it is read from a remote store: large objects, and any that this disk has no room for.

        None when `open` answers. Raises Absent, Unavailable, Corrupt.
        """
        if self._copied is None or not sha256 or self.at_hand(key) is not None:
            return None
        if (found := self._on_its_way(key)) is not None:
            return found
        info = await self._workers.in_thread(self._lacking, self._copied, key)
        if info is None:
            return None
        if info.size <= ARRIVING_BYTES_MIN:
            try:
                await self.open(key, sha256)
            except NoRoom:
                pass
            else:
                return None
        if (found := self._on_its_way(key)) is None:
            found = self._arriving[key] = Arriving(self._copied, key, sha256, info.size, self._workers)
        return found

    def forget(self, keys: Iterable[str]) -> None:
        """These bytes were taken down: no copy of them stays on this machine."""
        for key in keys:
            self._retire(self._open.pop(key, None))
            if (arriving := self._arriving.pop(key, None)) is not None:
                arriving.give_up()
            if self._copied is not None:
                self._copied.drop_copy(key)

    async def read_small(self, key: str, sha256: str, bytes_max: int) -> bytes | None:
        """The object's verified bytes if they are at most `bytes_max`. Raises Absent, Unavailable, Corrupt."""
        return await self._workers.in_thread(self._read_small, key, sha256, bytes_max)

    def close(self) -> None:
        for descriptor in (*(file.descriptor for file in self._open.values()), *(one for _, one in self._retired)):
            os.close(descriptor)
        self._open.clear()
        self._retired.clear()

    async def _open_verified(self, key: str, sha256: str) -> OpenFile:
        self._close_retired()
        if self._opening + len(self._open) + len(self._retired) >= self._open_max + self._retired_max:
            raise Unavailable("too many files are asked for at once", retry_after_seconds=CLOSE_SECONDS_MIN)
        self._opening += 1
        try:
            file = await self._open_local(key, sha256)
        finally:
            self._opening -= 1
        self._remember(key, file, sha256)
        return file

    async def _open_local(self, key: str, sha256: str) -> OpenFile:
        path = self._store.local_path(key)
        if path is None:
            assert self._copied is not None, key
            path = await self._workers.in_thread(self._copied.copy, key)
        try:
            return await self._workers.in_thread(self._open_and_check, key, path, sha256)
        except Corrupt:
            if self._copied is not None:
                self._copied.drop_copy(key)  # the next request reads the bucket again
            raise

    def _on_its_way(self, key: str) -> Arriving | None:
        found = self._arriving.get(key)
        return found if found is not None and found.failure is None else None

    @staticmethod
    def _lacking(store: CopiedStore, key: str) -> ObjectInfo | None:
        return None if store.local_path(key) is not None else store.head(key)

    def _remember(self, key: str, file: OpenFile, sha256: str) -> None:
        self._verified[file.identity, sha256] = None
        if len(self._verified) > VERIFIED_MAX:
            self._verified.popitem(last=False)
        self._retire(self._open.pop(key, None))
        self._open[key] = file
        if len(self._open) > self._open_max:
            self._retire(self._open.popitem(last=False)[1])

    def _retire(self, file: OpenFile | None) -> None:
        if file is not None:
            self._retired.append((self._clock.monotonic(), file.descriptor))
            asyncio.get_running_loop().call_later(CLOSE_SECONDS + 1, self._close_retired)

    def _close_retired(self) -> None:
        """Close what is over, and of more than there may be the oldest, as soon as that is safe."""
        now = self._clock.monotonic()
        while self._retired:
            age = now - self._retired[0][0]
            is_crowded = len(self._retired) >= self._retired_max
            if age < (CLOSE_SECONDS_MIN if is_crowded else CLOSE_SECONDS):
                return
            os.close(self._retired.popleft()[1])

    def _open_and_check(self, key: str, path: Path, sha256: str) -> OpenFile:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._store.head(key)  # the store tells Absent from Unavailable
            raise Unavailable(f"{key} vanished while it was opened") from None
        except OSError as error:
            raise Unavailable(f"a stored file cannot be opened: {error.strerror}") from error
        try:
            identity = _identity(os.fstat(descriptor))
            if sha256 and (identity, sha256) not in self._verified:
                self._check(key, descriptor, sha256)
        except BaseException:
            os.close(descriptor)
            raise
        return OpenFile(descriptor, identity)

    def _check(self, key: str, descriptor: int, sha256: str) -> None:
        digest = hashlib.sha256()
        offset = 0
        while chunk := _pread(descriptor, offset):
            digest.update(chunk)
            offset += len(chunk)
        _demand(key, digest.hexdigest(), sha256)

    def _read_small(self, key: str, sha256: str, bytes_max: int) -> bytes | None:
        if self._store.head(key).size > bytes_max:
            return None
        data = self._store.get(key)
        if sha256 and self._copied is not None and hashlib.sha256(data).hexdigest() != sha256:
            self._copied.drop_copy(key)
            data = self._store.get(key)
        if sha256:
            _demand(key, hashlib.sha256(data).hexdigest(), sha256)
        return data


def _descriptors_max() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1024 if soft == resource.RLIM_INFINITY else soft


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _pread(descriptor: int, offset: int) -> bytes:
    try:
        return os.pread(descriptor, _READ_BYTES, offset)
    except OSError as error:
        raise Unavailable(f"a stored file cannot be read: {error.strerror}") from error


def _demand(key: str, found: str, wanted: str) -> None:
    if found != wanted:
        log.error("corrupt", key=key, found=found, wanted=wanted)
        raise Corrupt(f"{key} does not have its digest")
