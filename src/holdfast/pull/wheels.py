"""Reads METADATA out of wheels: of kept ones from the store, of others by a few requests for parts of them."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from holdfast.core.errors import Unavailable
from holdfast.core.model import Card
from holdfast.pull.body import read_whole
from holdfast.pull.download import IDENTITY
from holdfast.pull.helpers import Helpers
from holdfast.pull.origins import Origins
from holdfast.pull.places import answering
from holdfast.pull.shelf import Shelf
from holdfast.pull.upstream import Upstream
from holdfast.pull.wheel_metadata import TAIL_BYTES, WHEEL_BYTES_MAX, Piece, WheelJob
from holdfast.tree import addresses

REQUESTS_MAX = 4  # for one wheel: tail, directory, member, and one that a local header longer than told needs
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")

Fetch = Callable[[int, int], Awaitable[bytes]]  # bytes [start, end) of the wheel


class NoPartsError(Exception):
    """The upstream gives wheels only whole. `total` is this one's size, if it said so."""

    def __init__(self, total: int | None) -> None:
        super().__init__(total)
        self.total = total


class NoMetadataError(Exception):
    """What was read of the wheel, which has `total` bytes, leads to no METADATA."""

    def __init__(self, said: str, total: int) -> None:
        super().__init__(said)
        self.total = total


@dataclass(frozen=True, slots=True)
class Found:
    """METADATA exactly as the wheel has it, and the wheel's size."""

    metadata: bytes
    total: int


class Wheels:
    """The wheels of one upstream."""

    def __init__(self, upstream: Upstream, shelf: Shelf, helpers: Helpers, origins: Origins) -> None:
        self._upstream = upstream
        self._shelf = shelf
        self._helpers = helpers
        self._origins = origins

    async def kept(self, card: Card) -> Found | None:
        """From the store, or None when the wheel is not kept. Raises NoMetadataError, Unavailable."""
        key = addresses.pulled_file(self._upstream.name, card.sha256)
        info = await self._shelf.head(key)
        if info is None:
            return None

        async def fetch(start: int, end: int) -> bytes:
            return await self._shelf.run(lambda: self._shelf.store.read(key, start, end - start))

        start = max(0, info.size - TAIL_BYTES)
        return await self._read(card, info.size, Piece(start, await fetch(start, info.size)), fetch)

    async def remote(self, card: Card, via: str) -> Found:
        """By parts, from the upstream. Raises NoPartsError, NoMetadataError, Absent, Unavailable."""
        if not card.upstream_urls:
            raise Unavailable(f"nobody knows any more where {card.filename} can be fetched")
        try:
            total, tail = await self._tail(card, via)
        except NoPartsError:
            self._origins.saw(card.upstream_urls[0], parts=False)
            raise

        async def fetch(start: int, end: int) -> bytes:
            return (await self._part(card, f"bytes={start}-{end - 1}", end - start, via))[1].data

        found = await self._read(card, total, tail, fetch)
        self._origins.saw(card.upstream_urls[0], parts=True)
        return found

    async def _read(self, card: Card, total: int, tail: Piece, fetch: Fetch) -> Found:
        """Ask the helper, and fetch what it wants, within bounds of requests and bytes."""
        pieces, size = [tail], len(tail.data)
        for _ in range(REQUESTS_MAX):
            answer = await self._helpers.read_wheel(WheelJob(card.filename, total, tuple(pieces)))
            if answer.metadata:
                return Found(answer.metadata, total)
            if answer.wanted is None:
                raise NoMetadataError(answer.refused, total)
            start, end = answer.wanted
            size += end - start
            if size > WHEEL_BYTES_MAX:
                break
            pieces.append(Piece(start, await fetch(start, end)))
        raise NoMetadataError(f"the METADATA of {card.filename} lies behind too much else", total)

    async def _tail(self, card: Card, via: str) -> tuple[int, Piece]:
        """The wheel's size and its end. Raises NoPartsError, Absent, Unavailable."""
        if card.size is None:
            try:
                return await self._part(card, f"bytes=-{TAIL_BYTES}", TAIL_BYTES, via)
            except _OnlySuffixError as error:
                size = error.total
        else:
            size = card.size
        start = max(0, size - TAIL_BYTES)
        return await self._part(card, f"bytes={start}-{size - 1}", size - start, via)

    async def _part(self, card: Card, extent: str, bytes_max: int, via: str) -> tuple[int, Piece]:
        """One part of the wheel, and the size of the whole."""
        upstream, subject = self._upstream, f"a part of {card.filename}"
        seconds = upstream.config.page_budget_seconds
        headers = {**IDENTITY, "Range": extent}
        async with (
            upstream.file_gate.within(seconds),
            answering(card, upstream, via, headers, subject=subject, seconds=seconds) as response,
        ):
            if response.status == 200:
                # Leaving here closes the connection: nothing of the body is read.
                raise _whole_instead(response, extent)
            match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if response.status != 206 or match is None:
                raise Unavailable(f"{upstream.label} gave something else than {subject}")
            start, end, total = int(match[1]), int(match[2]) + 1, int(match[3])
            is_asked_for = extent in (f"bytes={start}-{end - 1}", f"bytes=-{TAIL_BYTES}") and start < end <= total
            if not is_asked_for or end - start > bytes_max or card.size not in (None, total):
                raise Unavailable(f"{upstream.label} gave another part of {card.filename} than was asked for")
            data = await read_whole(response, upstream, end - start, seconds=seconds, idle_seconds=seconds)
            if len(data) != end - start:
                raise Unavailable(f"{upstream.label} gave less than {subject}")
        upstream.counters.ranges_relayed += 1
        return total, Piece(start, data)


class _OnlySuffixError(Exception):
    """The server gives parts, but not "the last n bytes": object stores exist that do so."""

    def __init__(self, total: int) -> None:
        super().__init__(total)
        self.total = total


def _whole_instead(response: aiohttp.ClientResponse, extent: str) -> Exception:
    total = response.content_length
    gives_parts = response.headers.get("Accept-Ranges", "").strip().lower() == "bytes"
    if total and gives_parts and extent.startswith("bytes=-"):
        return _OnlySuffixError(total)
    return NoPartsError(total)
