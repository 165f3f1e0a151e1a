"""All that is there for people, put together by hand: the pages, their assets, and errors told as pages."""

import json

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.core.errors import Outcome
from holdfast.pages.values import sentence
from holdfast.read.listing import ProjectLists
from holdfast.read.merged import MergedPages
from holdfast.read.ownership import Ownership
from holdfast.read.people import headers
from holdfast.read.people.addresses import FeedRoute, Page
from holdfast.read.people.assets import AssetAnswers
from holdfast.read.people.helper import PagesHelper
from holdfast.read.people.pages import PeoplePages
from holdfast.read.people.sources import ProjectSources
from holdfast.read.policies import Policies
from holdfast.read.pull_port import Pull
from holdfast.read.pulled import PulledPages
from holdfast.read.stack import Stacks
from holdfast.read.workers import Workers
from holdfast.tree.reader import TreeReader
from holdfast.wire.messages import Request, Response

_KEPT = ("allow", "retry-after", "www-authenticate")  # what an error says besides its text


class People:
    """What a front answers to people."""

    def __init__(
        self,
        config: Config,
        reader: TreeReader,
        stacks: Stacks,
        policies: Policies,
        lists: ProjectLists,
        ownership: Ownership,
        merged: MergedPages,
        pulled: PulledPages,
        pull: Pull,
        workers: Workers,
        clock: Clock,
        pages_helper: PagesHelper | None = None,
    ) -> None:
        made_by = pages_helper or PagesHelper()
        bases = {index.name: config.index_url(index.name) for index in config.indexes}
        sources = ProjectSources(reader, ownership, merged, pulled, pull, workers, made_by, bases, clock)
        self._pages = PeoplePages(config, reader, stacks, policies, lists, sources, workers, made_by, clock)
        self._assets = AssetAnswers(reader, workers)

    async def page(self, request: Request, page: Page, *, private: bool) -> Response:
        """A page. Raises Absent, Removed, Refused, OverBudget, Unavailable, Corrupt."""
        return await self._pages.answer(request, page, private=private)

    async def feed(self, request: Request, route: FeedRoute, *, private: bool) -> Response:
        """A feed. Raises as `page`."""
        return await self._pages.feed(request, route, private=private)

    async def asset(self, request: Request, name: str) -> Response:
        """What pages are styled with. Raises Absent, Unavailable."""
        return await self._assets.answer(request, name)

    async def told(self, request: Request, page: Page, response: Response) -> Response:
        """An error on a page's address as a page: same status, same meaning. Itself when no page can be made now."""
        if response.status < 400 or not isinstance(response.body, bytes):
            return response
        try:
            text = str(json.loads(response.body)["detail"])
            body, encoding = await self._pages.error(request, page, response.status, sentence(text))
        except (Outcome, ValueError, KeyError, TypeError):
            return response
        fields = [*headers.error(encoding), *((name, value) for name, value in response.headers if name in _KEPT)]
        return Response(response.status, fields, body)

    def stop(self) -> None:
        self._pages.stop()
