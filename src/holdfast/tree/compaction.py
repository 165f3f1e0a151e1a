"""Compaction: keeps the tree small without ever taking what a reader may still need.

Four steps, each safe to cut off anywhere and to repeat: make chunks of old segments, delete segments that chunks
have held long enough, delete superseded records, delete old checkpoints. Copies come before deletions.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from holdfast.clock import Clock
from holdfast.core.errors import Absent, Conflict, Corrupt
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.checkpoints import checkpoint_serials, open_checkpoint
from holdfast.tree.chunk import Chunk, chunk_number, chunk_serials, encode_chunk, read_chunk, read_segments
from holdfast.tree.journal import ProjectChanged, ProjectGone, has_segment, read_segment
from holdfast.tree.numbered import numbers
from holdfast.tree.reader import TreeReader
from holdfast.tree.record import decode_record

CHUNK_AFTER = timedelta(days=1)
SINGLES_KEPT = timedelta(days=7)  # after their chunk was made
SUPERSEDED_KEPT = timedelta(hours=48)  # a slow reader or edge may still ask for the previous record
CHECKPOINTS_KEPT = 3


@dataclass(frozen=True, slots=True)
class Compacted:
    """What one compaction did, in objects."""

    chunks_made: int = 0
    segments_deleted: int = 0
    records_deleted: int = 0
    checkpoints_deleted: int = 0


class _Progress(msgspec.Struct, frozen=True, rename="kebab"):
    """`records_through`: every record superseded up to this serial has been dealt with."""

    records_through: int = 0


def compact(store: Store, reader: TreeReader, clock: Clock) -> Compacted:
    """Do everything that is due. The reader must have caught up. Raises Unavailable, Corrupt; then the rest waits."""
    now = clock.now()
    return Compacted(
        chunks_made=_make_chunks(store, reader, now),
        segments_deleted=_delete_singles(store, reader, now),
        records_deleted=_delete_superseded(store, reader, now),
        checkpoints_deleted=_delete_checkpoints(store),
    )


def _make_chunks(store: Store, reader: TreeReader, now: datetime) -> int:
    made = 0
    number = _first_missing_chunk(store)
    while chunk_serials(number)[-1] <= reader.head:
        if read_segment(store, chunk_serials(number)[-1]).at > now - CHUNK_AFTER:
            break
        segments = tuple(read_segment(store, serial) for serial in chunk_serials(number))
        if any(segment.instance != reader.instance for segment in segments):
            raise Corrupt(f"the segments of journal chunk {number} were written by more than one instance")
        with suppress(Conflict):  # another compaction made it meanwhile
            store.put(addresses.chunk(number), encode_chunk(Chunk(made=now, segments=segments)), create=True)
            made += 1
        number += 1
    return made


def _first_missing_chunk(store: Store) -> int:
    number = 0
    for found in numbers(store, addresses.CHUNK_PREFIX, addresses.chunk):
        if found != number:
            break
        number += 1
    return number


def _delete_singles(store: Store, reader: TreeReader, now: datetime) -> int:
    """Delete segments whose chunk is old and readable, and which a readable checkpoint has left behind."""
    covered = _readable_checkpoint(store)
    oldest = next(numbers(store, addresses.JOURNAL_PREFIX, addresses.segment), None)
    if covered is None or oldest is None:
        return 0
    deleted = 0
    number = chunk_number(oldest)
    while chunk_serials(number)[-1] <= min(covered, reader.head):
        try:
            made = read_chunk(store, number).made
        except Absent:
            break
        if made > now - SINGLES_KEPT:
            break
        for serial in chunk_serials(number):
            if has_segment(store, serial):
                store.delete(addresses.segment(serial))
                deleted += 1
        number += 1
    return deleted


def _delete_superseded(store: Store, reader: TreeReader, now: datetime) -> int:
    """Delete records that a change older than two days replaced.

    What replaced them is read from the journal, not guessed from what is unreferenced: a publisher stores a record
    before the segment that names it, and such a record must stay.
    """
    progress = _read_progress(store)
    floors: dict[tuple[str, str], int] = {}
    through = progress.records_through
    for segment in read_segments(store, progress.records_through + 1, reader.head):
        if segment.at > now - SUPERSEDED_KEPT:
            break
        through = segment.serial
        for entry in segment.entries:
            if isinstance(entry, ProjectChanged | ProjectGone):
                place = (entry.index, entry.name)
                floors[place] = max(entry.serial, floors.get(place, 0))
    deleted = sum(_delete_records_below(store, reader, place, floor) for place, floor in floors.items())
    if through != progress.records_through:
        store.put(addresses.COMPACTION, msgspec.json.encode(_Progress(through)))
    return deleted


def _delete_records_below(store: Store, reader: TreeReader, place: tuple[str, str], floor: int) -> int:
    deleted = 0
    live = reader.find(*place)
    for info in store.list(addresses.records_of(*place)):
        digest = info.key.rpartition("/")[2].removesuffix(".json.zst")
        if live is not None and live.record == digest:
            continue
        try:
            serial = decode_record(store.get(info.key), digest).serial
        except (Absent, Corrupt):  # deleted meanwhile, or a case for fsck
            continue
        if serial < floor:
            store.delete(info.key)
            deleted += 1
    return deleted


def _read_progress(store: Store) -> _Progress:
    try:
        return msgspec.json.decode(store.get(addresses.COMPACTION), type=_Progress)
    except (Absent, msgspec.MsgspecError):  # looking through the whole journal again is slow and harmless
        return _Progress()


def _delete_checkpoints(store: Store) -> int:
    """Keep the newest readable ones; an unreadable one among them is left for fsck to see."""
    kept = deleted = 0
    for serial in reversed(checkpoint_serials(store)):
        if kept == CHECKPOINTS_KEPT:
            store.delete(addresses.checkpoint(serial))
            deleted += 1
        elif _is_readable(store, serial):
            kept += 1
    return deleted


def _readable_checkpoint(store: Store) -> int | None:
    return next((serial for serial in reversed(checkpoint_serials(store)) if _is_readable(store, serial)), None)


def _is_readable(store: Store, serial: int) -> bool:
    try:
        open_checkpoint(store, serial).verify()
    except (Absent, Corrupt):
        return False
    return True
