"""The reader: it follows the journal, and it tells what it knows from what it cannot know."""

import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from unit.tree.trees import INSTANCE, BreakableStore, Tree

from holdfast.core.errors import Unavailable
from holdfast.store.local import LocalStore
from holdfast.tree.checkpoint import ProjectEntry
from holdfast.tree.journal import (
    BytesRemoved,
    FileAdded,
    ProjectChanged,
    ProjectGone,
    ProjectHeld,
    TokenIssued,
    TokenRevoked,
)
from holdfast.tree.reader import UNKNOWN_BELIEVED_SECONDS, Changes, TreeReader
from holdfast.tree.writer import write_checkpoint

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


@pytest.fixture
def quick_turns() -> Iterator[None]:
    """Threads take turns far more often: more interleavings, and less waiting for the interpreter."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(usual)


def test_a_new_tree_is_empty(tree: Tree) -> None:
    reader = tree.reader()

    assert (0, [], (), None) == (reader.head, names(reader), reader.indexes(), reader.find("main", "a"))
    assert Changes(head=0) == reader.catch_up()


def test_catching_up_tells_what_changed_and_finds_it(tree: Tree) -> None:
    reader = tree.reader()
    record = tree.publish("beta")
    tree.publish("alpha")
    tree.tell(FileAdded("main", "gamma", "gamma-1.tar.gz", SHA))

    changes = reader.catch_up()

    assert Changes(3, frozenset({("main", "alpha"), ("main", "beta"), ("main", "gamma")})) == changes
    assert (["alpha", "beta"], ("main",), 3) == (names(reader), reader.indexes(), reader.head)
    found = reader.find("main", "beta")
    assert found is not None and record == reader.record(found)
    assert Changes(3) == reader.catch_up()


def test_a_checkpoint_and_the_journal_after_it_say_the_same_as_the_whole_journal(tree: Tree) -> None:
    for name in ("d", "b", "a"):
        tree.publish(name)
    tree.tell(TokenIssued("t1", SHA, ("*",)), BytesRemoved((SHA,), "malware"), ProjectHeld("main", "x", 4, "broken"))
    follower = tree.reader()
    write_checkpoint(tree.store, follower.state(), INSTANCE, tree.clock.now())
    tree.publish("c")
    tree.publish("b")
    tree.tell(ProjectGone("main", "a", "A", 7))
    tree.publish("team-lib", index="team")
    follower.catch_up()

    fresh = tree.reader()

    assert (8, ["b", "c", "d"], ["team-lib"]) == (fresh.head, names(fresh), names(fresh, "team"))
    for reader in (follower, fresh):
        assert [e.serial for e in reader.names("main")] == [6, 5, 1]
        assert ProjectEntry("main", "a", "A", 7, "", gone=True) == reader.find("main", "a")
        assert reader.state().tables(tree.clock.now()) == follower.state().tables(tree.clock.now())
        assert reader.token("t1") and reader.removal(SHA)


def test_a_load_goes_to_the_end_and_a_catch_up_in_steps(tree: Tree) -> None:
    """Half a journal would call the names of the other half unknown."""
    follower = TreeReader(tree.store, tree.clock, segments_max=2)
    follower.load()
    for name in ("a", "b", "c", "d", "e"):
        tree.publish(name)
    tree.clock.advance(UNKNOWN_BELIEVED_SECONDS + 1)

    assert 2 == follower.catch_up().head
    with pytest.raises(Unavailable):
        follower.find("main", "e")
    assert [4, 5] == [follower.catch_up().head for _ in range(2)]
    assert follower.find("main", "f") is None
    loaded = TreeReader(tree.store, tree.clock, segments_max=2)
    assert 5 == loaded.load().head


def test_a_project_never_goes_back_to_a_lower_serial(tree: Tree) -> None:
    tree.publish("other")
    tree.publish("demo")
    tree.tell(ProjectChanged("main", "demo", "Old", 1, "cd" * 32))
    tree.tell(ProjectGone("main", "demo", "Old", 1))

    found = tree.reader().find("main", "demo")

    assert found is not None and (2, "Demo", False) == (found.serial, found.display, found.gone)


def test_a_gone_project_is_known_and_comes_back(tree: Tree) -> None:
    tree.publish("demo")
    tree.tell(ProjectGone("main", "demo", "Demo", 2, owned=False))
    reader = tree.reader()

    assert ([], ProjectEntry("main", "demo", "Demo", 2, "", gone=True, owned=False)) == (
        names(reader), reader.find("main", "demo"),
    )  # fmt: skip
    tree.publish("demo")
    reader.catch_up()
    assert ["demo"] == names(reader)


def test_a_held_project_keeps_its_last_good_record(tree: Tree) -> None:
    record = tree.publish("demo")
    tree.tell(ProjectHeld("main", "demo", 2, "the record cannot be rendered"))
    reader = tree.reader()

    found = reader.find("main", "demo")

    assert found is not None and record == reader.record(found)
    assert [("main", "demo")] == list(reader.state().held)
    tree.publish("demo")
    reader.catch_up()
    assert [] == list(reader.state().held)


def test_tokens_are_in_force_until_revoked_or_expired(tree: Tree) -> None:
    reader = tree.reader()
    end = tree.clock.now() + timedelta(hours=1)
    lasting, passing = TokenIssued("lasting", SHA, ("main",)), TokenIssued("passing", SHA, ("*",), end)
    tree.tell(lasting, passing)

    assert reader.catch_up().tokens
    assert (lasting, passing, None) == (reader.token("lasting"), reader.token("passing"), reader.token("unknown"))

    tree.clock.advance(3600)
    assert reader.token("passing") is None
    tree.tell(TokenRevoked("lasting"))
    assert reader.catch_up().tokens
    assert reader.token("lasting") is None
    assert () == reader.state().tables(tree.clock.now()).tokens


def test_removed_bytes_are_known_at_once(tree: Tree) -> None:
    reader = tree.reader()
    removal = BytesRemoved((SHA, "cd" * 32), "court order", legal=True)
    tree.tell(removal)

    assert {SHA, "cd" * 32} == reader.catch_up().removed
    assert (removal, removal, None) == (reader.removal(SHA), reader.removal("cd" * 32), reader.removal("ef" * 32))


def test_a_reader_follows_while_a_writer_writes(tmp_path: Path, quick_turns: None) -> None:
    """Real files, two threads, and questions asked from a third; serials only grow and nothing is ever missed."""
    tree = Tree(LocalStore.create(tmp_path / "store"))
    reader = tree.reader()
    done = threading.Event()
    wrong: list[str] = []

    def ask() -> None:
        last = 0
        while not done.is_set():
            listed = names(reader)
            if listed != sorted(listed) or len(listed) < last:
                wrong.append(f"{last} names, then {listed}")
            last = len(listed)
            reader.find("main", "p10"), reader.token("t"), reader.removal(SHA)

    asking = threading.Thread(target=ask)
    writing = threading.Thread(target=lambda: [tree.publish(f"p{number % 30}") for number in range(90)])
    asking.start()
    writing.start()
    told: set[tuple[str, str]] = set()
    heads = [0]
    while heads[-1] < 90:
        changes = reader.catch_up()
        assert changes.trouble is None
        told |= changes.projects
        heads.append(changes.head)
    writing.join()
    done.set()
    asking.join()

    assert ([], sorted(heads)) == (wrong, heads)
    assert {("main", f"p{number}") for number in range(30)} == told
    assert list(range(61, 91)) == sorted(entry.serial for entry in reader.names("main"))
