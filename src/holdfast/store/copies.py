"""A folder of copies of stored objects: bounded in bytes, the least recently used leave first, never trusted blindly.

Two forms. A *sealed* copy is a small object with the digest of its bytes behind them, checked at every reading. A
*whole* copy is the object's bytes as a plain file, which may be served in place; whoever serves it checks its digest.
"""

import hashlib
import io
import math
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

from holdfast.config import Config
from holdfast.core.errors import Unavailable

log = structlog.get_logger(__name__)

SEAL_BYTES = 32
FULL_SHARE = 0.9  # what eviction leaves of the limit, so that it is rare
LOOK_SHARE = 50  # a process looks again what there is after writing one part in so many of the limit: others write, too
FULL_SECONDS = 10.0  # between two evictions on a disk that stays too full: each looks through the whole folder
PARTIAL_SECONDS_MAX = 3600.0  # a partial file that nobody wrote to for so long has no writer any more


class NoRoom(Unavailable):
    """The disk, or the bound of all copies, has no room for this one. The bucket may well give the bytes."""


class Copies:
    """Copies by store key under `folder`. Safe among threads, and among processes that share the folder."""

    def __init__(self, folder: Path, bytes_max: int, free_bytes_min: int = 0) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._free_bytes_min = free_bytes_min
        self._bytes = 0  # as far as this process knows
        self._unlooked: float = math.inf  # bytes written here since the folder was looked through
        self._full_until = float("-inf")  # monotonic
        self._lock = threading.Lock()

    def sealed(self, key: str) -> bytes | None:
        """The small object's bytes, or None when there is no good copy."""
        path = _touched(self._path(key, ".sealed"))
        if path is None:
            return None
        try:
            data = path.read_bytes()
        except OSError:
            return None
        content, seal = data[:-SEAL_BYTES], data[-SEAL_BYTES:]
        if hashlib.sha256(content).digest() != seal:
            log.error("a local copy of a stored object is damaged and is dropped", key=key)
            path.unlink(missing_ok=True)
            return None
        return content

    def whole(self, key: str) -> Path | None:
        """The plain file with the object's bytes, or None."""
        return _touched(self._path(key))

    def size(self, key: str) -> tuple[int, int] | None:
        """(bytes, time it was made in ns) of either form, or None."""
        for path, more in ((self._path(key), 0), (self._path(key, ".sealed"), SEAL_BYTES)):
            try:
                status = path.stat()
            except OSError:
                continue
            return status.st_size - more, status.st_mtime_ns
        return None

    def seal(self, key: str, data: bytes) -> None:
        """Keep a small object. A copy is a favour: a disk that is full costs it, never the answer."""
        try:
            with self._writing(self._path(key, ".sealed"), len(data) + SEAL_BYTES) as target:
                target.write(data)
                target.write(hashlib.sha256(data).digest())
        except Unavailable as error:
            log.debug("no copy of %s was kept: %s", key, error.reason)

    def writing(self, key: str, size: int) -> "Writing":
        """The whole copy to write; readers find it when the block ends well. Raises NoRoom."""
        return self._writing(self._path(key), size)

    def adopt(self, key: str, path: Path) -> None:
        """Take over a local file as the object's whole copy, or delete it. A favour, as `seal`."""
        target = self._path(key)
        try:
            self._make_room(path.stat().st_size)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.replace(path, target)
        except (OSError, Unavailable) as error:
            log.debug("no copy of %s was kept: %s", key, error)
            path.unlink(missing_ok=True)

    def drop(self, key: str) -> None:
        """Forget every copy of the object. Who serves one holds it open."""
        for suffix in ("", ".sealed"):
            self._path(key, suffix).unlink(missing_ok=True)

    def _writing(self, path: Path, size: int) -> "Writing":
        self._make_room(size)
        return Writing(path)

    def _path(self, key: str, suffix: str = "") -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self._folder / name[:2] / (name[2:] + suffix)

    def _make_room(self, size: int) -> None:
        """Evict when `size` more bytes would pass a limit. Raises NoRoom when that does not make them fit."""
        if size > self._bytes_max:
            raise NoRoom("a stored object is larger than all local copies may be together")
        with self._lock:
            if self._unlooked + size > self._bytes_max / LOOK_SHARE:
                self._bytes, self._unlooked = sum(length for _, length, _ in self._all()), 0
            free = self._free()
            over, lacking = self._bytes + size - self._bytes_max, self._free_bytes_min + size - free
            if over > 0 or lacking > 0:
                spare = int(self._bytes_max * (1 - FULL_SHARE)) if over > 0 else 0
                if lacking <= 0 or time.monotonic() >= self._full_until:
                    self._evict(max(over + spare, lacking))
                if lacking > 0 and self._free() < self._free_bytes_min + size:
                    self._note_full()
                    raise NoRoom("the disk is too full for local copies of stored objects")
            self._bytes += size
            self._unlooked += size

    def _note_full(self) -> None:
        if time.monotonic() >= self._full_until:
            self._full_until = time.monotonic() + FULL_SECONDS

    def _free(self) -> int:
        return shutil.disk_usage(_existing(self._folder)).free

    def _evict(self, wanted: int) -> None:
        copies = sorted(self._all())
        total, freed = sum(length for _, length, _ in copies), 0
        for _, length, path in copies:
            if freed >= wanted:
                break
            path.unlink(missing_ok=True)
            freed += length
        self._bytes = total - freed

    def _all(self) -> Iterator[tuple[int, int, Path]]:
        """(time of use in ns, bytes, path) of every copy, and of what writers that died left behind."""
        for path in self._folder.glob("??/*"):
            try:
                status = path.stat()
            except OSError:
                continue  # another process deleted it
            is_partial = path.suffix == ".partial"
            if not is_partial or time.time() - status.st_mtime > PARTIAL_SECONDS_MAX:
                yield 0 if is_partial else status.st_atime_ns, status.st_size, path


def copies_of(config: Config) -> Copies:
    """The copies of a bucket's objects on this machine, shared by its fronts and pull."""
    return Copies(config.data / "copies", config.copies_bytes_max, config.free_bytes_min)


class Writing:
    """A partial file that takes its place when the block ends without an error."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.partial = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.partial")

    def __enter__(self) -> "Writing":
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            # Unbuffered: whoever follows the file sees every write.
            self._file = io.FileIO(descriptor, "wb")
        except OSError as error:
            raise _unwritable(error) from error
        return self

    def write(self, data: bytes) -> None:
        """Raises NoRoom."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise _unwritable(error) from error

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            self._file.close()
            if kind is None:
                os.replace(self.partial, self.path)
        except OSError as trouble:
            if kind is None:
                raise _unwritable(trouble) from trouble
        finally:
            self.partial.unlink(missing_ok=True)


def _unwritable(error: OSError) -> NoRoom:
    return NoRoom(f"a local copy of a stored object cannot be written: {error.strerror}")


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)


def _touched(path: Path) -> Path | None:
    """The path with its time of use set, which decides what leaves first; None when there is no such file."""
    try:
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
    except OSError:
        return None
    return path
