"""Files that cannot be kept because the disk is full: passed on to one client, verified on the way.

The last 64 KiB stay back here too. Nothing is shared and nothing remains, so this is for bad days only.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from holdfast.core.errors import Corrupt, Unavailable
from holdfast.core.model import Card
from holdfast.pull.body import chunks
from holdfast.pull.download import IDENTITY
from holdfast.pull.growing import HELD_BACK_BYTES
from holdfast.pull.places import answering
from holdfast.pull.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Passing:
    """A file on its way. Whoever reads `blocks` to the end without an error had the right bytes."""

    size: int
    blocks: AsyncIterator[bytes]


@asynccontextmanager
async def passing(card: Card, upstream: Upstream, via: str) -> AsyncIterator[Passing]:
    """Begin to pass a file on. Raises Absent, Unavailable."""
    async with (
        upstream.file_gate.within(upstream.config.first_byte_seconds),
        answering(card, upstream, via, IDENTITY) as response,
    ):
        size = response.content_length if response.content_length is not None else card.size
        if response.status != 200 or size is None or (card.size is not None and size != card.size):
            raise Unavailable(f"{upstream.label} gave something else than {card.filename}")
        yield Passing(size, _verified(response, card, size, upstream))


async def _verified(
    response: aiohttp.ClientResponse, card: Card, size: int, upstream: Upstream
) -> AsyncIterator[bytes]:
    hasher, tail, received = hashlib.sha256(), b"", 0
    async for chunk in chunks(response, upstream, upstream.config.idle_seconds):
        hasher.update(chunk)
        received += len(chunk)
        tail += chunk
        if len(tail) > HELD_BACK_BYTES:
            yield tail[:-HELD_BACK_BYTES]
            tail = tail[-HELD_BACK_BYTES:]
    if received != size or hasher.hexdigest() != card.sha256:
        upstream.counters.corrupt += 1
        raise Corrupt(f"{card.filename} does not have the bytes that were listed")
    yield tail
