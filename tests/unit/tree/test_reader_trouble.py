"""The reader in trouble: it goes on answering what it knows, and never calls a name unknown that it cannot know."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from unit.tree.trees import INSTANCE, BreakableStore, Tree

from holdfast.core.errors import Absent, Corrupt, Unavailable
from holdfast.core.model import Card
from holdfast.store.local import LocalStore
from holdfast.store.memory import MemoryStore
from holdfast.tree import addresses
from holdfast.tree.journal import (
    BytesRemoved,
    TokenIssued,
    encode_segment,
)
from holdfast.tree.reader import POINTER_SECONDS, UNKNOWN_BELIEVED_SECONDS, Changes, TreeReader
from holdfast.tree.writer import put_card, write_checkpoint

SHA = "ab" * 32


def names(reader: TreeReader, index: str = "main") -> list[str]:
    return [entry.name for entry in reader.names(index)]


@pytest.fixture
def tree() -> Tree:
    return Tree()


@pytest.fixture
def store(tree: Tree) -> BreakableStore:
    assert isinstance(tree.store, BreakableStore)
    return tree.store


def test_a_store_without_a_tree_is_unavailable_not_empty(tree: Tree) -> None:
    reader = TreeReader(MemoryStore(), tree.clock)

    with pytest.raises(Unavailable, match="holds no published tree"):
        reader.load()
    assert isinstance(reader.catch_up().trouble, Unavailable)
    for question in (
        lambda: reader.find("main", "a"),
        lambda: list(reader.names("main")),
        lambda: reader.token("t"),
        lambda: reader.removal(SHA),
    ):
        with pytest.raises(Unavailable, match="has not been read yet"):
            question()


def test_the_tree_of_another_instance_is_refused(tree: Tree) -> None:
    with pytest.raises(Corrupt, match=f"the tree of instance {INSTANCE}, not of mine"):
        TreeReader(tree.store, tree.clock, "mine").load()


def test_a_broken_store_changes_nothing_that_is_known(tree: Tree, store: BreakableStore) -> None:
    tree.publish("demo")
    reader = tree.reader()
    before = reader.last_contact
    store.broken = True
    tree.clock.advance(UNKNOWN_BELIEVED_SECONDS)

    changes = reader.catch_up()

    assert isinstance(changes.trouble, Unavailable) and changes.head == 1 and not changes.projects
    assert (before, ["demo"]) == (reader.last_contact, names(reader))
    assert reader.find("main", "unknown") is None


def test_after_a_minute_without_contact_no_name_is_called_unknown(tree: Tree, store: BreakableStore) -> None:
    tree.publish("demo")
    reader = tree.reader()
    store.broken = True
    tree.clock.advance(UNKNOWN_BELIEVED_SECONDS + 1)

    assert reader.find("main", "demo") is not None
    with pytest.raises(Unavailable, match="has not been readable for a minute"):
        reader.find("main", "unknown")
    store.broken = False
    reader.catch_up()
    assert reader.find("main", "unknown") is None


def test_a_reader_that_could_not_load_loads_when_the_store_is_back(tree: Tree, store: BreakableStore) -> None:
    tree.publish("demo")
    reader = TreeReader(tree.store, tree.clock)
    store.broken = True
    assert isinstance(reader.catch_up().trouble, Unavailable)
    store.broken = False

    changes = reader.catch_up()

    assert (True, 1, ["demo"]) == (changes.reloaded, changes.head, names(reader))


def test_a_corrupt_segment_stops_the_log_but_not_the_answers(tree: Tree) -> None:
    tree.publish("demo")
    reader = tree.reader()
    tree.publish("next")
    good = tree.publish("after")
    tree.store.put(addresses.segment(3), b"{}")

    changes = reader.catch_up()

    assert isinstance(changes.trouble, Corrupt)
    assert ({("main", "next")}, 2) == (changes.projects, changes.head)
    assert ["demo", "next"] == names(reader)
    with pytest.raises(Unavailable, match="damaged: journal segment 3 does not parse"):
        reader.find("main", "unknown")

    tree.store.delete(addresses.segment(3))
    tree.serial = 2
    assert good == tree.publish("after")
    assert reader.catch_up().trouble is None
    assert reader.find("main", "unknown") is None


def test_a_segment_of_another_instance_is_never_applied(tree: Tree) -> None:
    reader = tree.reader()
    tree.tell(TokenIssued("stolen", SHA, ("*",)), instance="other")

    changes = reader.catch_up()

    assert isinstance(changes.trouble, Corrupt)
    assert "journal segment 1 was written by instance other, not instance-1" == changes.trouble.reason
    assert reader.token("stolen") is None


def test_a_gap_is_damage_until_a_checkpoint_bridges_it(tree: Tree) -> None:
    tree.publish("first")
    reader = tree.reader()
    writer = tree.reader()
    for name in ("a", "b", "c"):
        tree.publish(name)
    writer.catch_up()
    tree.store.delete(addresses.segment(2))

    trouble = reader.catch_up().trouble
    assert isinstance(trouble, Corrupt) and "journal segment 2 is missing while segment 3 exists" == trouble.reason
    assert ["first"] == names(reader)
    with pytest.raises(Corrupt):
        tree.reader()

    write_checkpoint(tree.store, writer.state(), INSTANCE, tree.clock.now())
    tree.publish("d")
    changes = reader.catch_up()
    assert (True, 5, None) == (changes.reloaded, changes.head, changes.trouble)
    assert ["a", "b", "c", "d", "first"] == names(reader) == names(tree.reader())


def test_a_gap_at_the_end_of_a_load_is_never_an_empty_index(tree: Tree) -> None:
    for name in ("a", "b", "c", "d"):
        tree.publish(name)
    for serial in (1, 2, 3):
        tree.store.delete(addresses.segment(serial))

    with pytest.raises(Corrupt, match="the journal stops at 0, but the store holds v1/journal/0"):
        tree.reader()


def test_checkpoints_that_cannot_be_read_are_never_an_empty_index(tree: Tree) -> None:
    tree.store.put(addresses.checkpoint(10), b"damaged")

    with pytest.raises(Corrupt, match="the journal stops at 0, but there is a checkpoint 10"):
        tree.reader()


def test_a_damaged_checkpoint_costs_only_the_reading_of_more_journal(tree: Tree) -> None:
    for name in ("a", "b"):
        tree.publish(name)
        write_checkpoint(tree.store, tree.reader().state(), INSTANCE, tree.clock.now())
    tree.store.put(addresses.checkpoint(2), b"damaged")

    assert (2, ["a", "b"]) == (tree.reader().head, names(tree.reader()))


def test_a_reader_left_behind_by_compaction_jumps_to_the_checkpoint(tree: Tree, store: BreakableStore) -> None:
    tree.publish("first")
    reader = tree.reader()
    reader.catch_up()
    for name in ("a", "b", "c"):
        tree.publish(name)
    tree.tell(BytesRemoved((SHA,), "malware"))
    write_checkpoint(tree.store, tree.reader().state(), INSTANCE, tree.clock.now())
    for serial in range(1, 6):
        tree.store.delete(addresses.segment(serial))

    assert Changes(1) == reader.catch_up()
    tree.clock.advance(POINTER_SECONDS)
    changes = reader.catch_up()

    assert (True, 5, {SHA}) == (changes.reloaded, changes.head, changes.removed)
    assert ["a", "b", "c", "first"] == names(reader)


def test_an_idle_reader_asks_for_two_segments_and_nothing_else(tree: Tree, store: BreakableStore) -> None:
    tree.publish("demo")
    reader = tree.reader()
    reader.catch_up()
    store.asked.clear()

    reader.catch_up()

    assert [addresses.segment(2), addresses.segment(3)] == store.asked


def test_a_record_the_store_lacks_is_our_trouble_never_absent(tree: Tree) -> None:
    record = tree.publish("demo")
    reader = tree.reader()
    found = reader.find("main", "demo")
    assert found is not None
    key = addresses.record("main", "demo", found.record)
    stored = tree.store.get(key)

    tree.store.delete(key)
    with pytest.raises(Unavailable, match="the record of demo in main is missing"):
        reader.record(found)
    tree.store.put(key, stored[:-3])
    with pytest.raises(Corrupt):
        reader.record(found)
    tree.store.put(key, stored)
    assert record == reader.record(found)


def test_a_record_of_another_project_is_corrupt(tree: Tree) -> None:
    tree.publish("demo")
    reader = tree.reader()
    found = reader.find("main", "demo")
    assert found is not None
    tree.store.put(
        addresses.record("main", "other", found.record), tree.store.get(addresses.record("main", "demo", found.record))
    )

    with pytest.raises(Corrupt, match="the record of other in main is that of demo in main"):
        reader.record(replace(found, name="other"))


def test_a_card_is_absent_corrupt_or_true(tree: Tree, store: BreakableStore) -> None:
    reader = tree.reader()
    card = Card("main", "demo", "demo-1.tar.gz", SHA, 10, tree.clock.now())
    put_card(tree.store, card)

    assert card == reader.card("main", SHA, "demo-1.tar.gz")
    with pytest.raises(Absent):
        reader.card("main", SHA, "demo-2.tar.gz")
    tree.store.put(
        addresses.card("team", SHA, "demo-1.tar.gz"), tree.store.get(addresses.card("main", SHA, card.filename))
    )
    with pytest.raises(Corrupt, match=r"the card of .* in team is that of .* in main"):
        reader.card("team", SHA, "demo-1.tar.gz")
    store.broken = True
    with pytest.raises(Unavailable):
        reader.card("main", SHA, "demo-1.tar.gz")


def test_an_unmounted_folder_is_unavailable_to_every_question_that_needs_it(tmp_path: Path) -> None:
    tree = Tree(LocalStore.create(tmp_path / "store"))
    tree.publish("demo")
    reader = tree.reader()
    found = reader.find("main", "demo")
    assert found is not None
    (tmp_path / "store").rename(tmp_path / "away")
    (tmp_path / "store").mkdir()

    assert isinstance(reader.catch_up().trouble, Unavailable)
    for question in (
        lambda: reader.record(found),
        lambda: reader.card("main", SHA, "demo-1.tar.gz"),
        lambda: TreeReader(tree.store, tree.clock).load(),
    ):
        with pytest.raises(Unavailable, match="the store folder is not there"):
            question()
    assert ["demo"] == names(reader)


def test_a_segment_that_carries_another_serial_is_corrupt(tree: Tree) -> None:
    reader = tree.reader()
    segment = tree.tell()
    tree.store.put(addresses.segment(1), encode_segment(msgspec.structs.replace(segment, serial=2)))

    trouble = reader.catch_up().trouble

    assert isinstance(trouble, Corrupt) and "journal segment 1 carries serial 2" == trouble.reason
