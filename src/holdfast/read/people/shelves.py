"""The catalogues that this front has read (tree/catalogue.py), and which of their projects are still to be seen.

Read when somebody asks, never at a start. What lies in the store may be some seconds old: what went, or was put in
quarantine since, is known from the journal and left out.
"""

import time
from dataclasses import dataclass

import structlog

from holdfast.clock import Clock
from holdfast.core.errors import Absent, Corrupt, Unavailable
from holdfast.read.listing import ProjectLists, listed_in
from holdfast.read.stack import Stacks
from holdfast.read.workers import Workers
from holdfast.tree.catalogue import Catalogue, newest_key, read_catalogue
from holdfast.tree.reader import TreeReader
from holdfast.wire.single_flight import SingleFlight

KEPT_SECONDS = 2.0  # how long it is not looked whether there is a newer one
SOON_SECONDS = 10  # when it is worth asking again for what was never written yet

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Shelf:
    """One hosted index of a stack, by classifier."""

    index: str
    mark: str  # names all that is here
    catalogue: Catalogue
    names: tuple[str, ...]
    hidden: frozenset[int]  # places in `names` of what the asking index does not list, or not any more


class Shelves:
    """Shelves by the index that asks."""

    def __init__(self, reader: TreeReader, stacks: Stacks, lists: ProjectLists, workers: Workers, clock: Clock) -> None:
        self._reader = reader
        self._stacks = stacks
        self._lists = lists
        self._workers = workers
        self._clock = clock
        self._read: dict[str, tuple[float, str, Catalogue]] = {}  # by hosted index: looked at, key
        self._made: dict[str, tuple[Shelf, ...]] = {}  # by asking index
        self._reading: SingleFlight[str, tuple[str, Catalogue]] = SingleFlight()
        self._making: SingleFlight[tuple[str, str], tuple[Shelf, ...]] = SingleFlight()

    async def of(self, index: str) -> tuple[Shelf, ...]:
        """The shelves of the index and of the hosted ones under it. Raises Unavailable, Corrupt."""
        serial, _ = await self._lists.projects(index)
        read = [(one, *await self._catalogue(one)) for one in self._stacks.hosted(index)]
        mark = f"{serial} {' '.join(key for _, key, _ in read)}"
        known = self._made.get(index)
        if known is None or known[0].mark != mark:
            found = [(one, catalogue) for one, _, catalogue in read]
            known = await self._making.run(
                (index, mark), lambda: self._workers.in_thread(_shelves, self._reader, self._stacks, index, mark, found)
            )
            self._made[index] = known
        return known

    async def _catalogue(self, index: str) -> tuple[str, Catalogue]:
        now = self._clock.monotonic()
        known = self._read.get(index)
        if known is not None and now < known[0]:
            return known[1:]
        try:
            key, catalogue = await self._reading.run(index, lambda: self._newer(index))
        except (Unavailable, Corrupt) as error:
            if known is None:
                raise
            log.warning("a catalogue cannot be read, the one before goes on: %s", error.reason, index=index)
            key, catalogue = known[1:]
        if key:
            self._read[index] = (now + KEPT_SECONDS, key, catalogue)
        return key, catalogue

    async def _newer(self, index: str) -> tuple[str, Catalogue]:
        known = self._read.get(index)
        store = self._reader.store
        if known is not None and await self._workers.in_thread(newest_key, store, index) in ("", known[1]):
            return known[1:]
        try:
            return await self._workers.in_thread(read_catalogue, store, index)
        except Absent:
            if next(self._reader.names(index), None) is None:
                return "", Catalogue(index)  # nothing is there to be sorted
            raise Unavailable(
                "the projects of this index have not been sorted yet", retry_after_seconds=SOON_SECONDS
            ) from None


def _shelves(
    reader: TreeReader, stacks: Stacks, index: str, mark: str, found: list[tuple[str, Catalogue]]
) -> tuple[Shelf, ...]:
    """Runs in a thread, and lets the others run often."""
    seen: dict[str, set[str]] = {one: set() for one, _ in found}
    for number, entry in enumerate(listed_in(reader, stacks, index)):
        if entry.status != "quarantined":
            seen[entry.index].add(entry.name)
        if number % 500 == 0:
            time.sleep(0)
    made = []
    for one, catalogue in found:
        names = tuple(catalogue.project_names())
        hidden = frozenset(number for number, name in enumerate(names) if name not in seen[one])
        made.append(Shelf(one, mark, catalogue, names, hidden))
    return tuple(made)
