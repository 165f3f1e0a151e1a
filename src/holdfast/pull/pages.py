"""Keeps an upstream's project pages in the store: fetch when missing, refresh when old, never replace good by bad.

Order of durability: the card book, then rendered bytes, then the page. Whoever sees a page can resolve every file it
lists, whatever crashed in between.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from itertools import product
from typing import Protocol
from weakref import WeakValueDictionary

import structlog

from holdfast.clock import Clock
from holdfast.core.errors import Absent, Corrupt, Outcome, Unavailable
from holdfast.core.freshness import is_fresh
from holdfast.core.model import Card
from holdfast.core.simple_json import renderer
from holdfast.pull.asking import Fetched, ask_page, turns
from holdfast.pull.build import BuiltPage, LearnJob, PageJob
from holdfast.pull.facts import Learnt, Newest
from holdfast.pull.helpers import Helpers
from holdfast.pull.kept import KeptPage, PageAnswer, facts_of, note, stale_answer
from holdfast.pull.origins import Origins
from holdfast.pull.shelf import Shelf
from holdfast.pull.upstream import Upstream
from holdfast.tree import addresses
from holdfast.tree.rendered import forget_pages
from holdfast.wire.single_flight import SingleFlight

log = structlog.get_logger()

KNOWN_PAGES_MAX = 50_000
PERSISTENT_SECONDS = 3600.0  # an odd page the upstream insists on for this long is meant
LEARNT_MAX = 1000  # facts about one project's files that wait for its page's next refresh


class Ahead(Protocol):
    """Who fetches what a page's reader asks for next; see ahead.py."""

    async def prove(self, wheel: Newest) -> bool:
        """Whether it is known now, within a round trip, how the wheel's origin answers. Never raises."""

    def fetch(self, wheel: Newest) -> None:
        """Have the wheel's metadata soon, if that delays nobody."""


class Pages:
    """The pages of one upstream."""

    def __init__(
        self, upstream: Upstream, shelf: Shelf, helpers: Helpers, clock: Clock, public_bases: Sequence[str]
    ) -> None:
        """`public_bases` are those of the indexes over this upstream: fronts look for rendered pages by index."""
        self.upstream = upstream
        self.origins = Origins(clock)
        self.ahead: Ahead | None = None  # set once the parts that fetch metadata are there
        self._shelf = shelf
        self._helpers = helpers
        self._clock = clock
        self._public_bases = public_bases
        self._known: OrderedDict[str, KeptPage] = OrderedDict()
        self._absent: OrderedDict[str, float] = OrderedDict()  # name -> when the upstream said so, monotonic
        self._odd_since: OrderedDict[str, float] = OrderedDict()
        self._gone_since: OrderedDict[str, float] = OrderedDict()
        self._learnt: OrderedDict[str, dict[tuple[str, str], Learnt]] = OrderedDict()
        self._lacking: OrderedDict[str, Newest] = OrderedDict()  # pages that could offer more, once a host is known
        self._flights: SingleFlight[str, PageAnswer] = SingleFlight()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ensure(self, name: str, max_age_seconds: float, via: str = "") -> PageAnswer:
        """Make sure the page is in the store and, if its upstream allows, at most so old.

        Raises Absent when the upstream says there is no such project, Unavailable when nobody can say.
        """
        kept = await self._kept(name)
        if kept is not None and is_fresh(kept.fetched_at, self._clock.now(), max_age_seconds):
            self.upstream.counters.page_hits += 1
            return PageAnswer(kept.digest, kept.fetched_at, stale=False)
        if kept is None and self._is_absent(name):
            self.upstream.counters.absent_served += 1
            raise Absent(f"{self.upstream.label} has no project {name}")
        try:
            # The fetch has limits of its own and may end after this waiter's patience; the next one finds its result.
            async with asyncio.timeout(self.upstream.config.page_budget_seconds):
                answer = await self._flights.run(name, lambda: self._refresh(name, kept, via))
        except TimeoutError:
            kept = kept or self._known.get(name)  # stored by now, perhaps, and only being completed
            if kept is None:
                raise Unavailable(f"{self.upstream.label} did not give the page of {name} in time") from None
            answer = stale_answer(kept)
        self.upstream.counters.stale_served += answer.stale
        return answer

    async def exists(self, name: str, via: str = "") -> bool:
        """Whether the upstream has the project now. Raises Unavailable when that cannot be known."""
        try:
            answer = await self.ensure(name, self.upstream.config.freshness_seconds, via)
        except Absent:
            return False
        if answer.stale:
            raise Unavailable(f"{self.upstream.label} cannot say now whether it has {name}")
        return True

    async def learn_digest(self, card: Card) -> None:
        """Let page and book know the sha256 of a file that was listed without one. Raises Unavailable, Corrupt."""
        self.learn_later(card.project, Learnt(card.filename, card.sha256, card.size, names_digest=True))
        await self.learn(card.project)

    def learn_later(self, name: str, fact: Learnt) -> None:
        """Let page and book know when they are next refreshed."""
        facts = self._learnt.get(name, {})
        if len(facts) < LEARNT_MAX:
            facts[fact.filename, fact.sha256] = fact
        note(self._learnt, name, facts)

    async def learn(self, name: str) -> None:
        """Write what was found out into page and book. Raises Absent without a book, Unavailable, Corrupt."""
        async with self._lock(name):
            learnt = self._learnt.pop(name, {})
            try:
                book = await self._shelf.get(addresses.card_book(self.upstream.name, name))
                page = await self._shelf.find(self._key(name))
                job = LearnJob(book, page, tuple(learnt.values()), self.origins.ranging)
                built = await self._helpers.learn(job)
                version = await self._shelf.run(lambda: self._store(name, built))
            except Outcome:
                note(self._learnt, name, {**learnt, **self._learnt.get(name, {})})
                raise
            kept = self._known.get(name)
            if kept is not None and version:
                note(self._known, name, KeptPage(version, built.digest, kept.fetched_at, kept.etag), KNOWN_PAGES_MAX)

    async def close(self) -> None:
        """Give up what is under way."""
        await self._flights.drain()

    async def _refresh(self, name: str, kept: KeptPage | None, via: str) -> PageAnswer:
        self.upstream.counters.page_fetches += 1
        try:
            found = await self._renew(name, kept, via)
        except Absent:
            if kept is None or await self._is_gone(name):
                note(self._absent, name, self._clock.monotonic())
                raise
            return stale_answer(kept)
        except Unavailable as error:
            if kept is None:
                raise
            log.warning(
                "the page of %s stays as it was: %s", name, error.reason, upstream=self.upstream.name, project=name
            )
            return stale_answer(kept)
        for memory in (self._absent, self._odd_since, self._gone_since):
            memory.pop(name, None)
        return PageAnswer(found.digest, found.fetched_at, stale=False)

    async def _renew(self, name: str, kept: KeptPage | None, via: str) -> KeptPage:
        """Have the page from the upstream or, when that cannot answer, from a mirror. Raises Absent, Unavailable.

        Only the upstream itself can say that there is no such project: a mirror may simply not have it yet.
        """
        trouble: Unavailable | None = None
        # A little less than the waiters' patience, so that they hear the reason.
        for turn in turns(self.upstream, self.upstream.config.page_budget_seconds * 0.95):
            try:
                fetched = await ask_page(self.upstream, turn, name, kept.etag if kept is not None else "", via)
                if fetched is not None:
                    return await self._keep(name, fetched)
                assert kept is not None
                self.upstream.counters.page_unchanged += 1
                return await self._completed(name, self._remember(name, kept.version, kept.digest, kept.etag))
            except Absent:
                if not turn.from_mirror:
                    raise
            except Unavailable as error:
                trouble = trouble or error
        assert trouble is not None
        raise trouble

    async def _keep(self, name: str, fetched: Fetched) -> KeptPage:
        """Build the page and store it. Raises Unavailable, also when it must not replace the kept one."""
        async with self._lock(name):
            learnt = dict(self._learnt.get(name, {}))
            built = await self._helpers.build_page(
                PageJob(
                    upstream=self.upstream.name,
                    name=name,
                    url=fetched.url,
                    body=fetched.body,
                    content_encoding=fetched.encoding,
                    content_type=fetched.content_type,
                    etag=fetched.etag,
                    now=self._clock.now(),
                    bytes_max=self.upstream.config.page_bytes_max,
                    persistent=self._is_past(self._odd_since, name, PERSISTENT_SECONDS),
                    old_page=await self._shelf.find(self._key(name)),
                    old_book=await self._shelf.find(addresses.card_book(self.upstream.name, name)),
                    from_mirror=fetched.from_mirror,
                    undated=self.upstream.config.undated,
                    learnt=tuple(learnt.values()),
                    ranging=self.origins.ranging,
                )
            )
            self._report(name, built, from_mirror=fetched.from_mirror)
            version = await self._shelf.run(lambda: self._store(name, built))
            for fact in learnt:
                self._learnt.get(name, {}).pop(fact, None)
            kept = self._remember(name, version, built.digest, fetched.etag)
        if built.lacking is None:
            self._lacking.pop(name, None)
        else:
            note(self._lacking, name, built.lacking)
        if built.newest is not None and built.newest.has_metadata and built.page and self.ahead is not None:
            self.ahead.fetch(built.newest)
        return await self._completed(name, kept)

    async def _completed(self, name: str, kept: KeptPage) -> KeptPage:
        """The page with what can be known of its files by now. Never raises: the page is good as it is."""
        lacking = self._lacking.get(name)
        is_proven = lacking is not None and self.ahead is not None and await self.ahead.prove(lacking)
        if not is_proven and not self._learnt.get(name):
            return kept
        try:
            await self.learn(name)
        except Outcome as error:
            log.warning("the page of %s is not completed: %s", name, error.reason, upstream=self.upstream.name)
        else:
            if is_proven:
                self._lacking.pop(name, None)
        return self._known.get(name, kept)

    def _report(self, name: str, built: BuiltPage, *, from_mirror: bool) -> None:
        """Count what was odd. Raises Unavailable when the page must not replace the kept one."""
        upstream, counters = self.upstream.name, self.upstream.counters
        if built.skipped:
            counters.files_skipped += built.skipped
            log.info("%d entries of the page of %s were skipped", built.skipped, name, upstream=upstream, project=name)
        if built.book_was_corrupt:
            log.error("the card book of %s was corrupt and is begun anew", name, upstream=upstream, project=name)
        if built.refused:
            counters.refused_by_plausibility += 1
            if name not in self._odd_since and not from_mirror:
                note(self._odd_since, name, self._clock.monotonic())
            raise Unavailable(f"{self.upstream.label} gave an implausible page of {name}: {built.refused}")
        if not built.page:
            counters.page_unchanged += 1

    def _store(self, name: str, built: BuiltPage) -> str:
        """Write in the order that survives a crash; answers the page object's version. Runs in a thread."""
        store, upstream = self._shelf.store, self.upstream.name
        for tail, card in built.stray_cards.items():
            digest, _, filename = tail.partition("/")
            store.put(addresses.card(upstream, digest, filename), card)
        if built.book:
            store.put(addresses.card_book(upstream, name), built.book)
        for base, (representation, data) in product(self._public_bases, built.rendered.items()):
            store.put(addresses.rendered(renderer(base), built.digest, representation), data)
        if built.page:
            store.put(self._key(name), built.page)
            self._forget_rendered(name, built.digest)
        return store.head(self._key(name)).version if built.digest else ""

    def _forget_rendered(self, name: str, digest: str) -> None:
        """Drop the rendered bytes of the page before. A front that still wants them renders them itself."""
        known = self._known.get(name)
        if known is not None and known.digest != digest:
            forget_pages(self._shelf.store, known.digest, self._public_bases)

    async def _is_gone(self, name: str) -> bool:
        """Whether to believe that a project we have a page of is gone.

        One stray 404 of a fail-over must not take a project away; a second one `absent_seconds` later is believed.
        Its card book stays: the files handed out remain resolvable.
        """
        if not self._is_past(self._gone_since, name, self.upstream.config.absent_seconds):
            if name not in self._gone_since:
                note(self._gone_since, name, self._clock.monotonic())
            return False
        log.info("%s dropped %s", self.upstream.label, name, upstream=self.upstream.name, project=name)
        async with self._lock(name):
            await self._shelf.delete(self._key(name))
        self._known.pop(name, None)
        return True

    async def _kept(self, name: str) -> KeptPage | None:
        """The stored page's facts, read again only when the object is another. Raises Unavailable."""
        info = await self._shelf.head(self._key(name))
        known = self._known.get(name)
        if info is None or (known is not None and known.version == info.version):
            return known if info is not None else None
        data = await self._shelf.find(self._key(name))
        if data is None:
            return None
        try:
            kept = await self._shelf.run(lambda: facts_of(data, info.version))
        except Corrupt as error:
            log.error(
                "the page of %s is fetched again: %s", name, error.reason, upstream=self.upstream.name, project=name
            )
            return None
        note(self._known, name, kept, KNOWN_PAGES_MAX)
        return kept

    def _remember(self, name: str, version: str, digest: str, etag: str) -> KeptPage:
        kept = KeptPage(version, digest, self._clock.now(), etag)
        note(self._known, name, kept, KNOWN_PAGES_MAX)
        return kept

    def _lock(self, name: str) -> asyncio.Lock:
        """Held by whoever rewrites the project's page or card book."""
        return self._locks.setdefault(name, asyncio.Lock())

    def _is_absent(self, name: str) -> bool:
        heard = self._absent.get(name)
        return heard is not None and self._clock.monotonic() - heard < self.upstream.config.absent_seconds

    def _is_past(self, memory: OrderedDict[str, float], name: str, seconds: float) -> bool:
        since = memory.get(name)
        return since is not None and self._clock.monotonic() - since >= seconds

    def _key(self, name: str) -> str:
        return addresses.pulled_page(self.upstream.name, name)
