"""The read plane: a function from request to response, composed by hand.

`find` answers from memory without awaiting anything; `answer` does the rest. No Django, no database, no upstream:
everything comes from the published tree, or is asked of pull and control over their sockets.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import structlog

from holdfast.clock import Clock
from holdfast.config import DEFAULT_INDEX, Config
from holdfast.core.errors import Absent, Corrupt, Outcome, Unavailable
from holdfast.core.legacy_json import NOT_FOUND
from holdfast.core.logged_path import loggable
from holdfast.core.negotiation import choose, choose_encoding
from holdfast.read.access import Access
from holdfast.read.answers import NOSNIFF, from_outcome, method_not_allowed, options, problem, redirect
from holdfast.read.as_of import demand_past
from holdfast.read.asked import asked_format
from holdfast.read.cache import PageCache
from holdfast.read.conditions import matches
from holdfast.read.control_port import Control
from holdfast.read.files import Files
from holdfast.read.follow import Follower, Hint
from holdfast.read.health import Health
from holdfast.read.hosted import HostedPages, PageMaker
from holdfast.read.hot import HotEntry, HotTable, Prepared, Variant, unchanged_headers
from holdfast.read.hot_files import FileAnswer
from holdfast.read.legacy import LegacyDocuments, Source
from holdfast.read.listing import ProjectLists
from holdfast.read.local_files import LocalFiles
from holdfast.read.loops import refuse_loop
from holdfast.read.merged import MergedPages
from holdfast.read.ownership import InLayer, Merged, Owner, Ownership
from holdfast.read.people.addresses import AssetRoute, FeedRoute, Page
from holdfast.read.people.helper import PagesHelper
from holdfast.read.people.people import People
from holdfast.read.policies import NewSettings, Policies
from holdfast.read.previews import Previews, kept_secret, ordinary
from holdfast.read.provenance import Provenance
from holdfast.read.pull_port import Pull
from holdfast.read.pulled import PulledPages
from holdfast.read.pulled_files import PulledFiles
from holdfast.read.routes import (
    LABELS,
    FileRoute,
    Forwarded,
    ForwardedPage,
    LegacyJson,
    Moved,
    NotFound,
    Own,
    PreviewRoute,
    ProvenanceRoute,
    Route,
    SimpleDetail,
    SimpleList,
    UnhashedFile,
    routes_of,
    told_as_page,
)
from holdfast.read.stack import Stacks
from holdfast.read.usage import Usage
from holdfast.read.workers import Workers
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.advisories import read_advisories
from holdfast.tree.reader import UNKNOWN_BELIEVED_SECONDS, Changes, TreeReader
from holdfast.wire.admission import Admission, OverBudget
from holdfast.wire.client import Neighbour
from holdfast.wire.messages import Request, Response, StreamBody
from holdfast.wire.tally import Tallies

log = structlog.get_logger(__name__)

ALLOW = "GET, HEAD, OPTIONS"
ABSENT_PATHS_MAX = 1024  # unknown names answered from memory until the tree changes
PULL_REQUESTS_MAX = 512  # under way at once; a few hundred hung ones must not keep others out
HIDDEN_AT_ONCE = 1000  # objects taken out of the hot table before others have their turn, about a millisecond
PULL_RESTART_SECONDS = 2.5  # how long a request waits for a pull process that is just starting

PAGE_METHODS = "GET, HEAD, POST"  # what a browser does with a page of control


class Forward(Protocol):
    """The way to control. A page is not waited for as long as an upload, and is refused as a page."""

    def __call__(self, request: Request, *, page: bool = False) -> Awaitable[Response]: ...


class ReadPlane:
    """Everything a front answers. `start` in the event loop first, then `find` and `answer`."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        hint: Hint,
        forward: Forward,
        pull_restart_seconds: float = PULL_RESTART_SECONDS,
        pages_helper: PagesHelper | None = None,
        settings: NewSettings | None = None,
    ) -> None:
        bases = {i.name: config.index_url(i.name) for i in config.indexes}
        self.tallies = Tallies()
        self.reader = TreeReader(store, clock, config.instance)
        self.access = Access(config, self.reader, clock)
        self.hot = HotTable(self.access.may_read, clock)
        self.cache = PageCache(self.hot, config.page_cache_bytes)
        self.follower = Follower(self.reader, hint, clock, self._on_changes)
        self.workers = Workers()
        self._people_workers = Workers("people")  # pages for people read much, and no install waits for that
        self.pull_neighbour = Neighbour("pull", config.pull_socket, PULL_REQUESTS_MAX, pull_restart_seconds)
        pull = Pull(config, self.pull_neighbour)
        upstreams = tuple(upstream.name for upstream in config.upstreams)
        self.usage = Usage(self.tallies, upstreams, self.cache.entries, self.pull_neighbour, clock)
        admission = Admission(clock)
        maker = PageMaker(self.reader, self.workers, clock, admission, bases)
        common = (self.workers, self.tallies, clock)
        self._stacks = stacks = Stacks(config, self.reader)
        self._local = LocalFiles(store, self.workers, clock)
        self.policies = policies = Policies(config, self.reader, clock, read_advisories, settings)
        self._hosted = HostedPages(self.reader, self.cache, maker, stacks, policies, self.tallies, clock)
        self._pulled = PulledPages(config, self.reader, self.cache, maker, stacks, policies, pull, *common)
        self._merged = MergedPages(self.reader, self.cache, stacks, policies, self._pulled, admission, bases, *common)
        self._lists = ProjectLists(self.reader, stacks, self.cache, *common)
        self._files = Files(stacks, self.reader, self.cache, self._local, PulledFiles(pull), policies, *common)
        self._legacy = LegacyDocuments(self.reader, self.cache, pull, self.workers, admission, bases, *common[1:])
        self._provenance = Provenance(self.reader, self._local, policies, self.workers, admission, clock)
        self._ownership = Ownership(stacks, self.reader, self._pulled.ask)
        known = (self._lists, self._ownership, self._merged, self._pulled, pull, self._people_workers, clock)
        self._people = People(config, self.reader, stacks, policies, *known, pages_helper)
        staged = (self.reader, self._local, self._merged, self._ownership, stacks, policies, admission, bases)
        self._previews = Previews(*staged, self.workers, clock)
        self._control = Control(config.control_socket)
        told = (self.reader, self.follower, self.cache, pull, policies, self.tallies, clock)
        self.health = Health(config, *told, self._control)
        self._routes = routes_of(config)
        self._config = config
        self._clock = clock
        self._forward = forward
        self._cells = hint.cells
        self._find = self.hot.find
        self._absent_paths: set[str] = set()

    async def start(self) -> None:
        """Read the tree, or go on trying behind: a front starts whatever the store does."""
        await self.follower.start()
        await self.policies.start(self.on_policies)
        self.usage.start()

    async def stop(self) -> None:
        await self.policies.stop()
        await self.follower.stop()
        await self._pulled.stop()
        await self.usage.stop()
        await self.pull_neighbour.close()
        await self._control.close()
        self._people.stop()
        self._people_workers.stop()
        self.workers.stop()
        self._local.close()

    def find(self, path: str, get: Callable[[str], str | None]) -> tuple[Prepared, bool] | None:
        """The answer to a GET without query if memory has it and nothing newer was announced; else None."""
        if self._cells[0] != self.follower.seen:
            return None
        return self._find(path, get)

    def find_file(self, path: str, get: Callable[[str], str | None]) -> FileAnswer | None:
        """As `find`, for a large file that is open and verified."""
        if self._cells[0] != self.follower.seen:
            return None
        return self.hot.find_file(path, get)

    async def answer(self, request: Request) -> Response:
        """The answer to any request; a defect of ours is logged and answered like any other trouble."""
        if self.follower.is_behind:
            await self.follower.catch_up()
        route = self._routes.find(request.path)
        try:
            response = await self._dispatch(request, route)
        except Corrupt as error:
            log.error("corrupt bytes were not sent: %s", error.reason, path=loggable(request.path))
            response = from_outcome(error)
        except (Outcome, OverBudget) as error:
            response = self._told(request, route, error)
        except Exception:  # the server's own answer would be an empty page that says nothing
            log.exception("a request was not answered", path=loggable(request.path))
            response = problem(500, "Something went wrong here, and was noted. It is not your request's fault.")
        if (page := told_as_page(route, request.headers.get("accept"))) is not None:
            response = await self._people.told(request, page, response)
        if (unchanged := _unchanged(request, response)) is not None:
            await _let_go(response)
            response = unchanged
        self.usage.count(LABELS[type(route)], request, response)
        return response

    async def _dispatch(self, request: Request, route: Route) -> Response:
        match route:
            case Own(what):
                if what == "upstreams":  # for people who may read here; the rest is for machines
                    self.access.demand(DEFAULT_INDEX, request.headers.get("authorization"))
                return await self.health.answer(what)
            case Forwarded():
                return await self._forwarded(request)
            case ForwardedPage():
                if request.method not in PAGE_METHODS.split(", "):
                    return method_not_allowed(PAGE_METHODS)
                return await self._forward(request, page=True)
        index = getattr(route, "index", None) or DEFAULT_INDEX
        if request.method == "OPTIONS":
            return options(ALLOW)
        if request.method not in ("GET", "HEAD"):
            return method_not_allowed(ALLOW)
        if isinstance(route, AssetRoute):  # for everybody: the pages of a private index are theirs who may read it
            return await self._people.asset(request, route.name)
        self.access.demand(index, request.headers.get("authorization"))
        refuse_loop(request, self._config.instance)
        private = self.access.is_private(index)
        if (as_of := getattr(route, "as_of", None)) is not None:
            demand_past(as_of, self._clock.now())
        match route:
            case Moved(location):
                return redirect(location + (f"?{request.query}" if request.query else ""))
            case SimpleList(index, as_of):
                listed = (request, index, self._variant(request))
                return await self._lists.answer(*listed, private=private, is_view=as_of is not None)
            case SimpleDetail():
                return await self._detail(request, route, private=private)
            case FileRoute():
                return await self._files.answer(request, route, private=private)
            case UnhashedFile(index, project):
                owner = await self._ownership.owner(request, index, project)
                return await self._unhashed(request, route, owner, private=private)
            case LegacyJson():
                return await self._legacy_json(request, route, private=private)
            case ProvenanceRoute(index, name):
                owner = await self._ownership.owner(request, index, name)
                return await self._provenance.answer(request, route, owner, private=private)
            case Page():
                return await self._people.page(request, route, private=private)
            case FeedRoute():
                return await self._people.feed(request, route, private=private)
            case PreviewRoute():
                return await self._preview(request, route, private=private)
            case NotFound(reason):
                raise Absent(reason)
        raise AssertionError(route)

    async def _preview(self, request: Request, route: PreviewRoute, *, private: bool) -> Response:
        preview, inner = await self._previews.find(route), route.inner
        found: Response | None = None
        if isinstance(inner, SimpleDetail) and inner.name == preview.name:
            found = await self._previews.page(request, preview, self._variant(request), private=private)
        elif isinstance(inner, FileRoute):
            found = await self._previews.file(request, preview, inner, private=private)
        return kept_secret(found or await self._dispatch(ordinary(request, route.token), inner))

    async def _detail(self, request: Request, route: SimpleDetail, *, private: bool) -> Response:
        index, name, as_of = route.index, route.name, route.as_of
        variant = self._variant(request)
        try:
            owner = await self._ownership.owner(request, index, name)
        except Absent as error:
            self._remember_absent(request, index, error, private=private)
            raise
        if isinstance(owner, Merged):
            return await self._merged.answer(request, index, name, owner, variant, private=private, as_of=as_of)
        if isinstance(owner, InLayer):
            place = (index, owner.upstream, name)
            return await self._pulled.answer(request, *place, variant, private=private, as_of=as_of)
        return await self._hosted.answer(request, index, owner, variant, private=private, as_of=as_of)

    async def _unhashed(self, request: Request, route: UnhashedFile, owner: Owner, *, private: bool) -> Response:
        for side in owner.sides if isinstance(owner, Merged) else (owner,):
            if not isinstance(side, InLayer):
                continue
            try:
                return await self._files.unhashed(request, route, side.upstream, private=private)
            except Absent:
                continue
        raise Absent("this index has no such file")

    async def _legacy_json(self, request: Request, route: LegacyJson, *, private: bool) -> Response:
        index, name = route.index, route.name
        owner = await self._ownership.owner(request, index, name)
        merged = owner if isinstance(owner, Merged) else Merged((owner,))
        sides = self._merged.sides(request, index, name, merged)
        try:
            source = Source(index, name, sides, self._merged.digest(sides))
            return await self._legacy.answer(request, source, route.version, private=private)
        except (Corrupt, Unavailable) as error:
            if not any(side.upstream for side in sides):
                raise
            # An upstream's page was replaced between two looks, most likely: once more, with what is there.
            sides = await self._merged.look_again(request, index, name, merged, error)
            source = Source(index, name, sides, self._merged.digest(sides))
            return await self._legacy.answer(request, source, route.version, private=private)

    async def _forwarded(self, request: Request) -> Response:
        if "/legacy" in request.path and not request.path.startswith("/api/") and request.method != "POST":
            return options("POST") if request.method == "OPTIONS" else method_not_allowed("POST")
        return await self._forward(request)

    def _variant(self, request: Request) -> Variant:
        get = request.headers.get
        if request.query and (wanted := asked_format(request.query)):
            return choose(get("accept"), wanted), choose_encoding(get("accept-encoding"))
        return self.hot.variant(get("accept"), get("accept-encoding"))

    def _told(self, request: Request, route: Route, outcome: Outcome | OverBudget) -> Response:
        """An outcome as an answer. The legacy API's 404 has a body of its own, which scripts look at."""
        if isinstance(route, LegacyJson) and isinstance(outcome, Absent):
            return Response(
                404, [("content-type", "application/json"), ("cache-control", "no-store"), NOSNIFF], NOT_FOUND
            )
        return from_outcome(outcome)

    def _remember_absent(self, request: Request, index: str, error: Absent, *, private: bool) -> None:
        """Answer the name's next 404 from memory, where only the journal can change it."""
        settings = self._config.index(index)
        if request.query or settings is None or settings.layers or len(self._absent_paths) >= ABSENT_PATHS_MAX:
            return
        response = from_outcome(error)
        entry = HotEntry(index if private else "", Prepared("simple", request.path, response, self.tallies))
        entry.until = self.reader.last_contact + UNKNOWN_BELIEVED_SECONDS
        self.hot.entries[request.path] = entry
        self._absent_paths.add(request.path)

    async def on_policies(self) -> None:
        """A rule changed: nothing of an upstream is answered without a look any more, at first."""
        if self._stacks.take(self.policies.config):  # other names come from below now: any page or list may be wrong
            self._forget_all()
        for number, cached in enumerate(self.cache.of_upstreams(), 1):
            self.cache.hide(cached)
            if number % HIDDEN_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _on_changes(self, changes: Changes) -> None:
        """Forget what the news make wrong, before anybody is answered from them."""
        if not (changes.projects or changes.removed or changes.tokens or changes.reloaded):
            return
        for path in self._absent_paths:
            self.hot.entries.pop(path, None)
        self._absent_paths.clear()
        if changes.tokens or changes.reloaded:
            self.access.forget()
        if self.reader.is_loaded:
            self.hot.removed = self.reader.state().removed
        if changes.removed or changes.reloaded:
            # After a reload, of everything ever removed: some of it while this front did not run.
            removed = list(self.reader.state().removed) if changes.reloaded else changes.removed
            self._local.forget(self._keys_of(removed))
            self._forget_all()
            return
        for place, name in changes.projects:
            self._files.forget_cards((place, name))
            for shown_in in (place, *self._stacks.over(place)):
                self.cache.retire_project((shown_in, name))
                self._lists.changed(shown_in)

    def _forget_all(self) -> None:
        self.cache.clear()
        self._files.forget_all_cards()
        for index in self._config.indexes:
            self._lists.forget(index.name)

    def _keys_of(self, digests: Iterable[str]) -> list[str]:
        """Wherever the bytes of these digests may lie."""
        upstreams = [upstream.name for upstream in self._config.upstreams]
        return [
            key
            for digest in digests
            for key in (addresses.blob(digest), *(addresses.pulled_file(name, digest) for name in upstreams))
        ]


def _unchanged(request: Request, response: Response) -> Response | None:
    """304 for a 200 whose tag the client already has, else None."""
    if response.status != 200 or request.method not in ("GET", "HEAD"):
        return None
    wanted = request.headers.get("if-none-match")
    etag = next((value for name, value in response.headers if name == "etag"), "")
    if not wanted or not etag or not matches(wanted, etag):
        return None
    return Response(304, unchanged_headers(response.headers))


async def _let_go(response: Response) -> None:
    """Give back what a body holds that nobody will read."""
    aclose = getattr(response.body.chunks, "aclose", None) if isinstance(response.body, StreamBody) else None
    if aclose is not None:
        await aclose()
