"""One upstream file into one growing file, going on by Range when the source dies midway."""

import asyncio
import re

import aiohttp

from holdfast.core.errors import Absent, Unavailable
from holdfast.core.model import Card
from holdfast.pull.body import chunks
from holdfast.pull.growing import Growing
from holdfast.pull.places import Places, unknown, worse
from holdfast.pull.upstream import Upstream

RESUMES_MAX = 5  # in a row without a byte of progress; with doubling pauses that is about 8 s
PAUSE_SECONDS = 0.25
IDENTITY = {"Accept": "*/*", "Accept-Encoding": "identity"}
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


async def download(card: Card, growing: Growing, upstream: Upstream, via: str = "") -> None:
    """Receive the whole file. Raises Absent, Unavailable."""
    places = Places(card, upstream, via)
    trouble: Absent | Unavailable | None = None
    number = 0
    while (url := await places.at(number, trouble)) is not None:  # newest first; older ones serve when it has gone
        try:
            patient = places.is_last(number)
            await _receive(card, url, growing, upstream, via, places.seconds(number), patient=patient)
        except (Absent, Unavailable) as error:
            trouble = worse(trouble, error)
            if growing.received:
                break
        else:
            return
        number += 1
    if growing.received and isinstance(trouble, Unavailable):
        await _go_on(card, trouble, growing, upstream, via, places, number)
        return
    raise trouble or unknown(card)


async def _go_on(
    card: Card, trouble: Unavailable, growing: Growing, upstream: Upstream, via: str, places: Places, broken: int
) -> None:
    """Try to complete what broke off, from every place in turn, those after the `broken` one first."""
    failures = tries = 0
    while failures < RESUMES_MAX:
        await asyncio.sleep(PAUSE_SECONDS * 2**failures)
        before = growing.received
        upstream.counters.file_resumes += 1
        tries += 1
        try:
            url = await places.around(broken + tries)
            await _receive(card, url, growing, upstream, via, upstream.config.first_byte_seconds)
        except (Absent, Unavailable) as error:
            failures = 1 if growing.received > before else failures + 1
            trouble = Unavailable(error.reason)
        else:
            return
    raise trouble


async def _receive(
    card: Card, url: str, growing: Growing, upstream: Upstream, via: str, seconds: float, *, patient: bool = True
) -> None:
    config = upstream.config
    headers = dict(IDENTITY)
    if growing.received:
        headers["Range"] = f"bytes={growing.received}-"
        if growing.etag and growing.etag_of == url:  # another server has another tag for the same bytes
            headers["If-Range"] = growing.etag
    async with upstream.get(url, card.filename, headers=headers, seconds=seconds, via=via, patient=patient) as response:
        skip = _begin(response, card, url, growing, upstream)
        has_started = False
        async for chunk in chunks(response, upstream, config.idle_seconds):
            if not has_started:
                upstream.alive(url)
                has_started = True
            skip, chunk = max(0, skip - len(chunk)), chunk[skip:]
            if growing.received + len(chunk) > _bytes_max(growing, upstream):
                raise Unavailable(f"{upstream.label} sends more of {card.filename} than it should have")
            if chunk:
                await growing.write(chunk)
        if growing.total is not None and growing.received < growing.total:
            raise aiohttp.ClientPayloadError("the body ended early")


def _begin(response: aiohttp.ClientResponse, card: Card, url: str, growing: Growing, upstream: Upstream) -> int:
    """Judge the headers; answers how many bytes at the start of the body are known already. Raises Unavailable."""
    odd = f"{upstream.label} answers for {card.filename} with"
    if response.content_type in ("text/html", "application/xhtml+xml"):
        raise Unavailable(f"{odd} an HTML page instead of the file")
    if response.status == 206 and growing.received:
        if not _continues(response, growing):
            raise Unavailable(f"{odd} another part than was asked for")
        return 0
    if response.status != 200:
        raise Unavailable(f"{odd} status {response.status}")
    length = response.content_length
    known = growing.total if growing.has_begun else card.size
    if None not in (length, known) and length != known:
        raise Unavailable(f"{odd} {length} bytes, while the file has {known}")
    if not growing.has_begun:
        growing.begin(length if length is not None else card.size)
        growing.etag, growing.etag_of = _strong_etag(response), url
    if growing.total is not None and growing.total > upstream.config.file_bytes_max:
        raise Unavailable(f"{card.filename} has {growing.total} bytes; the limit is {upstream.config.file_bytes_max}")
    return growing.received


def _continues(response: aiohttp.ClientResponse, growing: Growing) -> bool:
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != growing.received:
        return False
    return match[3] == "*" or growing.total is None or int(match[3]) == growing.total


def _bytes_max(growing: Growing, upstream: Upstream) -> int:
    return upstream.config.file_bytes_max if growing.total is None else growing.total


def _strong_etag(response: aiohttp.ClientResponse) -> str:
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else ""
