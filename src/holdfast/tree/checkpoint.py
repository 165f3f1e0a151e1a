"""Checkpoints: the state of every project after one serial, as one immutable, sorted, mmap-able object.

    magic (16) | header length (4) | sha256 of the header (32) | header JSON | rows | heap | state JSON

A row is 48 bytes and points into the heap, which holds names and, where they differ, display names. Rows are sorted
by index, then by name, so a lookup is a binary search that touches a few pages of the file. Opening checks the
header and the state tables by digest and every length; rows and heap have their own digest, which `verify` checks:
reading all of them at every start would cost what the format is there to save.
"""

import mmap
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from holdfast.core.errors import Corrupt
from holdfast.core.model import STATUSES, Status
from holdfast.tree.journal import BytesRemoved, ProjectHeld, TokenIssued

_MAGIC = b"holdfast-ckpt-1\n"
_PREAMBLE = struct.Struct("<16sI32s")
_ROW = struct.Struct("<QIBBBB32s")  # serial, heap offset, name length, display length (0 = same), status, flags, record
_GONE, _OWNED = 1, 2


@dataclass(frozen=True, slots=True)
class ProjectEntry:
    """What the journal says of one hosted project. A gone project has no record; `owned` keeps its name taken."""

    index: str
    name: str
    display: str
    serial: int
    record: str  # digest; "" when gone
    status: Status = "active"
    gone: bool = False
    owned: bool = True


class StateTables(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a tree knows beside its projects. Revoked and expired tokens are simply not there."""

    tokens: tuple[TokenIssued, ...] = ()
    removed: tuple[BytesRemoved, ...] = ()
    held: tuple[ProjectHeld, ...] = ()


class _IndexRows(msgspec.Struct, frozen=True):
    name: str
    first: int  # row number
    count: int


class _Header(msgspec.Struct, frozen=True):
    serial: int
    instance: str
    indexes: tuple[_IndexRows, ...]
    row_count: int
    heap_bytes: int
    state_bytes: int
    body_sha256: str  # rows and heap
    state_sha256: str


def encode_checkpoint(serial: int, instance: str, entries: Iterable[ProjectEntry], state: StateTables) -> bytes:
    """The checkpoint's bytes. Entries must come sorted by (index, name), each once."""
    rows, heap, indexes = _pack(entries)
    state_bytes = msgspec.json.encode(state)
    header = msgspec.json.encode(
        _Header(
            serial=serial,
            instance=instance,
            indexes=indexes,
            row_count=len(rows) // _ROW.size,
            heap_bytes=len(heap),
            state_bytes=len(state_bytes),
            body_sha256=sha256(rows + heap).hexdigest(),
            state_sha256=sha256(state_bytes).hexdigest(),
        )
    )
    preamble = _PREAMBLE.pack(_MAGIC, len(header), sha256(header).digest())
    return b"".join((preamble, header, rows, heap, state_bytes))


class Checkpoint:
    """An opened checkpoint. Immutable, so every thread may use it."""

    def __init__(self, data: bytes | mmap.mmap) -> None:
        """Raises Corrupt unless preamble, header, lengths and state tables hold."""
        header, rows = _read_header(data)
        heap = rows + header.row_count * _ROW.size
        state = heap + header.heap_bytes
        if len(data) != state + header.state_bytes:
            raise Corrupt(f"checkpoint {header.serial} is cut: {len(data)} bytes of {state + header.state_bytes}")
        self.serial = header.serial
        self.instance = header.instance
        self.state = _read_state(data[state:], header)
        self._header = header
        self._indexes = {rows.name: rows for rows in header.indexes}
        self._data = data
        self._rows_start, self._heap_start, self._body_end = rows, heap, state

    def __len__(self) -> int:
        return self._header.row_count

    @property
    def indexes(self) -> tuple[str, ...]:
        """The names of the indexes that have entries, sorted."""
        return tuple(self._indexes)

    def find(self, index: str, name: str) -> ProjectEntry | None:
        """The entry of a project, gone ones included, by binary search."""
        rows = self._indexes.get(index)
        if rows is None:
            return None
        wanted = name.encode()
        low, end = rows.first, rows.first + rows.count
        high = end
        while low < high:
            middle = (low + high) // 2
            if self._name(middle) < wanted:
                low = middle + 1
            else:
                high = middle
        return self._entry(index, low) if low < end and self._name(low) == wanted else None

    def entries(self, index: str) -> Iterator[ProjectEntry]:
        """Every entry of an index in name order, gone ones included."""
        rows = self._indexes.get(index)
        if rows is not None:
            for number in range(rows.first, rows.first + rows.count):
                yield self._entry(index, number)

    def verify(self) -> None:
        """Check the digest of rows and heap: for fsck, not for every start. Raises Corrupt."""
        if sha256(self._data[self._rows_start : self._body_end]).hexdigest() != self._header.body_sha256:
            raise Corrupt(f"checkpoint {self.serial} does not have the rows it was written with")

    def _name(self, number: int) -> bytes:
        _, offset, length, *_ = _ROW.unpack_from(self._data, self._rows_start + number * _ROW.size)
        start = self._heap_start + offset
        return self._data[start : start + length]

    def _entry(self, index: str, number: int) -> ProjectEntry:
        serial, offset, name_length, display_length, status, flags, digest = _ROW.unpack_from(
            self._data, self._rows_start + number * _ROW.size
        )
        start = self._heap_start + offset
        name = self._data[start : start + name_length].decode()
        start += name_length
        return ProjectEntry(
            index,
            name,
            self._data[start : start + display_length].decode() if display_length else name,
            serial,
            "" if flags & _GONE else digest.hex(),
            STATUSES[status],
            bool(flags & _GONE),
            bool(flags & _OWNED),
        )


def _pack(entries: Iterable[ProjectEntry]) -> tuple[bytearray, bytearray, tuple[_IndexRows, ...]]:
    rows, heap = bytearray(), bytearray()
    first: dict[str, int] = {}
    number, previous = 0, ("", "")
    for number, entry in enumerate(entries, start=1):
        place = (entry.index, entry.name)
        assert previous < place, f"checkpoint entries out of order: {previous} before {place}"
        previous = place
        first.setdefault(entry.index, number - 1)
        name = entry.name.encode()
        display = b"" if entry.display == entry.name else entry.display.encode()
        digest = b"" if entry.gone else bytes.fromhex(entry.record)
        flags = (_GONE if entry.gone else 0) | (_OWNED if entry.owned else 0)
        status = STATUSES.index(entry.status)
        rows += _ROW.pack(entry.serial, len(heap), len(name), len(display), status, flags, digest)
        heap += name + display
    ends = [*list(first.values())[1:], number]
    return rows, heap, tuple(_IndexRows(*row) for row in _counted(first, ends))


def _counted(first: dict[str, int], ends: list[int]) -> Iterator[tuple[str, int, int]]:
    for (index, start), end in zip(first.items(), ends, strict=False):  # without indexes there is one end too many
        yield index, start, end - start


def _read_header(data: bytes | mmap.mmap) -> tuple[_Header, int]:
    if len(data) < _PREAMBLE.size:
        raise Corrupt(f"a checkpoint of {len(data)} bytes is cut")
    magic, length, digest = _PREAMBLE.unpack_from(data)
    if magic != _MAGIC:
        raise Corrupt("a checkpoint does not begin with its magic bytes")
    end = _PREAMBLE.size + length
    text = data[_PREAMBLE.size : end]
    if sha256(text).digest() != digest:
        raise Corrupt("a checkpoint's header does not have its digest")
    try:
        header = msgspec.json.decode(text, type=_Header)
    except msgspec.MsgspecError as error:
        raise Corrupt(f"a checkpoint's header does not parse: {error}") from error
    return header, end


def _read_state(data: bytes, header: _Header) -> StateTables:
    if sha256(data).hexdigest() != header.state_sha256:
        raise Corrupt(f"checkpoint {header.serial} does not have the state tables it was written with")
    try:
        return msgspec.json.decode(data, type=StateTables)
    except msgspec.MsgspecError as error:
        raise Corrupt(f"checkpoint {header.serial} has state tables that do not parse: {error}") from error
