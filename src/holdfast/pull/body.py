"""Reading upstream bodies within limits of bytes and of silence."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp

from holdfast.core.errors import Unavailable
from holdfast.pull.upstream import Upstream


async def chunks(response: aiohttp.ClientResponse, upstream: Upstream, idle_seconds: float) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises TimeoutError when nothing comes for `idle_seconds`, or aiohttp's own errors."""
    while True:
        async with asyncio.timeout(idle_seconds):
            chunk = await response.content.readany()
        if not chunk:
            return
        upstream.counters.bytes += len(chunk)
        yield chunk


async def read_whole(
    response: aiohttp.ClientResponse, upstream: Upstream, bytes_max: int, *, seconds: float, idle_seconds: float
) -> bytes:
    """A bounded body. Raises Unavailable when it is too long, TimeoutError when it takes more than `seconds`."""
    too_long = f"{upstream.label} sends more than {bytes_max} bytes where that is the limit"
    if (response.content_length or 0) > bytes_max:
        raise Unavailable(too_long)
    parts, size = [], 0
    async with asyncio.timeout(seconds):
        async for chunk in chunks(response, upstream, idle_seconds):
            parts.append(chunk)
            size += len(chunk)
            if size > bytes_max:
                raise Unavailable(too_long)
    return b"".join(parts)
