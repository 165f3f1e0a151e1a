"""Chunks: 4,096 aligned serials of the journal in one object, for readers that come from far behind."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from holdfast.core.errors import Absent, Corrupt
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.addresses import CHUNK_SERIALS
from holdfast.tree.compressed import compress, decompress
from holdfast.tree.journal import Segment, read_segment

CHUNK_BYTES_MAX = 1024 * 1024 * 1024  # uncompressed; a segment of one upload is below 2 kB


class Chunk(msgspec.Struct, frozen=True, rename="kebab"):
    """Segments number*4096+1 .. (number+1)*4096, whole and in order."""

    made: datetime  # aware UTC: single segments are kept for a while after this
    segments: tuple[Segment, ...]
    v: int = 1


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Chunk)


def chunk_number(serial: int) -> int:
    """The chunk that holds this serial once it is made."""
    assert serial > 0, serial
    return (serial - 1) // CHUNK_SERIALS


def chunk_serials(number: int) -> range:
    """The serials of a chunk."""
    return range(number * CHUNK_SERIALS + 1, (number + 1) * CHUNK_SERIALS + 1)


def encode_chunk(chunk: Chunk) -> bytes:
    """The chunk's stored bytes."""
    return compress(_encoder.encode(chunk))


def read_chunk(store: Store, number: int) -> Chunk:
    """Read a stored chunk and hold it to the serials of its key. Raises Absent, Unavailable, Corrupt."""
    data = decompress(store.get(addresses.chunk(number)), f"journal chunk {number}", CHUNK_BYTES_MAX)
    try:
        found = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise Corrupt(f"journal chunk {number} does not parse: {error}") from error
    if [segment.serial for segment in found.segments] != list(chunk_serials(number)):
        raise Corrupt(f"journal chunk {number} does not hold its {CHUNK_SERIALS} serials in order")
    return found


def read_segments(store: Store, first: int, last: int) -> Iterator[Segment]:
    """The journal from `first` to `last`, from single segments and, where those are gone, from chunks.

    Raises Corrupt when a segment is in neither, Unavailable.
    """
    serial = first
    while serial <= last:
        try:
            yield read_segment(store, serial)
            serial += 1
        except Absent:
            try:
                held = read_chunk(store, chunk_number(serial)).segments[(serial - 1) % CHUNK_SERIALS :]
            except Absent:
                raise Corrupt(f"journal segment {serial} is missing, by itself and from its chunk") from None
            yield from held[: last - serial + 1]
            serial += len(held)
