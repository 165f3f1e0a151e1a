"""fsck's look at the journal: contiguous, parsable, of one instance, and the same events as the outbox."""

from typing import Protocol

from holdfast.control.database import database_guard, held_transaction
from holdfast.control.publication.models import Event
from holdfast.control.publication.publisher import Publisher
from holdfast.core.errors import Corrupt
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.chunk import chunk_serials, read_chunk
from holdfast.tree.journal import Segment, has_segment, read_segment
from holdfast.tree.numbered import numbers, strangers

REPAIR_SECONDS = 30.0


class Findings(Protocol):
    """Where findings go."""

    def finding(self, text: str) -> None: ...

    def repair(self, text: str) -> None: ...


def check_journal(store: Store, publisher: Publisher | None, report: Findings, *, repair: bool) -> bool:
    """Check every segment; with `repair`, publish missing ones again. False when the tree cannot be read on."""
    for key in strangers(store):
        report.finding(f"{key} is nothing that Holdfast stores there: look whose it is, and delete it")
    rows = _rows() if publisher is not None else {}
    events, damaged = _read(store, report)
    head = max(events, default=0)
    missing = sorted(set(range(1, head + 1)) - set(events))
    lost = [serial for serial, (_, published) in rows.items() if published and serial not in events]
    for serial in sorted(set(events) & set(rows)):
        if events[serial] != rows[serial][0]:
            report.finding(
                f"{addresses.segment(serial)} holds event {events[serial]}, the database {rows[serial][0]}:"
                " run `holdfast reconcile`"
            )
    wanting = sorted({*missing, *lost})
    if repair and publisher is not None and set(wanting) <= set(rows):
        for serial, _ in damaged:
            store.delete(addresses.segment(serial))
        _publish_again(publisher, wanting, report)
        return True
    for serial, reason in damaged:
        report.finding(f"{addresses.segment(serial)} is damaged: {reason}: {_step(serial in rows)}")
    for serial in sorted(set(wanting) - {serial for serial, _ in damaged}):
        step = (
            "`holdfast fsck --repair` publishes it again" if serial in rows else "put it back from a copy of the store"
        )
        report.finding(f"{addresses.segment(serial)} is missing: {step}")
    return not missing and not damaged


def publish_lost_end(publisher: Publisher, head: int, report: Findings) -> None:
    """Publish again what the rows have as published and the tree, which ends at `head`, does not hold."""
    with database_guard():
        beyond = Event.objects.filter(serial__gt=head).exclude(published=None).order_by("serial")
        serials = list(beyond.values_list("serial", flat=True))
    # a running server publishes meanwhile, and marks a row only after its segment is there
    _publish_again(publisher, [serial for serial in serials if not has_segment(publisher.store, serial)], report)


def _step(has_row: bool) -> str:
    return "`holdfast fsck --repair` publishes it again" if has_row else "put it back from a copy of the store"


def _read(store: Store, report: Findings) -> tuple[dict[int, str], list[tuple[int, str]]]:
    """Event ids by serial, of everything that parses, and the segments that do not."""
    damaged: list[tuple[int, str]] = []
    found: dict[int, str] = {}
    instances: set[str] = set()

    def note(segment: Segment) -> None:
        found[segment.serial] = segment.event
        instances.add(segment.instance)

    for number in numbers(store, addresses.CHUNK_PREFIX, addresses.chunk):
        try:
            for segment in read_chunk(store, number).segments:
                note(segment)
        except Corrupt as error:
            serials = chunk_serials(number)
            where = f"{addresses.chunk(number)} (serials {serials[0]} to {serials[-1]})"
            report.finding(f"{where}: {error.reason}; put back a copy of it")
    for serial in numbers(store, addresses.JOURNAL_PREFIX, addresses.segment):
        try:
            note(read_segment(store, serial))
        except Corrupt as error:
            damaged.append((serial, error.reason))
    if len(instances) > 1:
        report.finding(f"the journal was written by more than one instance: {', '.join(sorted(instances))}")
    return found, [(serial, reason) for serial, reason in damaged if serial not in found]


def _rows() -> dict[int, tuple[str, bool]]:
    with database_guard():
        rows = Event.objects.values_list("serial", "event", "published")
        return {serial: (event, published is not None) for serial, event, published in rows}


def _publish_again(publisher: Publisher, serials: list[int], report: Findings) -> None:
    if not serials:
        return
    with held_transaction(publisher.clock, publisher.clock.monotonic() + REPAIR_SECONDS):
        Event.objects.filter(serial__in=serials).update(published=None)
    publisher.drain()
    for serial in serials:
        report.repair(f"published serial {serial} again")
