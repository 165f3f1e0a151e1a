"""fsck: reads the whole tree as a stranger would, compares it with its digests and with the database, and repairs.

Every finding names the object and the next step. The database may be missing: then the tree is checked alone.
Repair never invents anything: it publishes again what the rows say, and deletes what must not be there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from holdfast.clock import SystemClock
from holdfast.config import Config
from holdfast.control.accounts.actor import operator
from holdfast.control.database import database_guard, read_snapshot
from holdfast.control.instance import check_instance, read_marker, with_instance
from holdfast.control.projects.models import Project, Removal
from holdfast.control.publication.documents import record_of
from holdfast.control.publication.erase import erase
from holdfast.control.publication.fsck_bytes import Bytes
from holdfast.control.publication.fsck_decisions import check_decisions
from holdfast.control.publication.fsck_identity import check_identity
from holdfast.control.publication.fsck_journal import check_journal, publish_lost_end
from holdfast.control.publication.fsck_pages import check_assets, check_catalogues, check_people
from holdfast.control.publication.models import Event
from holdfast.control.publication.publisher import Publisher, store_card
from holdfast.control.publication.transaction import write_transaction
from holdfast.control.publication.upkeep import collect, sweep_folders
from holdfast.control.staging.referenced import staged_digests
from holdfast.core.errors import Absent, Corrupt, Outcome, Unavailable
from holdfast.core.model import File, Record
from holdfast.store.opening import configured_store, unreadable_names
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.checkpoint import ProjectEntry
from holdfast.tree.reader import TreeReader
from holdfast.tree.record import encode_record

REPAIR_SECONDS = 30.0

Say = Callable[[str], object]


@dataclass(slots=True)
class Report:
    """What a check found. Repaired findings are told, but count no more."""

    say: Say
    findings: int = 0
    repaired: int = 0
    projects: int = 0
    files: int = 0
    orphans: int = 0

    def finding(self, text: str) -> None:
        self.findings += 1
        self.say(text)

    def repair(self, text: str) -> None:
        self.repaired += 1
        self.say(f"repaired: {text}")

    def summary(self) -> str:
        verdict = "clean" if not self.findings else f"{self.findings} findings"
        return (
            f"{verdict}: {self.projects} projects, {self.files} files checked, {self.repaired} repaired,"
            f" {self.orphans} orphans"
        )


@dataclass(slots=True)
class _Check:
    """One run: what it works with and what it has seen."""

    config: Config
    store: Store
    publisher: Publisher | None  # None: no database, nothing can be repaired
    reader: TreeReader
    report: Report
    bytes: Bytes
    repairing: bool
    stale: set[tuple[str, str]] = field(default_factory=set)  # projects to publish again


def check(config: Config, *, repair: bool, deep: bool, say: Say) -> Report:
    """Check everything. Raises NotInitialised, Corrupt, Unavailable when there is no tree to check."""
    clock = SystemClock()
    store = configured_store(config)
    config = with_instance(config)
    report = Report(say)
    if not check_identity(config, store, report, repair=repair):
        return report
    publisher = _publisher(config, store, report, repair=repair)
    reader = TreeReader(store, clock, read_marker(config).instance)
    check_decisions(store, report)
    check_assets(store, report, repair=repair)
    if not check_journal(store, publisher, report, repair=repair):
        return report
    reader.load()
    run = _Check(config, store, publisher, reader, report, Bytes(store, report, deep=deep, repair=repair), repair)
    for index in reader.indexes():
        for entry in list(reader.state().entries(index)):
            _check_entry(run, entry)
    _check_removed(run)
    if publisher is not None:
        _check_database(run)
        _publish_again(run)
    check_catalogues(config, reader, report, repair=repair)
    check_people(config, store, report, repair=repair, has_database=publisher is not None)
    _count_orphans(run)
    for name in unreadable_names(store):
        report.finding(f"the bucket has an object {name!r}, which is no store key: it is passed over; delete it there")
    if repair:
        sweep_folders(config, store, clock)
    return report


def _publisher(config: Config, store: Store, report: Report, *, repair: bool) -> Publisher | None:
    """A publisher for a database that may be compared with the tree and published from; None says why not."""
    try:
        check_instance(config, store)
        publisher = Publisher(config, store)
        head = publisher.head_beside_counter()
        if repair:
            publish_lost_end(publisher, head, report)
            publisher.drain()
    except Outcome as error:
        report.finding(f"database: {error.reason}")
        return None
    return publisher


def _check_entry(run: _Check, entry: ProjectEntry) -> None:
    run.report.projects += 1
    if entry.gone:
        return
    where = f"record of {entry.index}/{entry.name}"
    try:
        record = run.reader.record(entry)
    except (Corrupt, Unavailable) as error:
        _stale(run, entry.index, entry.name, f"{where}: {error.reason}")
        return
    for file in record.files:
        run.report.files += 1
        _check_file(run, record, file)


def _check_file(run: _Check, record: Record, file: File) -> None:
    where = f"{record.index}/{record.name}/{file.filename}"
    if run.reader.removal(file.sha256) is not None:
        _stale(run, record.index, record.name, f"{where} is still listed although its bytes were removed")
        return
    _check_card(run, record, file, where)
    run.bytes.check_file(file, where)
    if file.has_metadata and run.reader.removal(file.metadata_sha256) is None:
        run.bytes.check_metadata(file, where)
    if file.provenance_sha256 and run.reader.removal(file.provenance_sha256) is None:
        run.bytes.check_provenance(file, where)


def _check_card(run: _Check, record: Record, file: File, where: str) -> None:
    try:
        card = run.reader.card(record.index, file.sha256, file.filename)
        wrong = (
            "says it is deleted"
            if card.deleted
            else "disagrees with the record"
            if (card.project, card.size, card.metadata_sha256) != (record.name, file.size, file.metadata_sha256)
            else ""
        )
    except (Absent, Corrupt) as error:
        wrong = error.reason if isinstance(error, Corrupt) else "is missing"
    if not wrong:
        return
    if run.repairing and run.publisher is not None:
        store_card(run.store, record.index, record.name, file.filename, file.sha256)
        run.report.repair(f"card of {where}, which {wrong}")
    else:
        run.report.finding(f"card of {where} {wrong}: `holdfast fsck --repair` writes it again")


def _check_removed(run: _Check) -> None:
    """No copy of a removed digest is left: hosted, pulled under any upstream's name, or named by a page."""
    removed = set(run.reader.state().removed)
    if run.publisher is not None:
        with database_guard():
            removed |= set(Removal.objects.values_list("sha256", flat=True))
    if not removed:
        return
    for prefix in (addresses.BLOB_PREFIX, addresses.PULLED_PREFIX):
        for info in list(run.store.list(prefix)):
            digest = "".join(info.key.split("/")[-3:])
            if digest in removed:
                _erase(run, info.key, digest)


def _erase(run: _Check, key: str, digest: str) -> None:
    if run.repairing:
        run.store.delete(key)
        if run.publisher is not None:
            erase(run.config, run.store, digest)
        run.report.repair(f"erased {key}, whose digest was removed")
    else:
        run.report.finding(f"{key} holds removed bytes: `holdfast fsck --repair` erases them")


def _check_database(run: _Check) -> None:
    """Every project's rows give the record that the tree names. Rows that wait for publication are no finding."""
    with database_guard():
        places = list(Project.objects.order_by("index", "name").values_list("pk", "index", "name"))
    for pk, index, name in places:
        if not _agrees(pk, run.reader.find(index, name)) and not _agrees_now(run, pk, index, name):
            _stale(run, index, name, f"{index}/{name}: database and tree disagree")
    known = {(index, name) for _, index, name in places}
    for index in run.reader.indexes():
        for entry in run.reader.state().entries(index):
            if (index, entry.name) not in known and not _has_row(index, entry.name):
                run.report.finding(f"{index}/{entry.name} is in the tree only: run `holdfast reconcile`")


def _agrees_now(run: _Check, pk: int, index: str, name: str) -> bool:
    """Once more, with what a running server published meanwhile, and the rows that still wait for publication."""
    with database_guard():
        waiting = list(Event.objects.filter(published=None).values_list("changes", flat=True))
    run.reader.catch_up()  # after the look at the rows: one that was published by now is in the tree
    if any(
        change["kind"] == "project" and (change["index"], change["name"]) == (index, name)
        for row in waiting
        for change in row
    ):
        return True
    return _agrees(pk, run.reader.find(index, name))


def _has_row(index: str, name: str) -> bool:
    """Whether the database knows the project by now: a running server may just have made it."""
    with database_guard():
        return Project.objects.filter(index=index, name=name).exists()


def _agrees(pk: int, entry: ProjectEntry | None) -> bool:
    with read_snapshot():
        project = Project.objects.get(pk=pk)
        if project.deleted is not None:
            return entry is None or (entry.gone and entry.owned == project.owned)
        if entry is None or entry.gone:
            return False
        return encode_record(record_of(project)).digest == entry.record


def _stale(run: _Check, index: str, name: str, text: str) -> None:
    if run.repairing and run.publisher is not None:
        run.stale.add((index, name))
    else:
        run.report.finding(f"{text}: `holdfast fsck --repair` publishes the project again")


def _publish_again(run: _Check) -> None:
    assert run.publisher is not None
    for index, name in sorted(run.stale):
        with database_guard():
            project = Project.objects.filter(index=index, name=name).first()
        if project is None:
            run.report.finding(f"{index}/{name} has no rows to publish it from: run `holdfast reconcile`")
            continue
        deadline = run.publisher.clock.monotonic() + REPAIR_SECONDS
        with write_transaction(run.publisher, operator("fsck"), deadline) as tx:
            tx.changed(project)
            tx.audit("repair", f"{index}/{name}")
        run.report.repair(f"published {index}/{name} again")
        _check_once_more(run, index, name)


def _check_once_more(run: _Check, index: str, name: str) -> None:
    """Cards and bytes of a project whose record could not be read before."""
    run.reader.catch_up()
    entry = run.reader.find(index, name)
    run.stale = set()
    if entry is not None:
        _check_entry(run, entry)
    for place in run.stale:
        run.report.finding(f"{'/'.join(place)} is still wrong after it was published again: please report this")


def _count_orphans(run: _Check) -> None:
    """Blobs that no listed file needs. Without a database, deleted files' bytes count too, and nothing is deleted."""
    clock = SystemClock()
    needed = run.bytes.seen
    if run.publisher is not None:
        with database_guard():
            needed = needed | staged_digests()
    for info in list(run.store.list(addresses.BLOB_PREFIX)):
        digest = info.key.removeprefix(addresses.BLOB_PREFIX).replace("/", "")
        if digest in needed:
            continue
        if run.repairing and run.publisher is not None and collect(run.store, digest, clock):
            run.report.repair(f"deleted the orphan {info.key}")
        else:
            run.report.orphans += 1
