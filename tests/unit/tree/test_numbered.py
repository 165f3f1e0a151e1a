"""What lies among counted objects and is none of them, as a copy's left-over does, is nothing to any reader."""

from datetime import UTC, datetime

import pytest
from unit.tree.trees import INSTANCE, Tree

from holdfast.store.memory import MemoryStore
from holdfast.tree import addresses
from holdfast.tree.audit_heads import AuditHead, newest_heads, publish_head
from holdfast.tree.catalogue import make, put_catalogue, read_catalogue
from holdfast.tree.checkpoints import checkpoint_serials
from holdfast.tree.compaction import Compacted, compact
from holdfast.tree.numbered import COUNTED, numbers, strangers
from holdfast.tree.overrides import change, history, newest
from holdfast.tree.writer import write_checkpoint

NAMES = (".0.json.swp", "-1.json", "0", "1.json", "1.json.zst", "000000000001.json~", "copy of 2", "9" * 30)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def tree() -> Tree:
    tree = Tree(MemoryStore())
    for prefix, _ in COUNTED:
        for name in NAMES:
            tree.store.put(prefix + name, b"junk")
    return tree


def test_strangers_are_told_apart(tree: Tree) -> None:
    assert {prefix + name for prefix, _ in COUNTED for name in NAMES} == set(strangers(tree.store))

    tree.store.put(addresses.segment(7), b"")
    tree.store.put(addresses.checkpoint(0), b"")

    assert [7] == list(numbers(tree.store, addresses.JOURNAL_PREFIX, addresses.segment))
    assert [0] == checkpoint_serials(tree.store)
    assert len(COUNTED) * len(NAMES) == len(strangers(tree.store))


def test_decisions_and_heads_are_read_past_them(tree: Tree) -> None:
    made = change(tree.store, lambda old: old, by="alice", what="nothing", now=NOW)
    publish_head(tree.store, AuditHead(position=3, hash="h", instance=INSTANCE, at=NOW))

    assert (made, [made]) == (newest(tree.store), history(tree.store))
    assert [3] == [head.position for head in newest_heads(tree.store, 5)]


def test_a_tree_is_loaded_and_compacted_past_them(tree: Tree) -> None:
    tree.tell()
    reader = tree.reader()
    reader.load()
    write_checkpoint(tree.store, reader.state(), INSTANCE, tree.clock.now())

    assert Compacted() == compact(tree.store, reader, tree.clock)


def test_a_catalogue_is_kept_and_read_past_them(tree: Tree) -> None:
    for name in NAMES:
        tree.store.put(addresses.catalogues("main") + name, b"junk")
    made = make("main", {})

    assert put_catalogue(tree.store, made, 5)
    assert (addresses.catalogue("main", 5, 0), made) == read_catalogue(tree.store, "main")
