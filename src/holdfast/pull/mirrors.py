"""Where else the very bytes of a file can be had: on mirrors, found by sha256, asked only when the rest failed."""

from collections import OrderedDict
from collections.abc import AsyncIterator

from holdfast.core.errors import Absent, Corrupt, Unavailable
from holdfast.core.model import Card
from holdfast.pull.asking import Turn, ask_page
from holdfast.pull.build import PageJob
from holdfast.pull.helper import BookJob, card_of
from holdfast.pull.helpers import Helpers
from holdfast.pull.kept import note
from holdfast.pull.upstream import Upstream
from holdfast.wire.single_flight import SingleFlight

BOOKS_MAX = 64  # mirrors' pages remembered, as card books: an install of one project asks for a few of its files
BOOK_SECONDS = 300.0
UNASKED_SECONDS = 30.0  # a mirror that could not give a project's page is not asked for it again so soon

Place = tuple[str, str]  # a mirror's base and a project


class Mirrors:
    """The mirrors of one upstream, as a source of files."""

    def __init__(self, upstream: Upstream, helpers: Helpers) -> None:
        self._upstream = upstream
        self._helpers = helpers
        self._books: OrderedDict[Place, tuple[float, bytes]] = OrderedDict()  # (until, book), b"" = none
        self._flights: SingleFlight[Place, bytes] = SingleFlight(BOOKS_MAX)

    async def urls(self, card: Card, via: str) -> AsyncIterator[str]:
        """Where mirrors list the card's filename with its sha256, one mirror after another."""
        if not card.sha256:
            return
        for base in self._upstream.mirrors:
            try:
                book = await self._book(base, card.project, via)
                if not book:
                    continue
                found = card_of(await self._helpers.find_card(BookJob(book, card.sha256, card.filename)))
            except (Corrupt, Unavailable):
                continue  # counted where it was met; the next mirror may know
            for url in found.upstream_urls if found is not None else ():
                if url not in card.upstream_urls:
                    yield url

    async def close(self) -> None:
        """Give up what is under way."""
        await self._flights.drain()

    async def _book(self, base: str, project: str, via: str) -> bytes:
        place = (base, project)
        until, book = self._books.get(place, (0.0, b""))
        if self._upstream.clock.monotonic() < until:
            return book
        return await self._flights.run(place, lambda: self._read(place, via))

    async def _read(self, place: Place, via: str) -> bytes:
        """The mirror's page as a card book, b"" when there is none to be had."""
        base, project = place
        upstream, now = self._upstream, self._upstream.clock.monotonic()
        # The client of the file waits, and its patience has to reach for the file itself too.
        turn = Turn(base, upstream.config.page_budget_seconds / 2, from_mirror=True, is_last=True)
        try:
            fetched = await ask_page(upstream, turn, project, "", via)
            assert fetched is not None, "nothing was asked conditionally"
            built = await self._helpers.build_page(
                PageJob(
                    upstream=upstream.name,
                    name=project,
                    url=fetched.url,
                    body=fetched.body,
                    content_encoding=fetched.encoding,
                    content_type=fetched.content_type,
                    etag="",
                    now=upstream.clock.now(),
                    bytes_max=upstream.config.page_bytes_max,
                )
            )
        except (Absent, Unavailable):
            note(self._books, place, (now + UNASKED_SECONDS, b""), BOOKS_MAX)
            return b""
        note(self._books, place, (now + BOOK_SECONDS, built.book), BOOKS_MAX)
        return built.book
