"""The writer: documents before facts, and every step may be repeated."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from threading import Barrier

import msgspec
import pytest
from unit.tree.trees import INSTANCE, BreakableStore, Tree

from holdfast.core.errors import Conflict, Corrupt, Unavailable
from holdfast.core.model import Card, File, Record
from holdfast.core.simple_json import renderer
from holdfast.store.local import LocalStore
from holdfast.store.memory import MemoryStore
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.instance import InstanceDocument, create_instance, read_instance
from holdfast.tree.journal import ProjectChanged, Segment, read_segment
from holdfast.tree.record import decode_record
from holdfast.tree.rendered import FILES_MIN, render_pages
from holdfast.tree.writer import (
    TwoDatabases,
    append,
    published_head,
    put_card,
    put_record,
    put_with_pages,
    write_checkpoint,
)

DATA = b"wheel bytes"
DIGEST = sha256(DATA).hexdigest()
RECORD = Record("main", "demo", "Demo", 1, (File("demo-1.tar.gz", DIGEST, len(DATA), "1"),))


@pytest.fixture
def tree() -> Tree:
    return Tree()


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return LocalStore.create(tmp_path / "store") if request.param == "local" else MemoryStore()


def objects(store: Store) -> list[tuple[str, int, str]]:
    """Every stored object with its version, which changes with every write."""
    return [(info.key, info.size, info.version) for info in store.list("")]


def publish(tree: Tree) -> None:
    """One upload as the publisher writes it."""
    tree.store.put(addresses.blob(DIGEST), DATA)
    put_card(tree.store, Card("main", "demo", "demo-1.tar.gz", DIGEST, len(DATA), tree.clock.now()))
    digest = put_record(tree.store, RECORD)
    append(
        tree.store,
        Segment(1, "event-1", INSTANCE, tree.clock.now(), (ProjectChanged("main", "demo", "Demo", 1, digest),)),
    )


def test_one_upload_is_these_objects(tree: Tree) -> None:
    publish(tree)

    record = next(iter(tree.keys("v1/main/project/demo/")))
    assert [
        f"blobs/{DIGEST[:2]}/{DIGEST[2:4]}/{DIGEST[4:]}",
        "v1/instance.json",
        "v1/journal/000000000001.json",
        f"v1/main/file/{DIGEST}/demo-1.tar.gz",
        record,
    ] == tree.keys()
    assert RECORD == decode_record(tree.store.get(record), record.rpartition("/")[2].removesuffix(".json.zst"))


def test_publishing_again_writes_no_document(tree: Tree) -> None:
    """Bytes of files are the exception: writing them again mends what a crash or a disk may have left."""
    publish(tree)
    before = [found for found in objects(tree.store) if not found[0].startswith("blobs/")]

    publish(tree)

    assert before == [found for found in objects(tree.store) if not found[0].startswith("blobs/")]


def test_a_cut_record_is_written_again(tree: Tree) -> None:
    digest = put_record(tree.store, RECORD)
    key = addresses.record("main", "demo", digest)
    tree.store.put(key, tree.store.get(key)[:-1])

    put_record(tree.store, RECORD)

    assert RECORD == decode_record(tree.store.get(key), digest)


def test_a_segment_is_appended_once(store: Store) -> None:
    segment = Tree(store).tell()
    before = objects(store)

    assert ("already", before) == (append(store, segment), objects(store))


@pytest.mark.parametrize("change", [{"event": "another"}, {"instance": "another"}])
def test_another_event_under_a_serial_stops_the_writer(store: Store, change: dict[str, str]) -> None:
    segment = Tree(store).tell()

    with pytest.raises(TwoDatabases, match="two databases write to one tree"):
        append(store, msgspec.structs.replace(segment, **change))

    assert segment == read_segment(store, 1)


def test_two_publishers_racing_over_the_same_rows_append_each_once(store: Store) -> None:
    """The same outbox drained twice at once: every serial is published by exactly one."""
    tree = Tree(store)
    barrier = Barrier(2)
    segments = [Segment(n, f"event-{n}", INSTANCE, tree.clock.now(), ()) for n in range(1, 41)]

    def drain(_: int) -> list[str]:
        barrier.wait(30)
        return [append(store, segment) for segment in segments]

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(drain, range(2)))

    assert [["already", "published"]] * 40 == [sorted(pair) for pair in zip(*outcomes, strict=True)]
    assert segments == [read_segment(store, n) for n in range(1, 41)]


def test_two_databases_racing_over_one_tree_are_told_apart(store: Store) -> None:
    tree = Tree(store)
    barrier = Barrier(2)

    def write(database: str) -> str:
        barrier.wait(30)
        try:
            return append(store, Segment(1, database, INSTANCE, tree.clock.now(), ()))
        except TwoDatabases:
            return "stopped"

    with ThreadPoolExecutor(2) as pool:
        assert ["published", "stopped"] == sorted(pool.map(write, ["one", "other"]))


def test_the_published_head_is_the_end_of_the_whole_journal(tree: Tree) -> None:
    assert 0 == published_head(tree.store)
    for name in ("a", "b", "c"):
        tree.publish(name)
    assert (3, 3, 3) == (published_head(tree.store), published_head(tree.store, 2), published_head(tree.store, 3))

    write_checkpoint(tree.store, tree.reader().state(), INSTANCE, tree.clock.now())
    for serial in (1, 2, 3):
        tree.store.delete(addresses.segment(serial))
    assert 3 == published_head(tree.store)
    tree.store.delete(addresses.CHECKPOINT_POINTER)
    assert 3 == published_head(tree.store)


def test_a_checkpoint_moves_the_pointer_only_forward(tree: Tree) -> None:
    tree.publish("a")
    behind = tree.reader().state()
    tree.publish("b")

    assert 2 == write_checkpoint(tree.store, tree.reader().state(), INSTANCE, tree.clock.now())
    assert 1 == write_checkpoint(tree.store, behind, INSTANCE, tree.clock.now())

    assert b"2\n" == tree.store.get(addresses.CHECKPOINT_POINTER)


class NotingStore(MemoryStore):
    """Notes what is put, and refuses what begins with `refused`."""

    def __init__(self, refused: str = "nothing/") -> None:
        super().__init__()
        self.refused = refused
        self.noted: list[str] = []

    def put(self, key: str, data: bytes, *, create: bool = False) -> None:
        self.noted.append(key)
        if key.startswith(self.refused):
            raise Unavailable("the store is away")
        super().put(key, data, create=create)


LARGE = replace(RECORD, files=tuple(replace(RECORD.files[0], filename=f"demo-{n}.tar.gz") for n in range(FILES_MIN)))
BASE = "https://pkgs.example"


def test_pages_of_a_large_record_are_stored_after_it_and_as_they_are_rendered() -> None:
    store = NotingStore()
    digest = put_with_pages(store, LARGE, BASE)

    pages = {addresses.rendered(renderer(BASE), digest, name): page for name, page in render_pages(LARGE, BASE).items()}
    assert LARGE == decode_record(store.get(addresses.record("main", "demo", digest)), digest)
    assert addresses.record("main", "demo", digest) == store.noted[0]
    assert pages == {key: store.get(key) for key in store.noted[1:]}
    assert 4 == len(pages)


def test_a_record_that_cannot_be_stored_leaves_no_page_and_a_small_one_has_none() -> None:
    away, small = NotingStore("v1/main/project/"), NotingStore()

    with pytest.raises(Unavailable):
        put_with_pages(away, LARGE, BASE)
    put_with_pages(small, RECORD, BASE)

    assert (1, 1) == (len(away.noted), len(small.noted))


def test_a_page_that_cannot_be_stored_is_told() -> None:
    with pytest.raises(Unavailable):
        put_with_pages(NotingStore("rendered/"), LARGE, BASE)


def test_a_broken_store_is_unavailable_to_every_writer(tree: Tree) -> None:
    assert isinstance(tree.store, BreakableStore)
    state, card = tree.reader().state(), Card("main", "demo", "demo-1.tar.gz", DIGEST, 1, None)
    tree.store.broken = True
    for write in (
        lambda: put_record(tree.store, RECORD),
        lambda: put_card(tree.store, card),
        lambda: append(tree.store, Segment(1, "e", INSTANCE, tree.clock.now(), ())),
        lambda: published_head(tree.store),
        lambda: write_checkpoint(tree.store, state, INSTANCE, tree.clock.now()),
    ):
        with pytest.raises(Unavailable):
            write()


def test_an_instance_is_created_once_and_never_over_another(tree: Tree) -> None:
    document = read_instance(tree.store)
    create_instance(tree.store, InstanceDocument(INSTANCE, 1, tree.clock.now()))

    with pytest.raises(Conflict, match="already holds the tree of instance instance-1"):
        create_instance(tree.store, InstanceDocument("another", 1, tree.clock.now()))

    assert document == read_instance(tree.store)


@pytest.mark.parametrize("stored", [b"", b"{}", b'{"instance":"a","format":2,"created":"2026-01-01T00:00:00Z"}'])
def test_an_instance_document_this_release_cannot_read_is_corrupt(tree: Tree, stored: bytes) -> None:
    tree.store.put(addresses.INSTANCE, stored)

    with pytest.raises(Corrupt):
        read_instance(tree.store)
