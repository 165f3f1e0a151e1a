"""A store in this process's memory: the fake every test may use, held to the same contract as the real ones."""

import threading
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

from holdfast.core.errors import Absent, Conflict
from holdfast.store.keys import check_key, check_prefix
from holdfast.store.port import ObjectInfo


class MemoryStore:
    """Bytes in a dictionary; safe to share between threads, gone with the process."""

    def __init__(self) -> None:
        self._objects: dict[str, tuple[int, bytes]] = {}
        self._writes = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes:
        return self._find(key)[1]

    def read(self, key: str, start: int, length: int) -> bytes:
        assert start >= 0 and length >= 0, (start, length)
        return self._find(key)[1][start : start + length]

    def head(self, key: str) -> ObjectInfo:
        return _info(key, self._find(key))

    def put(self, key: str, data: bytes, *, create: bool = False) -> None:
        check_key(key)
        with self._lock:
            if create and key in self._objects:
                raise Conflict(f"the object {key} is already there")
            self._writes += 1
            self._objects[key] = (self._writes, bytes(data))

    def put_file(self, key: str, path: Path) -> None:
        self.put(key, path.read_bytes())

    def adopt_file(self, key: str, path: Path) -> None:
        self.put_file(key, path)
        path.unlink()

    def delete(self, key: str) -> None:
        check_key(key)
        with self._lock:
            self._objects.pop(key, None)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        with self._lock:
            keys = sorted(key for key in self._objects if key.startswith(prefix))
        for key in keys[bisect_right(keys, after) :]:
            if found := self._objects.get(key):
                yield _info(key, found)

    def local_path(self, key: str) -> Path | None:
        check_key(key)
        return None

    def _find(self, key: str) -> tuple[int, bytes]:
        check_key(key)
        found = self._objects.get(key)
        if found is None:
            raise Absent(f"there is no object {key}")
        return found


def _info(key: str, found: tuple[int, bytes]) -> ObjectInfo:
    return ObjectInfo(key, len(found[1]), str(found[0]))
