"""Sending files to the pull socket: whole, in part, relayed or passed on. Whatever fails after the headers resets
the connection, so that nobody takes a part for the whole.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from aiohttp import web

from holdfast.core.errors import Outcome, Unavailable
from holdfast.core.model import Card
from holdfast.pull.facts import Learnt
from holdfast.pull.files import Files, KeptFile
from holdfast.pull.growing import Growing
from holdfast.pull.metadata import Metadata
from holdfast.pull.pages import Pages
from holdfast.pull.passing import passing
from holdfast.pull.ranges import CHEAP_BYTES_MAX, bounds, relayed
from holdfast.pull.upstream import Upstream

CLIENT_STALL_SECONDS = 300.0  # a reader that takes no byte for so long loses its connection
KEPT_HEADER = "X-Holdfast-Kept"
_VIA = re.compile(r"[A-Za-z0-9_.,-]{0,1024}")


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that serves one upstream."""

    upstream: Upstream
    pages: Pages
    files: Files
    metadata: Metadata


async def send_whole(request: web.Request, parts: Parts, opened: KeptFile | Growing) -> web.StreamResponse:
    if isinstance(opened, KeptFile):
        return _kept(opened)
    try:
        async with asyncio.timeout(parts.upstream.config.first_byte_seconds):
            await opened.begun()
            if opened.total is None:
                # Without a length nobody could tell a broken transfer from a whole one: wait for the end.
                await opened.finished()
    except TimeoutError:
        raise Unavailable(f"{opened.filename} is still being fetched; ask again") from None
    return await _stream(request, opened, 200, 0, opened.total, {})


async def pass_on(request: web.Request, parts: Parts, sha256: str, filename: str) -> web.StreamResponse:
    """The file without keeping it."""
    card = await parts.files.cards.of(sha256, filename)
    async with passing(card, parts.upstream, via_of(request)) as file:
        response = web.StreamResponse(headers={"Accept-Ranges": "bytes"})
        response.content_type = "application/octet-stream"
        response.content_length = file.size
        return await _send(request, response, file.blocks)


async def send_part(
    request: web.Request, parts: Parts, sha256: str, filename: str, part: tuple[int | None, int | None]
) -> web.StreamResponse | None:
    """The answer to a range request, or None when the whole file should be given instead."""
    kept = await parts.files.kept(sha256)
    growing = parts.files.arriving(sha256, filename)
    if growing is not None and growing.total is not None:
        wanted = bounds(part, growing.total)
        if wanted is not None and growing.has(wanted[1]):
            start, end = wanted
            extent = {"Content-Range": f"bytes {start}-{end - 1}/{growing.total}"}
            return await _stream(request, growing, 206, start, end, extent)
    if kept is not None:
        return None  # the ordinary way checks the name too
    card = await parts.files.cards.of(sha256, filename)
    if card.size is not None and card.size <= CHEAP_BYTES_MAX:
        opened = await parts.files.open(sha256, filename, via_of(request))
        if isinstance(opened, Growing):
            await opened.finished()
            return await _stream_part(request, opened, part)
        return _kept(opened)
    async with relayed(card, request.headers["Range"], parts.upstream, via_of(request)) as source:
        if source is None:
            return None
        headers = {key: source.headers[key] for key in ("Content-Range", "Content-Length") if key in source.headers}
        response = web.StreamResponse(status=source.status, headers=headers)
        return await _send(request, response, _relay(source.content.iter_any(), parts.upstream))


async def _stream_part(
    request: web.Request, growing: Growing, part: tuple[int | None, int | None]
) -> web.StreamResponse:
    """A part of a finished file."""
    assert growing.total is not None
    wanted = bounds(part, growing.total)
    if wanted is None:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{growing.total}"})
    extent = {"Content-Range": f"bytes {wanted[0]}-{wanted[1] - 1}/{growing.total}"}
    return await _stream(request, growing, 206, *wanted, extent)


async def _stream(
    request: web.Request, growing: Growing, status: int, start: int, end: int | None, headers: Mapping[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers={"Accept-Ranges": "bytes", **headers})
    response.content_type = "application/octet-stream"
    if end is not None:
        response.content_length = end - start
    return await _send(request, response, growing.blocks(start, end))


async def _relay(source: AsyncIterator[bytes], upstream: Upstream) -> AsyncIterator[bytes]:
    """The source's bytes. Raises Unavailable when it falls silent."""
    while True:
        try:
            async with asyncio.timeout(upstream.config.idle_seconds):
                chunk = await anext(source)
        except StopAsyncIteration:
            return
        upstream.counters.bytes += len(chunk)
        yield chunk


async def _send(request: web.Request, response: web.StreamResponse, blocks: AsyncIterator[bytes]) -> web.StreamResponse:
    """Send the blocks; when they fail the connection is reset, so that nobody takes the part for the whole."""
    await response.prepare(request)
    try:
        async for block in blocks:
            async with asyncio.timeout(CLIENT_STALL_SECONDS):
                await response.write(block)
        await response.write_eof()
    except BaseException as error:
        # The client left (then the fetch goes on without it), or the source failed. Whichever: no clean end.
        _reset(request)
        if not isinstance(error, Outcome | TimeoutError | ConnectionError):
            raise
    return response


def _reset(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def describe(request: web.Request, parts: Parts, sha256: str, filename: str) -> web.StreamResponse:
    """Size without fetching the file, where that can be had."""
    kept = await parts.files.kept(sha256)
    card = await parts.files.cards.of(sha256, filename)
    if kept is not None:
        return _kept(kept)
    size = card.size
    if size is None:
        size = await _size_by_range(parts, card, via_of(request))
        if size is not None:
            parts.pages.learn_later(card.project, Learnt(card.filename, card.sha256, size))
    if size is None:
        opened = await parts.files.open(sha256, filename, via_of(request))
        if isinstance(opened, Growing):
            await opened.begun()
            size = opened.total
        else:
            size = opened.size
    headers = {"Accept-Ranges": "bytes"}
    if size is not None:
        headers["Content-Length"] = str(size)
    return web.Response(headers=headers, content_type="application/octet-stream")


async def _size_by_range(parts: Parts, card: Card, via: str) -> int | None:
    """What the upstream says a file's size is when asked for its first byte; None when it knows no ranges.

    Plain pages tell no sizes, and uv asks HEAD before it reads a wheel's metadata by ranges.
    """
    growing = parts.files.arriving(card.sha256, card.filename)
    if growing is not None and growing.total is not None:
        return growing.total
    async with relayed(card, "bytes=0-0", parts.upstream, via) as source:
        total = source.headers.get("Content-Range", "").rpartition("/")[2] if source is not None else ""
        return int(total) if total.isascii() and total.isdigit() else None


def _kept(file: KeptFile) -> web.Response:
    return web.json_response({"sha256": file.sha256, "size": file.size}, headers={KEPT_HEADER: "1"})


def via_of(request: web.Request) -> str:
    """The instances the request came through already; anything that is no list of ids is dropped."""
    via = request.query.get("via", "")
    return via if _VIA.fullmatch(via) else ""
