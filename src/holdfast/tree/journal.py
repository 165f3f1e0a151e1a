"""Journal segments: the append-only log that tells readers what changed, one segment per committed transaction.

The database decides, the journal tells. A segment names what changed; the documents themselves are records.
Segments are create-only: the event id tells "already published" from "two databases write to one tree".
"""

from datetime import datetime
from typing import Literal

import msgspec

from holdfast.core.errors import Absent, Corrupt
from holdfast.store.port import Store
from holdfast.tree import addresses


class Entry(msgspec.Struct, frozen=True, tag_field="kind", omit_defaults=True, rename="kebab"):
    """Base of everything a segment can tell."""


class ProjectChanged(Entry, frozen=True, tag="project"):
    """The project's record is now the object with this digest."""

    index: str
    name: str
    display: str
    serial: int
    record: str  # digest
    status: Literal["active", "archived", "deprecated", "quarantined"] = "active"


class ProjectGone(Entry, frozen=True, tag="project-gone"):
    """The project is no longer listed. While `owned`, its name never falls through to a lower layer.

    Its files' bytes stay for a while; `status` says whether they are in quarantine, which no deletion ends.
    """

    index: str
    name: str
    display: str
    serial: int
    owned: bool = True
    status: Literal["active", "archived", "deprecated", "quarantined"] = "active"


class ProjectHeld(Entry, frozen=True, tag="held"):
    """Publication of this change failed repeatedly; readers keep the project's last good record."""

    index: str
    name: str
    serial: int
    reason: str


class FileAdded(Entry, frozen=True, tag="file-added"):
    index: str
    project: str
    filename: str
    sha256: str


class FileRemoved(Entry, frozen=True, tag="file-removed"):
    """Delisted by its owner; the filename stays bound to these bytes for ever."""

    index: str
    project: str
    filename: str
    sha256: str


class BytesRemoved(Entry, frozen=True, tag="removed"):
    """These digests must never be served again, from anywhere."""

    sha256: tuple[str, ...]
    reason: str
    legal: bool = False


class TokenIssued(Entry, frozen=True, tag="token"):
    """A token readers may accept without the database. `digest` is sha256 of the whole secret text, hex."""

    id: str
    digest: str
    reads: tuple[str, ...]  # index names the token may read; ("*",) means all
    expires: datetime | None = None


class TokenRevoked(Entry, frozen=True, tag="revoke"):
    id: str


AnyEntry = (
    ProjectChanged | ProjectGone | ProjectHeld | FileAdded | FileRemoved | BytesRemoved | TokenIssued | TokenRevoked
)


class Segment(msgspec.Struct, frozen=True, rename="kebab"):
    """One committed transaction as readers see it."""

    serial: int
    event: str  # the outbox row's own id: equal = the same transaction, other = two databases on one tree
    instance: str
    at: datetime  # when it was committed, aware UTC
    entries: tuple[AnyEntry, ...]
    v: int = 1


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Segment)


def encode_segment(segment: Segment) -> bytes:
    """The segment's stored bytes; equal segments give equal bytes."""
    return _encoder.encode(segment)


def decode_segment(data: bytes, serial: int) -> Segment:
    """Read a stored segment and hold it to the serial of its key. Raises Corrupt."""
    try:
        found = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise Corrupt(f"journal segment {serial} does not parse: {error}") from error
    if found.serial != serial:
        raise Corrupt(f"journal segment {serial} carries serial {found.serial}")
    return found


def read_segment(store: Store, serial: int) -> Segment:
    """Read one stored segment. Raises Absent, Unavailable, Corrupt."""
    return decode_segment(store.get(addresses.segment(serial)), serial)


def has_segment(store: Store, serial: int) -> bool:
    """Whether that segment is stored by itself. Raises Unavailable."""
    try:
        store.head(addresses.segment(serial))
    except Absent:
        return False
    return True
