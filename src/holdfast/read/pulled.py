"""Project pages of upstreams: from memory, else from the store, else asked of pull.

A kept page is served at once however old it is; its age only decides whether a refresh runs behind the answer. With
pull or the upstream dead, everything that was ever kept goes on being served.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.core.errors import Absent, Corrupt, Outcome, Unavailable
from holdfast.core.freshness import age_seconds, is_fresh
from holdfast.core.policy import Policy
from holdfast.read.cache import VIEW, Cached, PageCache
from holdfast.read.documents import HIT, STALE, page_headers, project_key, with_cache_status
from holdfast.read.hosted import PageMaker, is_canonical, shape_of
from holdfast.read.hot import HotEntry, Prepared, Variant
from holdfast.read.kept_only import demand_may_ask, wants_only_kept
from holdfast.read.loops import via_of
from holdfast.read.policies import Policies
from holdfast.read.pull_port import Pull
from holdfast.read.render import Made, PulledFacts, pulled_facts
from holdfast.read.stack import Stacks
from holdfast.read.workers import Workers
from holdfast.tree import addresses
from holdfast.tree.reader import TreeReader
from holdfast.wire.client import Unreachable
from holdfast.wire.messages import Request, Response
from holdfast.wire.single_flight import SingleFlight
from holdfast.wire.tally import HIT as HELD
from holdfast.wire.tally import MISS as MISSED
from holdfast.wire.tally import STALE as AGED
from holdfast.wire.tally import Tallies

log = structlog.get_logger(__name__)

KEPT_MAX = 50_000  # projects remembered, about 20 MB
ABSENT_SECONDS = 2.0  # how long pull's "absent" is not asked again; pull itself remembers longer
REFRESH_PAUSE_SECONDS = 1.0  # between two attempts for one page
PULL_PAUSE_SECONDS = 1.0  # before pull is asked for refreshes again after it did not answer at all


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is known of a page in the store. `asked_at` (monotonic) is when a refresh was last started."""

    facts: PulledFacts
    asked_at: float = float("-inf")


@dataclass(frozen=True, slots=True)
class Looked:
    """A kept page as it is known now."""

    facts: PulledFacts
    is_fresh: bool
    hot_until: float  # monotonic: until when the hot table may answer without anybody looking at the page's age


class PulledPages:
    """Pages of every upstream, for the indexes they lie under."""

    def __init__(
        self,
        config: Config,
        reader: TreeReader,
        cache: PageCache,
        maker: PageMaker,
        stacks: Stacks,
        policies: Policies,
        pull: Pull,
        workers: Workers,
        tallies: Tallies,
        clock: Clock,
    ) -> None:
        self._config = config
        self._stacks = stacks
        self._policies = policies
        self._reader = reader
        self._cache = cache
        self._maker = maker
        self._pull = pull
        self._workers = workers
        self._tallies = tallies
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._absent: OrderedDict[tuple[str, str], float] = OrderedDict()  # until when, monotonic
        self._asking: SingleFlight[tuple[str, str, str], None] = SingleFlight(1000)
        self._pull_paused_until = float("-inf")
        self._background: set[asyncio.Task[None]] = set()

    async def ask(self, request: Request, upstream: str, name: str) -> None:
        """Return when the upstream has the project and its page is in the store. Raises Absent, Unavailable."""
        place = (upstream, name)
        request.credit.give(upstream)
        if place in self._kept:
            return
        until = self._absent.get(place)
        if until is not None and self._clock.monotonic() < until:
            raise Absent(f"{upstream} has no such project")
        try:
            self._remember(place, await self._workers.in_thread(self._read_facts, upstream, name))
        except Absent:
            request.credit.give(upstream, MISSED)
            await self._fetch(request, upstream, name)
        except Corrupt as error:
            log.error("corrupt", key=addresses.pulled_page(upstream, name), reason=error.reason)
            request.credit.give(upstream, MISSED)
            await self._fetch(request, upstream, name)

    async def answer(
        self,
        request: Request,
        index: str,
        upstream: str,
        name: str,
        variant: Variant,
        *,
        private: bool,
        as_of: datetime | None = None,
    ) -> Response:
        """The page, after `ask` returned. Raises Refused, OverBudget, Unavailable, Corrupt."""
        generation = self._policies.generation
        policy = self._policies.of_project(index, upstream, name, as_of)
        policy.demand_project()
        kept = self._kept.get((upstream, name))
        if kept is None:
            raise Unavailable(f"the page of {name} left the store while it was read", retry_after_seconds=1)
        self._kept.move_to_end((upstream, name))
        is_fresh = self._is_fresh(upstream, kept.facts.fetched_at)
        if not is_fresh:
            self._refresh_behind(request, upstream, name, kept)
        asked = (request, index, upstream, name, kept.facts, policy, variant)
        cached, prepared = await self._prepared(*asked, private=private)
        cached.entry.until = self._hot_until(upstream, kept.facts.fetched_at, cached.valid_until)
        self._credit(request, cached.entry, upstream, name, is_fresh=is_fresh)
        if is_canonical(request.path, name) and self._policies.generation == generation:
            self._cache.show(cached, request.path)
        return Response(prepared.status, with_cache_status(prepared.headers, HIT if is_fresh else STALE), prepared.body)

    def _credit(self, request: Request, entry: HotEntry, upstream: str, name: str, *, is_fresh: bool) -> None:
        """Let this answer, and those that the hot table gives of the page until then, count as what they are."""
        served = HELD if is_fresh else AGED
        request.credit.give(upstream, served, kind="page", what=name)
        entry.pulled = request.credit.pulled
        tallies = self._tallies.under(upstream, served)
        for prepared in list(entry.variants.values()):
            prepared.count_in("simple", tallies)

    def facts(self, upstream: str, name: str) -> PulledFacts:
        """What is known of the page, after `ask` returned. Raises Unavailable."""
        kept = self._kept.get((upstream, name))
        if kept is None:
            raise Unavailable(f"the page of {name} left the store while it was read", retry_after_seconds=1)
        return kept.facts

    def look(self, request: Request, upstream: str, name: str) -> Looked:
        """What a merged page needs of this one, after `ask` returned; an old one is refreshed behind.

        Raises Unavailable.
        """
        facts = self.facts(upstream, name)
        self._kept.move_to_end((upstream, name))
        is_fresh = self._is_fresh(upstream, facts.fetched_at)
        if not is_fresh:
            self._refresh_behind(request, upstream, name, self._kept[upstream, name])
        request.credit.give(upstream, HELD if is_fresh else AGED, kind="page", what=name)
        return Looked(facts, is_fresh, self._hot_until(upstream, facts.fetched_at, None))

    async def stop(self) -> None:
        for task in list(self._background):
            task.cancel()

    async def _prepared(
        self,
        request: Request,
        index: str,
        upstream: str,
        name: str,
        facts: PulledFacts,
        policy: Policy,
        variant: Variant,
        *,
        private: bool,
    ) -> tuple[Cached, Prepared]:
        key = _page_key(index, upstream, name, policy.as_of)
        cached = self._cache.get(key)
        now = self._clock.now()
        usable = cached is not None and cached.holds(facts.digest, policy.version, now)
        if cached is not None and usable and (prepared := cached.entry.variants.get(variant)) is not None:
            return cached, prepared
        removals = self._maker.removals
        try:
            asked = (request, index, upstream, name, facts, policy, variant)
            digest, made, prepared = await self._make(*asked, private=private)
        except Outcome:
            # The last good page of the same name, if this one cannot be read now.
            if cached is None or (prepared_before := cached.entry.variants.get(variant)) is None:
                raise
            if not cached.may_still_show(policy.version, now):
                raise
            if await self._maker.shows_removed(prepared_before, variant[1]):
                raise
            return cached, prepared_before
        cached = self._cache.get(key)
        place = (index, name)
        if self._stacks.is_taken_above(index, upstream, name) or self._maker.removals != removals:
            # Taken by an upload, or a removal came: right for this request, which came before the news, and not kept.
            cached = Cached(key, place, digest, HotEntry(index), upstream, policy.version)
        elif cached is None or not cached.holds(digest, policy.version, now):
            entry = HotEntry(index if private else "")
            cached = self._cache.put(Cached(key, place, digest, entry, upstream, policy.version))
            cached.valid_until, cached.shows_until = made.valid_until, made.shows_until
        return cached, self._cache.add_variant(cached, variant, prepared)

    async def _make(
        self,
        request: Request,
        index: str,
        upstream: str,
        name: str,
        facts: PulledFacts,
        policy: Policy,
        variant: Variant,
        *,
        private: bool,
    ) -> tuple[str, Made, Prepared]:
        media, encoding = variant
        key = addresses.pulled_page(upstream, name)
        try:
            made = await self._page(request, index, key, facts, variant, policy)
        except (Corrupt, Unavailable) as error:
            # Replaced or evicted between two looks, most likely: read what is there now, once.
            log.info("a pulled page is read again: %s", error.reason, project=name, upstream=upstream)
            facts = await self.look_again(request, upstream, name, error)
            made = await self._page(request, index, key, facts, variant, policy)
        stem = self._maker.stem(index, facts.digest, made)
        headers = page_headers(
            media, encoding, stem, facts.serial, project_key(index, name), private=private, cache=HIT
        )
        return facts.digest, made, Prepared("simple", request.path, Response(200, headers, made.body), self._tallies)

    async def _page(
        self, request: Request, index: str, key: str, facts: PulledFacts, variant: Variant, policy: Policy
    ) -> Made:
        shape, encoding = shape_of(variant[0]), variant[1]
        digest = facts.digest
        return await self._maker.make(request.client, index, key, digest, digest, shape, encoding, policy)

    async def look_again(self, request: Request, upstream: str, name: str, trouble: Outcome) -> PulledFacts:
        """Read the page anew: what was known of it is not what the store has. Raises `trouble`, Unavailable."""
        place = (upstream, name)
        self._kept.pop(place, None)
        try:
            await self.ask(request, upstream, name)
        except Absent:
            raise trouble from None
        return self._kept[place].facts

    def _is_fresh(self, upstream: str, fetched_at: datetime | None) -> bool:
        settings = self._config.upstream(upstream)
        assert settings is not None, upstream
        return is_fresh(fetched_at, self._clock.now(), settings.freshness_seconds)

    def _hot_until(self, upstream: str, fetched_at: datetime | None, valid_until: datetime | None) -> float:
        """Until when the hot table may answer without anybody looking at the page's age, or at its files'."""
        now, moment = self._clock.monotonic(), self._clock.now()
        settings = self._config.upstream(upstream)
        seconds = REFRESH_PAUSE_SECONDS
        if settings is not None and fetched_at is not None and self._is_fresh(upstream, fetched_at):
            seconds = settings.freshness_seconds - age_seconds(fetched_at, moment)
        if valid_until is not None:
            seconds = min(seconds, (valid_until - moment).total_seconds())
        return now + seconds

    def _read_facts(self, upstream: str, name: str) -> PulledFacts:
        return pulled_facts(self._reader.store.get(addresses.pulled_page(upstream, name)), name)

    async def _fetch(self, request: Request, upstream: str, name: str) -> None:
        """Have pull fetch an unseen page, within its budget. Raises Absent, Unavailable."""
        demand_may_ask(request, f"{upstream}'s page of {name}")
        via = via_of(request)
        await self._asking.run((upstream, name, via), lambda: self._ask_pull(upstream, name, via))

    async def _ask_pull(self, upstream: str, name: str, via: str) -> None:
        place = (upstream, name)
        settings = self._config.upstream(upstream)
        assert settings is not None, upstream
        try:
            found = await self._pull.page(upstream, name, via, settings.freshness_seconds)
        except Absent:
            self._forget(place)
            self._absent[place] = self._clock.monotonic() + ABSENT_SECONDS
            if len(self._absent) > KEPT_MAX:
                self._absent.popitem(last=False)
            raise
        except Corrupt as error:
            raise Unavailable(error.reason) from error
        known = self._kept.get(place)
        if known is not None and known.facts.digest == found.digest:
            self._remember(place, replace(known.facts, fetched_at=found.fetched_at))
            return
        try:
            facts = await self._workers.in_thread(self._read_facts, upstream, name)
        except Absent:
            raise Unavailable(f"the page of {name} was fetched and is not in the store") from None
        self._remember(place, replace(facts, fetched_at=found.fetched_at))

    def _refresh_behind(self, request: Request, upstream: str, name: str, kept: _Kept) -> None:
        now = self._clock.monotonic()
        if now - kept.asked_at < REFRESH_PAUSE_SECONDS or now < self._pull_paused_until or wants_only_kept(request):
            return
        self._kept[upstream, name] = replace(kept, asked_at=now)
        task = asyncio.get_running_loop().create_task(self._refresh(request, upstream, name))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _refresh(self, request: Request, upstream: str, name: str) -> None:
        try:
            await self._fetch(request, upstream, name)
        except Unreachable:
            self._pull_paused_until = self._clock.monotonic() + PULL_PAUSE_SECONDS
        except Outcome:
            pass  # pull counts and logs its upstreams' trouble; the kept page goes on being served
        except Exception:
            log.exception("refreshing the page of %s failed", name, upstream=upstream)

    def _remember(self, place: tuple[str, str], facts: PulledFacts) -> None:
        before = self._kept.get(place)
        self._absent.pop(place, None)
        self._kept[place] = _Kept(facts, before.asked_at if before else float("-inf"))
        if before is None or before.facts != facts:
            self._show_again(place)
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)

    def _forget(self, place: tuple[str, str]) -> None:
        """The upstream has the project no more: its page leaves with it."""
        if self._kept.pop(place, None) is not None:
            self._show_again(place)

    def _show_again(self, place: tuple[str, str]) -> None:
        """Take the project's pages out of the hot table; the next request decides anew."""
        upstream, name = place
        for index in self._stacks.over(upstream):
            self._cache.hide_project((index, name))


def _page_key(index: str, upstream: str, name: str, as_of: datetime | None) -> tuple[str, str, str]:
    """Apart from the hosted page's key: what an upstream said is nobody else's last good page."""
    place = f"{upstream}/{name}"
    return ("page", index, place) if as_of is None else (VIEW, index, f"{place}@{as_of.isoformat()}")
