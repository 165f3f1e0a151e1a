"""Heads of the audit trail's chain, published into the tree: what the trail's end was at some moment, for good.

The trail itself stays in the database. A head says nothing of any event; whoever cuts the trail's end off, or writes it
anew, cannot make it agree with the heads.
"""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from holdfast.core.errors import Absent, Conflict, Corrupt
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.numbered import numbers


class AuditHead(msgspec.Struct, frozen=True, kw_only=True):
    """After event number `position` the chain's digest was `hash`."""

    position: int
    hash: str
    at: datetime
    instance: str


def publish_head(store: Store, head: AuditHead) -> None:
    """Keep a head. One that is there stays. Raises Conflict when it says something else, Unavailable, Corrupt."""
    try:
        store.put(addresses.audit_head(head.position), _encoder.encode(head), create=True)
    except Conflict:
        known = read_head(store, head.position)
        if known is None or (known.hash, known.instance) != (head.hash, head.instance):
            raise Conflict(
                f"the audit trail's head {head.position} was published with another digest: an older database was put"
                " in its place, or somebody has written the trail anew"
            ) from None


def newest_heads(store: Store, count: int) -> Iterator[AuditHead]:
    """The newest heads, newest first. Raises Unavailable, Corrupt."""
    positions = numbers(store, addresses.AUDIT_PREFIX, addresses.audit_head)
    for position in sorted(positions, reverse=True)[:count]:
        if (found := read_head(store, position)) is not None:
            yield found


def read_head(store: Store, position: int) -> AuditHead | None:
    """The head that was published after that event, if one was. Raises Unavailable, Corrupt."""
    try:
        return _decoder.decode(store.get(addresses.audit_head(position)))
    except Absent:
        return None
    except msgspec.MsgspecError as error:
        raise Corrupt(f"the audit trail's head {position} does not parse: {error}") from error


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(AuditHead)
