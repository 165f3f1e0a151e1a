"""The ASGI driver: the same plane for tests and for other servers. Decides nothing; see rsgi.py for the one in use."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from holdfast.front.access_log import AccessLog
from holdfast.front.peers import TrustedProxies
from holdfast.read.app import ReadPlane
from holdfast.read.hot import log_fragment
from holdfast.wire.messages import FileBody, Headers, Request, Response, StreamBody

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

FILE_READ_BYTES = 256 * 1024


class AsgiHeaders:
    """ASGI's header list as a lookup. Of a repeated header the first one is given."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw]
        self._first = dict(reversed(self._fields))

    def get(self, name: str, /) -> str | None:
        return self._first.get(name)

    def items(self) -> Iterable[tuple[str, str]]:
        return self._fields


class AsgiApp:
    """An ASGI 3 application, lifespan included."""

    def __init__(
        self, plane: ReadPlane, access_log: AccessLog | None = None, proxies: TrustedProxies | None = None
    ) -> None:
        self._plane = plane
        self._log = access_log
        self._proxies = proxies or TrustedProxies(())

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        assert scope["type"] == "http", scope["type"]
        headers = AsgiHeaders(scope["headers"])
        peer = scope["client"][0] if scope.get("client") else "127.0.0.1"
        client = self._proxies.client(peer, headers)
        query = scope["query_string"].decode("latin-1")
        request = Request(scope["method"], scope["path"], query, headers, client, _body(receive))
        response, source = await self._answer(request)
        sent = -1
        try:
            sent = await _send(send, request, response)
        finally:
            if self._log is not None:
                known = log_fragment(request.method, request.path, response.status, sent, source)
                self._log.add((time.time(), client, known, headers.get("user-agent"), -1))

    async def _answer(self, request: Request) -> tuple[Response, str]:
        if request.method == "GET" and not request.query:
            found = self._plane.find(request.path, request.headers.get)
            if found is not None:
                prepared, unchanged = found
                if unchanged:
                    prepared.tally_unchanged[0] += 1
                    return Response(304, prepared.unchanged), "hot"
                prepared.tally[0] += 1
                prepared.tally[1] += prepared.length
                return Response(prepared.status, prepared.headers, prepared.body), "hot"
        return await self._plane.answer(request), "cold"

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._plane.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._plane.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client left")
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return


async def _send(send: Send, request: Request, response: Response) -> int:
    """Send the answer; the number of body bytes. Raises when a stream fails: the server then breaks the connection."""
    body = response.body
    await send({"type": "http.response.start", "status": response.status, "headers": _encoded(response)})
    if request.method == "HEAD" or response.status in (204, 304):
        if isinstance(body, StreamBody):
            await _close(body)
        await send({"type": "http.response.body", "body": b""})
        return 0
    sent = 0
    if isinstance(body, bytes):
        await send({"type": "http.response.body", "body": body})
        return len(body)
    chunks = _file_chunks(body) if isinstance(body, FileBody) else body.chunks
    try:
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            sent += len(chunk)
    finally:
        if isinstance(body, StreamBody):
            await _close(body)
    await send({"type": "http.response.body", "body": b""})
    return sent


def _encoded(response: Response) -> list[tuple[bytes, bytes]]:
    headers: Headers = response.headers
    has_length = any(name == "content-length" for name, _ in headers)
    if isinstance(response.body, bytes) and response.status not in (204, 304) and not has_length:
        headers = [*headers, ("content-length", str(len(response.body)))]
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def _file_chunks(body: FileBody) -> AsyncIterator[bytes]:
    left = body.length
    file = await asyncio.to_thread(open, body.path, "rb")
    try:
        await asyncio.to_thread(file.seek, body.start)
        while left > 0 and (chunk := await asyncio.to_thread(file.read, min(FILE_READ_BYTES, left))):
            left -= len(chunk)
            yield chunk
    finally:
        file.close()
    if left > 0:
        raise ConnectionResetError("the file became shorter while it was sent")


async def _close(body: StreamBody) -> None:
    aclose = getattr(body.chunks, "aclose", None)
    if aclose is not None:
        with contextlib.suppress(Exception):
            await aclose()
