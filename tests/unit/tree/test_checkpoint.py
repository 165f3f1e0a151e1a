"""Checkpoints: round trips, lookups, and damage."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.tree.trees import digests, moments, names, texts

from holdfast.core.errors import Corrupt
from holdfast.core.model import STATUSES
from holdfast.store.local import LocalStore
from holdfast.store.memory import MemoryStore
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.checkpoint import Checkpoint, ProjectEntry, StateTables, encode_checkpoint
from holdfast.tree.checkpoints import newest_checkpoint, open_checkpoint, read_pointer
from holdfast.tree.journal import BytesRemoved, ProjectHeld, TokenIssued


def entry(index: str, name: str, display: str, serial: int, record: str, status: str, kind: int) -> ProjectEntry:
    gone, owned = [(False, True), (True, True), (True, False)][kind]
    return ProjectEntry(index, name, display, serial, "" if gone else record, status, gone, owned)  # type: ignore[arg-type]


entries = st.lists(
    st.builds(
        entry,
        index=st.sampled_from(["main", "team", "z"]),
        name=names,
        display=names | names.map(str.title),
        serial=st.integers(0, 2**63),
        record=digests,
        status=st.sampled_from(STATUSES),
        kind=st.integers(0, 2),
    ),
    unique_by=lambda e: (e.index, e.name),
    max_size=30,
).map(lambda found: sorted(found, key=lambda e: (e.index, e.name)))
states = st.builds(
    StateTables,
    tokens=st.lists(st.builds(TokenIssued, texts, digests, st.just(("*",)), st.none() | moments), max_size=2).map(
        tuple
    ),
    removed=st.lists(st.builds(BytesRemoved, st.tuples(digests), texts, st.booleans()), max_size=2).map(tuple),
    held=st.lists(st.builds(ProjectHeld, names, names, st.integers(0, 99), texts), max_size=2).map(tuple),
)
SMALL = [ProjectEntry("main", f"p{number}", f"P{number}", number, f"{number:064x}") for number in range(10, 30)]


@given(entries, states, st.integers(0, 2**40))
def test_a_checkpoint_gives_back_what_it_was_written_from(
    found: list[ProjectEntry], state: StateTables, serial: int
) -> None:
    checkpoint = Checkpoint(encode_checkpoint(serial, "i", found, state))
    checkpoint.verify()

    assert (serial, "i", state, len(found)) == (
        checkpoint.serial,
        checkpoint.instance,
        checkpoint.state,
        len(checkpoint),
    )
    assert found == [e for index in checkpoint.indexes for e in checkpoint.entries(index)]
    assert found == [checkpoint.find(e.index, e.name) for e in found]


@given(entries, names, st.sampled_from(["main", "none"]))
def test_what_is_not_in_it_is_not_found(found: list[ProjectEntry], name: str, index: str) -> None:
    expected = next((e for e in found if (e.index, e.name) == (index, name)), None)

    assert expected == Checkpoint(encode_checkpoint(1, "i", found, StateTables())).find(index, name)


def test_entries_out_of_order_are_our_own_mistake() -> None:
    for wrong in (SMALL[::-1], SMALL[:1] * 2):
        with pytest.raises(AssertionError, match="out of order"):
            encode_checkpoint(1, "i", wrong, StateTables())


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return LocalStore.create(tmp_path / "store") if request.param == "local" else MemoryStore()


def test_a_stored_checkpoint_opens_mapped_or_from_bytes(store: Store) -> None:
    store.put(addresses.checkpoint(30), encode_checkpoint(30, "i", SMALL, StateTables()))
    checkpoint = open_checkpoint(store, 30)
    store.delete(addresses.checkpoint(30))  # whoever opened it goes on reading

    assert (SMALL[3], SMALL) == (checkpoint.find("main", "p13"), list(checkpoint.entries("main")))


def test_the_newest_readable_checkpoint_is_taken_whatever_the_pointer_says(store: Store) -> None:
    for serial in (5, 7, 9):
        store.put(addresses.checkpoint(serial), encode_checkpoint(serial, "i", SMALL, StateTables()))
    store.put(addresses.checkpoint(11), b"damaged")
    store.put(addresses.checkpoint(12), b"")

    def newest() -> int:
        found = newest_checkpoint(store, "i")
        assert found is not None
        return found.serial

    assert 9 == newest()
    for pointer, read in (
        (b"7\n", 7),
        (b"11", 11),
        (b"nonsense", None),
        (b"\xff", None),
        (b"9" * 50, None),
        (b"", None),
    ):
        store.put(addresses.CHECKPOINT_POINTER, pointer)
        assert (read, 9) == (read_pointer(store), newest()), pointer


def test_a_checkpoint_of_another_instance_is_refused(store: Store) -> None:
    store.put(addresses.checkpoint(5), encode_checkpoint(5, "other", SMALL, StateTables()))

    with pytest.raises(Corrupt, match="was written by instance other"):
        newest_checkpoint(store, "i")


def test_a_checkpoint_under_another_serial_is_corrupt(store: Store) -> None:
    store.put(addresses.checkpoint(6), encode_checkpoint(5, "i", SMALL, StateTables()))

    with pytest.raises(Corrupt, match="checkpoint 6 carries serial 5"):
        open_checkpoint(store, 6)


DATA = encode_checkpoint(5, "i", SMALL, StateTables(removed=(BytesRemoved(("ab" * 32,), "law", True),)))


@pytest.mark.parametrize(
    "damage",
    [lambda d: d[:-1], lambda d: d[:60], lambda d: d[:10], lambda d: b"", lambda d: d + b"x", lambda d: d[:-1] + b"x"],
)
def test_a_cut_or_longer_checkpoint_is_not_opened(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Corrupt):
        Checkpoint(damage(DATA))


def test_every_flipped_byte_is_found_by_opening_or_by_verify() -> None:
    for at in range(len(DATA)):
        damaged = DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :]
        with pytest.raises(Corrupt):
            Checkpoint(damaged).verify()
