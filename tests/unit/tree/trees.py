"""A small tree to publish into, a store that breaks on command, and values for any field."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC

from hypothesis import strategies as st

from holdfast.clock import ManualClock
from holdfast.core.errors import Unavailable
from holdfast.core.model import STATUSES, Card, File, Record, Role
from holdfast.store.memory import MemoryStore
from holdfast.store.port import ObjectInfo, Store
from holdfast.tree.instance import InstanceDocument, create_instance
from holdfast.tree.journal import AnyEntry, ProjectChanged, Segment
from holdfast.tree.reader import TreeReader
from holdfast.tree.writer import append, put_record

INSTANCE = "instance-1"


class BreakableStore(MemoryStore):
    """A memory store that is out of reach while `broken`, and that counts what was asked and written."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = False
        self.asked: list[str] = []
        self.written: list[str] = []

    def get(self, key: str) -> bytes:
        self._reach(key)
        return super().get(key)

    def head(self, key: str) -> ObjectInfo:
        self._reach(key)
        return super().head(key)

    def put(self, key: str, data: bytes, *, create: bool = False) -> None:
        self._reach(key)
        super().put(key, data, create=create)
        self.written.append(key)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        self._reach(prefix)
        return super().list(prefix, after)

    def delete(self, key: str) -> None:
        self._reach(key)
        super().delete(key)

    def _reach(self, key: str) -> None:
        if self.broken:
            raise Unavailable("the store is broken on purpose")
        self.asked.append(key)


class Tree:
    """A tree, its clock, and a publisher that counts serials as a database would."""

    def __init__(self, store: Store | None = None) -> None:
        self.store: Store = BreakableStore() if store is None else store
        self.clock = ManualClock()
        self.serial = 0
        create_instance(self.store, InstanceDocument(INSTANCE, 1, self.clock.now()))

    def tell(self, *entries: AnyEntry, instance: str = INSTANCE) -> Segment:
        """Append a segment with these entries under the next serial."""
        self.serial += 1
        segment = Segment(self.serial, f"event-{self.serial}", instance, self.clock.now(), entries)
        append(self.store, segment)
        return segment

    def publish(self, name: str, index: str = "main") -> Record:
        """Publish a project whose one file carries the serial as its version."""
        serial = self.serial + 1
        record = Record(
            index, name, name.title(), serial, (File(f"{name}-{serial}.tar.gz", "ab" * 32, 1, str(serial)),)
        )
        self.tell(ProjectChanged(index, name, record.display, serial, put_record(self.store, record)))
        return record

    def reader(self) -> TreeReader:
        """A reader that has loaded."""
        reader = TreeReader(self.store, self.clock)
        reader.load()
        return reader

    def keys(self, prefix: str = "") -> list[str]:
        return [info.key for info in self.store.list(prefix)]


digests = st.text("0123456789abcdef", min_size=64, max_size=64)
some_digests = st.just("") | digests
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)  # no lone surrogates: they are not UTF-8
moments = st.datetimes(timezones=st.just(UTC))
names = st.from_regex(r"[a-z0-9]([a-z0-9]|-(?=[a-z0-9])){0,15}", fullmatch=True)
filenames = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,30}", fullmatch=True)
sizes = st.none() | st.integers(0, 2**62)
files = st.builds(
    File,
    filename=filenames,
    sha256=some_digests,
    size=sizes,
    version=texts,
    packagetype=st.sampled_from(["sdist", "bdist_wheel", "other"]),
    python_version=texts,
    upload_time=st.none() | moments,
    upload_time_is_ours=st.booleans(),
    requires_python=texts,
    yanked=st.booleans(),
    yanked_reason=texts,
    metadata_sha256=some_digests,
    has_metadata=st.booleans(),
    provenance_sha256=some_digests,
    provenance_url=texts,
    md5=texts,
    blake2b_256=texts,
    hashes=st.lists(st.tuples(st.sampled_from(["md5", "sha512"]), texts), max_size=3).map(tuple),
    upstream_url=texts,
)
records = st.builds(
    Record,
    index=names,
    name=names,
    display=texts,
    serial=st.integers(0, 2**62),
    files=st.lists(files, max_size=4).map(tuple),
    status=st.sampled_from(STATUSES),
    status_reason=texts,
    roles=st.lists(st.builds(Role, texts, st.sampled_from(["owner", "maintainer"])), max_size=2).map(tuple),
    upstream_serial=st.none() | st.integers(0, 2**62),
    fetched_at=st.none() | moments,
    upstream_etag=texts,
    upstream_extras=st.lists(st.tuples(texts, texts), max_size=2).map(tuple),
    held=st.booleans(),
)
cards = st.builds(
    Card,
    index=st.just("mirror"),
    project=names,
    filename=st.sampled_from(["a-1.tar.gz", "a-2.tar.gz", "a-3.tar.gz"]) | filenames,
    sha256=st.sampled_from(["", "ab" * 32, "cd" * 32]),
    size=sizes,
    upload_time=st.none() | moments,
    upload_time_is_ours=st.booleans(),
    metadata_sha256=some_digests,
    has_metadata=st.booleans(),
    metadata_from=st.sampled_from(["", "wheel", "none"]),
    provenance_sha256=some_digests,
    upstream_urls=st.lists(texts, max_size=3, unique=True).map(tuple),
    deleted=st.booleans(),
).map(lambda card: replace(card, has_metadata=card.has_metadata and card.metadata_from != "none"))
