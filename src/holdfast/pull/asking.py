"""One question for a project's page to one Simple API: the upstream's own, or a mirror's."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.core.errors import Unavailable
from holdfast.pull.body import read_whole
from holdfast.pull.upstream import Upstream

BODY_BUDGETS = 5  # a large page that keeps arriving may take this many page budgets, behind the 503 of its waiters
ETAG_CHARS_MAX = 256
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"


@dataclass(frozen=True, slots=True)
class Turn:
    """Whom to ask, how long headers may take, and whether there is somebody to ask afterwards."""

    base: str
    seconds: float
    from_mirror: bool
    is_last: bool


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page as it came: still encoded, not yet believed."""

    url: str
    body: bytes
    encoding: str
    content_type: str
    etag: str
    from_mirror: bool = False


def turns(upstream: Upstream, seconds: float) -> Iterator[Turn]:
    """The upstream, then its mirrors, within `seconds` from now: each may use half of what is left, the last all."""
    now = asyncio.get_running_loop().time
    deadline = now() + seconds
    bases = (upstream.url, *upstream.mirrors)
    for number, base in enumerate(bases):
        is_last = number == len(bases) - 1
        left = deadline - now()
        if left <= 0 and number:
            return
        yield Turn(base, left if is_last else left / 2, from_mirror=number > 0, is_last=is_last)


async def ask_page(upstream: Upstream, turn: Turn, name: str, etag: str, via: str) -> Fetched | None:
    """The page as bytes, or None when it is still the one with that ETag. Raises Absent, Unavailable.

    A mirror's ETag is of another server, so it is neither sent nor kept.
    """
    config, seconds = upstream.config, turn.seconds
    headers = {"Accept": ACCEPT, "Accept-Encoding": "gzip"}
    if etag and not turn.from_mirror:
        headers["If-None-Match"] = etag
    url, subject = f"{turn.base}{name}/", f"the page of {name}"
    async with (
        upstream.page_gate.within(seconds),
        upstream.get(url, subject, headers=headers, seconds=seconds, via=via, patient=turn.is_last) as response,
    ):
        # A body may take longer as long as it moves; one that stalls must not hold up who asks after it.
        body = await read_whole(
            response,
            upstream,
            config.page_bytes_max,
            seconds=seconds * BODY_BUDGETS,
            idle_seconds=min(config.idle_seconds, seconds / 2),
        )
    if response.status == 304 and "If-None-Match" in headers:
        return None
    if response.status != 200:
        raise Unavailable(f"{upstream.label} answers with status {response.status} for {subject}")
    received = response.headers
    new_etag = received.get("ETag", "")
    return Fetched(
        url=str(response.url),
        body=body,
        encoding=received.get("Content-Encoding", "").strip().lower(),
        content_type=received.get("Content-Type", ""),
        etag=new_etag if len(new_etag) <= ETAG_CHARS_MAX and not turn.from_mirror else "",
        from_mirror=turn.from_mirror,
    )
