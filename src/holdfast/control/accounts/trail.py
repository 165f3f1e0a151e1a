"""The audit trail as a whole: verifying it against the tree, its upkeep, and reading it."""

from dataclasses import dataclass
from datetime import datetime

from holdfast.clock import Clock
from holdfast.control.accounts.actor import operator
from holdfast.control.accounts.append_only import is_guarded
from holdfast.control.accounts.audit import (
    BEGIN,
    GENESIS,
    STRAYS_MAX,
    Begun,
    Verdict,
    begin,
    chain_strays,
    follow,
    links,
    stray_count,
)
from holdfast.control.accounts.models import AuditEvent, AuditHead
from holdfast.control.database import database_guard, held_transaction, read_snapshot
from holdfast.control.publication.publisher import Publisher
from holdfast.store.port import Store
from holdfast.tree import audit_heads

STATEMENT_SECONDS = 5.0
HEADS_COMPARED = 50  # the newest; each vouches for everything before it


@dataclass(frozen=True, slots=True)
class Verified:
    """What is wrong with the trail, in a sentence each; nothing when it is whole."""

    count: int  # events that hold
    is_guarded: bool  # the database itself refuses to change them
    strays: int  # events of an earlier release that wait for their place
    heads: int  # published heads that were compared
    problems: tuple[str, ...]
    begun: Begun | None = None  # where the trail began, if that was after a rebuild
    ended: datetime | None = None  # when the end of the one before was published


def verify(store: Store, instance: str) -> Verified:
    """Follow the chain and compare it with the published heads. Raises DatabaseUnavailable, Unavailable, Corrupt."""
    heads = list(audit_heads.newest_heads(store, HEADS_COMPARED))
    with read_snapshot():
        told = follow(links())
        end = AuditHead.objects.values_list("position", "hash").filter(pk=1).first() or (0, GENESIS)
        at = {row[0]: row[1] for row in _hashes([head.position for head in heads])}
        strays = stray_count()
        guarded = is_guarded()
    problems = list(_chain_problems(told, end))
    begun, ended = told.begun, None
    if begun is not None and begun.after:
        at[begun.after] = begun.hash
        ended = audit_heads.read_head(store, begun.after)
        heads = [head for head in heads if head.position > begun.after] + ([ended] if ended else [])
        if ended is None:
            problems.append(f"the trail begins after event {begun.after}, and no such end was ever published")
    for head in sorted(heads, key=lambda head: head.position):
        if head.instance != instance:
            problems.append(f"head {head.position} was published by instance {head.instance}, not by {instance}")
        elif head.position not in at:
            problems.append(f"the end is cut off: on {head.at:%Y-%m-%d %H:%M} UTC there were {head.position} events")
        elif at[head.position] != head.hash:
            problems.append(f"event {head.position} is not the one that was published on {head.at:%Y-%m-%d %H:%M} UTC")
    if not guarded:
        problems.append(
            "the database would let past events be changed: its triggers are gone, and the next start puts them back"
        )
    count = told.count - (begun.after if begun else 0)
    return Verified(count, guarded, strays, len(heads), tuple(problems), begun, ended.at if ended else None)


def begin_trail(store: Store, instance: str, clock: Clock) -> None:
    """Begin the trail of a rebuilt database behind the last published end of the lost one. Inside a transaction.

    Raises Unavailable, Corrupt.
    """
    newest = audit_heads.newest_heads(store, HEADS_COMPARED)
    end = next((head for head in newest if head.instance == instance), None)
    by = operator()
    event = AuditEvent(created=clock.now(), actor=by.who, credential=by.credential, action=BEGIN, subject="rebuild")
    begin(event, end.position if end else 0, end.hash if end else GENESIS)


def chain_waiting(publisher: Publisher) -> int:
    """Give events of an earlier release their places; answers how many. Raises Unavailable."""
    count = 0
    with database_guard():
        waiting = stray_count()
    while waiting > 0:
        with held_transaction(publisher.clock, publisher.clock.monotonic() + STATEMENT_SECONDS):
            done = chain_strays(publisher.networks.hashed)
        count, waiting = count + done, waiting - STRAYS_MAX
    return count


def publish_trail_head(publisher: Publisher, store: Store) -> int:
    """Publish where the chain ends now; answers the position, 0 before the first event.

    Raises Unavailable, and Conflict when it was published with another digest.
    """
    with database_guard():
        position, digest = AuditHead.objects.values_list("position", "hash").get(pk=1)
    if position:
        head = audit_heads.AuditHead(
            position=position, hash=digest, at=publisher.clock.now(), instance=publisher.instance
        )  # fmt: skip
        audit_heads.publish_head(store, head)
    return int(position)


def _hashes(positions: list[int]) -> list[tuple[int, str]]:
    rows = AuditEvent.objects.filter(position__in=positions).values_list("position", "hash")
    return [(position, digest) for position, digest in rows if position is not None]


def _chain_problems(told: Verdict, end: tuple[int, str]) -> list[str]:
    if told.broken:
        return [told.why]
    if (told.count, told.head) != tuple(end):
        return [f"the chain ends at event {told.count}, and should end at {end[0]}"]
    return []
