"""Keeps the core metadata (PEP 658) that an upstream advertises for its files, verified where it gives a digest."""

import hashlib
from urllib.parse import urlsplit

import structlog

from holdfast.core.errors import Absent, Corrupt, Unavailable
from holdfast.core.model import Card
from holdfast.pull.body import read_whole
from holdfast.pull.cards import Cards
from holdfast.pull.download import IDENTITY
from holdfast.pull.files import DemandAllowed
from holdfast.pull.shelf import Shelf
from holdfast.pull.upstream import Upstream
from holdfast.tree import addresses
from holdfast.wire.single_flight import SingleFlight

log = structlog.get_logger()

METADATA_BYTES_MAX = 16 * 1024 * 1024


class Metadata:
    """The metadata sidecars of one upstream."""

    def __init__(self, upstream: Upstream, cards: Cards, shelf: Shelf, demand_allowed: DemandAllowed) -> None:
        self._upstream = upstream
        self._cards = cards
        self._shelf = shelf
        self._demand_allowed = demand_allowed
        self._flights: SingleFlight[str, int] = SingleFlight()

    async def ensure(self, sha256: str, filename: str, via: str = "") -> int:
        """Make sure the sidecar is in the store; answers its size. Raises Absent, Removed, Corrupt, Unavailable."""
        self._demand_allowed(sha256)
        info = await self._shelf.head(addresses.pulled_metadata(self._upstream.name, sha256))
        if info is not None:
            return info.size
        return await self._flights.run(f"{sha256}/{filename}", lambda: self._fetch(sha256, filename, via))

    async def close(self) -> None:
        """Give up what is under way."""
        await self._flights.drain()

    async def _fetch(self, sha256: str, filename: str, via: str) -> int:
        card = await self._cards.of(sha256, filename)
        if not card.has_metadata or not card.upstream_urls:
            raise Absent(f"{self._upstream.label} offers no metadata of {filename}")
        self._upstream.counters.metadata_fetches += 1
        body = await self._ask(card, via)
        found = hashlib.sha256(body).hexdigest()
        if card.metadata_sha256 and found != card.metadata_sha256:
            self._upstream.counters.corrupt += 1
            log.warning("the metadata of %s has another digest than announced", filename, upstream=self._upstream.name)
            raise Corrupt(f"the metadata of {filename} does not have the digest its page gave")
        if not body.lower().startswith(b"metadata-version:") and b"\nmetadata-version:" not in body[:65536].lower():
            raise Unavailable(f"{self._upstream.label} gave something else than the metadata of {filename}")
        await self._shelf.put(addresses.pulled_metadata(self._upstream.name, sha256), body)
        return len(body)

    async def _ask(self, card: Card, via: str) -> bytes:
        upstream = self._upstream
        url = metadata_url(card.upstream_urls[0])
        subject = f"the metadata of {card.filename}"
        seconds = upstream.config.page_budget_seconds
        async with (
            upstream.page_gate.within(seconds),
            upstream.get(url, subject, headers=IDENTITY, seconds=seconds, via=via) as response,
        ):
            if response.status != 200:
                raise Unavailable(f"{upstream.label} answers with status {response.status} for {subject}")
            return await read_whole(response, upstream, METADATA_BYTES_MAX, seconds=seconds, idle_seconds=seconds)


def metadata_url(url: str) -> str:
    """PEP 658: the file's URL with `.metadata` behind its path; a query (a signature) stays where it is."""
    parts = urlsplit(url)
    return parts._replace(path=parts.path + ".metadata").geturl()
