"""The object-store port. One contract suite (tests/contract/store_contract.py) holds every adapter to it."""

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from holdfast.core.errors import Unavailable


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """A stored object without its bytes."""

    key: str
    size: int  # bytes
    version: str  # changes whenever the bytes may have (an ETag, or inode-size-mtime)


DISK_FULL_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # errno values that mean DiskFull


class DiskFull(Unavailable):
    """No room for these bytes: the disk, a quota or a file size limit is exhausted (uploads answer 507)."""


class StoreRefuses(Unavailable):
    """The store does not take this machine's credential: wrong, expired or without the rights it needs."""


class Store(Protocol):
    """Bytes under keys. Keys are `/`-joined segments of printable ASCII, none empty, `.` or `..`.

    No key may be another key plus `/...`: a folder of files could not hold both.
    Every method raises `Unavailable` when the store cannot answer (an unmounted folder, a refused connection, a
    wrong credential, a full disk): never `Absent`. When a put returns, the bytes are durable and visible whole;
    a put that fails or is killed leaves the old object or none, never a part.
    """

    def get(self, key: str) -> bytes:
        """The whole object. Raises Absent, Unavailable."""

    def read(self, key: str, start: int, length: int) -> bytes:
        """At most `length` bytes from offset `start`; short only at the end. Raises Absent, Unavailable."""

    def head(self, key: str) -> ObjectInfo:
        """Size and version. Raises Absent, Unavailable."""

    def put(self, key: str, data: bytes, *, create: bool = False) -> None:
        """Store small bytes whole. With `create`, raises Conflict if the key exists, atomically among writers."""

    def put_file(self, key: str, path: Path) -> None:
        """Store a local file of any size whole, in bounded memory; the source file stays the caller's.

        Overwriting an equal content-addressed object is harmless. Raises Unavailable.
        """

    def delete(self, key: str) -> None:
        """Forget the object; deleting what is absent is fine. Raises Unavailable."""

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        """Objects whose key starts with `prefix`, in key order, keys greater than `after`. Raises Unavailable."""

    def local_path(self, key: str) -> Path | None:
        """Where the object would lie as an ordinary local file that may be read in place, or None if it cannot."""

    def adopt_file(self, key: str, path: Path) -> None:
        """Like put_file, but the source is given away: it may be moved into the store, and is gone afterwards."""
