"""`browse/`: projects by classifier, several at once, from the catalogues."""

import json

from holdfast.core.simple_json import ListedProject
from holdfast.read.documents import list_key
from holdfast.read.people import browsing, helper
from holdfast.read.people.briefs import Briefs
from holdfast.read.people.helper import PagesHelper
from holdfast.read.people.jobs import Frame, Painted, PlainJob
from holdfast.read.people.press import PAGE_MS, Asked, Press
from holdfast.read.people.shelves import Shelves
from holdfast.read.stack import Stacks
from holdfast.read.workers import Workers
from holdfast.tree.reader import TreeReader
from holdfast.wire.messages import Response

BROWSE_MS_PER_NAME = 1 / 1500  # measured: 100,000 projects of 15 classifiers in 60 ms
COLLECTED_MAX = 1  # classifiers at once on a page that search engines may list: the others are endless


class BrowsePages:
    """The pages of one front."""

    def __init__(
        self,
        reader: TreeReader,
        stacks: Stacks,
        shelves: Shelves,
        briefs: Briefs,
        press: Press,
        workers: Workers,
        pages_helper: PagesHelper,
    ) -> None:
        self._reader = reader
        self._stacks = stacks
        self._shelves = shelves
        self._briefs = briefs
        self._press = press
        self._workers = workers
        self._helper = pages_helper

    async def answer(self, asked: Asked) -> Response:
        """The page. Raises OverBudget, Unavailable, Corrupt."""
        index = asked.page.index
        query = browsing.query_of(asked.request.query)
        shelves = await self._shelves.of(index)

        async def make(frame: Frame) -> Painted:
            found = await self._workers.in_thread(browsing.find, shelves, query, frame.root)
            listed = self._listed(found)
            context = {
                "found": found,
                "projects": await self._briefs.of(index, listed),
                "upstreams": self._stacks.upstreams(index),
            }
            return await self._helper.do(helper.plain, PlainJob(frame, "browse.html", context))

        surrogate = " ".join(list_key(one) for one in self._stacks.hosted(index))
        address = f"browse/{query.page}/{json.dumps(query.chosen)}"
        cost_ms = PAGE_MS + sum(len(shelf.names) for shelf in shelves) * BROWSE_MS_PER_NAME
        answer = await self._press.page(asked, address, shelves[0].mark, surrogate, make, cost_ms)
        if len(query.chosen) > COLLECTED_MAX or query.page > 1:
            answer.headers.append(("x-robots-tag", "noindex"))
        return answer

    def _listed(self, found: browsing.Found) -> list[ListedProject]:
        """What is shown, as the journal has it by now."""
        entries = [self._reader.state().find(index, name) for index, name in found.shown]
        return [
            ListedProject(entry.name, entry.display, entry.serial, entry.status)
            for entry in entries
            if entry is not None and not entry.gone and entry.status != "quarantined"
        ]
