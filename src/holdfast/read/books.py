"""Cards of files that are not kept yet: found in the card books of upstreams, without asking the pull process.

A file's URL from a lock file may come years after its page was seen; the book knows what the page said. So a file can
be judged before anything is fetched for it, and with pull and the upstream dead.
"""

from holdfast.core.errors import Absent, Corrupt
from holdfast.core.filenames import project_candidates
from holdfast.core.model import Card
from holdfast.read.workers import Workers
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.card import book_lacks, decode_book

SMALL_BOOK_BYTES = 24 * 1024  # compressed, about 200 files; below, it is read in a thread in 1 to 3 ms


class Books:
    """The card books of every upstream."""

    def __init__(self, store: Store, workers: Workers) -> None:
        self._store = store
        self._workers = workers

    async def find(self, upstream: str, sha256: str, filename: str) -> Card | None:
        """What the upstream's pages said of the file, or None if no book lists it. Raises Unavailable, Corrupt.

        A broken book counts only when no other one has the file: it may be the one that lists it.
        """
        broken: Corrupt | None = None
        for project in project_candidates(filename):
            try:
                found = await self._in_book(upstream, project, sha256, filename)
            except Corrupt as error:
                broken = error
                continue
            if found:
                return found[0]
        if broken is not None:
            raise broken
        return None

    async def named(self, upstream: str, project: str, filename: str) -> list[Card]:
        """Every file the upstream listed for the project under that name. Raises Unavailable, Corrupt."""
        return await self._in_book(upstream, project, "", filename)

    async def _in_book(self, upstream: str, project: str, sha256: str, filename: str) -> list[Card]:
        try:
            book = await self._workers.in_thread(self._store.get, addresses.card_book(upstream, project))
        except Absent:
            return []
        run = self._workers.in_helper if len(book) > SMALL_BOOK_BYTES else self._workers.in_thread
        return await run(search, book, sha256, filename)


def search(book: bytes, sha256: str, filename: str) -> list[Card]:
    """The cards of that name and digest ("" = whichever). Raises Corrupt."""
    if sha256 and book_lacks(book, sha256):
        return []
    return [card for card in decode_book(book) if card.filename == filename and sha256 in ("", card.sha256)]
