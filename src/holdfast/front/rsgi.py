"""The RSGI driver: Granian's requests to our values and back. Decides nothing."""

import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import structlog

from holdfast.core.errors import Outcome, Unavailable
from holdfast.core.logged_path import loggable
from holdfast.front.access_log import AccessLog
from holdfast.front.cached_bytes import CACHED_BYTES_MAX, Preadv, read_cached
from holdfast.front.descriptors import Descriptors
from holdfast.front.peers import TrustedProxies, bare_address
from holdfast.front.refusals import phrase_of
from holdfast.front.streams import Streams, close, refuse
from holdfast.front.takeover import BYTES_MIN, Takeover
from holdfast.read.app import ReadPlane
from holdfast.read.hot import log_fragment
from holdfast.read.hot_files import FileAnswer
from holdfast.read.local_files import OpenFile
from holdfast.wire.messages import Request, Response, StreamBody

log = structlog.get_logger(__name__)


class RsgiApp:
    """What Granian calls: `answer_now` in its own thread (see direct.py), `__call__` in the event loop."""

    def __init__(
        self,
        plane: ReadPlane,
        access_log: AccessLog | None,
        proxies: TrustedProxies,
        streams: Streams,
        takeover: Takeover | None,
        preadv: Preadv = os.preadv,
    ) -> None:
        """`takeover` is None where connections cannot be taken over (TLS); `preadv` reads what memory has."""
        self._preadv = preadv
        self._is_room = Descriptors().is_room
        self._streams = streams
        self._takeover = takeover
        self._plane = plane
        self._find: Callable[[str, Any], Any] = plane.find
        self._find_file: Callable[[str, Any], Any] = plane.find_file
        self._ending: list[tuple[str, str]] = []  # headers of every answer once another front takes the connections
        self._add = access_log.add if access_log is not None else None
        self._proxies = proxies

    def answer_now(self, scope: Any, proto: Any) -> bool:
        """Answer from memory if that is possible. This is the hot path: every line here is measured."""
        if scope.method != "GET" or scope.query_string:
            return False
        get, path = scope.headers.get, scope.path
        found = self._find(path, get)
        if found is None:
            return self._send_file_now(scope, proto, path, get)
        prepared, unchanged = found
        if unchanged:
            proto.response_empty(304, prepared.unchanged)
            prepared.tally_unchanged[0] += 1
        else:
            proto.response_bytes(prepared.status, prepared.headers, prepared.body)
            tally = prepared.tally
            tally[0] += 1
            tally[1] += prepared.length
        if self._add is not None:
            known = prepared.log_unchanged if unchanged else prepared.log
            self._add((time.time(), self._client(scope), known, get("user-agent"), -1))
        return True

    def leave(self) -> None:
        """From now on every answer ends its connection (HTTP/1.1), so that the client's next one is another front's.

        Answers from memory are made beforehand: they take the way through the event loop, like all others.
        """
        self._ending = [("connection", "close")]
        self._find, self._find_file = _nothing, _nothing

    def _send_file_now(self, scope: Any, proto: Any, path: str, get: Any) -> bool:
        found = self._find_file(path, get)
        if found is None:
            return False
        status, headers, source, start, end, logged, tally = found
        length = end - start
        if isinstance(source, bytes):
            proto.response_bytes(status, headers, source[start:end])
        elif not self._send_from(source, proto, found):
            return False
        tally[0] += 1
        tally[1] += length
        if self._add is not None:
            self._add((time.time(), self._client(scope), logged, get("user-agent"), -1))
        return True

    def _send_from(self, file: OpenFile, proto: Any, found: FileAnswer) -> bool:
        """Send an open file or its part: from memory if it is there, else the server reads it. False: not from here."""
        status, headers, _, start, end, *_ = found
        length = end - start
        if length >= BYTES_MIN and self._takeover is not None:
            return False
        body = read_cached(file.descriptor, start, length, self._preadv) if length <= CACHED_BYTES_MAX else None
        # Asked after the reading: bytes of a file that was changed meanwhile do not leave either.
        if not file.is_unchanged():
            return False
        if body is not None:
            proto.response_bytes(status, headers, body)
        elif not self._is_room():
            return False
        elif status == 200:
            proto.response_file(200, headers, str(file.path))
        else:
            proto.response_file_range(206, headers, str(file.path), start, end)
        return True

    async def __call__(self, scope: Any, proto: Any) -> None:
        """Answer any request."""
        if scope.proto != "http":
            proto.close(403)
            return
        began = time.monotonic()
        if self.answer_now(scope, proto):
            return
        headers = scope.headers
        client = self._client(scope)
        body = _Body(proto)
        request = Request(scope.method, scope.path, scope.query_string, headers, client, body.chunks())
        response = await self._plane.answer(request)
        if self._ending and scope.http_version.startswith("1"):
            response = replace(response, headers=[*response.headers, *self._ending])
        status, sent = response.status, -1
        try:
            status, sent = await self._send(scope, max(began, body.ended), proto, request, response)
        except (Outcome, TimeoutError, OSError) as error:
            # The connection is broken by now, which is all a client can be told in mid-body.
            log.warning("an answer broke off: %s", error, path=loggable(request.path))
        finally:
            if self._add is not None:
                micros = int((time.monotonic() - began) * 1e6)
                known = log_fragment(request.method, request.path, status, sent, "cold")
                self._add((time.time(), client, known, headers.get("user-agent"), micros))

    def _client(self, scope: Any) -> str:
        peer = bare_address(scope.client)
        return self._proxies.client(peer, scope.headers) if self._proxies else peer

    async def _send(
        self, scope: Any, asked: float, proto: Any, request: Request, response: Response
    ) -> tuple[int, int]:
        """Send the answer; its status and body bytes. Raises when a body fails, whose connection then breaks."""
        status, headers, body = response.status, response.headers, response.body
        if request.method == "HEAD" or status in (204, 304):
            return status, await _send_head(proto, request, response)
        if isinstance(body, bytes):
            phrase = phrase_of(request, response) if self._takeover else ""
            if not (phrase and self._takeover and self._takeover.answer(scope, asked, status, phrase, headers, body)):
                proto.response_bytes(status, headers, body)
            return status, len(body)
        if isinstance(body, StreamBody):
            return await self._streams.send(proto, response)
        path, end = str(body.path), body.start + body.length
        if self._takeover is not None:
            try:
                sent = await self._takeover.send(scope, asked, status, headers, path, body.start, end)
            except Unavailable as error:
                return refuse(proto, error)
            if sent is not None:
                return status, sent
        if not self._is_room():
            return refuse(proto, Unavailable("no file descriptor is left to send it with", retry_after_seconds=1))
        if body.whole:
            proto.response_file(status, headers, path)
        else:
            proto.response_file_range(status, headers, path, body.start, end)
        return status, body.length


def _nothing(_path: str, _get: Any) -> None:
    return None


class _Body:
    """A request's body; `ended` is when its last byte was here, 0 for one that nobody read (monotonic seconds)."""

    def __init__(self, proto: Any) -> None:
        self._proto = proto
        self.ended = 0.0

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._proto:
            yield chunk
        self.ended = time.monotonic()


async def _send_head(proto: Any, request: Request, response: Response) -> int:
    """Headers alone. A HEAD tells the length its GET would have."""
    headers = response.headers
    has_length = response.status in (204, 304) or any(name == "content-length" for name, _ in headers)
    if request.method == "HEAD" and isinstance(response.body, bytes) and not has_length:
        headers = [*headers, ("content-length", str(len(response.body)))]
    if isinstance(response.body, StreamBody):
        await close(response.body)
    proto.response_empty(response.status, headers)
    return 0
