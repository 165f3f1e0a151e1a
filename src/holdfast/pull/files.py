"""Gives an upstream's files: from the store once they are verified, from the growing file while they arrive.

One fetch per file however many ask, and it goes on when they leave. Bytes before facts: a verified file is stored
before its card, so a crash in between costs a second fetch and never a card without bytes.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from holdfast.core.errors import Absent, Corrupt, Outcome, Unavailable
from holdfast.core.model import Card
from holdfast.pull.cache.room import Room
from holdfast.pull.cache.scrub import digest_of
from holdfast.pull.cards import Cards, Hashes
from holdfast.pull.download import download
from holdfast.pull.facts import Learnt
from holdfast.pull.growing import Growing
from holdfast.pull.pages import Pages
from holdfast.pull.shelf import Shelf
from holdfast.pull.upstream import Upstream
from holdfast.tree import addresses
from holdfast.wire.single_flight import SingleFlight

log = structlog.get_logger()

THREADS = 4  # hash and write what arrives

DemandAllowed = Callable[[str], None]  # raises Removed for a digest that was taken down, Unavailable if unknown


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A verified file in the store."""

    sha256: str
    size: int


class Files:
    """The files of one upstream; partial ones lie in `partial_folder`."""

    def __init__(
        self,
        upstream: Upstream,
        pages: Pages,
        cards: Cards,
        shelf: Shelf,
        partial_folder: Path,
        demand_allowed: DemandAllowed,
        room: Room,
    ) -> None:
        self.upstream = upstream
        self.cards = cards
        self._pages = pages
        self._shelf = shelf
        self._folder = partial_folder
        self._demand_allowed = demand_allowed
        self._room = room
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="files")
        self._growing: dict[str, Growing] = {}
        self._fetches: set[asyncio.Task[None]] = set()
        self._openings: SingleFlight[str, KeptFile | Growing] = SingleFlight()

    @property
    def growing(self) -> list[Growing]:
        """The files that are arriving."""
        return list(self._growing.values())

    async def open(self, sha256: str, filename: str, via: str = "") -> KeptFile | Growing:
        """The kept file, or the one that is arriving. Raises Absent, Removed, Corrupt, Unavailable."""
        self._demand_allowed(sha256)
        key = f"{sha256}/{filename}"
        return self._arriving(key) or await self._openings.run(key, lambda: self._open(key, sha256, filename, via))

    async def open_unhashed(self, project: str, filename: str, via: str = "") -> KeptFile | Growing:
        """As `open`, for a file whose page named no sha256."""
        key = f"-/{project}/{filename}"
        return self._arriving(key) or await self._openings.run(
            key, lambda: self._open_unhashed(key, project, filename, via)
        )

    def arriving(self, sha256: str, filename: str) -> Growing | None:
        """The file if it is arriving now."""
        return self._arriving(f"{sha256}/{filename}")

    async def kept(self, sha256: str) -> KeptFile | None:
        """The file if it is in the store. Raises Removed, Unavailable."""
        self._demand_allowed(sha256)
        info = await self._shelf.head(addresses.pulled_file(self.upstream.name, sha256))
        return KeptFile(sha256, info.size) if info else None

    async def check(self, sha256: str) -> bool:
        """Hash the kept file again; damaged bytes are dropped, so that the next request fetches good ones.

        False when they were damaged. Raises Unavailable.
        """
        key = addresses.pulled_file(self.upstream.name, sha256)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, digest_of, self._shelf.store, key)
        except Absent:
            return True
        if found == sha256:
            return True
        log.error("a kept file of upstream %s is damaged and is dropped", self.upstream.name, sha256=sha256)
        self.upstream.counters.corrupt += 1
        await self._shelf.delete(key)
        return False

    async def close(self) -> None:
        """Give up what is under way; every reader's connection breaks."""
        for task in list(self._fetches):
            task.cancel()
        await asyncio.gather(*self._fetches, return_exceptions=True)
        await self._openings.drain()
        self._threads.shutdown(wait=False)

    def _arriving(self, key: str) -> Growing | None:
        growing = self._growing.get(key)
        return growing if growing is not None and growing.failure is None else None

    async def _open(self, key: str, sha256: str, filename: str, via: str) -> KeptFile | Growing:
        kept = await self.kept(sha256)
        if kept is None:
            card = await self.cards.of(sha256, filename)
            return await self._start(key, card, (("sha256", sha256),), self._keep, via)
        if await self._has_card(sha256, filename):
            self.upstream.counters.file_hits += 1
            return kept
        # The same bytes are kept under another name: this name must have been listed too.
        card = await self.cards.of(sha256, filename)
        await self.cards.keep(replace(card, size=kept.size))
        self.upstream.counters.file_hits += 1
        return kept

    async def _has_card(self, sha256: str, filename: str) -> bool:
        return await self._shelf.head(addresses.card(self.upstream.name, sha256, filename)) is not None

    async def _open_unhashed(self, key: str, project: str, filename: str, via: str) -> KeptFile | Growing:
        card, hashes = await self.cards.of_unhashed(project, filename)
        if card.sha256:
            return await self.open(card.sha256, filename, via)
        return await self._start(key, card, hashes, self._keep_unhashed, via)

    async def _start(
        self,
        key: str,
        card: Card,
        hashes: Hashes,
        keep: Callable[[Card, str, Growing], Awaitable[None]],
        via: str,
    ) -> Growing:
        await self._demand_room(card)
        growing = Growing(self._folder / secrets.token_hex(16), card.filename, hashes, self._threads)
        self._growing[key] = growing
        self.upstream.counters.file_fetches += 1
        task = asyncio.create_task(self._fetch(key, card, growing, keep, via))
        self._fetches.add(task)
        task.add_done_callback(self._fetches.discard)
        return growing

    async def _demand_room(self, card: Card) -> None:
        """Refuse to begin what would fill the disk: a full one would also stop what is under way."""
        coming = sum(max(0, (file.total or 0) - file.received) for file in self._growing.values())
        await self._shelf.run(lambda: self._room.demand(card.filename, card.size or 0, coming))

    async def _fetch(
        self,
        key: str,
        card: Card,
        growing: Growing,
        keep: Callable[[Card, str, Growing], Awaitable[None]],
        via: str,
    ) -> None:
        """Receive, verify, release, keep: in that order, so that clients never wait for the disk."""
        counters = self.upstream.counters
        try:
            await self._receive(card, growing, via)
            sha256 = growing.verify()
            self._demand_allowed(sha256)
            growing.release()
            if card.size is None and card.sha256:
                self._pages.learn_later(card.project, Learnt(card.filename, sha256, growing.received))
            await keep(replace(card, sha256=sha256, size=growing.received), sha256, growing)
        except Outcome as error:
            counters.corrupt += isinstance(error, Corrupt)
            if not growing.is_verified:
                counters.file_failures += 1
                growing.fail(error)
            verb = "kept" if growing.is_verified else "fetched"
            log.warning("%s was not %s: %s", card.filename, verb, error.reason, upstream=self.upstream.name)
        finally:
            if not growing.is_verified and growing.failure is None:
                growing.fail(Unavailable("the fetch was given up"))
            self._growing.pop(key, None)
            growing.path.unlink(missing_ok=True)
            growing.end()

    async def _receive(self, card: Card, growing: Growing, via: str) -> None:
        async with self.upstream.file_gate.within(self.upstream.config.first_byte_seconds):
            await download(card, growing, self.upstream, via)

    async def _keep(self, card: Card, sha256: str, growing: Growing) -> None:
        await self._shelf.adopt_file(addresses.pulled_file(self.upstream.name, sha256), growing.path)
        await self.cards.keep(card)

    async def _keep_unhashed(self, card: Card, sha256: str, growing: Growing) -> None:
        """Keep the file, then let its book and its page know the digest it has."""
        await self._keep(card, sha256, growing)
        await self._pages.learn_digest(card)
