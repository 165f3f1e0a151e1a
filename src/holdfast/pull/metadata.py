"""Keeps the core metadata (PEP 658) of an upstream's files: as it offers them, else made from the wheels.

From the cheapest source to the dearest: the kept wheel, the upstream's own sidecar, a few parts of the wheel, the
wheel whole. Only a whole and verified wheel can tell that there is none.
"""

import asyncio
import hashlib
from dataclasses import replace
from urllib.parse import urlsplit

import structlog

from holdfast.core.errors import Absent, Corrupt, Outcome, Unavailable
from holdfast.core.model import Card
from holdfast.pull.body import read_whole
from holdfast.pull.cards import Cards
from holdfast.pull.download import IDENTITY
from holdfast.pull.facts import WHOLE_BYTES_MAX, Learnt
from holdfast.pull.files import DemandAllowed, Files
from holdfast.pull.growing import Growing
from holdfast.pull.pages import Pages
from holdfast.pull.places import answering
from holdfast.pull.shelf import Shelf
from holdfast.pull.wheel_metadata import is_metadata
from holdfast.pull.wheels import Found, NoMetadataError, NoPartsError, Wheels
from holdfast.tree import addresses
from holdfast.wire.single_flight import SingleFlight

log = structlog.get_logger()

SIDECAR_BYTES_MAX = 16 * 1024 * 1024
WHOLE_SECONDS = 15.0  # how long a request for metadata waits for a whole wheel; fetching it goes on behind the 503
KEPT_POLL_SECONDS = 0.01  # a verified file is in the store some milliseconds later


class Metadata:
    """The metadata sidecars of one upstream."""

    def __init__(
        self, pages: Pages, files: Files, cards: Cards, wheels: Wheels, shelf: Shelf, demand_allowed: DemandAllowed
    ) -> None:
        self._upstream = pages.upstream
        self._pages = pages
        self._files = files
        self._cards = cards
        self._wheels = wheels
        self._shelf = shelf
        self._demand_allowed = demand_allowed
        self._flights: SingleFlight[str, int] = SingleFlight()
        self._dear_flights: SingleFlight[str, int] = SingleFlight()

    async def ensure(self, sha256: str, filename: str, via: str = "") -> int:
        """Make sure the sidecar is in the store; answers its size. Raises Absent, Removed, Corrupt, Unavailable."""
        try:
            return await self._cheaply(sha256, filename, via)
        except _DearError as error:
            if not error.is_due:
                raise Absent(f"{self._upstream.label} offers no metadata of {filename}, a large wheel") from None
            key = f"{sha256}/{filename}"
            return await self._dear_flights.run(key, lambda: self._from_whole(sha256, filename, via))

    async def ahead(self, sha256: str, filename: str) -> None:
        """As `ensure`, but only if it takes no more than parts of the wheel or a small one. Never raises."""
        try:
            await self._cheaply(sha256, filename, "")
        except _DearError:
            return
        except Outcome as error:
            log.info("%s: no metadata ahead: %s", filename, error.reason, upstream=self._upstream.name)

    async def close(self) -> None:
        """Give up what is under way."""
        await self._flights.drain()
        await self._dear_flights.drain()

    async def _cheaply(self, sha256: str, filename: str, via: str) -> int:
        self._demand_allowed(sha256)
        info = await self._shelf.head(addresses.pulled_metadata(self._upstream.name, sha256))
        if info is not None:
            return info.size
        return await self._flights.run(f"{sha256}/{filename}", lambda: self._fetch(sha256, filename, via))

    async def _fetch(self, sha256: str, filename: str, via: str) -> int:
        """Raises _DearError when only the whole wheel would tell."""
        card = await self._cards.of(sha256, filename)
        is_wheel = filename.endswith(".whl")
        if not (card.has_metadata or is_wheel) or card.metadata_from == "none" or not card.upstream_urls:
            raise self._none(card)
        self._upstream.counters.metadata_fetches += 1
        if is_wheel and (size := await self._from_kept(card)) is not None:
            return size
        if card.has_metadata and not card.metadata_from:
            try:
                return await self._keep(card, await self._ask(card, via))
            except Absent:
                if not is_wheel:
                    await self._learn_none(card)
                    raise self._none(card) from None
                log.info("%s advertises metadata it does not have", self._upstream.label, file=filename)
        return await self._from_parts(card, via)

    async def _from_kept(self, card: Card) -> int | None:
        """From the kept wheel; None when there is none. Raises Absent when that has no metadata."""
        try:
            found = await self._wheels.kept(card)
        except NoMetadataError as error:
            log.info("%s", error, upstream=self._upstream.name)
            await self._learn_none(card)
            raise self._none(card) from None
        return await self._keep_made(card, found) if found is not None else None

    async def _from_parts(self, card: Card, via: str) -> int:
        total = card.size
        if self._pages.origins.gives_parts(card.upstream_urls[0]) is not False or total is None:
            try:
                return await self._keep_made(card, await self._wheels.remote(card, via))
            except NoMetadataError as error:
                log.info("%s; the whole of it may tell more", error, upstream=self._upstream.name)
                raise _DearError(card, error.total) from None
            except NoPartsError as error:
                total = error.total if total is None else total
        if total is None or total > WHOLE_BYTES_MAX:
            raise _DearError(card, total)
        return await self._from_whole(card.sha256, card.filename, via)

    async def _from_whole(self, sha256: str, filename: str, via: str) -> int:
        """Fetch the wheel as an install would, keep it, and look into it."""
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                opened = await self._files.open(sha256, filename, via)
                if isinstance(opened, Growing):
                    await opened.finished()
                while (found := await self._from_kept(await self._cards.of(sha256, filename))) is None:
                    if self._files.arriving(sha256, filename) is None:
                        break
                    await asyncio.sleep(KEPT_POLL_SECONDS)
        except TimeoutError:
            found = None
        if found is None:
            raise Unavailable(f"the metadata of {filename} is still being made; ask again", retry_after_seconds=2)
        return found

    async def _keep_made(self, card: Card, found: Found) -> int:
        return await self._keep(replace(card, metadata_from="wheel", size=found.total), found.metadata)

    async def _keep(self, card: Card, body: bytes) -> int:
        """Store the sidecar, and the card that holds later reads to it. Raises Corrupt, Unavailable."""
        digest = hashlib.sha256(body).hexdigest()
        if card.metadata_sha256 and digest != card.metadata_sha256:
            self._upstream.counters.corrupt += 1
            log.warning(
                "the metadata of %s has another digest than announced", card.filename, upstream=self._upstream.name
            )
            raise Corrupt(f"the metadata of {card.filename} does not have the digest its page gave")
        if not is_metadata(body):
            raise Unavailable(f"{self._upstream.label} gave something else than the metadata of {card.filename}")
        key = addresses.pulled_metadata(self._upstream.name, card.sha256)
        if card.metadata_sha256 and not card.metadata_from:
            await self._shelf.put(key, body)
            return len(body)
        # Each is good without the other: a resolver waits for both, so both at once.
        known = replace(card, has_metadata=True, metadata_sha256=digest)
        await asyncio.gather(self._shelf.put(key, body), self._cards.keep(known))
        fact = Learnt(card.filename, card.sha256, card.size, digest, card.metadata_from)
        self._pages.learn_later(card.project, fact)
        return len(body)

    async def _learn_none(self, card: Card) -> None:
        """Let page and book know at once: a client may give up on metadata that was promised. Raises Unavailable."""
        self._pages.learn_later(card.project, Learnt(card.filename, card.sha256, card.size, "", "none"))
        await self._pages.learn(card.project)

    def _none(self, card: Card) -> Absent:
        return Absent(f"{self._upstream.label} offers no metadata of {card.filename}, and it has none")

    async def _ask(self, card: Card, via: str) -> bytes:
        """The upstream's own sidecar. Raises Absent, Unavailable."""
        upstream = self._upstream
        subject = f"the metadata of {card.filename}"
        seconds = upstream.config.page_budget_seconds
        async with (
            upstream.page_gate.within(seconds),
            answering(
                card, upstream, via, IDENTITY, subject=subject, seconds=seconds, address=metadata_url
            ) as response,
        ):
            if response.status != 200:
                raise Unavailable(f"{upstream.label} answers with status {response.status} for {subject}")
            return await read_whole(response, upstream, SIDECAR_BYTES_MAX, seconds=seconds, idle_seconds=seconds)


class _DearError(Exception):
    """Only the wheel, fetched whole, would tell. That is due for a small one, and where metadata was promised."""

    def __init__(self, card: Card, total: int | None) -> None:
        super().__init__(card.filename)
        self.is_due = card.has_metadata or (total is not None and total <= WHOLE_BYTES_MAX)


def metadata_url(url: str) -> str:
    """PEP 658: the file's URL with `.metadata` behind its path; a query (a signature) stays where it is."""
    parts = urlsplit(url)
    return parts._replace(path=parts.path + ".metadata").geturl()
