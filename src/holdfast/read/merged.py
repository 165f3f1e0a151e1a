"""Pages of merged names: the files of an index and of every layer that has the project, on one page.

Made of several stored records, so it depends on all of them: one that cannot be read makes the page Unavailable, and
there is no last good one to fall back on. Rules hold back what upstreams gave; what is hosted only knows removals.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from holdfast.clock import Clock
from holdfast.core import simple_html, simple_json
from holdfast.core.errors import Absent, Corrupt, Refused, Unavailable
from holdfast.core.merging import join, without_overruled
from holdfast.core.policy import GatedPage, Policy, gate_page
from holdfast.read.cache import VIEW, Cached, PageCache
from holdfast.read.documents import HIT, MISS, STALE, page_headers, project_key, with_cache_status
from holdfast.read.hosted import READ_MS, RENDER_MS_PER_BYTE, SMALL_STORED_BYTES, is_canonical, shape_of
from holdfast.read.hot import HotEntry, Prepared, Variant
from holdfast.read.ownership import InLayer, Merged
from holdfast.read.policies import Policies
from holdfast.read.pulled import ABSENT_SECONDS, PulledPages
from holdfast.read.render import Job, Made
from holdfast.read.stack import Stacks
from holdfast.read.workers import Workers
from holdfast.tree import addresses
from holdfast.tree.checkpoint import ProjectEntry
from holdfast.tree.reader import TreeReader
from holdfast.tree.record import decode_record
from holdfast.tree.rendered import compress_page
from holdfast.wire.admission import Admission, OverBudget
from holdfast.wire.messages import Request, Response
from holdfast.wire.single_flight import SingleFlight
from holdfast.wire.tally import Tallies


@dataclass(frozen=True, slots=True)
class Side:
    """One stored record a page is made from. `upstream` is "" for a hosted one."""

    upstream: str
    key: str
    digest: str
    serial: int
    policy: Policy
    is_fresh: bool = True
    hot_until: float = 0.0  # monotonic; 0 = until its project changes


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one page is asked for."""

    request: Request
    index: str
    name: str
    merged: Merged
    as_of: datetime | None
    private: bool


class MergedPages:
    """Answers `<index>/simple/<name>/` for the names an index merges."""

    def __init__(
        self,
        reader: TreeReader,
        cache: PageCache,
        stacks: Stacks,
        policies: Policies,
        pulled: PulledPages,
        admission: Admission,
        public_bases: dict[str, str],
        workers: Workers,
        tallies: Tallies,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._cache = cache
        self._stacks = stacks
        self._policies = policies
        self._pulled = pulled
        self._admission = admission
        self._public_bases = public_bases
        self._workers = workers
        self._tallies = tallies
        self._clock = clock
        self._making: SingleFlight[tuple[str, str, str, Variant], Made] = SingleFlight(1000)

    async def answer(
        self,
        request: Request,
        index: str,
        name: str,
        merged: Merged,
        variant: Variant,
        *,
        private: bool,
        as_of: datetime | None = None,
    ) -> Response:
        """The page of the sides that have the project. Raises Refused, OverBudget, Unavailable, Corrupt."""
        asked = _Asked(request, index, name, merged, as_of, private)
        sides = self.sides(request, index, name, merged, as_of)
        place = f"+/{name}"  # no index or upstream is called that
        key = ("page", index, place) if as_of is None else (VIEW, index, f"{place}@{as_of.isoformat()}")
        cached = self._cache.get(key)
        found = HIT
        if cached is None or not cached.holds(self.digest(sides), "", self._clock.now()):
            cached = None
        prepared = cached.entry.variants.get(variant) if cached is not None else None
        if prepared is None:
            found = MISS
            cached, prepared, sides = await self._prepare(asked, key, sides, cached, variant)
        assert cached is not None
        cached.entry.until = self._hot_until(index, name, sides, cached.valid_until)
        if is_canonical(request.path, name):
            self._cache.show(cached, request.path)
        if not all(side.is_fresh for side in sides):
            found = STALE
        return Response(prepared.status, with_cache_status(prepared.headers, found), prepared.body)

    def sides(
        self, request: Request, index: str, name: str, merged: Merged, as_of: datetime | None = None
    ) -> tuple[Side, ...]:
        """What a document is made from now; old upstream pages are refreshed behind. Raises Refused, Unavailable.

        An upstream that may give nothing of the project is left out; Refused is only what has no other side.
        """
        sides: list[Side] = []
        refused: Refused | None = None
        for owner in merged.sides:
            if isinstance(owner, ProjectEntry):
                key = addresses.record(owner.index, owner.name, owner.record)
                policy = self._policies.of_project(index, None, name, as_of)
                sides.append(Side("", key, owner.record, owner.serial, policy))
                continue
            try:
                sides.append(self._pulled_side(request, index, name, owner, as_of))
            except Refused as error:
                refused = refused or error
        if not sides and refused is not None:
            raise refused
        return tuple(sides)

    async def look_again(
        self,
        request: Request,
        index: str,
        name: str,
        merged: Merged,
        trouble: Corrupt | Unavailable,
        as_of: datetime | None = None,
    ) -> tuple[Side, ...]:
        """As `sides`, with every upstream's page read anew: what was known of one is not what the store has.

        Raises `trouble` as well.
        """
        for owner in merged.sides:
            if isinstance(owner, InLayer):
                await self._pulled.look_again(request, owner.upstream, name, trouble)
        return self.sides(request, index, name, merged, as_of)

    def digest(self, sides: Sequence[Side]) -> str:
        """Names the records, the rules and the removals a page of these sides is made under."""
        parts = [[side.upstream, side.digest, side.policy.version] for side in sides]
        return sha256(json.dumps([len(self._reader.state().removed), parts]).encode()).hexdigest()

    def _pulled_side(self, request: Request, index: str, name: str, owner: InLayer, as_of: datetime | None) -> Side:
        upstream = owner.upstream
        policy = self._policies.of_project(index, upstream, name, as_of)
        policy.demand_project()
        looked = self._pulled.look(request, upstream, name)
        key = addresses.pulled_page(upstream, name)
        facts = looked.facts
        return Side(upstream, key, facts.digest, facts.serial, policy, looked.is_fresh, looked.hot_until)

    async def _prepare(
        self, asked: _Asked, key: tuple[str, str, str], sides: tuple[Side, ...], cached: Cached | None, variant: Variant
    ) -> tuple[Cached, Prepared, tuple[Side, ...]]:
        request, index, name = asked.request, asked.index, asked.name
        try:
            made = await self._made(asked, sides, variant)
        except (Corrupt, Unavailable) as error:
            if not any(side.upstream for side in sides):
                raise
            # An upstream's page was replaced or evicted between two looks, most likely: once more, with what is there.
            sides = await self.look_again(request, index, name, asked.merged, error, asked.as_of)
            made, cached = await self._made(asked, sides, variant), None
        digest = self.digest(sides)
        is_still_so = self._is_still_so(asked, digest)
        if cached is None or not is_still_so:
            upstream = next((side.upstream for side in sides if side.upstream), "")
            cached = Cached(key, (index, name), digest, HotEntry(index if asked.private else ""), upstream)
            cached.valid_until, cached.shows_until = made.valid_until, made.shows_until
        surrogate = " ".join(project_key(one, name) for one in self._stacks.hosted(index))
        headers = page_headers(*variant, made.tag, serial_of(sides), surrogate, private=asked.private, cache=HIT)
        prepared = Prepared("simple", request.path, Response(200, headers, made.body), self._tallies)
        if is_still_so:
            self._cache.put(cached)
        return cached, self._cache.add_variant(cached, variant, prepared), sides

    async def _made(self, asked: _Asked, sides: tuple[Side, ...], variant: Variant) -> Made:
        place = (asked.index, asked.name, self.digest(sides), variant)
        while True:
            is_mine = False

            async def make() -> Made:
                nonlocal is_mine
                is_mine = True
                return await self._make(asked, sides, variant)

            try:
                return await self._making.run(place, make)
            except OverBudget as error:
                if is_mine or not error.mine:
                    raise
                # The client that began had spent its own share; this one has not.

    async def _make(self, asked: _Asked, sides: tuple[Side, ...], variant: Variant) -> Made:
        stored = [await self._workers.in_thread(self._stored, side.key) for side in sides]
        size = sum(map(len, stored))
        self._admission.admit(asked.request.client, READ_MS * len(sides) + size * RENDER_MS_PER_BYTE)
        shape, base, now = shape_of(variant[0]), self._public_bases[asked.index], self._clock.now()
        jobs = [
            Job(found, side.digest, shape, variant[1], base, side.policy.portable(), now)
            for side, found in zip(sides, stored, strict=True)
        ]
        run = self._workers.in_helper if size > SMALL_STORED_BYTES else self._workers.in_thread
        return await run(render_merged, jobs)

    def _stored(self, key: str) -> bytes:
        try:
            return self._reader.store.get(key)
        except Absent:
            raise Unavailable("one of the project's records is missing from the store") from None

    def _is_still_so(self, asked: _Asked, digest: str) -> bool:
        """False when news came while the page was made: it is right for this request, which came before, and not kept.

        Raises Unavailable.
        """
        find = self._reader.state().find
        known = [find(one, asked.name) for one in self._stacks.hosted(asked.index)]
        hosted = [entry for entry in known if entry is not None and not entry.gone]
        if hosted != [owner for owner in asked.merged.sides if isinstance(owner, ProjectEntry)]:
            return False
        return digest == self.digest(self.sides(asked.request, asked.index, asked.name, asked.merged, asked.as_of))

    def _hot_until(self, index: str, name: str, sides: Sequence[Side], valid_until: datetime | None) -> float:
        """Until when the hot table may answer without anybody asking the upstreams, or looking at their files' age."""
        now = self._clock.monotonic()
        untils = [side.hot_until for side in sides if side.hot_until]
        upstreams = [one for one in self._stacks.upstreams(index) if self._stacks.asks(one, name)]
        if len(untils) < len(upstreams):
            untils.append(now + ABSENT_SECONDS)  # one that had no such project may have it by then
        if valid_until is not None:
            untils.append(now + (valid_until - self._clock.now()).total_seconds())
        return min(untils, default=0.0)


def serial_of(sides: Sequence[Side]) -> int:
    """The highest of the hosted sides, which one journal counts; else the upper upstream's own."""
    return max((side.serial for side in sides if not side.upstream), default=0) or sides[0].serial


def gated(jobs: Sequence[Job]) -> GatedPage:
    """What a page of these sides shows, the upper one first. Raises Corrupt."""
    records = without_overruled([decode_record(job.stored, job.digest) for job in jobs])
    pages = [gate_page(record, job.policy, now=job.now) for record, job in zip(records, jobs, strict=True)]
    return GatedPage(
        join([page.record for page in pages]),
        min((page.valid_until for page in pages if page.valid_until is not None), default=None),
        min((page.shows_until for page in pages if page.shows_until is not None), default=None),
    )


def render_merged(jobs: Sequence[Job]) -> Made:
    """The page of these sides, in the first job's shape and encoding. Its tag comes from its bytes. Raises Corrupt."""
    page, first = gated(jobs), jobs[0]
    renderer = simple_json if first.shape == "json" else simple_html
    body = renderer.detail(page.record, public_base=first.public_base)
    tag = sha256(body).hexdigest()[:32]
    return Made(compress_page(body, first.encoding), page.valid_until, page.shows_until, tag)
