"""Reconcile: bring a database that is older than the tree up to it, so that writing may go on.

The tree wins wherever both speak: what was published was seen. What only the database has (changes committed and
never published, or made on another branch of history) is published again under new serials.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from holdfast.control.accounts.actor import Actor
from holdfast.control.database import database_guard, held_transaction
from holdfast.control.organisations.hands import end_other_rights
from holdfast.control.organisations.models import Holding
from holdfast.control.projects.models import Project, Role
from holdfast.control.publication import changes
from holdfast.control.publication.absorb import (
    Delisted,
    absorb_binding,
    absorb_delisted,
    absorb_gone,
    absorb_record,
    absorb_removal,
    absorb_revocation,
    absorb_token,
    read_delisted,
)
from holdfast.control.publication.changes import Change
from holdfast.control.publication.models import Counter, Event, Instance
from holdfast.control.publication.older_places import Told, end_older_places, told_since
from holdfast.control.publication.publisher import Publisher
from holdfast.control.publication.transaction import WriteTransaction, current_serial, write_transaction
from holdfast.core.model import Record
from holdfast.store.port import Store
from holdfast.tree.checkpoint import ProjectEntry
from holdfast.tree.chunk import read_segments
from holdfast.tree.journal import (
    AnyEntry,
    BytesRemoved,
    FileAdded,
    FileRemoved,
    ProjectChanged,
    ProjectGone,
    ProjectHeld,
    Segment,
    TokenIssued,
    TokenRevoked,
)
from holdfast.tree.reader import TreeReader

_LOOK_BACK_ROWS = 1000  # how far below the counter rows are compared with the tree for another branch of history


@dataclass(slots=True)
class Reconciled:
    """What was done."""

    counter_before: int
    head: int
    projects: int = 0
    tokens: int = 0  # that came back with the right to read alone
    republished: list[str] = field(default_factory=list)  # index/name of changes only the database had
    handed: list[str] = field(default_factory=list)  # index/name of projects whose old hands' rights ended
    left: list[str] = field(default_factory=list)  # who had left which place in an organisation


@dataclass(frozen=True, slots=True)
class _Tail:
    """What the tree has beyond the rows, read before anything is written."""

    segments: list[Segment]
    records: list[Record]
    gone: list[ProjectEntry]
    delisted: list[Delisted]
    told: Told


def reconcile(publisher: Publisher, actor: Actor, deadline: float) -> Reconciled:
    """Replay what the database lacks, move the counter to the tree's head, publish what only the database has.

    Raises Unavailable, Corrupt; then nothing was changed.
    """
    reader = TreeReader(publisher.store, publisher.clock, publisher.instance)
    reader.load()
    counter = current_serial()
    diverged = _diverged(publisher.store, reader.head)
    first = min([counter + 1, *[row.serial for row in diverged]])
    done = Reconciled(counter, reader.head)
    tail = _read_tail(reader, first)
    own = _own_changes(diverged)
    with held_transaction(publisher.clock, deadline):
        tx = WriteTransaction(actor, publisher.clock.now(), publisher.switches, publisher.networks)
        _absorb(tail, own, tx, done)
        absorb_delisted(tail.delisted, publisher.config.deleted_days, tx.now)
        Event.objects.filter(serial__in=[row.serial for row in diverged]).delete()
        _write_rows(tail.segments, tx.now)
        Counter.objects.filter(pk=1, value__lt=reader.head).update(value=reader.head)
        Instance.objects.filter(pk=1).update(halted="")
        own += tx.put_off()  # tokens that reach less without a place that has ended
        assert not tx.is_published, "what is replayed has its serials"
        tx.finish(0)
    _publish_again(publisher, actor, own, deadline, done)
    publisher.drain()
    return done


def changes_of(segment: Segment) -> list[Change]:
    """The outbox changes that a segment's entries came from."""
    return [change for entry in segment.entries if (change := _change(entry)) is not None]


def _diverged(store: Store, head: int) -> list[Event]:
    """Rows whose serial the tree gave to another event, or that were never published and whose serial is taken."""
    with database_guard():
        rows = list(Event.objects.filter(serial__lte=head).order_by("-serial")[:_LOOK_BACK_ROWS])
    found = []
    for row in rows:
        segment = next(read_segments(store, row.serial, row.serial))
        if segment.event != row.event:
            found.append(row)
        elif row.published is not None:
            break  # the same history from here down
    return found


def _read_tail(reader: TreeReader, first: int) -> _Tail:
    segments = list(read_segments(reader.store, first, reader.head))
    names = {(e.index, e.name) for s in segments for e in s.entries if isinstance(e, ProjectChanged | ProjectGone)}
    records, gone = [], []
    for index, name in sorted(names):
        entry = reader.find(index, name)
        if entry is not None and not entry.gone:
            records.append(reader.record(entry))
        else:
            gone.append(entry or ProjectEntry(index, name, name, 0, "", gone=True, owned=False))
    return _Tail(segments, records, gone, read_delisted(reader, segments), told_since(reader.store, first - 1))


def _own_changes(diverged: list[Event]) -> list[Change]:
    return [change for row in sorted(diverged, key=lambda row: row.serial) for change in row.changes]


def _absorb(tail: _Tail, own: list[Change], tx: WriteTransaction, done: Reconciled) -> None:
    for record in tail.records:
        keep = frozenset(
            change["filename"]
            for change in own
            if change["kind"] == "file-added" and (change["index"], change["project"]) == (record.index, record.name)
        )
        before = _hands(record.index, record.name)
        project = absorb_record(record, tx.now, keep)
        if before.changed_to(_hands(record.index, record.name)):
            _end_older_rights(tx, project, done)
    for entry in tail.gone:
        project = absorb_gone(entry, tx.now)
        if not entry.owned:
            _end_older_rights(tx, project, done)
    done.left = end_older_places(tx, tail.told)
    done.projects = len(tail.records) + len(tail.gone)
    last = {told.id: told for told in _told(tail) if isinstance(told, TokenIssued | TokenRevoked)}
    for segment in tail.segments:
        for told in segment.entries:
            match told:
                case FileAdded():
                    absorb_binding(told.index, told.project, told.filename, told.sha256, segment.at)
                case BytesRemoved():
                    absorb_removal(told, segment.at)
                case TokenIssued():
                    done.tokens += absorb_token(told, segment.at)
                case TokenRevoked() if last[told.id] == told:  # one of a frozen account may have been told again since
                    absorb_revocation(told.id, segment.at)
                case _:
                    pass  # the records say the rest


def _told(tail: _Tail) -> Iterator[AnyEntry]:
    return (told for segment in tail.segments for told in segment.entries)


@dataclass(frozen=True, slots=True)
class _Hands:
    """Whose a project is."""

    holder: str  # an organisation's name; "" for none
    owners: frozenset[str]

    def changed_to(self, later: "_Hands") -> bool:
        """Whether somebody whose it was has it no more. The tree does not say how; a transfer ends what they gave."""
        return (bool(self.holder) and self.holder != later.holder) or not self.owners <= later.owners


def _hands(index: str, name: str) -> _Hands:
    holders = Holding.objects.filter(project__index=index, project__name=name)
    owners = Role.objects.filter(project__index=index, project__name=name, role="owner")
    holder = holders.values_list("organisation__name", flat=True).first()
    return _Hands(holder or "", frozenset(owners.values_list("user__username", flat=True)))


def _end_older_rights(tx: WriteTransaction, project: Project, done: Reconciled) -> None:
    """Publishers, invitations, teams and webhooks of hands before: the restored rows still have them."""
    end_other_rights(tx, project)
    done.handed.append(f"{project.index}/{project.name}")


def _write_rows(segments: list[Segment], now: datetime) -> None:
    """Outbox rows for the replayed serials, so that the database knows every serial there ever was."""
    known = set(
        Event.objects.filter(serial__in=[segment.serial for segment in segments]).values_list("serial", flat=True)
    )
    Event.objects.filter(serial__in=known, published=None).update(published=now)
    Event.objects.bulk_create(
        [
            Event(
                serial=segment.serial,
                event=segment.event,
                created=segment.at,
                changes=changes_of(segment),
                published=now,
            )
            for segment in segments
            if segment.serial not in known
        ],
        batch_size=500,
    )


def _publish_again(publisher: Publisher, actor: Actor, own: list[Change], deadline: float, done: Reconciled) -> None:
    if not own:
        return
    with write_transaction(publisher, actor, deadline) as tx:
        for change in own:
            if change["kind"] != "project":
                tx.tell(change)
                continue
            project = Project.objects.filter(index=change["index"], name=change["name"]).first()
            if project is not None:
                tx.changed(project)
                done.republished.append(f"{project.index}/{project.name}")
        tx.audit("reconcile", f"serial {done.counter_before} to {done.head}")


def _change(entry: AnyEntry) -> Change | None:
    match entry:
        case ProjectChanged() | ProjectGone() | ProjectHeld():
            return changes.project_changed(entry.index, entry.name)
        case FileAdded():
            return changes.file_added(entry.index, entry.project, entry.filename, entry.sha256)
        case FileRemoved():
            return changes.file_removed(entry.index, entry.project, entry.filename, entry.sha256)
        case BytesRemoved():
            return changes.bytes_removed(list(entry.sha256), entry.reason, entry.legal)
        case TokenIssued():
            return changes.token_issued(entry.id)
        case TokenRevoked():
            return changes.token_revoked(entry.id)
