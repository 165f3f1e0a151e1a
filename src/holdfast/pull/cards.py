"""Finds what is known of a file whose URL was once given out: its own card, else the card books it may be in."""

from collections.abc import Iterable

from holdfast.core.errors import Absent, Corrupt
from holdfast.core.filenames import project_candidates
from holdfast.core.model import Card
from holdfast.pull.helper import BookJob, FoundCard, card_of
from holdfast.pull.helpers import Helpers
from holdfast.pull.shelf import Shelf
from holdfast.pull.upstream import label_of
from holdfast.tree import addresses
from holdfast.tree.card import decode_card, encode_card, merge_card

Hashes = tuple[tuple[str, str], ...]  # (algorithm, hex)


class Cards:
    """The cards of one upstream."""

    def __init__(self, upstream: str, shelf: Shelf, helpers: Helpers) -> None:
        self._upstream = upstream
        self._shelf = shelf
        self._helpers = helpers

    async def of(self, sha256: str, filename: str) -> Card:
        """The card of a file. Raises Absent when no page ever listed it, Unavailable when that cannot be known."""
        own = await self._own(sha256, filename)
        if own is not None:
            return own
        return await self._in_books(project_candidates(filename), sha256, filename)

    async def of_unhashed(self, project: str, filename: str) -> tuple[Card, Hashes]:
        """The card of a file that was listed without sha256, and its page's other digests. Raises as `of`.

        The card has a sha256 when a fetch found it out, and the page still lists the same bytes.
        """
        book = await self._shelf.find(addresses.card_book(self._upstream, project))
        page = await self._shelf.find(addresses.pulled_page(self._upstream, project))
        found = await self._helpers.find_card(BookJob(book, "", filename, page)) if book is not None else FoundCard()
        card = card_of(found)
        if card is None:
            raise Absent(f"{label_of(self._upstream)} never listed {filename} for {project}")
        return card, found.hashes

    async def keep(self, card: Card) -> None:
        """Write the file's own card, never forgetting what it knew. Raises Unavailable."""
        old = await self._own(card.sha256, card.filename)
        new = merge_card(old, card) if old else card
        if new != old:
            await self._shelf.put(addresses.card(self._upstream, card.sha256, card.filename), encode_card(new))

    async def _own(self, sha256: str, filename: str) -> Card | None:
        data = await self._shelf.find(addresses.card(self._upstream, sha256, filename))
        if data is None:
            return None
        try:
            return decode_card(data)
        except Corrupt:
            return None  # the book has it too, and keeping the file writes it anew

    async def _in_books(self, projects: Iterable[str], sha256: str, filename: str) -> Card:
        """Raises Corrupt only when no other book has the file: a broken book may be the one that lists it."""
        broken: Corrupt | None = None
        for project in projects:
            data = await self._shelf.find(addresses.card_book(self._upstream, project))
            if data is None:
                continue
            try:
                found = card_of(await self._helpers.find_card(BookJob(data, sha256, filename)))
            except Corrupt as error:
                broken = error
                continue
            if found is not None:
                return found
        if broken is not None:
            raise broken
        raise Absent(f"{label_of(self._upstream)} never listed {filename} with these bytes")
