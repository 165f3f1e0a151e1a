"""Two stores as one: what was acknowledged is in both, or in one with a note that the other is behind.

Guarantees, as long as the notes (pair_notes.py) are there:
- A put or delete succeeds when one side has done it durably and the other has done it too or is noted as behind.
- A side that is behind with a key is not asked about it, so an old object never passes for the newest, a missing one
  never for absent, and a deleted one does not come back.
- A create-only put is decided by a side that is not behind. Whoever decides alone leaves the note first, so two
  writers that each see another side dead never both win: the second finds the only side it reaches behind.
- While the one side that knows is away, the answer is Unavailable.
"""

import heapq
import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from time import time
from typing import TypeVar

import structlog

from holdfast.core.errors import Absent, Conflict, Corrupt, Unavailable
from holdfast.store.keys import check_key, check_prefix
from holdfast.store.local import LocalStore
from holdfast.store.memory import MemoryStore
from holdfast.store.pair_notes import Notes
from holdfast.store.pair_side import LATE_SECONDS, GivenUp, Side
from holdfast.store.port import DiskFull, ObjectInfo, Store

log = structlog.get_logger(__name__)

T = TypeVar("T")
_Streams = list[Iterator[tuple[str, int, ObjectInfo]]]  # key, place of the side, what it says

READ_SECONDS = 0.7  # the first side is waited for so long; a front gives the whole answer 1 s if it has a copy
LAST_SECONDS = 3.0  # and the last one that may know
WRITE_SECONDS = 2.5  # of small bytes; an upload is answered within 8 s
WRITE_BYTES_PER_SECOND = 8 * 1024 * 1024  # what a file is given on top, by its size
_BY_DIGEST = re.compile(r"(?:blobs|pulled/[^/]+/file)/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{60})")


class PairedStore:
    """The port over two stores, which are equals but for this: the first is asked first."""

    def __init__(self, primary: Store, secondary: Store, notes: Notes) -> None:
        self.notes = notes
        self.sides = (
            Side("primary", primary, in_thread=not isinstance(primary, LocalStore | MemoryStore)),
            Side("secondary", secondary, in_thread=not isinstance(secondary, LocalStore | MemoryStore)),
        )

    def get(self, key: str) -> bytes:
        digest = content_digest(key)
        damaged: list[Side] = []

        def look(side: Side, seconds: float) -> bytes:
            data = side.ask(lambda store: store.get(key), seconds)
            if digest and sha256(data).hexdigest() != digest:
                damaged.append(side)
                raise Corrupt(f"{key} does not have its digest in the {side.name} store")
            return data

        data = self._first(key, look)
        for side in damaged:
            log.error("corrupt", key=key, side=side.name)
            self.notes.owe(side.name, key)
        return data

    def read(self, key: str, start: int, length: int) -> bytes:
        assert start >= 0 and length >= 0, (start, length)
        return self._first(key, lambda side, seconds: side.ask(lambda store: store.read(key, start, length), seconds))

    def head(self, key: str) -> ObjectInfo:
        return self._first(key, lambda side, seconds: _told_by(side, side.ask(lambda store: store.head(key), seconds)))

    def put(self, key: str, data: bytes, *, create: bool = False) -> None:
        check_key(key)
        with self.notes.locked(key):
            if create:
                self._create(key, data)
            else:
                self._write(key, lambda store: store.put(key, data), WRITE_SECONDS)

    def put_file(self, key: str, path: Path) -> None:
        check_key(key)
        seconds = WRITE_SECONDS + path.stat().st_size / WRITE_BYTES_PER_SECOND
        if content_digest(key):  # equal bytes whoever writes them: large files do not wait for each other
            self._write(key, lambda store: store.put_file(key, path), seconds)
            return
        with self.notes.locked(key):
            self._write(key, lambda store: store.put_file(key, path), seconds)

    def adopt_file(self, key: str, path: Path) -> None:
        self.put_file(key, path)
        path.unlink()

    def delete(self, key: str) -> None:
        check_key(key)
        with self.notes.locked(key):
            # The first side last: cut off in between, the object is still found, and its deletion asked for again.
            self._write(key, lambda store: store.delete(key), WRITE_SECONDS, self.sides[::-1])

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        streams, troubles = [], []
        for place, side in enumerate(self.sides):
            try:
                first, stream = side.ask(lambda store: _opened(store.list(prefix, after)), LAST_SECONDS)
            except Unavailable as error:
                troubles.append((side, error))
                continue
            if first is not None:
                streams.append(_marked(place, first, stream))
        if len(troubles) == 2:
            raise troubles[0][1]
        if troubles:
            self._demand_sole(self._other(troubles[0][0]), prefix, after, troubles[0][1])
        yield from self._merged(streams, alone=bool(troubles))

    def local_path(self, key: str) -> Path | None:
        """None: which of two files is the right one may change at any moment, so the bytes are read instead."""
        check_key(key)
        return None

    def is_behind(self) -> bool:
        """Whether either side has something to catch up with. Raises Unavailable."""
        return any(
            not self.notes.is_whole(side.name) or next(self.notes.open(side.name), None) is not None
            for side in self.sides
        )

    def current(self, key: str) -> tuple[Side, ...]:
        """The sides that may be believed about this key, the first to be asked first. Raises Unavailable."""
        behind = [(side, note) for side in self.sides if (note := self.notes.owed(side.name, key)) is not None]
        if len(behind) == 2:  # a writer died between two notes: the later one tells
            return (min(behind, key=lambda one: one[1].at)[0],)
        return tuple(side for side in self.sides if not any(side is other for other, _ in behind))

    def _first(self, key: str, look: Callable[[Side, float], T]) -> T:
        """The first answer of a side that may be believed. Raises Absent, Unavailable, Corrupt."""
        check_key(key)
        current = self.current(key)
        trouble: Unavailable | Corrupt | None = None
        absent: Absent | None = None
        for number, side in enumerate(current, 1):
            try:
                return look(side, READ_SECONDS if number < len(current) else LAST_SECONDS)
            except Absent as error:
                if self.notes.is_whole(side.name):
                    raise
                absent = error
            except (Unavailable, Corrupt) as error:
                trouble = error
        if trouble is None and absent is not None:
            raise absent
        assert trouble is not None, key
        raise trouble

    def _create(self, key: str, data: bytes) -> None:
        """Decide at one side, then tell the other. The note comes before, so that no crash leaves two deciders."""
        deciders = self.current(key)
        for side in deciders:
            other = self._other(side)
            try:
                is_absent = self._is_absent(side, key)
            except Unavailable:
                if side is deciders[-1]:
                    raise
                continue
            if not is_absent:
                raise Conflict(f"the object {key} is already there")
            try:
                self.notes.owe(other.name, key)
                self.notes.settle(side.name, key)
                side.ask(lambda store: store.put(key, data, create=True), WRITE_SECONDS)
            except Unavailable as error:
                if side is deciders[-1]:
                    raise
                # It may have happened, or may yet: the other side's note goes, and this one is not believed.
                self._note_failure(side, key, error)
                continue
            self._follow(other, key, data)
            return

    def _is_absent(self, side: Side, key: str) -> bool:
        """Whether the key is free, as far as the side knows; a side that is not whole is not enough to say so."""
        asked = (side,) if self.notes.is_whole(side.name) else self.sides
        for one in asked:
            try:
                one.ask(lambda store: store.head(key), READ_SECONDS)
            except Absent:
                continue
            return False
        return True

    def _follow(self, side: Side, key: str, data: bytes) -> None:
        """Give a side what the other one has. What fails stays noted."""
        note = self.notes.owed(side.name, key)
        if note is not None and note.untouched_until > time():
            return
        try:
            side.ask(lambda store: store.put(key, data), WRITE_SECONDS)
        except Unavailable as error:
            self._note_failure(side, key, error)
            return
        self.notes.settle(side.name, key)

    def _write(
        self, key: str, work: Callable[[Store], None], seconds: float, one_by_one: tuple[Side, ...] = ()
    ) -> None:
        """Do it on both sides, or on one with a note about the other. Raises Unavailable when neither has done it.

        At once, as far as the sides can, unless an order is given.
        """
        notes = {side.name: self.notes.owed(side.name, key) for side in self.sides}

        def begin(side: Side) -> Callable[[float], None] | None:
            return side.begin(work) if (note := notes[side.name]) is None or note.untouched_until <= time() else None

        begun = ((side, begin(side)) for side in one_by_one or self.sides)
        done: list[Side] = []
        failed: list[tuple[Side, Unavailable]] = []
        for side, collect in begun if one_by_one else list(begun):
            if collect is None:
                failed.append((side, Unavailable(f"an earlier write may still arrive at the {side.name} store")))
                continue
            try:
                collect(seconds)
                done.append(side)
            except Unavailable as error:
                failed.append((side, error))
        if not done:
            # Either may have done it without saying so: from now on the first one says what is right, if it can.
            failed.sort(key=lambda one: one[0] is not self.sides[0])
            if not any(notes.values()) and self.notes.is_whole(failed[0][0].name):
                self._note_failure(failed[1][0], key, failed[1][1])
            full = [trouble for _, trouble in failed if isinstance(trouble, DiskFull)]
            raise full[0] if len(full) == 2 else failed[0][1]
        for side, trouble in failed:
            self._note_failure(side, key, trouble)
        for side in done:
            if notes[side.name] is not None:
                self.notes.settle(side.name, key)

    def _note_failure(self, side: Side, key: str, error: Unavailable) -> None:
        late = time() + LATE_SECONDS if isinstance(error, GivenUp) else 0.0
        old = self.notes.owed(side.name, key)
        self.notes.owe(side.name, key, max(late, old.untouched_until if old is not None else 0.0))

    def _other(self, side: Side) -> Side:
        return self.sides[1] if side is self.sides[0] else self.sides[0]

    def _demand_sole(self, side: Side, prefix: str, after: str, trouble: Unavailable) -> None:
        """Let a side list alone only if it has everything: a short list is worse than none. Raises Unavailable."""
        if not self.notes.is_whole(side.name):
            raise trouble
        for note in self.notes.open(side.name):
            if note.key.startswith(prefix) and note.key > after:
                raise trouble

    def _merged(self, streams: _Streams, *, alone: bool) -> Iterator[ObjectInfo]:
        merged = heapq.merge(*streams, key=lambda item: item[:2])
        for key, group in groupby(merged, key=lambda item: item[0]):
            found = {self.sides[place].name: info for _, place, info in group}
            current = self.current(key)
            for side in current:
                if side.name in found:
                    yield _told_by(side, found[side.name])
                    break
                if not alone and self.notes.is_whole(side.name):
                    break  # deleted: the side that still has it is behind
            else:
                if alone:
                    raise Unavailable("the store of the pair that is behind cannot list alone", retry_after_seconds=1)


def content_digest(key: str) -> str:
    """The sha256 that a key says its bytes have, or "" for a key that does not say."""
    found = _BY_DIGEST.fullmatch(key)
    return "".join(found.groups()) if found else ""


def _told_by(side: Side, info: ObjectInfo) -> ObjectInfo:
    return ObjectInfo(info.key, info.size, f"{side.name[0]}-{info.version}")


def _marked(place: int, first: ObjectInfo, rest: Iterator[ObjectInfo]) -> Iterator[tuple[str, int, ObjectInfo]]:
    yield first.key, place, first
    for info in rest:
        yield info.key, place, info


def _opened(listing: Iterator[ObjectInfo]) -> tuple[ObjectInfo | None, Iterator[ObjectInfo]]:
    """The first of a listing and the rest: what cannot be listed at all says so now."""
    return next(listing, None), listing
