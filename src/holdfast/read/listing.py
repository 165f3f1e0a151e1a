"""The project list of an index: what it hosts, and the hosted indexes under it, in HTML and JSON; never an upstream's.

A small list is made again after each change. Above 10,000 names it is a snapshot at most 30 s old with a serial of
its own, so that a busy index does not spend its time on a document only mirrors read.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from heapq import merge

from holdfast.clock import Clock
from holdfast.core import simple_html, simple_json
from holdfast.core.simple_json import ListedProject
from holdfast.read.cache import Cached, PageCache
from holdfast.read.documents import HIT, list_key, page_headers
from holdfast.read.hot import HotEntry, Prepared, Variant
from holdfast.read.stack import Stacks
from holdfast.read.workers import Workers
from holdfast.tree.checkpoint import ProjectEntry
from holdfast.tree.reader import TreeReader
from holdfast.tree.rendered import compress_page
from holdfast.wire.messages import Request, Response
from holdfast.wire.single_flight import SingleFlight
from holdfast.wire.tally import Tallies

SNAPSHOT_NAMES_MIN = 10_000
SNAPSHOT_SECONDS = 30.0
_SLICE_NAMES = 500  # between two moments in which other threads may run: about a millisecond of Python


@dataclass(frozen=True, slots=True)
class _Snapshot:
    serial: int
    made_at: float  # monotonic seconds
    projects: tuple[ListedProject, ...]

    @property
    def is_large(self) -> bool:
        return len(self.projects) > SNAPSHOT_NAMES_MIN


class ProjectLists:
    """Answers `<index>/simple/`."""

    def __init__(
        self,
        reader: TreeReader,
        stacks: Stacks,
        cache: PageCache,
        workers: Workers,
        tallies: Tallies,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._stacks = stacks
        self._cache = cache
        self._workers = workers
        self._tallies = tallies
        self._clock = clock
        self._snapshots: dict[str, _Snapshot] = {}
        self._snapping: SingleFlight[str, _Snapshot] = SingleFlight()
        self._making: SingleFlight[tuple[str, int, Variant], Prepared] = SingleFlight()

    async def answer(
        self, request: Request, index: str, variant: Variant, *, private: bool, is_view: bool = False
    ) -> Response:
        """The list. A view has today's: no record tells since when there is a name. Raises Unavailable before the
        tree was read.
        """
        snapshot = await self._current(index)
        key = ("list", index, "")
        cached = self._cache.get(key)
        if cached is None or cached.digest != str(snapshot.serial):
            cached = Cached(key, (index, ""), str(snapshot.serial), HotEntry(index if private else ""))
            self._cache.put(cached)
        prepared = cached.entry.variants.get(variant)
        if prepared is None:
            prepared = await self._making.run(
                (index, snapshot.serial, variant), lambda: self._make(request, index, snapshot, variant, private)
            )
            self._cache.add_variant(cached, variant, prepared)
        if not is_view and not snapshot.is_large and self._snapshots.get(index) is snapshot:
            self._cache.show(cached, request.path)
        return Response(prepared.status, prepared.headers, prepared.body)

    async def projects(self, index: str) -> tuple[int, tuple[ListedProject, ...]]:
        """The list's serial and its projects. Raises Unavailable before the tree was read."""
        snapshot = await self._current(index)
        return snapshot.serial, snapshot.projects

    async def _current(self, index: str) -> _Snapshot:
        snapshot = self._snapshots.get(index)
        if snapshot is None or (snapshot.is_large and self._is_old(snapshot)):
            snapshot = await self._snapping.run(index, lambda: self._snap(index))
        return snapshot

    def changed(self, index: str) -> None:
        """A project of the index changed: a small list is made again for the next request."""
        snapshot = self._snapshots.get(index)
        if snapshot is not None and not snapshot.is_large:
            self.forget(index)

    def forget(self, index: str) -> None:
        """Make the list again, whatever its size."""
        self._snapshots.pop(index, None)
        self._cache.forget(("list", index, ""))

    def _is_old(self, snapshot: _Snapshot) -> bool:
        return self._reader.head != snapshot.serial and self._clock.monotonic() - snapshot.made_at > SNAPSHOT_SECONDS

    async def _snap(self, index: str) -> _Snapshot:
        serial, made_at, taken = self._reader.head, self._clock.monotonic(), self._stacks.taken
        projects = await self._workers.in_thread(_collect, self._reader, self._stacks, index)
        snapshot = _Snapshot(serial, made_at, projects)
        # What changed meanwhile may be missing: kept only if nothing did, or if the list may be old anyway.
        if self._stacks.taken == taken and (self._reader.head == serial or snapshot.is_large):
            self._snapshots[index] = snapshot
        return snapshot

    async def _make(
        self, request: Request, index: str, snapshot: _Snapshot, variant: Variant, private: bool
    ) -> Prepared:
        media, encoding = variant
        body, stem = await self._workers.in_thread(_render, snapshot, json=media.is_json, encoding=encoding)
        surrogate = " ".join(list_key(one) for one in self._stacks.hosted(index))
        headers = page_headers(media, encoding, stem, snapshot.serial, surrogate, private=private, cache=HIT)
        return Prepared("list", request.path, Response(200, headers, body), self._tallies)


def _collect(reader: TreeReader, stacks: Stacks, index: str) -> tuple[ListedProject, ...]:
    """Runs in a thread, and lets the others run often: the front goes on answering meanwhile."""
    projects: list[ListedProject] = []
    for entry in listed_in(reader, stacks, index):
        projects.append(ListedProject(entry.name, entry.display, entry.serial, entry.status))
        if len(projects) % _SLICE_NAMES == 0:
            time.sleep(0)
    return tuple(projects)


def listed_in(reader: TreeReader, stacks: Stacks, index: str) -> Iterator[ProjectEntry]:
    """The names that have a page here, in order: of each name the upper one, and none that an upper index keeps."""
    last = ""
    sides = [_numbered(reader, one, number) for number, one in enumerate(stacks.hosted(index))]
    for name, _, entry in merge(*sides):
        is_kept_above = stacks.is_taken_above(index, entry.index, name) and not stacks.merges(index, name)
        if name != last and not is_kept_above:
            yield entry
            last = name


def _numbered(reader: TreeReader, index: str, number: int) -> Iterator[tuple[str, int, ProjectEntry]]:
    return ((entry.name, number, entry) for entry in reader.names(index))


def _render(snapshot: _Snapshot, *, json: bool, encoding: str) -> tuple[bytes, str]:
    """The list's bytes and what its entity tag begins with."""
    page = simple_json if json else simple_html
    chunks: list[bytes] = []
    for chunk in page.project_list_chunks(snapshot.projects, snapshot.serial):
        chunks.append(chunk)
        time.sleep(0)
    body = b"".join(chunks)
    return compress_page(body, "gzip" if encoding == "gzip" else "zstd" if encoding == "zstd" else ""), sha256(
        body
    ).hexdigest()[:32]
