"""Requests that are control's: the body to the spool, the bare request over the socket, held while control blinks.

Clients read an upload's answer in their own ways (uv takes any 503 as final, twine re-sends at once), so a short
absence of control is waited out here.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import nullcontext
from urllib.parse import quote

import aiohttp
import structlog

from holdfast.config import MIB, Config
from holdfast.core.errors import Outcome, Unavailable
from holdfast.core.form_cut import reference
from holdfast.core.logged_path import loggable
from holdfast.front.answer_times import AnswerTimes
from holdfast.front.herald import Heralds
from holdfast.front.page_answers import PageAnswers
from holdfast.front.spool import ClientGone, Spool, Spooled, TooLarge, TooSlow
from holdfast.pages import Site
from holdfast.read.answers import NOSNIFF, from_outcome, problem
from holdfast.store.port import DiskFull
from holdfast.wire.client import ANSWER_BYTES_MAX, Neighbour, OwnedChunks, Unreachable
from holdfast.wire.messages import Headers, Request, Response, StreamBody

log = structlog.get_logger(__name__)

REQUESTS_MAX = 256  # held or under way at control; each is one small task here
RETRY_SECONDS = 0.1  # between two attempts to reach a control that is starting
CHUNK_SECONDS_MAX = 60.0
FORM_BYTES_MAX = 1 * MIB  # of a page's form; control reads no more either
PAGE_HOLD_SECONDS = 2.0  # a person waits for a control that is just starting (again), but not for one that is dead
PAGE_SECONDS_MAX = 15.0  # longer than any page takes

# RFC 9110 §7.6.1, and what must not be believed from outside or makes no sense with an empty body.
_NOT_FORWARDED = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding "
    "upgrade content-length expect host forwarded x-forwarded-for x-forwarded-host x-forwarded-proto x-real-ip".split()
)
_NOT_ANSWERED = frozenset(
    "connection keep-alive transfer-encoding upgrade server date proxy-connection trailer".split()
)
_ONLY_PRINTABLE = dict.fromkeys((*range(32), 127))


class Forwarder:
    """One worker's way to control."""

    def __init__(self, config: Config, spool: Spool, times: AnswerTimes | None = None) -> None:
        self._config = config
        self._spool = spool
        self._times = times or AnswerTimes()
        self._pages = PageAnswers(Site(config.base_url))
        self._control = Neighbour("control", config.control_socket, REQUESTS_MAX)
        self._heralds = Heralds(config)

    async def forward(self, request: Request, *, page: bool = False) -> Response:
        """Control's answer, or why there is none. The spooled body is gone afterwards, whatever happened.

        `page`: a browser asks, whose forms are small, whose patience is short, and who reads HTML.
        """
        assert request.body is not None
        told, refused = (self._pages.problem, self._pages.refusal) if page else (_problem, _refusal)
        try:
            herald = self._heralds.of(request)
            limit = FORM_BYTES_MAX if page else 0
            spooled = await self._spool.receive(request.body, request.headers, limit, herald.arrived)
        except TooLarge as error:
            await self._spool.drain(request.body)
            return await told(413, error.reason, ("connection", "close"))
        except TooSlow as error:
            return await told(408, error.reason, ("connection", "close"))
        except DiskFull as error:
            log.error("a request's body was not taken: %s", error.reason, path=loggable(request.path))
            await self._spool.drain(request.body)
            return await told(507, error.reason)
        except Unavailable as error:
            log.warning("a request's body was not taken: %s", error.reason, path=loggable(request.path))
            await self._spool.drain(request.body)
            return await refused(error)
        except ClientGone:
            return await told(400, "the request ended before its body was whole", ("connection", "close"))
        try:
            return await self._ask(request, spooled, page)
        except Outcome as error:
            return await refused(error)
        finally:
            await self._spool.remove(spooled.name)

    async def stop(self) -> None:
        await self._heralds.stop()
        await self._control.close()

    async def _ask(self, request: Request, spooled: Spooled, page: bool) -> Response:
        """Send until control can be reached, for a bounded time after the body's last byte."""
        hold_seconds = min(PAGE_HOLD_SECONDS, self._config.hold_seconds) if page else self._config.hold_seconds
        # A page's request costs control nothing to speak of: it has a bound of its own, in Neighbour.
        seconds_max = PAGE_SECONDS_MAX if page else None
        request_id = secrets.token_hex(8)
        headers = forwarded_headers(request, spooled, request_id)
        target = quote(request.path, safe="/:@!$&'()*+,;=~-._") + (f"?{request.query}" if request.query else "")
        while True:
            try:
                return await self._once(request, target, headers, spooled.size, seconds_max)
            except Unreachable:
                if time.time() - spooled.ended_at + RETRY_SECONDS > hold_seconds:
                    log.warning("control did not come back in time", request=request_id, path=loggable(request.path))
                    raise Unavailable(
                        "uploads and management are down for a moment, installs are not; please try again",
                        retry_after_seconds=10,
                    ) from None
                await asyncio.sleep(RETRY_SECONDS)

    async def _once(
        self, request: Request, target: str, headers: dict[str, str], size: int, seconds_max: float | None
    ) -> Response:
        answer = self._control.request(request.method, target, headers=headers, seconds_max=seconds_max)
        async with nullcontext() if seconds_max is not None else self._times.bounded(size):
            response = await answer.__aenter__()
        try:
            body = await _read_start(response)
        except BaseException:
            await answer.__aexit__(None, None, None)
            raise
        fields = answered_headers(response)
        if len(body) < ANSWER_BYTES_MAX:
            await answer.__aexit__(None, None, None)
            return Response(response.status, fields, body)
        length = response.content_length
        if length is None:
            await answer.__aexit__(None, None, None)
            raise Unavailable("control sent a long answer without its length")
        fields.append(("content-length", str(length)))

        chunks = OwnedChunks(_chained(body, response.content.iter_any()), lambda: answer.__aexit__(None, None, None))
        return Response(response.status, fields, StreamBody(chunks))


async def _problem(status: int, detail: str, *headers: tuple[str, str]) -> Response:
    return problem(status, detail, *headers)


async def _refusal(outcome: Outcome) -> Response:
    return from_outcome(outcome)


async def _chained(start: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield start
    async for chunk in rest:
        yield chunk


async def _read_start(response: aiohttp.ClientResponse) -> bytes:
    """The answer's body, or its first megabyte and a little. Raises Unavailable."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(CHUNK_SECONDS_MAX):
            while size < ANSWER_BYTES_MAX and (part := await response.content.readany()):
                parts.append(part)
                size += len(part)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Unavailable("control broke off its answer; the request may have been carried out") from error
    return b"".join(parts)


def forwarded_headers(request: Request, spooled: Spooled, request_id: str) -> dict[str, str]:
    """What control is told: the client's own headers without those of the hop, and ours that only a front may set."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        lower = name.lower()
        # WSGI makes no difference between `_` and `-`: X_Holdfast_Client would reach control as the front's own word.
        if lower in _NOT_FORWARDED or lower.startswith("x-holdfast-") or "_" in lower:
            continue
        value = value.translate(_ONLY_PRINTABLE)
        # RFC 9113 §8.2.3: HTTP/2 may cut the cookies into several fields, which belong together with "; ".
        joint = "; " if lower == "cookie" else ", "
        headers[lower] = f"{headers[lower]}{joint}{value}" if lower in headers else value
    headers["content-length"] = "0"
    headers["x-holdfast-client"] = request.client
    headers["x-holdfast-request"] = request_id
    headers["x-holdfast-body-end"] = f"{spooled.ended_at:.6f}"
    if spooled.name:
        headers["x-holdfast-spool"] = reference(spooled.name, spooled.cut)
    return headers


def answered_headers(response: aiohttp.ClientResponse) -> Headers:
    """What the client is told of control's answer: nothing of the hop, nothing of ours."""
    dropped = {token.strip().lower() for token in response.headers.get("connection", "").split(",")}
    kept = [
        (lower, value)
        for name, value in response.headers.items()
        if (lower := name.lower()) not in _NOT_ANSWERED
        and lower not in dropped
        and lower != "content-length"
        and not lower.startswith("x-holdfast-")
    ]
    if not any(name == "x-content-type-options" for name, _ in kept):
        kept.append(NOSNIFF)
    if not any(name == "cache-control" for name, _ in kept):
        kept.append(("cache-control", "no-store"))
    return kept
