"""Parts of files: from the growing file when they are there already, else relayed from the upstream and not kept."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from holdfast.core.errors import Unavailable
from holdfast.core.model import Card
from holdfast.pull.download import IDENTITY
from holdfast.pull.places import answering
from holdfast.pull.upstream import Upstream

CHEAP_BYTES_MAX = 1024 * 1024  # a file this small is fetched whole instead: the next range is then free
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def wanted_part(header: str, if_range: str, etag: str) -> tuple[int | None, int | None] | None:
    """First and last offset of a single-range request, (None, n) for the last n bytes; None = send the whole.

    Several ranges, other units and a validator that does not match may all be answered with the whole (RFC 9110).
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or (not match[1] and not match[2]) or (if_range and if_range != etag):
        return None
    first = int(match[1]) if match[1] else None
    last = int(match[2]) if match[2] else None
    if first is not None and last is not None and last < first:
        return None
    return first, last


def bounds(part: tuple[int | None, int | None], total: int) -> tuple[int, int] | None:
    """The part as offsets [start, end) of a file of `total` bytes, or None when it holds none of them (416)."""
    first, last = part
    if first is None:
        assert last is not None
        start, end = max(0, total - last), total
    else:
        start, end = first, total if last is None else min(last + 1, total)
    return (start, end) if start < end else None


@asynccontextmanager
async def relayed(
    card: Card, range_header: str, upstream: Upstream, via: str
) -> AsyncIterator[aiohttp.ClientResponse | None]:
    """The upstream's own answer to a range, or None when it knows no ranges. Raises Absent, Unavailable."""
    async with (
        upstream.file_gate.within(upstream.config.first_byte_seconds),
        answering(card, upstream, via, {**IDENTITY, "Range": range_header}) as response,
    ):
        if response.status == 200:
            yield None
            return
        total = response.headers.get("Content-Range", "").rpartition("/")[2]
        if response.status not in (206, 416) or (card.size is not None and total not in ("*", str(card.size))):
            raise Unavailable(f"{upstream.label} gave another part of {card.filename} than was asked for")
        upstream.counters.ranges_relayed += 1
        yield response
