"""Writing into the published tree: documents first, then the segment that names them, then the checkpoint.

Every function may be repeated after a crash: equal documents are not written again, and a segment that is already
there with the same event is done.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Literal

from holdfast.core.errors import Absent, Conflict
from holdfast.core.model import Card, Record
from holdfast.core.simple_json import renderer
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.card import encode_card
from holdfast.tree.checkpoint import encode_checkpoint
from holdfast.tree.checkpoints import checkpoint_serials, read_pointer
from holdfast.tree.chunk import chunk_number, chunk_serials, read_chunk
from holdfast.tree.fragments import WRITTEN_ANEW, Fragments
from holdfast.tree.journal import Segment, encode_segment, has_segment, read_segment
from holdfast.tree.record import encode_record
from holdfast.tree.rendered import FILES_MIN, REPRESENTATIONS, compress_pages
from holdfast.tree.state import TreeState


class TwoDatabases(Conflict):
    """The segment of this serial is there with another event: two databases write to one tree. Stop and alarm."""


def put_record(store: Store, record: Record, fragments: Fragments = WRITTEN_ANEW) -> str:
    """Store a record under its digest, which is returned; nothing is written when it is there. Raises Unavailable."""
    encoded = encode_record(record, fragments.documents)
    key = addresses.record(record.index, record.name, encoded.digest)
    if _size(store, key) != len(encoded.stored_bytes):
        store.put(key, encoded.stored_bytes)
    return encoded.digest


def put_with_pages(store: Store, record: Record, public_base: str, fragments: Fragments = WRITTEN_ANEW) -> str:
    """Store a record, then the compressed pages of a large one; answers its digest. Raises Corrupt, Unavailable.

    Pages are compressed while the record is stored, and stored only after it: it is by records that they are forgotten.
    """
    if len(record.files) < FILES_MIN:
        return put_record(store, record, fragments)
    made_by = renderer(public_base)
    with ThreadPoolExecutor(len(REPRESENTATIONS)) as pool:
        jobs = compress_pages(pool, record, public_base, fragments)
        digest = put_record(store, record, fragments)
        puts = [
            pool.submit(store.put, addresses.rendered(made_by, digest, representation), job.result())
            for representation, job in jobs.items()
        ]
        for put in puts:
            put.result()
    return digest


def put_card(store: Store, card: Card) -> None:
    """Store a file's card; nothing is written when it is there with equal bytes. Raises Unavailable."""
    put_if_different(store, addresses.card(card.index, card.sha256, card.filename), encode_card(card))


def put_if_different(store: Store, key: str, data: bytes) -> bool:
    """Put small bytes unless the object has them already; answers whether it wrote. Raises Unavailable."""
    try:
        if store.get(key) == data:
            return False
    except Absent:
        pass
    store.put(key, data)
    return True


def append(store: Store, segment: Segment) -> Literal["published", "already"]:
    """Append a segment to the journal. What it names must be stored before: readers act on it at once.

    Raises TwoDatabases when the serial is taken by another event, Corrupt when what is there cannot be read,
    Unavailable. The caller appends in serial order and never skips one.
    """
    found = _in_chunk(store, segment.serial)
    if found is None:
        try:
            store.put(addresses.segment(segment.serial), encode_segment(segment), create=True)
            return "published"
        except Conflict:
            found = read_segment(store, segment.serial)
    if (found.event, found.instance) == (segment.event, segment.instance):
        return "already"
    raise TwoDatabases(
        f"journal segment {segment.serial} holds event {found.event} of instance {found.instance}, "
        f"not event {segment.event} of instance {segment.instance}: two databases write to one tree"
    )


def published_head(store: Store, at_least: int = 0) -> int:
    """The highest serial up to which the journal is whole. Serials up to `at_least` are taken as published.

    Raises Unavailable.
    """
    head = at_least or max([read_pointer(store) or 0, *checkpoint_serials(store)[-1:]])
    while True:
        if has_segment(store, head + 1):
            head += 1
        elif not at_least and _size(store, addresses.chunk(chunk_number(head + 1))) is not None:
            head = chunk_serials(chunk_number(head + 1))[-1]  # a tree that lost its checkpoints
        else:
            return head


def write_checkpoint(store: Store, state: TreeState, instance: str, now: datetime) -> int:
    """Store the state as a checkpoint, then point at it; answers its serial. Raises Unavailable."""
    tables = state.tables(now)
    entries = (entry for index in state.indexes() for entry in state.entries(index))
    data = encode_checkpoint(state.head, instance, entries, tables)
    store.put(addresses.checkpoint(state.head), data)
    if (read_pointer(store) or 0) <= state.head:
        store.put(addresses.CHECKPOINT_POINTER, b"%d\n" % state.head)
    return state.head


def _in_chunk(store: Store, serial: int) -> Segment | None:
    """The segment as its chunk holds it: a publisher stopped for weeks must not find its serial free again."""
    number = chunk_number(serial)
    if _size(store, addresses.chunk(number)) is None:  # nearly always: one look, no bytes
        return None
    return read_chunk(store, number).segments[serial - chunk_serials(number)[0]]


def _size(store: Store, key: str) -> int | None:
    try:
        return store.head(key).size
    except Absent:
        return None
