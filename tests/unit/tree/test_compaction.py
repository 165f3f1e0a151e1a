"""Compaction: a year of a tree in a moment, and nothing a reader needs is ever taken."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from unit.tree.trees import INSTANCE, Tree

from holdfast.core.errors import Corrupt
from holdfast.store.memory import MemoryStore
from holdfast.tree import addresses
from holdfast.tree.addresses import CHUNK_PREFIX, CHUNK_SERIALS, JOURNAL_PREFIX
from holdfast.tree.chunk import read_chunk
from holdfast.tree.compaction import Compacted, compact
from holdfast.tree.journal import ProjectChanged, ProjectGone, read_segment
from holdfast.tree.reader import TreeReader
from holdfast.tree.writer import TwoDatabases, append, published_head, put_record, write_checkpoint

DAY = timedelta(days=1).total_seconds()
NOTHING = Compacted()


@pytest.fixture
def tree() -> Tree:
    return Tree(MemoryStore())


def checkpoint(tree: Tree, reader: TreeReader) -> None:
    reader.catch_up()
    write_checkpoint(tree.store, reader.state(), INSTANCE, tree.clock.now())


def fill(tree: Tree, serials: int) -> None:
    while tree.serial < serials:
        tree.tell()


def test_a_young_tree_is_left_alone(tree: Tree) -> None:
    fill(tree, CHUNK_SERIALS + 10)
    reader = tree.reader()
    checkpoint(tree, reader)

    assert NOTHING == compact(tree.store, reader, tree.clock)


def test_segments_go_into_a_chunk_after_a_day_and_away_a_week_later(tree: Tree) -> None:
    tree.publish("demo")
    fill(tree, CHUNK_SERIALS + 10)
    reader = tree.reader()
    segments = [read_segment(tree.store, serial) for serial in range(1, CHUNK_SERIALS + 1)]
    checkpoint(tree, reader)

    tree.clock.advance(DAY)
    assert Compacted(chunks_made=1) == compact(tree.store, reader, tree.clock)
    assert segments == list(read_chunk(tree.store, 0).segments)
    tree.clock.advance(7 * DAY - 1)
    assert NOTHING == compact(tree.store, reader, tree.clock)
    tree.clock.advance(1)
    assert Compacted(segments_deleted=CHUNK_SERIALS) == compact(tree.store, reader, tree.clock)
    assert NOTHING == compact(tree.store, reader, tree.clock)

    left = [addresses.segment(serial) for serial in range(CHUNK_SERIALS + 1, CHUNK_SERIALS + 11)]
    assert (left, [addresses.chunk(0)]) == (tree.keys(JOURNAL_PREFIX), tree.keys(CHUNK_PREFIX))
    assert CHUNK_SERIALS + 10 == published_head(tree.store) == tree.reader().head
    # A tree that lost its checkpoints as well is read from the chunk.
    tree.store.delete(addresses.checkpoint(CHUNK_SERIALS + 10))
    assert CHUNK_SERIALS + 10 == tree.reader().head
    assert ["demo"] == [entry.name for entry in tree.reader().names("main")]
    tree.store.delete(addresses.CHECKPOINT_POINTER)
    assert CHUNK_SERIALS + 10 == published_head(tree.store)
    # A publisher that slept through all of it finds its serial taken.
    assert "already" == append(tree.store, segments[6])
    with pytest.raises(TwoDatabases):
        append(tree.store, msgspec.structs.replace(segments[6], event="another"))


def test_segments_stay_while_no_readable_checkpoint_has_passed_them(tree: Tree) -> None:
    fill(tree, CHUNK_SERIALS)
    reader = tree.reader()
    for _ in range(2):
        tree.clock.advance(8 * DAY)
        compact(tree.store, reader, tree.clock)
    tree.store.put(addresses.checkpoint(CHUNK_SERIALS), b"damaged")

    assert NOTHING == compact(tree.store, reader, tree.clock)
    assert CHUNK_SERIALS == len(tree.keys(JOURNAL_PREFIX))


def test_a_damaged_chunk_keeps_its_segments(tree: Tree) -> None:
    fill(tree, CHUNK_SERIALS)
    reader = tree.reader()
    checkpoint(tree, reader)
    tree.clock.advance(DAY)
    compact(tree.store, reader, tree.clock)
    tree.store.put(addresses.chunk(0), tree.store.get(addresses.chunk(0))[:-9])
    tree.clock.advance(8 * DAY)

    with pytest.raises(Corrupt):
        compact(tree.store, reader, tree.clock)

    assert CHUNK_SERIALS == len(tree.keys(JOURNAL_PREFIX))


def records(tree: Tree, name: str) -> list[str]:
    return [key.rpartition("/")[2].removesuffix(".json.zst") for key in tree.keys(addresses.records_of("main", name))]


def digest(tree: Tree, name: str) -> str:
    found = tree.reader().find("main", name)
    assert found is not None
    return found.record


def test_superseded_records_go_after_two_days(tree: Tree) -> None:
    for name in ("demo", "other", "demo"):
        tree.publish(name)
    tree.clock.advance(1.5 * DAY)
    tree.publish("demo")
    reader = tree.reader()
    assert 3 == len(records(tree, "demo"))

    assert NOTHING == compact(tree.store, reader, tree.clock)
    tree.clock.advance(0.5 * DAY)
    assert Compacted(records_deleted=1) == compact(tree.store, reader, tree.clock)
    assert NOTHING == compact(tree.store, reader, tree.clock)
    tree.clock.advance(1.5 * DAY)
    assert Compacted(records_deleted=1) == compact(tree.store, reader, tree.clock)

    assert ([digest(tree, "demo")], [digest(tree, "other")]) == (records(tree, "demo"), records(tree, "other"))


def test_the_record_of_a_gone_project_goes_after_two_days(tree: Tree) -> None:
    tree.publish("demo")
    tree.tell(ProjectGone("main", "demo", "Demo", 2))
    reader = tree.reader()
    tree.clock.advance(2 * DAY)

    assert Compacted(records_deleted=1) == compact(tree.store, reader, tree.clock)
    assert [] == records(tree, "demo")


def test_a_record_stored_before_its_segment_stays(tree: Tree) -> None:
    """A publisher that was stopped between the two goes on days later."""
    record = tree.publish("demo")
    tree.publish("demo")
    early = put_record(tree.store, replace(record, serial=3))
    reader = tree.reader()
    tree.clock.advance(30 * DAY)

    assert Compacted(records_deleted=1) == compact(tree.store, reader, tree.clock)

    assert sorted([early, digest(tree, "demo")]) == records(tree, "demo")
    tree.tell(ProjectChanged("main", "demo", "Demo", 3, early))
    reader.catch_up()
    found = reader.find("main", "demo")
    assert found is not None and 3 == reader.record(found).serial


def test_superseded_records_are_found_through_chunks_too(tree: Tree) -> None:
    tree.publish("demo")
    tree.publish("demo")
    fill(tree, CHUNK_SERIALS)
    reader = tree.reader()
    checkpoint(tree, reader)
    tree.clock.advance(DAY)
    compact(tree.store, reader, tree.clock)
    for key in tree.keys(JOURNAL_PREFIX):
        tree.store.delete(key)
    tree.clock.advance(DAY)

    assert Compacted(records_deleted=1) == compact(tree.store, reader, tree.clock)


def test_a_lost_note_of_progress_only_costs_time(tree: Tree) -> None:
    for _ in range(3):
        tree.publish("demo")
    reader = tree.reader()
    tree.clock.advance(2 * DAY)
    compact(tree.store, reader, tree.clock)
    tree.store.put(addresses.COMPACTION, b"damaged")

    assert NOTHING == compact(tree.store, reader, tree.clock)
    assert [digest(tree, "demo")] == records(tree, "demo")


def test_the_three_newest_readable_checkpoints_stay(tree: Tree) -> None:
    reader = tree.reader()
    for _ in range(5):
        tree.tell()
        checkpoint(tree, reader)
    tree.store.put(addresses.checkpoint(4), b"damaged")

    assert Compacted(checkpoints_deleted=1) == compact(tree.store, reader, tree.clock)

    assert [addresses.checkpoint(n) for n in (2, 3, 4, 5)] == tree.keys(addresses.CHECKPOINT_PREFIX)
