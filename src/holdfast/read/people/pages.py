"""Answers for people: home, projects, search, set-up, indexes, persons. The same for everybody, from the tree alone.

Making one is the helper's work, and keeping it the press's; when it cannot be had the answer says so, and never that
there is no such page.
"""

import asyncio
import json
from dataclasses import replace
from typing import Literal
from urllib.parse import quote

from holdfast.clock import Clock
from holdfast.config import DEFAULT_INDEX, Config
from holdfast.core.errors import Corrupt, Unavailable
from holdfast.core.negotiation import Encoding, choose_encoding
from holdfast.pages import Site
from holdfast.pages.errors import error_page
from holdfast.read.documents import list_key, project_key
from holdfast.read.listing import ProjectLists
from holdfast.read.people import helper, search
from holdfast.read.people.addresses import FeedRoute, Page
from holdfast.read.people.briefs import Briefs
from holdfast.read.people.browse import BrowsePages
from holdfast.read.people.feeds import Feeds
from holdfast.read.people.helper import PagesHelper
from holdfast.read.people.indexes import overviews
from holdfast.read.people.jobs import Frame, Painted, PlainJob, ProjectJob
from holdfast.read.people.persons import Persons
from holdfast.read.people.press import PAGE_MS, Asked, Press, asked, fields
from holdfast.read.people.shelves import Shelves
from holdfast.read.people.snippets import install, set_up
from holdfast.read.people.sources import ProjectSources
from holdfast.read.policies import Policies
from holdfast.read.stack import Stacks
from holdfast.read.workers import Workers
from holdfast.tree.reader import TreeReader
from holdfast.wire.admission import OverBudget
from holdfast.wire.messages import Request, Response

NEWEST_SHOWN = 8
PERSON_MS = 5.0  # a look in the store for somebody, who may well be nobody
SEARCH_MS_PER_NAME = 1 / 4000  # measured: 600,000 names in 100 to 150 ms
SWITCHED_OFF_SECONDS = 60  # before it is worth asking again what an operator has switched off
PARTS_SHOWN_MAX = 200  # projects on a person's page; each may have to be read
EXAMPLE = "PROJECT"  # in lines to paste


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
        self._press = Press(config, policies, clock)
        self._names: dict[str, search.Names] = {}
        shelves = Shelves(reader, stacks, lists, workers, clock)
        self._browse = BrowsePages(reader, stacks, shelves, self._briefs, self._press, workers, pages_helper)
        self._feeds = Feeds(config, reader, stacks, shelves, sources, self._press, workers, pages_helper)

    async def answer(self, request: Request, page: Page, *, private: bool) -> Response:
        """The page. Raises Absent, Removed, Refused, OverBudget, Unavailable, Corrupt."""
        wanted = asked(request, page, private=private)
        match page.kind:
            case "project":
                return await self._project(wanted)
            case "home":
                return await self._home(wanted)
            case "search":
                return await self._search(wanted)
            case "browse":
                return await self._browse.answer(wanted)
            case "set-up":
                return await self._set_up(wanted)
            case "indexes":
                return await self._indexes(wanted)
            case "user" | "org":
                return await self._person(wanted, page.kind)

    async def feed(self, request: Request, route: FeedRoute, *, private: bool) -> Response:
        """A feed. Raises as `answer`."""
        return await self._feeds.answer(request, route, private=private)

    async def error(self, request: Request, page: Page, status: int, text: str) -> tuple[bytes, Encoding]:
        """An answer that is none, as a page, and how that is encoded."""
        title, hint = _TOLD.get(status, ("Something is wrong here", ""))
        if page.kind == "search" and status == 503:
            title, hint = _SEARCH_IS_AWAY
        context = {"status": status, "title": title, "text": text, "hint": hint}
        encoding = choose_encoding(request.headers.get("accept-encoding"))
        try:
            self._press.admit(request.client, PAGE_MS / 5)
            frame = self._press.frame(page.index, encoding)
            return (await self._helper.do(helper.plain, PlainJob(frame, "error.html", context))).body, encoding
        except OverBudget:
            text = _MANY  # the same for every address, so that it is made once
        except Unavailable:
            pass  # nobody makes pages just now
        site = Site(self._config.base_url)
        return await asyncio.to_thread(error_page, site, status, title, text, hint), ""

    async def _project(self, asked: Asked) -> Response:
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
        return await self._press.page(asked, address, gathered.digest, surrogate, make)

    async def _home(self, asked: Asked) -> Response:
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
        return await self._press.page(asked, "", str(names.serial), surrogate, make)

    async def _search(self, asked: Asked) -> Response:
        index = asked.page.index
        self._demand_search()
        query = search.query_of(*fields(asked.request.query, "q", "page"))
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
        answer = await self._press.page(asked, address, str(names.serial), surrogate, make, cost_ms)
        answer.headers.append(("x-robots-tag", "noindex"))
        return answer

    async def _set_up(self, asked: Asked) -> Response:
        async def make(frame: Frame) -> Painted:
            context = {"sections": set_up(frame.place)}
            return await self._helper.do(helper.plain, PlainJob(frame, "set_up.html", context))

        return await self._press.page(asked, "set-up/", "", "set-up", make)

    async def _indexes(self, asked: Asked) -> Response:
        has_advisories = bool(self._policies.decided.advisories)
        decided = [(denial.index, denial.what, denial.reason) for denial in self._policies.decided.denials]

        async def make(frame: Frame) -> Painted:
            context = {"overviews": overviews(self._policies.config, decided, has_advisories=has_advisories)}
            return await self._helper.do(helper.plain, PlainJob(frame, "indexes.html", context))

        return await self._press.page(asked, "indexes/", self._policies.version, "indexes", make)

    async def _person(self, asked: Asked, kind: Literal["user", "org"]) -> Response:
        person = await self._persons.of(
            kind, asked.page.name, lambda: self._press.admit(asked.request.client, PERSON_MS)
        )
        listed = self._persons.shown(person)[:PARTS_SHOWN_MAX]

        async def make(frame: Frame) -> Painted:
            groups = []
            for index in dict.fromkeys(index for index, _, _ in listed):
                parts = [(project, role) for where, project, role in listed if where == index]
                briefs = await self._briefs.of(index, [project for project, _ in parts])
                told = [
                    replace(brief, role="" if kind == "org" else role)
                    for brief, (_, role) in zip(briefs, parts, strict=True)
                ]
                groups.append(("" if index == DEFAULT_INDEX else index, self._press.root(index), told))
            context = {"kind": kind, "display": person.display, "count": len(listed), "groups": groups}
            return await self._helper.do(helper.plain, PlainJob(frame, "person.html", context))

        parts_told = [[index, project, role] for index, project, role in listed]
        made_from = json.dumps([person.display, parts_told, len(self._reader.state().removed)])
        address = f"{kind}/{person.name}/"
        return await self._press.page(asked, address, made_from, f"{kind}/{quote(person.name, safe='')}", make)

    def _demand_search(self) -> None:
        """Raises Unavailable while operators have search switched off."""
        now = self._clock.now()
        for switch in self._policies.switches:
            if switch.capability == "search" and switch.is_in_force(now):
                raise Unavailable(switch.sentence(), retry_after_seconds=SWITCHED_OFF_SECONDS)

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


_MANY = "This client asked for more pages than its share."
_SEARCH_IS_AWAY = (
    "Nothing can be searched right now",
    "Projects have their pages meanwhile, and installs go on: browse, or write /project/ and a name into the address.",
)
_TOLD = {
    401: ("This index is private", "Who may read it makes a token in their account."),
    403: ("Not let through", "A rule of this index keeps it back."),
    404: ("There is nothing here", "The address may be misspelt, or what was here is gone."),
    405: ("This page can only be read", ""),
    410: ("Taken down", ""),
    451: ("Taken down for legal reasons", ""),
    429: ("Too many pages at once", "Wait a moment, then ask again."),
    503: (
        "This cannot be told right now",
        "It is not a sign that it is not there. Please try again in a moment.",
    ),
    504: ("Not kept here", ""),
}
