"""Project pages of hosted indexes: from the journal's entry to finished answers."""

import re
from datetime import datetime

import structlog

from holdfast.clock import Clock
from holdfast.core.errors import Absent, Corrupt, Outcome, Unavailable
from holdfast.core.negotiation import Encoding, Media
from holdfast.core.policy import Policy
from holdfast.core.simple_json import renderer
from holdfast.read.cache import VIEW, Cached, PageCache
from holdfast.read.documents import HIT, MISS, STALE, page_headers, project_key, with_cache_status
from holdfast.read.hot import HotEntry, Prepared, Variant
from holdfast.read.policies import Policies
from holdfast.read.render import Job, Made, Shape, decode, render
from holdfast.read.stack import Stacks
from holdfast.read.workers import Workers
from holdfast.tree import addresses
from holdfast.tree.checkpoint import ProjectEntry
from holdfast.tree.reader import TreeReader
from holdfast.wire.admission import Admission, OverBudget
from holdfast.wire.messages import Request, Response
from holdfast.wire.single_flight import SingleFlight
from holdfast.wire.tally import Tallies

log = structlog.get_logger(__name__)

SMALL_STORED_BYTES = 24 * 1024  # a compressed record of about 200 files; below, a page takes 1 to 3 ms of Python
# What a page costs, by its stored record (measured: 1.2 MB for 10,000 files, 250 to 300 ms to render and compress).
READ_MS = 0.5
RENDER_MS_PER_BYTE = 1 / 4096
READY_MS_PER_BYTE = 1 / 65_536
SCANNED_REMOVALS_MAX = 32  # digests looked for in ready-made pages; with more, pages are made from the record
_DIGEST = re.compile(rb"[0-9a-f]{64}")
BAD_RECORD_SECONDS = 2.0  # how long a record that could not be read is not tried again while a last good page exists


class PageMaker:
    """Makes page bytes from stored records, wherever that is cheapest. Shared by hosted and pulled pages."""

    def __init__(
        self, reader: TreeReader, workers: Workers, clock: Clock, admission: Admission, public_bases: dict[str, str]
    ) -> None:
        self._reader = reader
        self._workers = workers
        self._clock = clock
        self._admission = admission
        self._public_bases = public_bases
        self._flights: SingleFlight[tuple[str, str, str, Shape, Encoding, int, str], Made] = SingleFlight(1000)

    def renderer(self, index: str) -> str:
        """What the pages of this index depend on besides their records."""
        return renderer(self._public_bases[index])

    @property
    def removals(self) -> int:
        """How many digests were ever removed: pages made at another count may show what must not be seen."""
        return len(self._reader.state().removed)

    def stem(self, index: str, digest: str, made: Made) -> str:
        """What the entity tags of the record's pages begin with. Pages may change with every removal."""
        if made.tag:
            return made.tag
        removals = self.removals
        return f"{digest[:32]}-{self.renderer(index)}" + (f"-r{removals}" if removals else "")

    async def shows_removed(self, prepared: Prepared, encoding: Encoding) -> bool:
        """True when a page made some time ago names a digest that was removed since. Raises Corrupt."""
        return bool(self.removals) and await self._workers.in_thread(self._names_removed, prepared.body, encoding)

    async def make(
        self,
        client: str,
        index: str,
        key: str,
        digest: str,
        named: str | None,
        shape: Shape,
        encoding: Encoding,
        policy: Policy,
    ) -> Made:
        """The page for `index` from the record at `key`; `named` is the digest it must have, if any.

        `policy` is narrowed down to the project.

        Raises OverBudget, Unavailable, Corrupt; a missing record is Unavailable.
        """
        while True:
            is_mine = False

            async def make() -> Made:
                nonlocal is_mine
                is_mine = True
                return await self._make(client, index, key, digest, named, shape, encoding, policy)

            try:
                return await self._flights.run(
                    (index, key, digest, shape, encoding, self.removals, policy.version), make
                )
            except OverBudget as error:
                if is_mine or not error.mine:
                    raise
                # The client that began had spent its own share; this one has not.

    async def _make(
        self,
        client: str,
        index: str,
        key: str,
        digest: str,
        named: str | None,
        shape: Shape,
        encoding: Encoding,
        policy: Policy,
    ) -> Made:
        size = await self._workers.in_thread(self._size, key)
        if size > SMALL_STORED_BYTES and not policy.has_rules and self.removals <= SCANNED_REMOVALS_MAX:
            self._admission.admit(client, READ_MS + size * READY_MS_PER_BYTE)
            ready = await self._workers.in_thread(self._ready_made, index, digest, shape, encoding)
            if ready is not None:
                return Made(ready)
        self._admission.admit(client, READ_MS + size * RENDER_MS_PER_BYTE)
        stored = await self._workers.in_thread(self._stored, key)
        job = Job(stored, named, shape, encoding, self._public_bases[index], policy.portable(), self._clock.now())
        if size > SMALL_STORED_BYTES:
            return await self._workers.in_helper(render, job)
        return await self._workers.in_thread(render, job)

    def _names_removed(self, body: bytes, encoding: Encoding) -> bool:
        removed = self._reader.state().removed
        return any(found.decode() in removed for found in _DIGEST.findall(decode(body, encoding, "a page")))

    def _size(self, key: str) -> int:
        try:
            return self._reader.store.head(key).size
        except Absent:
            raise Unavailable("the project's record is missing from the store") from None

    def _stored(self, key: str) -> bytes:
        try:
            return self._reader.store.get(key)
        except Absent:
            raise Unavailable("the project's record is missing from the store") from None

    def _ready_made(self, index: str, digest: str, shape: Shape, encoding: Encoding) -> bytes | None:
        """Page bytes a writer left in the store, if they are whole and show nothing that was removed."""
        stored_as: Encoding = encoding or "zstd"
        key = addresses.rendered(self.renderer(index), digest, f"{shape}.{stored_as}")
        try:
            found = self._reader.store.get(key)
            plain = decode(found, stored_as, key)
        except Absent:
            return None
        except Outcome as error:
            log.warning("a ready-made page is not usable and is made again: %s", error.reason, key=key)
            return None
        if any(sha256.encode() in plain for sha256 in list(self._reader.state().removed)):
            return None
        return found if encoding else plain


class HostedPages:
    """Answers `<index>/simple/<name>/` for names that index has, or one of the hosted layers under it."""

    def __init__(
        self,
        reader: TreeReader,
        cache: PageCache,
        maker: PageMaker,
        stacks: Stacks,
        policies: Policies,
        tallies: Tallies,
        clock: Clock,
    ) -> None:
        self._policies = policies
        self._reader = reader
        self._cache = cache
        self._maker = maker
        self._stacks = stacks
        self._tallies = tallies
        self._clock = clock
        self._bad: dict[tuple[str, str], float] = {}  # projects whose record could not be read, until when

    async def answer(
        self,
        request: Request,
        index: str,
        entry: ProjectEntry,
        variant: Variant,
        *,
        private: bool,
        as_of: datetime | None = None,
    ) -> Response:
        """The page of a listed project as `index` shows it; `private` tells whether that is a private one.

        Raises OverBudget, Unavailable, Corrupt when there is no last good page.
        """
        key = _page_key(index, entry, as_of)
        cached = self._cache.get(key)
        if cached is None or not cached.current or cached.digest != entry.record:
            try:
                cached = await self._current(request, index, entry, variant, cached, as_of, private=private)
            except (Outcome, OverBudget) as error:
                return await self._last_good(entry, cached, variant, error)
            found = MISS
        else:
            found = HIT if variant in cached.entry.variants else MISS
        prepared = cached.entry.variants.get(variant)
        if prepared is None:
            prepared = await self._prepare(request, index, entry, variant, cached, as_of, private=private)
        if is_canonical(request.path, entry.name):
            self._cache.show(cached, request.path)
        return Response(prepared.status, with_cache_status(prepared.headers, found), prepared.body)

    async def _current(
        self,
        request: Request,
        index: str,
        entry: ProjectEntry,
        variant: Variant,
        old: Cached | None,
        as_of: datetime | None,
        *,
        private: bool,
    ) -> Cached:
        """An object for the entry's record, in the cache only once a page was made from that record."""
        if old is not None and self._bad.get((entry.index, entry.name), 0.0) > self._clock.monotonic():
            raise Unavailable("the project's newest record cannot be read")
        place = (index, entry.name)  # every change of the project in this index or a layer of it retires its pages
        fresh = Cached(_page_key(index, entry, as_of), place, entry.record, HotEntry(index if private else ""))
        removals = self._maker.removals
        prepared = await self._prepare(request, index, entry, variant, fresh, as_of, private=private)
        known = self._cache.get(fresh.key)
        if known is not None and known.current and known.digest == entry.record:
            return known  # another request was faster
        is_owner = self._reader.state().find(entry.index, entry.name) == entry
        is_owner = is_owner and not self._stacks.is_taken_above(index, entry.index, entry.name)
        if not is_owner or self._maker.removals != removals:
            return fresh  # it changed meanwhile: right for this request, which came before the news, and not kept
        self._bad.pop((entry.index, entry.name), None)
        self._cache.put(fresh)
        self._cache.add_variant(fresh, variant, prepared)
        return fresh

    async def _prepare(
        self,
        request: Request,
        index: str,
        entry: ProjectEntry,
        variant: Variant,
        cached: Cached,
        as_of: datetime | None,
        *,
        private: bool,
    ) -> Prepared:
        media, encoding = variant
        key = addresses.record(entry.index, entry.name, entry.record)
        shape = shape_of(media)
        policy = self._policies.of_project(index, None, entry.name, as_of)
        digest = entry.record
        made = await self._maker.make(request.client, index, key, digest, digest, shape, encoding, policy)
        stem = self._maker.stem(index, digest, made)
        surrogate = " ".join(project_key(one, entry.name) for one in dict.fromkeys((index, entry.index)))
        headers = page_headers(media, encoding, stem, entry.serial, surrogate, private=private, cache=HIT)
        prepared = Prepared("simple", request.path, Response(200, headers, made.body), self._tallies)
        return self._cache.add_variant(cached, variant, prepared)

    async def _last_good(
        self, entry: ProjectEntry, cached: Cached | None, variant: Variant, error: Outcome | OverBudget
    ) -> Response:
        """What was served before, when the newest record cannot be read or costs more than there is budget.

        Not what has been forbidden since: the files of a quarantined project, and removed ones.
        """
        prepared = cached.entry.variants.get(variant) if cached is not None else None
        if prepared is not None and (
            entry.status == "quarantined" or await self._maker.shows_removed(prepared, variant[1])
        ):
            prepared = None
        if isinstance(error, Corrupt | Unavailable) and cached is not None:
            place = (entry.index, entry.name)
            if self._bad.get(place, 0.0) <= self._clock.monotonic():
                log.error("the newest page of %s is not usable: %s", entry.name, error.reason, index=entry.index)
            self._bad[place] = self._clock.monotonic() + BAD_RECORD_SECONDS
        if prepared is None:
            raise error
        return Response(prepared.status, with_cache_status(prepared.headers, STALE), prepared.body)


def _page_key(index: str, entry: ProjectEntry, as_of: datetime | None) -> tuple[str, str, str]:
    """Apart from the keys of what other layers, or other moments, show under the name: nobody else's last good page."""
    name = entry.name if index == entry.index else f"{entry.index}/{entry.name}"
    return ("page", index, name) if as_of is None else (VIEW, index, f"{name}@{as_of.isoformat()}")


def is_canonical(path: str, name: str) -> bool:
    """True for the page's own address. Hatch's takes any spelling, of which there is no end."""
    return path.endswith(f"/simple/{name}/")


def shape_of(media: Media) -> Shape:
    """What the bytes are; the two HTML media types share them."""
    return "json" if media.is_json else "html"
