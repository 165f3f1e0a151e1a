"""Writes the catalogue of every index (tree/catalogue.py): what each project's newest version calls itself, and news.

Made from the tree alone, so nothing that publishes has to think of it, and a tree of an older release is filled in
behind, the newest projects first, some seconds at a time.
"""

from collections import OrderedDict
from collections.abc import Iterator
from heapq import nlargest

import structlog

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.core.core_metadata import CoreMetadata, MetadataRules, parse
from holdfast.core.errors import Absent, Corrupt, Outcome, Unavailable
from holdfast.core.legacy_json import metadata_source
from holdfast.core.model import Record
from holdfast.tree import addresses, catalogue
from holdfast.tree.catalogue import Facts, Released
from holdfast.tree.checkpoint import ProjectEntry
from holdfast.tree.reader import TreeReader
from holdfast.tree.record import decode_record

READ_SECONDS = 2.0  # of one round: a tree of an older release has all its records to be read, and others wait for that
WRITE_BYTES_PER_SECOND = 64 * 1024  # on average: an index of 100,000 projects is then written twice a minute
METADATA_BYTES_MAX = 1024 * 1024
SUMMARY_CHARS_MAX = 300
_ROWS_KEPT = 400  # projects whose lines of the feeds are remembered

log = structlog.get_logger(__name__)


class Cataloguer:
    """Follows one tree. Each process that writes has its own; whoever knows more writes last."""

    def __init__(self, config: Config, reader: TreeReader, clock: Clock) -> None:
        self._indexes = {index.name: _Index(index.name, reader) for index in config.indexes}
        self._reader = reader
        self._clock = clock
        self._due = dict.fromkeys(self._indexes, float("-inf"))  # monotonic seconds

    def write_when_changed(self) -> int:
        """Returns how many catalogues were written. Raises Unavailable, Corrupt."""
        trouble = self._reader.catch_up().trouble
        if trouble is not None:
            raise trouble
        now, written = self._clock.monotonic(), 0
        for name, index in self._indexes.items():
            if not index.read_changed(self._clock, now + READ_SECONDS) or now < self._due[name]:
                continue
            stored_bytes = index.write()
            self._due[name] = now + stored_bytes / WRITE_BYTES_PER_SECOND
            written += 1
        return written

    def write_again(self, name: str) -> None:
        """Make an index's catalogue now, however long its records take. Raises Unavailable, Corrupt."""
        self._indexes[name].read_changed(self._clock, float("inf"))
        self._indexes[name].write()


class _Index:
    """What is known of one index."""

    def __init__(self, name: str, reader: TreeReader) -> None:
        self._name = name
        self._reader = reader
        self._facts: dict[str, Facts] | None = None
        self._head = -1
        self._removals = 0
        self._waiting = 0
        self._is_written = False  # of what is known now, something is stored
        self._rows: OrderedDict[bytes, list[Released]] = OrderedDict()  # by record; lines of the feed of releases

    def read_changed(self, clock: Clock, until: float) -> bool:
        """Read what changed, until that moment at most; True when there is something to write. Raises Unavailable."""
        if self._facts is None:
            self._facts = self._stored()
        if self._head == self._reader.head and not self._waiting:
            return not self._is_written
        head = self._reader.head
        entries = {entry.name: entry for entry in self._entries()}
        gone = self._facts.keys() - entries.keys()
        for name in gone:
            del self._facts[name]
        changed = sorted((one for one in entries.values() if not self._is_known(one)), key=lambda one: one.serial)
        removals = len(self._reader.state().removed)
        if removals != self._removals:  # of a summary's document, maybe, which changes no record
            self._rows.clear()
            self._is_written, self._removals = False, removals
        self._is_written = self._is_written and not gone and not changed
        while changed:
            entry = changed.pop()
            self._facts[entry.name] = self._read(entry, self._facts.get(entry.name))
            if clock.monotonic() >= until:
                break
        self._head, self._waiting = head, len(changed)
        return not self._is_written

    def write(self) -> int:
        """Store what is known; returns how many bytes. Raises Unavailable."""
        assert self._facts is not None
        made = catalogue.make(self._name, self._facts, self._releases(), self._projects(), self._waiting)
        catalogue.put_catalogue(self._reader.store, made, self._head)
        self._is_written = True
        return len(catalogue.encode_catalogue(made))

    def _stored(self) -> dict[str, Facts]:
        try:
            found = catalogue.read_catalogue(self._reader.store, self._name)[1]
        except Absent:
            return {}
        except Corrupt as error:
            log.error("a catalogue is damaged, and is made again: %s", error.reason, index=self._name)
            return {}
        self._is_written = not found.waiting
        return catalogue.facts_of(found)

    def _entries(self) -> Iterator[ProjectEntry]:
        """Whatever is listed, and not kept from people."""
        for entry in self._reader.state().entries(self._name):
            if not entry.gone and entry.status != "quarantined":
                yield entry

    def _is_known(self, entry: ProjectEntry) -> bool:
        assert self._facts is not None
        known = self._facts.get(entry.name)
        return known is not None and known.record == _start(entry)

    def _read(self, entry: ProjectEntry, known: Facts | None) -> Facts:
        """Raises Unavailable. A record that is damaged, or just went, has no classifiers until it changes again."""
        record = self._record(entry)
        times = [int(file.upload_time.timestamp()) for file in record.files if file.upload_time] if record else []
        created = min([*times, *([known.created] if known is not None and known.created else [])], default=0)
        metadata = self._metadata(record, None) if record is not None else None
        return Facts(_start(entry), created, max(times, default=0), _classifiers(metadata))

    def _record(self, entry: ProjectEntry) -> Record | None:
        key = addresses.record(entry.index, entry.name, entry.record)
        try:
            return decode_record(self._reader.store.get(key), entry.record)
        except (Absent, Corrupt) as error:
            log.warning("a project is in no catalogue: %s", error.reason, project=entry.name)
            return None

    def _metadata(self, record: Record, version: str | None) -> CoreMetadata | None:
        """What a version (None = the newest) says of itself. Raises Unavailable."""
        try:
            source = metadata_source(record, version)
            if source is None or not source.metadata_sha256 or self._reader.removal(source.metadata_sha256):
                return None
            key = addresses.blob(source.metadata_sha256)
            data = self._reader.store.read(key, 0, METADATA_BYTES_MAX + 1)
        except Unavailable:
            raise
        except Outcome:
            return None
        return parse(data, MetadataRules()).metadata if len(data) <= METADATA_BYTES_MAX else None

    def _releases(self) -> list[Released]:
        """The newest releases are all of projects that were uploaded to most lately."""
        assert self._facts is not None
        facts = self._facts
        latest = nlargest(catalogue.RELEASES_KEPT, facts, key=lambda name: (facts[name].uploaded, name))
        rows = [row for name in latest for row in self._rows_of(name)]
        return sorted(rows, key=lambda row: (-row.at, row.name, row.version))[: catalogue.RELEASES_KEPT]

    def _projects(self) -> list[Released]:
        assert self._facts is not None
        facts = self._facts
        first = nlargest(catalogue.PROJECTS_KEPT, facts, key=lambda name: (facts[name].created, name))
        newest = [(facts[name].created, rows[0]) for name in first if (rows := self._rows_of(name))]
        return [Released(row.name, row.display, "", row.summary, created) for created, row in newest]

    def _rows_of(self, name: str) -> list[Released]:
        """The newest releases of one project, the newest first."""
        assert self._facts is not None
        record = self._facts[name].record
        if record not in self._rows:
            entry = self._reader.state().find(self._name, name)
            is_it = entry is not None and not entry.gone and _start(entry) == record
            self._rows[record] = self._made_rows(entry) if is_it and entry is not None else []
            if len(self._rows) > _ROWS_KEPT:
                self._rows.popitem(last=False)
        self._rows.move_to_end(record)
        return self._rows[record]

    def _made_rows(self, entry: ProjectEntry) -> list[Released]:
        record = self._record(entry)
        if record is None:
            return []
        first: dict[str, int] = {}
        for file in record.files:
            if file.version and file.upload_time is not None:
                at = int(file.upload_time.timestamp())
                first[file.version] = min(at, first.get(file.version, at))
        newest = nlargest(catalogue.RELEASES_KEPT, first, key=lambda version: (first[version], version))
        return [
            Released(record.name, record.display, version, self._summary(record, version), first[version])
            for version in newest
        ]

    def _summary(self, record: Record, version: str) -> str:
        metadata = self._metadata(record, version)
        return " ".join(metadata.summary.split())[:SUMMARY_CHARS_MAX] if metadata is not None else ""


def _start(entry: ProjectEntry) -> bytes:
    return bytes.fromhex(entry.record[: 2 * catalogue.DIGEST_BYTES])


def _classifiers(metadata: CoreMetadata | None) -> tuple[str, ...]:
    told = metadata.raw.get("classifiers", []) if metadata is not None else []
    lines = [" ".join(one.split()) for one in told] if isinstance(told, list) else []
    fit = dict.fromkeys(one for one in lines if 0 < len(one) <= catalogue.CLASSIFIER_CHARS_MAX)
    return tuple(fit)[: catalogue.OF_A_PROJECT_MAX]
