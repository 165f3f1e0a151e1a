"""What the front asks of the pull process, and what its answers mean."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import aiohttp

from holdfast.config import Config
from holdfast.core.errors import Absent, Corrupt, Outcome, Refused, Removed, Unavailable
from holdfast.core.model import parse_time
from holdfast.wire.client import Neighbour, OwnedChunks, read_whole
from holdfast.wire.messages import Headers

SLACK_SECONDS = 2.0  # on top of an upstream's own budget, so that pull's sentence arrives rather than ours
STATUS_SECONDS = 0.2
METADATA_SECONDS = 20.0  # may be made from a remote wheel by ranges
CHECK_SECONDS = 30.0  # hashes the whole file once more
STALL_SECONDS = 60.0  # without one byte of a file; pull gives up on its source well before
KEPT_HEADER = "X-Holdfast-Kept"


@dataclass(frozen=True, slots=True)
class PageFacts:
    digest: str
    fetched_at: datetime
    stale: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """The file is in the store under this digest."""

    sha256: str


@dataclass(frozen=True, slots=True)
class Arriving:
    """A file as it arrives: its status, the headers that describe it, and its bytes."""

    status: int
    headers: Headers
    length: int
    chunks: OwnedChunks

    async def close(self) -> None:
        """Give the connection back when nobody will read the chunks."""
        await self.chunks.aclose()


class Pull:
    """The pull process of this machine. Every method raises Unavailable when it cannot say."""

    def __init__(self, config: Config, neighbour: Neighbour) -> None:
        self._config = config
        self._neighbour = neighbour

    async def page(self, upstream: str, name: str, via: str, max_age: float) -> PageFacts:
        """Have the page in the store. Raises Absent, Refused, Unavailable, Corrupt."""
        target = f"/page/{upstream}/{name}?via={quote(via)}&max_age={max_age:g}"
        found = await self._ask(target, self._budget(upstream))
        try:
            return PageFacts(found["digest"], parse_time(found["fetched_at"]), bool(found["stale"]))
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable("the pull process gave an answer of another release") from error

    async def metadata(self, upstream: str, sha256: str, filename: str, via: str) -> None:
        """Have the core metadata in the store. Raises Absent, Refused, Removed, Unavailable, Corrupt."""
        await self._ask(f"/metadata/{upstream}/{sha256}/{quote(filename)}?via={quote(via)}", METADATA_SECONDS)

    async def check(self, upstream: str, sha256: str) -> None:
        """Have a kept file that was found damaged dropped. Raises Unavailable."""
        await self._ask(f"/check/{upstream}/{sha256}", CHECK_SECONDS, method="POST")

    async def status(self) -> Any:
        """What pull says of its upstreams, or None when it does not answer at once."""
        try:
            return await self._ask("/status", STATUS_SECONDS)
        except Outcome:
            return None

    async def file(
        self, method: str, target: str, upstream: str, range_header: str | None, if_range: str | None, via: str
    ) -> Kept | Arriving:
        """A file as `target` (`/file/...` or `/unhashed/...`) names it.

        Raises Absent, Refused, Removed, Unavailable, Corrupt. The chunks raise when the bytes turn out wrong or their
        source dies: the client must then see a broken connection.
        """
        headers = {k: v for k, v in (("Range", range_header), ("If-Range", if_range)) if v is not None}
        settings = self._config.upstream(upstream)
        seconds = (settings.first_byte_seconds if settings else 10.0) + SLACK_SECONDS
        async with AsyncExitStack() as stack:
            response = await stack.enter_async_context(
                self._neighbour.request(method, f"{target}?via={quote(via)}", headers=headers, seconds_max=seconds)
            )
            if response.status == 200 and response.headers.get(KEPT_HEADER):
                found = json.loads(await read_whole(response, "pull", seconds)) if method != "HEAD" else {}
                return Kept(str(found.get("sha256", "")))
            if response.status not in (200, 206, 416):
                raise _outcome(response.status, await read_whole(response, "pull", seconds))
            length = response.content_length
            if length is None:
                # Without a length a broken transfer could not be told from a complete one (wire/messages.py).
                raise Unavailable("the upstream does not say how long the file is")
            described = [(k.lower(), v) for k, v in response.headers.items() if k.lower() == "content-range"]
            chunks = OwnedChunks(_chunks(response, length), stack.pop_all().aclose)
            return Arriving(response.status, described, length, chunks)
        raise AssertionError("unreachable")

    def _budget(self, upstream: str) -> float:
        settings = self._config.upstream(upstream)
        return (settings.page_budget_seconds if settings else 6.0) + SLACK_SECONDS

    async def _ask(self, target: str, seconds_max: float, *, method: str = "GET") -> Any:
        async with self._neighbour.request(method, target, seconds_max=seconds_max) as response:
            body = await read_whole(response, "pull", seconds_max)
            if response.status != 200:
                raise _outcome(response.status, body)
        try:
            return json.loads(body)
        except ValueError as error:
            raise Unavailable("the pull process gave an answer that does not parse") from error


async def _chunks(response: aiohttp.ClientResponse, length: int) -> AsyncIterator[bytes]:
    left = length
    try:
        while left > 0:
            # One timer for each chunk, not for the file: a slow upstream is fine, a silent one is not.
            chunk = await _within(response)
            if not chunk:
                raise Unavailable("the file ended early")
            left -= len(chunk)
            yield chunk
    except (aiohttp.ClientError, OSError) as error:
        raise Unavailable("the file's transfer broke off") from error


async def _within(response: aiohttp.ClientResponse) -> bytes:
    async with asyncio.timeout(STALL_SECONDS):
        return await response.content.readany()


def _outcome(status: int, body: bytes) -> Outcome:
    try:
        told = json.loads(body)
        outcome, reason = str(told["outcome"]), str(told["reason"])
    except (ValueError, KeyError, TypeError):
        return Unavailable("the pull process gave an answer that does not parse")
    match outcome:
        case "absent":
            return Absent(reason)
        case "removed":
            return Removed(reason, legal=status == 451)
        case "refused":
            return Refused(reason)
        case "corrupt":
            return Corrupt(reason)
    retry_after = told.get("retry_after", 5)
    return Unavailable(reason, retry_after_seconds=retry_after if isinstance(retry_after, int) else 5)
