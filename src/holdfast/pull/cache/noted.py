"""A store that notes what is written and deleted under `pulled/`, whoever in this process does it."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

from holdfast.pull.cache.inventory import Object
from holdfast.store.port import ObjectInfo, Store
from holdfast.tree import addresses

Note = tuple[Object, int | None]  # the size it has now; None = it is gone


class NotedStore:
    """The store behind, and the notes. Appending to a deque is safe among threads."""

    def __init__(self, store: Store) -> None:
        self.notes: deque[Note] = deque()
        self._store = store

    def get(self, key: str) -> bytes:
        return self._store.get(key)

    def read(self, key: str, start: int, length: int) -> bytes:
        return self._store.read(key, start, length)

    def head(self, key: str) -> ObjectInfo:
        return self._store.head(key)

    def put(self, key: str, data: bytes, *, create: bool = False) -> None:
        self._store.put(key, data, create=create)
        self._note(key, len(data))

    def put_file(self, key: str, path: Path) -> None:
        size = path.stat().st_size
        self._store.put_file(key, path)
        self._note(key, size)

    def adopt_file(self, key: str, path: Path) -> None:
        size = path.stat().st_size if path.exists() else None
        self._store.adopt_file(key, path)
        self._note(key, self._store.head(key).size if size is None else size)

    def delete(self, key: str) -> None:
        self._store.delete(key)
        self._note(key, None)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        return self._store.list(prefix, after)

    def local_path(self, key: str) -> Path | None:
        return self._store.local_path(key)

    def _note(self, key: str, size: int | None) -> None:
        parts = addresses.pulled_parts(key) if key.startswith(addresses.PULLED_PREFIX) else None
        if parts is not None:
            self.notes.append((parts, size))
