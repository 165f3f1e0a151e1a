"""A store in a local folder that survives power loss: whole files only, fsynced before they are announced.

A put writes a temporary file beside its target, fsyncs it, then links it (create) or renames it over the target,
then fsyncs the directory. In that order a crash leaves the old object or the new one, plus at worst a temporary
file that listings ignore and `sweep` removes. A folder without its marker file is an unmounted disk, and that is
Unavailable: an empty mount point must never read as an index without projects.
"""

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from io import FileIO
from pathlib import Path
from stat import S_ISREG

from holdfast.core.errors import Absent, Conflict, Unavailable
from holdfast.store.keys import OWN_PREFIX, check_key, check_prefix, is_key
from holdfast.store.port import DISK_FULL_ERRORS, DiskFull, ObjectInfo

MARKER = f"{OWN_PREFIX}store"
_TEMPORARY = f"{OWN_PREFIX}tmp-"
_COPY_BYTES = 8 * 1024 * 1024  # per system call

_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR})
# What copy_file_range answers where source and target file systems cannot copy inside the kernel.
_NO_KERNEL_COPY = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF})


class LocalStore:
    """Objects as files under `root`, which `LocalStore.create` made. Safe among threads and processes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._base = f"{root}/"
        self._marker = self._base + MARKER

    @classmethod
    def create(cls, root: Path) -> "LocalStore":
        """Make `root` a store: the folder and its marker, both durable. Doing it again is fine. Raises Unavailable."""
        store = cls(root)
        try:
            _make_folders(str(root))
            os.close(os.open(store._marker, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            _sync_folder(str(root))
        except OSError as error:
            raise _trouble(error, "set up") from error
        return store

    def get(self, key: str) -> bytes:
        path = self._path(key)
        try:
            with open(path, "rb", buffering=0) as file:
                return file.read()
        except OSError as error:
            raise self._refusal(error, key) from error

    def read(self, key: str, start: int, length: int) -> bytes:
        assert start >= 0 and length >= 0, (start, length)
        path = self._path(key)
        try:
            with open(path, "rb", buffering=0) as file:
                file.seek(start)
                return _read_up_to(file.fileno(), length)
        except OSError as error:
            raise self._refusal(error, key) from error

    def head(self, key: str) -> ObjectInfo:
        path = self._path(key)
        try:
            found = os.stat(path)
            if not S_ISREG(found.st_mode):
                raise IsADirectoryError(errno.EISDIR, "a folder")
        except OSError as error:
            raise self._refusal(error, key) from error
        return _info(key, found)

    def put(self, key: str, data: bytes, *, create: bool = False) -> None:
        self._write(key, lambda descriptor: _write_all(descriptor, data), create=create)

    def put_file(self, key: str, path: Path) -> None:
        # Never a hard link to the source: its owner may still write to it, and objects are immutable.
        with open(path, "rb", buffering=0) as source:
            self._write(key, lambda descriptor: _copy(source, descriptor), create=False)

    def adopt_file(self, key: str, path: Path) -> None:
        target = self._path(key)
        self._demand_marker()
        if not path.exists() and self._is_there(target):
            return  # an earlier try moved it and failed to sync its name
        with open(path, "rb") as source:
            try:
                os.fsync(source.fileno())
                moved = self._rename_into(str(path), target)
            except OSError as error:
                raise _trouble(error, "written") from error
        if not moved:
            self.put_file(key, path)
            path.unlink()

    def delete(self, key: str) -> None:
        path = self._path(key)
        try:
            os.unlink(path)
            _sync_folder(os.path.dirname(path))
        except OSError as error:
            refusal = self._refusal(error, key)
            if not isinstance(refusal, Absent):
                raise refusal from error

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        self._demand_marker()
        folder = prefix[: prefix.rfind("/") + 1]
        if folder:
            self._path(folder[:-1])
        yield from self._walk(folder, prefix, after)

    def local_path(self, key: str) -> Path | None:
        return Path(self._path(key))

    def sweep(self, before: datetime) -> int:
        """Remove temporary files that crashes left behind before that moment; answers how many. Raises Unavailable."""
        self._demand_marker()
        swept = 0
        try:
            for folder, _, names in os.walk(self.root, onerror=_raise):
                for name in names:
                    path = os.path.join(folder, name)
                    if name.startswith(_TEMPORARY) and os.stat(path).st_mtime < before.timestamp():
                        os.unlink(path)
                        swept += 1
        except FileNotFoundError:  # a writer finished, or another sweeper came first: the rest waits for the next sweep
            return swept
        except OSError as error:
            raise _trouble(error, "swept") from error
        return swept

    def _path(self, key: str) -> str:
        check_key(key)
        return self._base + key

    def _write(self, key: str, fill: Callable[[int], None], *, create: bool) -> None:
        target = self._path(key)
        self._demand_marker()
        try:
            with _temporary_file(os.path.dirname(target)) as (temporary, descriptor):
                fill(descriptor)
                os.fsync(descriptor)  # bytes before the name: a crash in between leaves only the temporary file
                if create:
                    exists = not _link(temporary, target)
                else:
                    exists = False
                    os.replace(temporary, target)
            # Also when it exists: the winner may not have synced yet, and to hear Conflict is to call it published.
            _sync_folder(os.path.dirname(target))
        except OSError as error:
            raise _trouble(error, "written") from error
        if exists:
            raise Conflict(f"the object {key} is already there")

    def _is_there(self, target: str) -> bool:
        """True for an object whose name is durable now. Raises Unavailable."""
        if not os.path.isfile(target):
            return False
        try:
            _sync_folder(os.path.dirname(target))
        except OSError as error:
            raise _trouble(error, "written") from error
        return True

    def _rename_into(self, source: str, target: str) -> bool:
        """Move a synced file to its place, durably; False when it lies on another file system."""
        folder = os.path.dirname(target)
        if not os.path.isdir(folder):
            _make_folders(folder)
        try:
            os.replace(source, target)
        except OSError as error:
            if error.errno == errno.EXDEV:
                return False
            raise
        _sync_folder(folder)
        _sync_folder(os.path.dirname(source))
        return True

    def _walk(self, folder: str, prefix: str, after: str) -> Iterator[ObjectInfo]:
        try:
            entries = _entries(self._base, folder)
        except OSError as error:
            refusal = self._refusal(error, folder)
            if isinstance(refusal, Absent):
                return
            raise refusal from error
        for key, is_folder in entries:
            if is_folder:
                if (key.startswith(prefix) or prefix.startswith(key)) and (key > after or after.startswith(key)):
                    yield from self._walk(key, prefix, after)
            elif key > after and key.startswith(prefix) and is_key(key):  # another name is nobody's object
                try:
                    yield _info(key, os.stat(self._base + key))
                except FileNotFoundError:  # deleted since the folder was read
                    continue
                except OSError as error:
                    raise _trouble(error, "read") from error

    def _demand_marker(self) -> None:
        try:
            os.stat(self._marker)
        except OSError as error:
            raise _not_mounted(error) from error

    def _refusal(self, error: OSError, key: str) -> Absent | Unavailable:
        """What a failed read means. Missing is believed only while the marker proves that the store is there."""
        if error.errno not in _MISSING:
            return _trouble(error, "read")
        try:
            os.stat(self._marker)
        except OSError as unmounted:
            return _not_mounted(unmounted)
        return Absent(f"there is no object {key}")


def _entries(base: str, folder: str) -> list[tuple[str, bool]]:
    """One folder's entries in key order: a folder sorts as its keys do, with the slash ('a-b' before 'a/b')."""
    with os.scandir(base + folder) as entries:
        found = [
            (f"{folder}{entry.name}/", True) if entry.is_dir() else (folder + entry.name, False)
            for entry in entries
            if not entry.name.startswith(OWN_PREFIX)
        ]
    found.sort()
    return found


@contextmanager
def _temporary_file(folder: str) -> Iterator[tuple[str, int]]:
    """A new empty file in `folder` (made if missing), open for writing; gone afterwards unless it was renamed."""
    path = f"{folder}/{_TEMPORARY}{secrets.token_hex(16)}"
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError:
        _make_folders(folder)
        descriptor = os.open(path, flags, 0o600)
    try:
        yield path, descriptor
    finally:
        os.close(descriptor)
        with suppress(FileNotFoundError):
            os.unlink(path)


def _link(temporary: str, target: str) -> bool:
    """Give the bytes their name unless it is taken; answers whether it was free."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    return True


def _make_folders(folder: str) -> None:
    """Create a folder and what is missing above it, each entry durable in its parent."""
    parent = os.path.dirname(folder)
    if not os.path.isdir(parent):
        _make_folders(parent)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
    _sync_folder(parent)  # also when another writer made it: it may not have synced yet


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _copy(source: FileIO, descriptor: int) -> None:
    """Copy inside the kernel; where it cannot, in blocks, so that memory stays bounded."""
    try:
        while os.copy_file_range(source.fileno(), descriptor, _COPY_BYTES):
            pass
    except OSError as error:
        if error.errno not in _NO_KERNEL_COPY:
            raise
    # Whatever the kernel left over: both offsets have moved along with its copy.
    while block := source.read(_COPY_BYTES):
        _write_all(descriptor, block)


def _read_up_to(descriptor: int, length: int) -> bytes:
    blocks = []
    while length > 0 and (block := os.read(descriptor, length)):
        blocks.append(block)
        length -= len(block)
    return b"".join(blocks)


def _info(key: str, found: os.stat_result) -> ObjectInfo:
    return ObjectInfo(key, found.st_size, f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}")


def _trouble(error: OSError, verb: str) -> Unavailable:
    said = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in DISK_FULL_ERRORS:
        return DiskFull(f"the disk of the store folder is full ({said})", retry_after_seconds=60)
    return Unavailable(f"the store folder cannot be {verb} ({said})")


def _not_mounted(error: OSError) -> Unavailable:
    said = os.strerror(error.errno) if error.errno else str(error)
    return Unavailable(f"the store folder is not there: its marker file {MARKER} cannot be read ({said})")


def _raise(error: OSError) -> None:
    raise error
