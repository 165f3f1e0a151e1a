"""Stored bytes as local files that may leave this process: opened, verified once, and served by descriptor.

A file is hashed when this process first opens it and again when inode, size or mtime changed; bit rot since the last
scrub therefore stops here. It is handed to the server as `/proc/self/fd/<n>`: Granian answers a path that vanished
meanwhile (an evicted or replaced object) with a 404 of its own, and our trouble must never look like absence.
"""

import asyncio
import hashlib
import os
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import structlog

from holdfast.core.errors import Corrupt, Unavailable
from holdfast.read.workers import Workers
from holdfast.store.port import Store
from holdfast.wire.single_flight import SingleFlight

log = structlog.get_logger(__name__)

OPEN_FILES_MAX = 128  # of a usual limit of 1,024 descriptors
CLOSE_SECONDS = 60.0  # after leaving the cache: the server opens the path a moment after the answer was handed over
VERIFIED_MAX = 100_000  # identities remembered, about 20 MB
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


class LocalFiles:
    """Verified files by store key. Files of a remote store are copied whole into `copies` first."""

    def __init__(self, store: Store, workers: Workers, copies: "Copies") -> None:
        self._store = store
        self._workers = workers
        self._copies = copies
        self._open: OrderedDict[str, OpenFile] = OrderedDict()
        self._verified: OrderedDict[tuple[Identity, str], None] = OrderedDict()
        self._flights: SingleFlight[str, OpenFile] = SingleFlight(1000)

    def at_hand(self, key: str) -> OpenFile | None:
        """The open file if it is still the one that was verified. Any thread may ask."""
        found = self._open.get(key)
        if found is None:
            return None
        try:
            return found if _identity(os.fstat(found.descriptor)) == found.identity else None
        except OSError:
            return None  # closed at this moment by the thread that owns the table

    async def open(self, key: str, sha256: str) -> OpenFile:
        """The object at `key`, held to that digest ("" = whatever it has). Raises Absent, Unavailable, Corrupt."""
        found = self.at_hand(key)
        if found is not None:
            self._open.move_to_end(key)
            return found
        return await self._flights.run(key, lambda: self._open_verified(key, sha256))

    async def read_small(self, key: str, sha256: str, bytes_max: int) -> bytes | None:
        """The object's verified bytes if they are at most `bytes_max`. Raises Absent, Unavailable, Corrupt."""
        return await self._workers.in_thread(self._read_small, key, sha256, bytes_max)

    def close(self) -> None:
        for file in self._open.values():
            os.close(file.descriptor)
        self._open.clear()

    async def _open_verified(self, key: str, sha256: str) -> OpenFile:
        local = self._store.local_path(key)
        path = (
            local if local is not None else await self._workers.in_thread(self._copies.fetch, self._store, key, sha256)
        )
        file = await self._workers.in_thread(self._open_and_check, key, path, sha256)
        self._remember(key, file, sha256)
        return file

    def _remember(self, key: str, file: OpenFile, sha256: str) -> None:
        self._verified[file.identity, sha256] = None
        if len(self._verified) > VERIFIED_MAX:
            self._verified.popitem(last=False)
        self._retire(self._open.pop(key, None))
        self._open[key] = file
        if len(self._open) > OPEN_FILES_MAX:
            self._retire(self._open.popitem(last=False)[1])

    def _retire(self, file: OpenFile | None) -> None:
        if file is not None:
            asyncio.get_running_loop().call_later(CLOSE_SECONDS, os.close, file.descriptor)

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
        if sha256:
            _demand(key, hashlib.sha256(data).hexdigest(), sha256)
        return data


class Copies:
    """Whole local copies of a remote store's objects, bounded in bytes, the least recently used deleted first."""

    def __init__(self, folder: Path, bytes_max: int) -> None:
        self._folder = folder
        self._bytes_max = bytes_max

    def fetch(self, store: Store, key: str, sha256: str) -> Path:
        """The copy's path, made now if it is missing. Runs in a thread. Raises Absent, Unavailable, Corrupt."""
        name = hashlib.sha256(f"{key} {sha256}".encode()).hexdigest()
        path = self._folder / name
        if path.exists():
            used = path.stat()
            os.utime(path, ns=(time.time_ns(), used.st_mtime_ns))  # the time of use decides what leaves first
            return path
        size = store.head(key).size
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._make_room(size)
        partial = self._folder / f"{name}.{os.getpid()}.partial"
        try:
            self._copy(store, key, size, partial)
            os.replace(partial, path)
        except OSError as error:
            raise Unavailable(f"a copy of a stored file cannot be written: {error.strerror}") from error
        finally:
            partial.unlink(missing_ok=True)
        return path

    def _copy(self, store: Store, key: str, size: int, target: Path) -> None:
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            while file.tell() < size:
                chunk = store.read(key, file.tell(), 8 * _READ_BYTES)
                if not chunk:
                    raise Corrupt(f"{key} ended after {file.tell()} of {size} bytes")
                file.write(chunk)

    def _make_room(self, size: int) -> None:
        found = []
        for path in self._folder.iterdir():
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # another front deleted it
            found.append((status.st_atime_ns, status.st_size, path))
        total = sum(length for _, length, _ in found) + size
        for _, length, path in sorted(found):
            if total <= self._bytes_max:
                break
            path.unlink(missing_ok=True)  # who serves it holds it open
            total -= length


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
