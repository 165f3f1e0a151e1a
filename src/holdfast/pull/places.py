"""The places one file may be fetched from, in order: every URL its card knows, then its upstream's mirrors.

Mirrors are looked up only when they are needed, and a file that its own upstream says is gone is not sought there:
a mirror may stand in for a source that cannot answer, not overrule one that did.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp

from holdfast.core.errors import Absent, Unavailable
from holdfast.core.model import Card
from holdfast.pull.upstream import Upstream

TURN_SECONDS_MIN = 1.0  # for the headers of each place, however little of the first byte's time is left


class Places:
    """The places of one card, by number, and the time their headers may take together."""

    def __init__(self, card: Card, upstream: Upstream, via: str, seconds: float = 0.0) -> None:
        """`seconds` is the time of all headers together, unless told otherwise that of a file's first byte."""
        self._urls = list(card.upstream_urls)
        self._elsewhere = upstream.elsewhere(card, via) if upstream.elsewhere and upstream.mirrors else None
        self._now = asyncio.get_running_loop().time
        self._deadline = self._now() + (seconds or upstream.config.first_byte_seconds)

    async def at(self, number: int, trouble: Absent | Unavailable | None = None) -> str | None:
        """The URL of that place, or None when there are no more worth asking after `trouble` at those before."""
        while number >= len(self._urls):
            if self._elsewhere is None or isinstance(trouble, Absent):
                return None
            url = await anext(self._elsewhere, None)
            if url is None:
                self._elsewhere = None
                return None
            self._urls.append(url)
        return self._urls[number]

    async def around(self, number: int) -> str:
        """As `at`, beginning again after the last. There must be one place at least."""
        return await self.at(number) or self._urls[number % len(self._urls)]

    def is_last(self, number: int) -> bool:
        """Whether nobody is known to come after that place."""
        return self._elsewhere is None and number >= len(self._urls) - 1

    def seconds(self, number: int) -> float:
        """How long the headers of that place may take: half of what is left while there are others, else all."""
        left = self._deadline - self._now()
        return max(TURN_SECONDS_MIN, left) if self.is_last(number) else max(TURN_SECONDS_MIN, left / 2)


@asynccontextmanager
async def answering(
    card: Card,
    upstream: Upstream,
    via: str,
    headers: Mapping[str, str],
    *,
    subject: str = "",
    seconds: float = 0.0,
    address: Callable[[str], str] = str,
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer of the first place that has one. Raises Absent, Unavailable.

    What belongs to a file and lies beside it is asked for at its `address`, made from the file's own.
    """
    places = Places(card, upstream, via, seconds)
    trouble: Absent | Unavailable | None = None
    number = 0
    while (url := await places.at(number, trouble)) is not None:
        async with AsyncExitStack() as stack:
            try:
                request = upstream.get(
                    address(url),
                    subject or card.filename,
                    headers=headers,
                    seconds=places.seconds(number),
                    via=via,
                    patient=places.is_last(number),
                )
                response = await stack.enter_async_context(request)
            except (Absent, Unavailable) as error:
                trouble = worse(trouble, error)
                number += 1
                continue
            yield response
            return
    raise trouble or unknown(card)


def worse(before: Absent | Unavailable | None, error: Absent | Unavailable) -> Absent | Unavailable:
    """Which of two outcomes counts: one place that cannot say outweighs others that say no."""
    return before if isinstance(before, Unavailable) else error


def unknown(card: Card) -> Unavailable:
    """What is said of a file without any place."""
    return Unavailable(f"nobody knows any more where {card.filename} can be fetched")
