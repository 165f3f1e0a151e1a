"""Who is on a person's or an organisation's page: what the tree says of them, as far as anybody may know it."""

from collections import OrderedDict
from collections.abc import Callable

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.core.errors import Absent
from holdfast.core.simple_json import ListedProject
from holdfast.read.workers import Workers
from holdfast.tree.person import Kind, Person, read_person
from holdfast.tree.reader import TreeReader

KEPT_SECONDS = 2.0  # how long it is not looked again; what is written comes some seconds after the change anyway
KEPT_MAX = 2000
NOBODY = "nobody of that name has a page here"


class Persons:
    """Persons by name, remembered for a moment."""

    def __init__(self, config: Config, reader: TreeReader, workers: Workers, clock: Clock) -> None:
        self._public = frozenset(index.name for index in config.indexes if not index.private)
        self._reader = reader
        self._workers = workers
        self._clock = clock
        self._kept: OrderedDict[tuple[Kind, str], tuple[float, Person | None]] = OrderedDict()  # None: nobody

    async def of(self, kind: Kind, name: str, admit: Callable[[], None]) -> Person:
        """The person. `admit` is called before the store is asked, and may raise. Raises Absent, Unavailable, Corrupt.

        Absent is remembered like the rest: whoever tries names out costs no more than whoever reads.
        """
        until, person = self._kept.get((kind, name), (float("-inf"), None))
        now = self._clock.monotonic()
        if now >= until:
            admit()
            person = await self._workers.in_thread(self._look, kind, name)
            self._kept[kind, name] = (now + KEPT_SECONDS, person)
            if len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        if person is None:
            raise Absent(NOBODY)
        return person

    def shown(self, person: Person) -> list[tuple[str, ListedProject, str]]:
        """(index, project, role) of what is listed in public indexes. Raises Absent when nothing is.

        So nobody can tell a person who is only in private indexes from one who is nowhere.
        """
        found = []
        for part in person.parts:
            entry = self._reader.state().find(part.index, part.name) if part.index in self._public else None
            if entry is not None and not entry.gone and entry.status != "quarantined":
                listed = ListedProject(entry.name, entry.display, entry.serial, entry.status)
                found.append((part.index, listed, part.role))
        if not found:
            raise Absent(NOBODY)
        return found

    def _look(self, kind: Kind, name: str) -> Person | None:
        try:
            return read_person(self._reader.store, kind, name)
        except Absent:
            return None
