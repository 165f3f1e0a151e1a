"""Feeds: the newest releases and projects of an index from its catalogue, a project's releases from its records."""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from heapq import merge

from holdfast.config import DEFAULT_INDEX, Config
from holdfast.core.simple_json import url_segment
from holdfast.read.documents import list_key, project_key
from holdfast.read.people import headers, helper
from holdfast.read.people.addresses import FeedRoute, Page
from holdfast.read.people.feed_xml import MEDIA_TYPES, Channel, Item, feed
from holdfast.read.people.helper import PagesHelper
from holdfast.read.people.jobs import FeedJob, Frame, Painted
from holdfast.read.people.press import PAGE_MS, Asked, Press, asked
from holdfast.read.people.shelves import Shelf, Shelves
from holdfast.read.people.sources import ProjectSources
from holdfast.read.stack import Stacks
from holdfast.read.workers import Workers
from holdfast.tree.catalogue import PROJECTS_KEPT, RELEASES_KEPT, Released
from holdfast.tree.reader import TreeReader
from holdfast.tree.rendered import compress_page
from holdfast.wire.messages import Request, Response

_ENDINGS = {"rss": ".xml", "atom": ".atom"}


class Feeds:
    """The feeds of one front."""

    def __init__(
        self,
        config: Config,
        reader: TreeReader,
        stacks: Stacks,
        shelves: Shelves,
        sources: ProjectSources,
        press: Press,
        workers: Workers,
        pages_helper: PagesHelper,
    ) -> None:
        self._config = config
        self._reader = reader
        self._stacks = stacks
        self._shelves = shelves
        self._sources = sources
        self._press = press
        self._workers = workers
        self._helper = pages_helper

    async def answer(self, request: Request, route: FeedRoute, *, private: bool) -> Response:
        """The feed. Raises Absent, Refused, OverBudget, Unavailable, Corrupt."""
        wanted = asked(request, Page(route.index, "home"), private=private)
        if route.what == "releases":
            painted, found = await self._of_project(wanted, route)
            surrogate = " ".join(project_key(one, route.name) for one in self._stacks.hosted(route.index))
        else:
            painted, found = await self._of_index(wanted, route)
            surrogate = " ".join(list_key(one) for one in self._stacks.hosted(route.index))
        media_type = MEDIA_TYPES[route.format]
        told = headers.document(media_type, wanted.encoding, painted.tag, surrogate, private=private, cache=found)
        return Response(200, told, painted.body)

    async def _of_index(self, asked: Asked, route: FeedRoute) -> tuple[Painted, str]:
        shelves = await self._shelves.of(route.index)
        rows = self._rows(route, shelves)

        async def make(frame: Frame) -> Painted:
            return await self._workers.in_thread(self._paint, route, rows, frame)

        return await self._press.painted(asked, _address(route), shelves[0].mark, make, PAGE_MS / 2)

    async def _of_project(self, asked: Asked, route: FeedRoute) -> tuple[Painted, str]:
        gathered = await self._sources.gather(asked.request, route.index, route.name)

        async def make(frame: Frame) -> Painted:
            jobs = await self._sources.jobs(route.index, route.name, gathered)
            own_url = f"{self._config.index_url(route.index)}/{_address(route)}"
            return await self._helper.do(helper.project_feed, FeedJob(frame, jobs, route.format, own_url))

        return await self._press.painted(asked, _address(route), gathered.digest, make)

    def _rows(self, route: FeedRoute, shelves: tuple[Shelf, ...]) -> list[Released]:
        """The newest of every shelf, without what is not listed by now."""
        sides = [self._seen(route.index, shelf, _told(shelf, route)) for shelf in shelves]
        rows = list(merge(*sides, key=lambda row: -row.at))
        return rows[: RELEASES_KEPT if route.what == "updates" else PROJECTS_KEPT]

    def _seen(self, index: str, shelf: Shelf, rows: Iterable[Released]) -> Iterable[Released]:
        for row in rows:
            entry = self._reader.state().find(shelf.index, row.name)
            if entry is None or entry.gone or entry.status == "quarantined":
                continue
            if self._stacks.merges(index, row.name) or not self._stacks.is_taken_above(index, shelf.index, row.name):
                yield row

    def _paint(self, route: FeedRoute, rows: list[Released], frame: Frame) -> Painted:
        """Runs in a thread."""
        base = self._config.index_url(route.index)
        where = frame.site.host + ("" if route.index == DEFAULT_INDEX else f"/{route.index}")
        if route.what == "updates":
            title, text = f"Newest releases on {where}", "The releases that were uploaded last"
        else:
            title, text = f"Newest projects on {where}", "The projects that appeared last"
        channel = Channel(title, f"{base}/", f"{base}/{_address(route)}", text)
        body = feed(route.format, channel, [_item(row, base) for row in rows])
        return Painted(compress_page(body, frame.encoding), sha256(body).hexdigest()[:32])


def _told(shelf: Shelf, route: FeedRoute) -> tuple[Released, ...]:
    return shelf.catalogue.releases if route.what == "updates" else shelf.catalogue.projects


def _item(row: Released, base: str) -> Item:
    at = datetime.fromtimestamp(row.at, UTC)
    if row.version:
        url = f"{base}/project/{row.name}/{url_segment(row.version)}/"
        return Item(f"{row.display} {row.version}", url, row.summary, at)
    return Item(f"{row.display} is new here", f"{base}/project/{row.name}/", row.summary, at)


def _address(route: FeedRoute) -> str:
    """Below the index's root."""
    place = f"project/{route.name}/releases" if route.what == "releases" else route.what
    return f"rss/{place}{_ENDINGS[route.format]}"
