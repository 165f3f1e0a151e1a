"""Bringing the two sides of a pair to the same objects: what is noted first, then everything, from end to end.

Each object takes effect whole, so this may run at any time, be stopped at any time and run twice at once; no lock that
others wait for is held while a file is copied or hashed. A key without a note that only one side has is copied, never
deleted: bytes are not thrown away on a guess.
"""

import heapq
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from time import time
from typing import Literal

from holdfast.core.errors import Absent, Unavailable
from holdfast.store.pair_notes import SIDES
from holdfast.store.pair_side import Side
from holdfast.store.paired import PairedStore, content_digest
from holdfast.store.port import ObjectInfo, Store

READ_BYTES = 8 * 1024 * 1024
COPY_SECONDS_MAX = 3600.0  # from one side to the other, of the largest file; for so long a note says that it may arrive

Healed = Literal["healed", "waits", "damaged"]
Pace = Callable[[int], None]  # told the bytes of each step; may wait, or raise to stop


@dataclass(slots=True)
class Converged:
    """What one run did."""

    healed: int = 0  # keys of notes that were settled
    waiting: int = 0  # notes that cannot be settled yet
    compared: int = 0
    differing: list[str] = field(default_factory=list)  # keys that differed without a note, now equal
    damaged: list[str] = field(default_factory=list)  # neither side has the bytes their key names

    @property
    def is_clean(self) -> bool:
        """Whether both sides were equal and nothing is left to do."""
        return not (self.waiting or self.differing or self.damaged)


def heal(pair: PairedStore, spool: Path, pace: Pace) -> Converged:
    """Settle what is noted. Raises Unavailable when a side is away; what is done stays done."""
    done = Converged()
    for name in SIDES:
        for note in pair.notes.open(name):
            if _heal(pair, note.key, spool, pace) == "healed":
                done.healed += 1
            else:
                done.waiting += 1
    return done


def compare(pair: PairedStore, spool: Path, pace: Pace, *, deep: bool) -> Converged:
    """Heal, then hold every key of one side to the other, their bytes too if `deep`; then both are whole.

    Bytes that neither side has any more make a side that has none behind, for as long as nobody brings them. Without
    `deep`, the bytes of objects of equal size whose key names their digest are taken as equal. Raises Unavailable when
    a side is away.
    """
    done = heal(pair, spool, pace)
    for key, infos in _both(pair):
        done.compared += 1
        if _seem_equal(key, infos) and not deep:
            continue
        pace(sum(info.size for info in infos if info is not None))
        _settle(pair, key, spool, pace, done)
    for name in SIDES:  # what waits or is damaged has a note: nothing else that a side lacks is anywhere
        pair.notes.call_whole(name)
    return done


def _heal(pair: PairedStore, key: str, spool: Path, pace: Pace) -> Healed:
    """Make the side that is behind what the other is. It waits while a late write may still arrive there.

    A key shares its lock with many. Documents, which may change, are copied under it and paced afterwards; files not.
    """
    with pair.notes.locked(key):
        notes = {side.name: pair.notes.owed(side.name, key) for side in pair.sides}
        if any(note is not None and note.untouched_until > time() for note in notes.values()):
            return "waits"
        if not any(notes.values()):
            return "healed"
        (right, *_) = pair.current(key)
        behind = pair.sides[1] if right is pair.sides[0] else pair.sides[0]
        size = 0
        if content_digest(key):
            pair.notes.owe(behind.name, key, time() + COPY_SECONDS_MAX)
        else:
            size = _copy(right, behind, key, spool, _at_once)
            _call_equal(pair, key)
    if content_digest(key):
        return _heal_file(pair, right, behind, key, spool, pace)
    pace(size)
    return "healed"


def _heal_file(pair: PairedStore, right: Side, behind: Side, key: str, spool: Path, pace: Pace) -> Healed:
    """As _heal, of bytes that are the same whoever writes them, and without their lock while they are on their way.

    Whoever deletes the file meanwhile finds the note that a write may still arrive, leaves the side behind alone, and
    the deletion is done there at the end. A process that dies on the way leaves that note, and the next one heals.
    """
    digest, is_there = content_digest(key), False
    try:
        is_right = _hash(right.store, key) in (digest, None)
        if is_right:
            _copy(right, behind, key, spool, pace)
            is_there = True
    finally:
        if not is_there:
            pair.notes.owe(behind.name, key)  # nothing is on its way any more
    with pair.notes.locked(key):
        if not is_there:
            if _hash(behind.store, key) != digest:
                return "damaged"  # nobody has the bytes: a scrub or an upload may bring them back
            _copy(behind, right, key, spool, _at_once)  # rare enough to be done under the lock
        elif _is_absent(right, key):
            behind.store.delete(key)
        _call_equal(pair, key)
    return "healed"


def _settle(pair: PairedStore, key: str, spool: Path, pace: Pace, done: Converged) -> None:
    """One key that may differ."""
    if any(pair.notes.owed(side.name, key) for side in pair.sides):
        outcome = _heal(pair, key, spool, pace)
        done.healed += outcome == "healed"
        if outcome == "damaged":
            done.damaged.append(key)
    elif digest := content_digest(key):
        hashes = [_hash(side.store, key) for side in pair.sides]
        if hashes[0] == hashes[1] and hashes[0] in (digest, None):
            return
        _note_difference(pair, key, digest, hashes, done)
        if key not in done.damaged and _heal(pair, key, spool, pace) == "healed":
            done.differing.append(key)
    else:
        _settle_document(pair, key, spool, done)


def _note_difference(pair: PairedStore, key: str, digest: str, hashes: list[str | None], done: Converged) -> None:
    """Note the side that has not the bytes, unless news came meanwhile; or that nobody has them."""
    with pair.notes.locked(key):
        if any(pair.notes.owed(side.name, key) for side in pair.sides):
            return
        if digest in hashes:
            pair.notes.owe(pair.sides[1 - hashes.index(digest)].name, key)
        elif any(hashes):
            done.damaged.append(key)
            for side, found in zip(pair.sides, hashes, strict=True):
                if found is None:
                    pair.notes.owe(side.name, key)


def _settle_document(pair: PairedStore, key: str, spool: Path, done: Converged) -> None:
    """One document without a note, under its lock: it may change at any moment."""
    with pair.notes.locked(key):
        if any(pair.notes.owed(side.name, key) for side in pair.sides):
            return  # since a moment ago; it is healed like every other
        hashes = [_hash(side.store, key) for side in pair.sides]
        if hashes[0] == hashes[1]:
            return
        right, behind = pair.sides if hashes[0] is not None else pair.sides[::-1]
        _copy(right, behind, key, spool, _at_once)
        done.differing.append(key)


def _call_equal(pair: PairedStore, key: str) -> None:
    for side in pair.sides:
        pair.notes.settle(side.name, key)


def _at_once(_size: int) -> None:
    """The pace of what is done under a lock."""


def _is_absent(side: Side, key: str) -> bool:
    try:
        side.store.head(key)
    except Absent:
        return True
    return False


def _copy(right: Side, behind: Side, key: str, spool: Path, pace: Pace) -> int:
    """Give one side the other's object, or its absence, in bounded memory; how many bytes that were."""
    try:
        size = right.store.head(key).size
    except Absent:
        behind.store.delete(key)
        return 0
    pace(size)
    if size <= READ_BYTES:
        behind.store.put(key, right.store.get(key))
        return size
    handle, name = tempfile.mkstemp(prefix="pair-", dir=spool)
    try:
        with open(handle, "wb") as file:
            for start in range(0, size, READ_BYTES):
                file.write(right.store.read(key, start, READ_BYTES))
        behind.store.put_file(key, Path(name))
    except OSError as error:
        raise Unavailable(f"an object cannot be copied between the stores ({error.strerror})") from error
    finally:
        os.unlink(name)
    return size


def _hash(store: Store, key: str) -> str | None:
    found = sha256()
    try:
        size = store.head(key).size
        for start in range(0, size, READ_BYTES):
            found.update(store.read(key, start, READ_BYTES))
    except Absent:
        return None
    return found.hexdigest()


def _seem_equal(key: str, infos: list[ObjectInfo | None]) -> bool:
    one, other = infos
    return one is not None and other is not None and one.size == other.size and bool(content_digest(key))


def _both(pair: PairedStore) -> Iterator[tuple[str, list[ObjectInfo | None]]]:
    """Every key of either side, in order, with what each side lists under it."""

    def marked(place: int) -> Iterator[tuple[str, int, ObjectInfo]]:
        for info in pair.sides[place].store.list(""):
            yield info.key, place, info

    for key, group in groupby(heapq.merge(marked(0), marked(1), key=lambda item: item[:2]), key=lambda item: item[0]):
        infos: list[ObjectInfo | None] = [None, None]
        for _, place, info in group:
            infos[place] = info
        yield key, infos
