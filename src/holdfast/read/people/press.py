"""What every page for people goes through: made once, within what a client may have made, and kept until it changes.

What a page is made from is named by a digest, so nothing has to be invalidated.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

from holdfast import __version__
from holdfast.clock import Clock
from holdfast.config import DEFAULT_INDEX, Config
from holdfast.core.negotiation import Encoding, choose_encoding
from holdfast.pages.assets import assets
from holdfast.pages.values import Notice, Site
from holdfast.read.documents import HIT, MISS
from holdfast.read.people import headers
from holdfast.read.people.addresses import Page
from holdfast.read.people.finished import FinishedPages, Key
from holdfast.read.people.jobs import Frame, Painted
from holdfast.read.people.snippets import Place
from holdfast.read.policies import Policies
from holdfast.wire.admission import Admission
from holdfast.wire.messages import Request, Response
from holdfast.wire.single_flight import SingleFlight

PAGE_MS = 25.0  # of processor time, a page that has to be made; clients pay for these apart from installers' pages
TOTAL_MS, CLIENT_MS, BURST_SECONDS = 500.0, 300.0, 6.0
QUERY_BYTES_MAX = 4000

Make = Callable[[Frame], Awaitable[Painted]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a page, with what every answer to it depends on."""

    request: Request
    page: Page
    encoding: Encoding
    private: bool


def asked(request: Request, page: Page, *, private: bool) -> Asked:
    return Asked(request, page, choose_encoding(request.headers.get("accept-encoding")), private)


class Press:
    """The pages that one front has made, and may make."""

    def __init__(self, config: Config, policies: Policies, clock: Clock) -> None:
        self._config = config
        self._policies = policies
        self._clock = clock
        self._finished = FinishedPages()
        self._making: SingleFlight[tuple[Key, str], Painted] = SingleFlight(1000)
        self._admission = Admission(
            clock, total_ms_per_second=TOTAL_MS, client_ms_per_second=CLIENT_MS, burst_seconds=BURST_SECONDS
        )
        self._site = Site(config.base_url)
        # Another release may draw the same facts in another way.
        self._release = f"{__version__} {' '.join(sorted(assets()))}"

    async def page(
        self, asked: Asked, address: str, made_from: str, surrogate: str, make: Make, cost_ms: float = PAGE_MS
    ) -> Response:
        """The page at that address of its index, kept or made. `made_from` names all it says.

        Raises OverBudget, and what `make` raises.
        """
        painted, found = await self.painted(asked, address, made_from, make, cost_ms)
        pictures = asked.page.kind == "project" and self._config.description_images
        told = headers.page(
            asked.encoding, painted.tag, surrogate, private=asked.private, cache=found, pictures=pictures
        )
        return Response(200, told, painted.body)

    async def painted(
        self, asked: Asked, address: str, made_from: str, make: Make, cost_ms: float = PAGE_MS
    ) -> tuple[Painted, str]:
        """The finished document, and where it was found. Raises OverBudget, and what `make` raises."""
        frame = self.frame(asked.page.index, asked.encoding)
        notices = [[notice.kind, notice.text] for notice in frame.notices]
        digest = sha256(json.dumps([made_from, notices, self._release]).encode()).hexdigest()
        key = (asked.page.index, address, asked.encoding)
        painted = self._finished.get(key, digest, self._clock.now())
        if painted is not None:
            return painted, HIT
        self._admission.admit(asked.request.client, cost_ms)
        painted = await self._making.run((key, digest), lambda: make(frame))
        self._finished.put(key, digest, painted)
        return painted, MISS

    def admit(self, client: str, cost_ms: float) -> None:
        """Raises OverBudget."""
        self._admission.admit(client, cost_ms)

    def frame(self, index: str, encoding: Encoding) -> Frame:
        """What every page of the index says around what it is about."""
        settings = self._config.index(index)
        return Frame(
            self._site,
            self.root(index),
            Place(self._config.index_url(index), private=settings is not None and settings.private),
            "" if index == DEFAULT_INDEX else index,
            encoding,
            self._clock.now(),
            tuple(Notice(banner) for banner in self._policies.banners()),
        )

    def root(self, index: str) -> str:
        """The path of the index's own root, ends in a slash."""
        return urlsplit(self._config.index_url(index)).path.rstrip("/") + "/"


def fields(query: str, *names: str) -> list[str]:
    """The last value of each field of a query, "" without; a query of many fields has none of ours."""
    told = _parsed(query)
    return [told.get(name, [""])[-1] for name in names]


def every(query: str, name: str) -> list[str]:
    """Each value of a field that may be given several times."""
    return _parsed(query).get(name, [])


def _parsed(query: str) -> dict[str, list[str]]:
    try:
        return parse_qs(query, max_num_fields=20) if len(query) <= QUERY_BYTES_MAX else {}
    except ValueError:
        return {}
