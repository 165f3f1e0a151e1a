"""The audit trail as a chain: each event carries a digest over the one before and its own content.

Whoever changes, removes or reorders rows in the database breaks it at that place; cutting off its end is found by the
heads that are published into the tree now and then (tree/audit_heads.py). The digest is
sha256(digest before, newline, canonical JSON of the content), the first one over `GENESIS`.

A previous release that runs beside this one writes events without a place in the chain. They are appended later, in the
order of their ids, as they are found then: `chain_strays`. Until then they are counted, and vouched for by nobody.

A database made anew from the tree (`holdfast rebuild`) has none of the events before. Its trail begins behind the last
end that was published, with an event that says so: places are never given twice, and heads stay comparable.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from holdfast.control.accounts.models import AuditEvent, AuditHead
from holdfast.control.prepared import Prepared, PreparedUpdate, insert

GENESIS = "0" * 64
STRAYS_MAX = 500  # chained in one transaction, which other writers wait for
BATCH_ROWS = 1000
BEGIN = "begin-trail"  # the action of a new trail's first event

HashNetwork = Callable[[str], str]
"""(address): the network it lies in, hashed under this instance's key; "" for no address."""


@dataclass(frozen=True, slots=True)
class Link:
    """One event in the chain."""

    position: int
    created: datetime
    serial: int | None
    actor: str
    credential: str
    token: str
    network: str
    action: str
    subject: str
    detail: Any  # JSON
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What following the chain found. `broken` is the first position that does not hold, 0 = all do."""

    count: int
    head: str
    broken: int = 0
    why: str = ""
    begun: "Begun | None" = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A trail that began after a rebuild, behind event `after` of the lost one; 0 = no end of that was published."""

    at: datetime
    after: int
    hash: str  # the lost trail's digest there; GENESIS for 0


def digest(before: str, link: Link) -> str:
    """The digest of an event behind the one with digest `before`."""
    content = {
        "position": link.position,
        "created": link.created.astimezone(UTC).isoformat(timespec="microseconds"),
        "serial": link.serial,
        "actor": link.actor,
        "credential": link.credential,
        "token": link.token,
        "network": link.network,
        "action": link.action,
        "subject": link.subject,
        "detail": link.detail,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()


def follow(links: Iterable[Link]) -> Verdict:
    """Hold every event to its digest, in order of position, up to the first that does not hold."""
    begun: Begun | None = None
    count, head = 0, GENESIS
    for number, link in enumerate(links):
        if number == 0 and (begun := begun_by(link)):
            count, head = begun.after, begun.hash
        wanted = count + 1
        if link.position != wanted:
            why = f"event {wanted} is missing: after {count} comes {link.position}"
            return Verdict(count, head, wanted, why, begun)
        if digest(head, link) != link.hash:
            why = f"event {wanted} is not what was written, or what stood before it was"
            return Verdict(count, head, wanted, why, begun)
        count, head = wanted, link.hash
    return Verdict(count, head, begun=begun)


def begun_by(link: Link) -> Begun | None:
    """What a rebuild's first event says; None for any other event."""
    match link:
        case Link(action=action, credential="machine", detail={"after": int(after), "hash": str(before)}) if (
            action == BEGIN and link.position == after + 1
        ):
            return Begun(link.created, after, before)
    return None


def begin(event: AuditEvent, after: int, before: str) -> None:
    """The first event of a trail in a new database, behind the lost one's event `after`. Inside a transaction."""
    event.detail = {"after": after, "hash": before}
    _move_head(after, before)
    append([event])


_head = Prepared(lambda: AuditHead.objects.filter(pk=1).select_for_update().values_list("position", "hash"))
_move_head = PreparedUpdate(
    lambda position, digest: (AuditHead.objects.filter(pk=1), {"position": position, "hash": digest})
)


def append(events: list[AuditEvent]) -> None:
    """Give new events their places and insert them. Inside a write transaction, as its last statements."""
    if events:
        _place(events)
        for event in events:
            insert(event)


def chain_strays(hash_network: HashNetwork) -> int:
    """Append events that have no place yet, and forget their raw addresses; answers how many. Inside a transaction."""
    strays = list(AuditEvent.objects.filter(position=None).order_by("id")[:STRAYS_MAX])
    if not strays:
        return 0
    for event in strays:
        event.network, event.address = event.network or hash_network(event.address), ""
    _place(strays)
    AuditEvent.objects.bulk_update(strays, ["position", "hash", "network", "address"])
    return len(strays)


def _place(events: list[AuditEvent]) -> None:
    """The chain's end is locked until the transaction ends: two writers never get one place."""
    ((position, before),) = _head.all()
    for event in events:
        position += 1
        event.position = position
        event.detail = json.loads(json.dumps(event.detail))  # as the database will give it back
        event.hash = before = digest(before, link_of(event))
    _move_head(position, before)


def link_of(event: AuditEvent) -> Link:
    """A row as a link of the chain. It has a place."""
    assert event.position is not None
    return Link(
        event.position,
        event.created,
        event.serial,
        event.actor,
        event.credential,
        event.token,
        event.network,
        event.action,
        event.subject,
        event.detail,
        event.hash,
    )


def links() -> Iterator[Link]:
    """Every chained event in order, a batch at a time. Inside a snapshot, or what is appended meanwhile comes too."""
    after = 0
    while batch := list(AuditEvent.objects.filter(position__gt=after).order_by("position")[:BATCH_ROWS]):
        yield from map(link_of, batch)
        assert batch[-1].position is not None
        after = batch[-1].position


def stray_count() -> int:
    """How many events wait for their place."""
    return AuditEvent.objects.filter(position=None).count()
