"""What a pair of stores knows about itself: which side is not current for which key, and which is not whole.

The notes lie in a folder on the machine's own disk, apart from both sides: they are the third voice that tells, while
one side is away, whether the other may be believed. A note is durable before the write it excuses is acknowledged.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from holdfast.core.errors import Absent, Corrupt, Unavailable
from holdfast.store.local import MARKER, LocalStore

SideName = Literal["primary", "secondary"]
SIDES: tuple[SideName, SideName] = ("primary", "secondary")
LOCKS = 512  # keys that share one wait for each other, so that a slow side holds up few


class Note(msgspec.Struct, frozen=True):
    """This side's object at `key` may be old, missing or too many; the other side says what is right."""

    key: str
    at: int  # when it was noted, ns; of two notes about one key the later names the side that is behind
    untouched_until: float = 0.0  # Unix time until which a write that was given up may still arrive there


class Notes:
    """The notes of one pair. Safe among the threads and processes of one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = LocalStore(folder)

    @classmethod
    def create(cls, folder: Path) -> "Notes":
        """Begin a pair whose sides have yet to be compared; does nothing when it has begun. Raises Unavailable."""
        notes = cls(folder)
        if not notes.exist():
            try:
                (folder / "lock").mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise Unavailable(f"the notes of the store pair cannot be set up ({error.strerror})") from error
            beginning = LocalStore.create(folder)
            for side in SIDES:
                beginning.put(f"lacking/{side}", b"")
            beginning.put("begun", b"")  # last: whoever sees it sees the others
        return notes

    def exist(self) -> bool:
        """Whether this pair was ever begun."""
        return (self._folder / "begun").exists()

    @contextmanager
    def locked(self, key: str) -> Iterator[None]:
        """Let nobody else change this key on either side meanwhile. Raises Unavailable."""
        number = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) % LOCKS
        try:
            handle = os.open(self._folder / "lock" / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"the notes of the store pair cannot be locked ({error.strerror})") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def owed(self, side: SideName, key: str) -> Note | None:
        """The note about that side and key. Raises Unavailable."""
        place = _place(side, key)
        if not os.path.exists(self._folder / place) and (self._folder / MARKER).exists():
            return None  # nearly always
        try:
            return _decode(self._store.get(place))
        except Absent:
            return None

    def owe(self, side: SideName, key: str, untouched_until: float = 0.0) -> None:
        """Note, durably, that the side is not current for this key. Raises Unavailable."""
        note = Note(key, time.time_ns(), untouched_until)
        self._store.put(_place(side, key), msgspec.json.encode(note))

    def settle(self, side: SideName, key: str) -> None:
        """The side is current for this key again. Raises Unavailable."""
        if self.owed(side, key) is not None:
            self._store.delete(_place(side, key))

    def open(self, side: SideName) -> Iterator[Note]:
        """Every note about that side, in no order that means anything. Raises Unavailable."""
        for info in self._store.list(f"owed/{side}/"):
            try:
                yield _decode(self._store.get(info.key))
            except Absent:
                continue  # settled meanwhile

    def count(self, side: SideName) -> int:
        """How many keys the side is behind with. Raises Unavailable."""
        return sum(1 for _ in self._store.list(f"owed/{side}/"))

    def is_whole(self, side: SideName) -> bool:
        """Whether the side was once compared with the other, so that what it lacks without a note does not exist."""
        try:
            self._store.head(f"lacking/{side}")
        except Absent:
            return True
        return False

    def call_whole(self, side: SideName) -> None:
        """The side was compared from end to end. Raises Unavailable."""
        self._store.delete(f"lacking/{side}")


def _place(side: SideName, key: str) -> str:
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"owed/{side}/{digest[:2]}/{digest[2:]}"


def _decode(data: bytes) -> Note:
    try:
        return msgspec.json.decode(data, type=Note)
    except msgspec.MsgspecError as error:
        raise Corrupt(f"a note of the store pair does not parse: {error}") from error
