"""Answers for people: home, projects, search, set-up, indexes, persons. The same for everybody, from the tree alone.

What a page is made from is named by a digest, so a page is kept as long as nothing of that changed. Making one is the
helper's work; when it cannot be had the answer says so, and never that there is no such page.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal
from urllib.parse import parse_qs, quote, urlsplit

from holdfast import __version__
from holdfast.clock import Clock
from holdfast.config import DEFAULT_INDEX, Config
from holdfast.core.errors import Corrupt, Unavailable
from holdfast.core.negotiation import Encoding, choose_encoding
from holdfast.pages.assets import assets
from holdfast.pages.values import Notice, Site
from holdfast.read.documents import HIT, MISS, list_key, project_key
from holdfast.read.listing import ProjectLists
from holdfast.read.people import headers, helper, search
from holdfast.read.people.addresses import Page
from holdfast.read.people.briefs import Briefs
from holdfast.read.people.finished import FinishedPages, Key
from holdfast.read.people.helper import PagesHelper
from holdfast.read.people.indexes import overviews
from holdfast.read.people.jobs import Frame, Painted, PlainJob, ProjectJob
from holdfast.read.people.persons import Persons
from holdfast.read.people.snippets import Place, install, set_up
from holdfast.read.people.sources import ProjectSources
from holdfast.read.policies import Policies
from holdfast.read.stack import Stacks
from holdfast.read.workers import Workers
from holdfast.tree.reader import TreeReader
from holdfast.wire.admission import Admission
from holdfast.wire.messages import Request, Response
from holdfast.wire.single_flight import SingleFlight

NEWEST_SHOWN = 8
PAGE_MS = 25.0  # of processor time, a page that has to be made; clients pay for these apart from installers' pages
TOTAL_MS, CLIENT_MS, BURST_SECONDS = 500.0, 300.0, 6.0
SEARCH_MS_PER_NAME = 1 / 4000  # measured: 600,000 names in 100 to 150 ms
QUERY_BYTES_MAX = 2000
SWITCHED_OFF_SECONDS = 60  # before it is worth asking again what an operator has switched off
PARTS_SHOWN_MAX = 200  # projects on a person's page; each may have to be read
EXAMPLE = "PROJECT"  # in lines to paste

Make = Callable[[Frame], Awaitable[Painted]]


class PeoplePages:
    """The pages of one front."""

    def __init__(
        self,
        config: Config,
        reader: TreeReader,
        stacks: Stacks,
        policies: Policies,
        lists: ProjectLists,
        sources: ProjectSources,
        workers: Workers,
        pages_helper: PagesHelper,
        clock: Clock,
    ) -> None:
        self._config = config
        self._reader = reader
        self._stacks = stacks
        self._policies = policies
        self._lists = lists
        self._sources = sources
        self._workers = workers
        self._helper = pages_helper
        self._clock = clock
        self._persons = Persons(config, reader, workers, clock)
        self._briefs = Briefs(reader, stacks, workers, pages_helper)
        self._finished = FinishedPages()
        self._making: SingleFlight[tuple[Key, str], Painted] = SingleFlight(1000)
        self._admission = Admission(
            clock, total_ms_per_second=TOTAL_MS, client_ms_per_second=CLIENT_MS, burst_seconds=BURST_SECONDS
        )
        self._site = Site(config.base_url)
        self._names: dict[str, search.Names] = {}
        # Another release may draw the same facts in another way.
        self._release = f"{__version__} {' '.join(sorted(assets()))}"

    async def answer(self, request: Request, page: Page, *, private: bool) -> Response:
        """The page. Raises Absent, Removed, Refused, OverBudget, Unavailable, Corrupt."""
        asked = _Asked(request, page, choose_encoding(request.headers.get("accept-encoding")), private)
        match page.kind:
            case "project":
                return await self._project(asked)
            case "home":
                return await self._home(asked)
            case "search":
                return await self._search(asked)
            case "set-up":
                return await self._set_up(asked)
            case "indexes":
                return await self._indexes(asked)
            case "user" | "org":
                return await self._person(asked, page.kind)

    async def error(self, request: Request, page: Page, status: int, text: str) -> Painted:
        """An answer that is none, as a page. Raises OverBudget, Unavailable."""
        self._admission.admit(request.client, PAGE_MS / 5)
        encoding = choose_encoding(request.headers.get("accept-encoding"))
        title, hint = _TOLD.get(status, ("Something is wrong here", ""))
        context = {"status": status, "title": title, "text": text, "hint": hint}
        return await self._helper.do(helper.plain, PlainJob(self._frame(page.index, encoding), "error.html", context))

    async def _project(self, asked: "_Asked") -> Response:
        request, page = asked.request, asked.page
        gathered = await self._sources.gather(request, page.index, page.name)

        async def make(frame: Frame) -> Painted:
            found = gathered
            try:
                jobs = await self._sources.jobs(page.index, page.name, found)
                wanted = await self._sources.wanted(jobs, page.version)
            except (Corrupt, Unavailable) as error:
                # An upstream's page was replaced between two looks, most likely: once more, with what is there.
                found = await self._sources.gather_again(request, page.index, page.name, found, error)
                jobs = await self._sources.jobs(page.index, page.name, found)
                wanted = await self._sources.wanted(jobs, page.version)
            metadata, trouble = await self._sources.metadata(request, found, wanted)
            provenance = await self._sources.provenance(wanted)
            job = ProjectJob(
                frame,
                page.name,
                page.version,
                jobs,
                found.origins,
                metadata,
                trouble,
                provenance,
                self._config.description_images,
            )
            painted = await self._helper.do(helper.project_page, job)
            return self._sources.until_next_try(painted, trouble)

        address = f"project/{page.name}/{page.version}"
        surrogate = " ".join(project_key(one, page.name) for one in self._stacks.hosted(page.index))
        return await self._page(asked, address, gathered.digest, surrogate, make)

    async def _home(self, asked: "_Asked") -> Response:
        index = asked.page.index
        names = await self._names_of(index)

        async def make(frame: Frame) -> Painted:
            newest = await self._briefs.of(index, names.newest)
            context = {
                "newest": newest,
                "count": len(names.projects),
                "upstreams": self._upstreams(index),
                "snippets": install(frame.place, EXAMPLE),
            }
            return await self._helper.do(helper.plain, PlainJob(frame, "home.html", context))

        surrogate = " ".join(list_key(one) for one in self._stacks.hosted(index))
        return await self._page(asked, "", str(names.serial), surrogate, make)

    async def _search(self, asked: "_Asked") -> Response:
        index = asked.page.index
        self._demand_search()
        query = search.query_of(*_fields(asked.request.query, "q", "page"))
        names = await self._names_of(index)

        async def make(frame: Frame) -> Painted:
            found = await self._workers.in_thread(search.find, names, query)
            results = search.page_of(found, query)
            context = {
                "results": results,
                "found": await self._briefs.of(index, results.shown),
                "upstreams": [
                    one for one in self._upstreams(index) if query.name and self._stacks.asks(one, query.name)
                ],
                "is_here": any(project.name == query.name for project in results.shown),
                "link": quote(query.text, safe=""),
            }
            return await self._helper.do(helper.plain, PlainJob(frame, "search.html", context))

        surrogate = " ".join(list_key(one) for one in self._stacks.hosted(index))
        address = f"search/{query.page}/{query.text}"
        cost_ms = PAGE_MS + len(names.projects) * SEARCH_MS_PER_NAME
        return await self._page(asked, address, str(names.serial), surrogate, make, cost_ms)

    async def _set_up(self, asked: "_Asked") -> Response:
        async def make(frame: Frame) -> Painted:
            context = {"sections": set_up(frame.place)}
            return await self._helper.do(helper.plain, PlainJob(frame, "set_up.html", context))

        return await self._page(asked, "set-up/", "", "set-up", make)

    async def _indexes(self, asked: "_Asked") -> Response:
        has_advisories = bool(self._policies.decided.advisories)
        decided = [(denial.index, denial.what, denial.reason) for denial in self._policies.decided.denials]

        async def make(frame: Frame) -> Painted:
            context = {"overviews": overviews(self._config, decided, has_advisories=has_advisories)}
            return await self._helper.do(helper.plain, PlainJob(frame, "indexes.html", context))

        return await self._page(asked, "indexes/", str(self._policies.serial), "indexes", make)

    async def _person(self, asked: "_Asked", kind: Literal["user", "org"]) -> Response:
        person = await self._persons.of(kind, asked.page.name)
        listed = self._persons.shown(person)[:PARTS_SHOWN_MAX]

        async def make(frame: Frame) -> Painted:
            groups = []
            for index in dict.fromkeys(index for index, _, _ in listed):
                parts = [(project, role) for where, project, role in listed if where == index]
                briefs = await self._briefs.of(index, [project for project, _ in parts])
                told = [replace(brief, role=role) for brief, (_, role) in zip(briefs, parts, strict=True)]
                groups.append(("" if index == DEFAULT_INDEX else index, self._root(index), told))
            context = {"kind": kind, "display": person.display, "count": len(listed), "groups": groups}
            return await self._helper.do(helper.plain, PlainJob(frame, "person.html", context))

        made_from = json.dumps([person.display, [[index, project, role] for index, project, role in listed]])
        address = f"{kind}/{person.name}/"
        return await self._page(asked, address, made_from, f"{kind}/{quote(person.name, safe='')}", make)

    async def _page(
        self, asked: "_Asked", address: str, made_from: str, surrogate: str, make: Make, cost_ms: float = PAGE_MS
    ) -> Response:
        """The page at that address of its index, kept or made. `made_from` names all it says."""
        index, encoding = asked.page.index, asked.encoding
        frame = self._frame(index, encoding)
        notices = [[notice.kind, notice.text] for notice in frame.notices]
        digest = sha256(json.dumps([made_from, notices, self._release]).encode()).hexdigest()
        key = (index, address, encoding)
        painted, found = self._finished.get(key, digest, self._clock.now()), HIT
        if painted is None:
            self._admission.admit(asked.request.client, cost_ms)
            painted, found = await self._making.run((key, digest), lambda: make(frame)), MISS
            self._finished.put(key, digest, painted)
        pictures = asked.page.kind == "project" and self._config.description_images
        told = headers.page(encoding, painted.tag, surrogate, private=asked.private, cache=found, pictures=pictures)
        if asked.page.kind == "search":
            told.append(("x-robots-tag", "noindex"))
        return Response(200, told, painted.body)

    def _frame(self, index: str, encoding: Encoding) -> Frame:
        settings = self._config.index(index)
        url = self._config.index_url(index)
        return Frame(
            self._site,
            self._root(index),
            Place(url, private=settings is not None and settings.private),
            "" if index == DEFAULT_INDEX else index,
            encoding,
            self._clock.now(),
            self._notices(),
        )

    def _demand_search(self) -> None:
        """Raises Unavailable while operators have search switched off."""
        now = self._clock.now()
        for switch in self._policies.switches:
            if switch.capability == "search" and switch.is_in_force(now):
                raise Unavailable(switch.sentence(), retry_after_seconds=SWITCHED_OFF_SECONDS)

    def _root(self, index: str) -> str:
        return urlsplit(self._config.index_url(index)).path.rstrip("/") + "/"

    def _notices(self) -> tuple[Notice, ...]:
        """What operators have to tell everybody."""
        return tuple(Notice(banner) for banner in self._policies.banners())

    async def _names_of(self, index: str) -> search.Names:
        serial, projects = await self._lists.projects(index)
        known = self._names.get(index)
        if known is None or known.serial != serial:
            known = await self._workers.in_thread(search.names_of, serial, projects, NEWEST_SHOWN)
            self._names[index] = known
        return known

    def _upstreams(self, index: str) -> list[str]:
        return list(self._stacks.upstreams(index))

    def stop(self) -> None:
        self._helper.stop()


def _fields(query: str, *names: str) -> list[str]:
    """The last value of each field of a query, "" without; a query of many fields has none of ours."""
    try:
        told = parse_qs(query, max_num_fields=20) if len(query) <= QUERY_BYTES_MAX else {}
    except ValueError:
        told = {}
    return [told.get(name, [""])[-1] for name in names]


@dataclass(frozen=True, slots=True)
class _Asked:
    request: Request
    page: Page
    encoding: Encoding
    private: bool


_TOLD = {
    401: ("This index is private", "Give a token as the password, with any user name."),
    403: ("Not let through", "A rule of this index keeps it back."),
    404: ("There is nothing here", "The address may be misspelt, or what was here is gone."),
    405: ("This page can only be read", ""),
    410: ("Taken down", ""),
    451: ("Taken down for legal reasons", ""),
    429: ("Too many pages at once", "Wait a moment, then ask again."),
    503: ("This cannot be told right now", "It is trouble of ours or of an upstream, not a sign that it is not there."),
    504: ("Not kept here", ""),
}
