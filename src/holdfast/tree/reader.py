"""TreeReader: follows the journal and answers what the published tree says, without a database.

`load` and `catch_up` belong to one thread at a time; everything else may be asked from any thread meanwhile. When
the store fails, the reader goes on answering what it knows. It refuses to call a name unknown when it cannot know.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from holdfast.clock import Clock
from holdfast.core.errors import Absent, Corrupt, Outcome, Unavailable
from holdfast.core.model import Card, Record
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.card import decode_card
from holdfast.tree.checkpoint import ProjectEntry
from holdfast.tree.checkpoints import checkpoint_serials, newest_checkpoint, read_pointer
from holdfast.tree.chunk import Chunk, chunk_number, read_chunk
from holdfast.tree.instance import read_instance
from holdfast.tree.journal import BytesRemoved, Segment, TokenIssued, has_segment, read_segment
from holdfast.tree.numbered import numbers
from holdfast.tree.record import decode_record
from holdfast.tree.state import TreeState

UNKNOWN_BELIEVED_SECONDS = 60.0  # so long after the last look at the journal, "no such project" is still an answer
POINTER_SECONDS = 30.0  # how often an idle reader looks whether a checkpoint passed it by
SEGMENTS_MAX = 20_000  # per catch_up, about a second; the next call goes on from there


@dataclass(frozen=True, slots=True)
class Changes:
    """What one catch_up learnt. `reloaded`: anything may have changed, drop every cached page."""

    head: int
    projects: frozenset[tuple[str, str]] = frozenset()  # (index, name)
    removed: frozenset[str] = frozenset()  # sha256 that must not be served any more
    tokens: bool = False
    reloaded: bool = False
    trouble: Outcome | None = None  # why it ended early, if it did


@dataclass(slots=True)
class _Collected:
    projects: set[tuple[str, str]] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    tokens: bool = False
    reloaded: bool = False


class OutOfReach(Unavailable):
    """The journal was read once and cannot be read now: it may tell of a name that is not known here yet."""


class TreeReader:
    """One process's view of one tree."""

    def __init__(self, store: Store, clock: Clock, instance: str = "", *, segments_max: int = SEGMENTS_MAX) -> None:
        """With an `instance` id, a tree of another instance is refused; without, the tree's own id is adopted."""
        self.store = store
        self.instance = instance
        self.last_contact = float("-inf")  # monotonic seconds of the last successful look at the journal's end
        self.trouble: Outcome | None = None  # set while the journal itself is damaged: a gap or a corrupt segment
        self._clock = clock
        self._segments_max = segments_max
        self._state: TreeState | None = None
        self._pointer_at = float("-inf")
        self._chunk: tuple[int, Chunk] | None = None  # the last one read, while following

    @property
    def head(self) -> int:
        """The newest serial this reader knows; 0 before the first."""
        return self._state.head if self._state else 0

    @property
    def is_loaded(self) -> bool:
        """False until `load` has succeeded once."""
        return self._state is not None

    def load(self) -> Changes:
        """Read the newest checkpoint and the journal after it. Raises Unavailable, Corrupt; then nothing changed."""
        found = read_instance(self.store)
        if self.instance and found.instance != self.instance:
            raise Corrupt(f"the store holds the tree of instance {found.instance}, not of {self.instance}")
        self.instance = found.instance
        state = TreeState(newest_checkpoint(self.store, self.instance))
        collected = _Collected(reloaded=True, tokens=True)
        trouble = self._follow(state, collected, loading=True)
        if trouble is not None:
            raise trouble
        self._demand_end(state.head)
        self._state = state
        return _changes(state, collected, None)

    def catch_up(self) -> Changes:
        """Read the segments that appeared since; loads first if that has not happened. Never raises an Outcome.

        What stopped it, if anything, is `Changes.trouble`: an unreachable store, or a damaged journal.
        """
        collected = _Collected()
        try:
            if self._state is None:
                return self.load()
            trouble = self._follow(self._state, collected)
            if trouble is not None or self._pointer_is_due():
                trouble = self._jump(self._state, collected, trouble)
            return _changes(self._state, collected, trouble)
        except Outcome as error:
            return _changes(self._state, collected, error)

    def find(self, index: str, name: str) -> ProjectEntry | None:
        """The project's entry, gone ones included; None is a promise that the index never had it or released it.

        Raises Unavailable when that cannot be promised: not loaded, a damaged journal, or no contact for a minute.
        """
        entry = self._loaded().find(index, name)
        if entry is None:
            self._demand_contact()
        return entry

    def demand_free(self, index: str, name: str) -> None:
        """Let another index answer for a name that has no entry here, or a released one. Raises Unavailable.

        A held publication tells that the index has the project, and cannot say what is in it.
        """
        if (index, name) in self._loaded().held:
            raise Unavailable(f"the publication of {name} is held back")
        self._demand_contact()

    def names(self, index: str) -> Iterator[ProjectEntry]:
        """The listed projects of an index in name order. Raises Unavailable before the first load."""
        return (entry for entry in self._loaded().entries(index) if not entry.gone)

    def indexes(self) -> tuple[str, ...]:
        """Every index that ever had a project. Raises Unavailable before the first load."""
        return self._loaded().indexes()

    def record(self, entry: ProjectEntry) -> Record:
        """The project's record, held to its digest and its entry. Raises Unavailable, Corrupt; never Absent.

        A record the journal names but the store lacks is our trouble, or the entry is old: catch up and find again.
        """
        assert not entry.gone, entry
        try:
            stored = self.store.get(addresses.record(entry.index, entry.name, entry.record))
        except Absent:
            raise Unavailable(f"the record of {entry.name} in {entry.index} is missing from the store") from None
        record = decode_record(stored, entry.record)
        if (record.index, record.name) != (entry.index, entry.name):
            raise Corrupt(f"the record of {entry.name} in {entry.index} is that of {record.name} in {record.index}")
        return record

    def card(self, index: str, sha256: str, filename: str) -> Card:
        """The card of one file in one index or upstream. Raises Absent, Unavailable, Corrupt."""
        card = decode_card(self.store.get(addresses.card(index, sha256, filename)))
        if (card.index, card.sha256, card.filename) != (index, sha256, filename):
            raise Corrupt(f"the card of {filename} in {index} is that of {card.filename} in {card.index}")
        return card

    def token(self, id: str) -> TokenIssued | None:
        """The token in force under that id, or None. Raises Unavailable before the first load."""
        found = self._loaded().tokens.get(id)
        now = self._clock.now()  # looked at in any case: the time taken does not tell which ids there were
        return found if found is not None and (found.expires is None or found.expires > now) else None

    def removal(self, sha256: str) -> BytesRemoved | None:
        """Why these bytes must not be served, or None if they may. Raises Unavailable before the first load."""
        return self._loaded().removed.get(sha256)

    def state(self) -> TreeState:
        """What a checkpoint is written from, in the thread that catches up. Raises Unavailable before a load."""
        return self._loaded()

    def _loaded(self) -> TreeState:
        if self._state is None:
            raise Unavailable("the published tree has not been read yet")
        return self._state

    def _demand_contact(self) -> None:
        if self.trouble is not None:
            raise OutOfReach(f"the journal of the published tree is damaged: {self.trouble.reason}")
        if self._clock.monotonic() - self.last_contact > UNKNOWN_BELIEVED_SECONDS:
            raise OutOfReach("the journal of the published tree has not been readable for a minute")

    def _follow(self, state: TreeState, collected: _Collected, *, loading: bool = False) -> Corrupt | None:
        """Apply segments until one is missing; answers with Corrupt for a damaged journal. Raises Unavailable.

        A load goes to the end whatever it takes, and looks into chunks: half a journal would call names unknown.
        """
        last = None if loading else state.head + self._segments_max
        trouble = None
        try:
            while last is None or state.head < last:
                segment = self._next(state.head + 1, loading)
                if segment is None:
                    self.last_contact = self._clock.monotonic()
                    break
                told = state.apply(segment)
                collected.projects |= told.projects
                collected.removed |= told.removed
                collected.tokens |= told.tokens
        except Corrupt as error:
            trouble = error
        finally:
            self._chunk = None
        self.trouble = trouble
        return trouble

    def _next(self, serial: int, in_chunks: bool) -> Segment | None:
        """The segment of that serial, or None if it has not been written. Raises Corrupt, Unavailable."""
        try:
            segment = read_segment(self.store, serial)
        except Absent:
            later_exists = has_segment(self.store, serial + 1)
            if not later_exists and not in_chunks:
                return None
            late = self._late_segment(serial)
            if late is None and later_exists:
                raise Corrupt(f"journal segment {serial} is missing while segment {serial + 1} exists") from None
            if late is None:
                return None
            segment = late
        if segment.instance != self.instance:
            raise Corrupt(f"journal segment {serial} was written by instance {segment.instance}, not {self.instance}")
        return segment

    def _late_segment(self, serial: int) -> Segment | None:
        """A segment that appeared just now, or that lives on in a chunk only."""
        try:
            return read_segment(self.store, serial)
        except Absent:
            pass
        number = chunk_number(serial)
        try:
            if self._chunk is None or self._chunk[0] != number:
                self._chunk = (number, read_chunk(self.store, number))
        except Absent:
            return None
        return self._chunk[1].segments[(serial - 1) % addresses.CHUNK_SERIALS]

    def _pointer_is_due(self) -> bool:
        return self._clock.monotonic() - self._pointer_at >= POINTER_SECONDS

    def _jump(self, state: TreeState, collected: _Collected, trouble: Corrupt | None) -> Corrupt | None:
        """Move on to a checkpoint beyond what the journal gives: past damage, or past segments deleted meanwhile."""
        self._pointer_at = self._clock.monotonic()
        if trouble is None:
            pointed = read_pointer(self.store)
            if pointed is None or pointed <= state.head:
                return None
            trouble = self._follow(state, collected)  # it may have been written since the last look
            if trouble is None and pointed <= state.head:
                return None
        checkpoint = newest_checkpoint(self.store, self.instance)
        if checkpoint is None or checkpoint.serial <= state.head:
            return trouble
        newer = TreeState(checkpoint)
        trouble = self._follow(newer, collected)
        collected.removed |= newer.removed.keys() - state.removed.keys()
        collected.reloaded = collected.tokens = True
        self._state = newer
        return trouble

    def _demand_end(self, head: int) -> None:
        """Refuse a tree whose journal goes on, or whose checkpoints are newer, beyond what could be read."""
        after = addresses.segment(max(head, 1))
        beyond = next(numbers(self.store, addresses.JOURNAL_PREFIX, addresses.segment, after), None)
        if beyond is not None and not has_segment(self.store, head + 1):
            raise Corrupt(f"the journal stops at {head}, but the store holds {addresses.segment(beyond)}")
        newest = max(checkpoint_serials(self.store), default=0)
        if newest > head and not has_segment(self.store, head + 1):
            raise Corrupt(f"the journal stops at {head}, but there is a checkpoint {newest}, which cannot be read")


def _changes(state: TreeState | None, collected: _Collected, trouble: Outcome | None) -> Changes:
    return Changes(
        head=state.head if state else 0,
        projects=frozenset(collected.projects),
        removed=frozenset(collected.removed),
        tokens=collected.tokens,
        reloaded=collected.reloaded,
        trouble=trouble,
    )
