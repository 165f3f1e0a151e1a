"""A reverse proxy that acts out one Fault at a time, on loopback only, and counts what passed through it.

It runs in a thread with its own event loop, so that a scenario can be an ordinary straight-line script.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Coroutine
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from holdfast.drill.faults import NO_FAULT, Fault

CHUNK_BYTES = 64 * 1024
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "trailer", "host"})


class FaultProxy:
    """Stands in front of `target` (an http:// origin) on a port of its own, which stays the same across faults."""

    def __init__(self, target: str) -> None:
        self._target = target.rstrip("/")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._fault = NO_FAULT
        self._since = 0.0
        self._numbers = 0
        self._site: web.TCPSite | None = None
        self.port = 0
        self.requests: Counter[str] = Counter()  # by path, as they came in
        self.touched = 0  # requests that met a fault
        self.bytes_out = 0

    def __enter__(self) -> "FaultProxy":
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """The proxy's own origin, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def aim(self, target: str) -> None:
        """Send what comes from now on to another origin, as a proxy does whose configuration was read again."""
        self._target = target.rstrip("/")

    def set(self, fault: Fault) -> None:
        """Switch to `fault`; connections that an earlier black hole swallowed are reset."""
        self._call(self._switch(fault))

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=15)

    async def _start(self) -> None:
        self._released = asyncio.Event()
        self._session = aiohttp.ClientSession(
            auto_decompress=False, connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None)
        )
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.1)
        await self._runner.setup()
        await self._listen()

    async def _stop(self) -> None:
        self._released.set()
        await self._runner.cleanup()
        await self._session.close()
        swallowed = asyncio.all_tasks() - {asyncio.current_task()}
        for task in swallowed:
            task.cancel()
        await asyncio.gather(*swallowed, return_exceptions=True)

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await self._site.start()
        assert self._site._server is not None
        self.port = self._site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]

    async def _switch(self, fault: Fault) -> None:
        if fault.refuse and self._site is not None:
            # Closing only the listener would leave keep-alive connections answering: a refused upstream has none.
            await self._site.stop()
            self._site = None
            for connection in list(self._runner.server.connections if self._runner.server else []):
                if connection.transport is not None:
                    connection.transport.abort()
        elif not fault.refuse and self._site is None:
            await self._listen()
        self._fault, self._since = fault, time.monotonic()
        released, self._released = self._released, asyncio.Event()
        released.set()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests[request.path] += 1
        self._numbers += 1
        fault = self._fault.at(time.monotonic() - self._since)
        if not fault.touches(request.path, request.method, request.headers.get("Authorization", ""), self._numbers):
            fault = NO_FAULT
        elif fault is not NO_FAULT:
            self.touched += 1
        if fault.black_hole:
            await self._released.wait()
            return _reset(request)
        if delay := fault.delay_seconds(self._numbers):
            await asyncio.sleep(delay)
        if fault.status:
            if fault.carried_out:
                await self._carry_out(request)
            else:
                await request.read()  # a connection that is reset under a body on its way would be another fault
            # The type as it is: some clients take JSON with a charset behind it for something else.
            headers = {"Content-Type": fault.content_type}
            return web.Response(status=fault.status, body=fault.body.encode(), headers=headers)
        try:
            return await self._relay(request, fault)
        except (aiohttp.ClientError, ConnectionError):
            return _reset(request)  # one side left: so does the other

    def _pass_on(self, request: web.BaseRequest) -> "aiohttp.client._RequestContextManager":
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
        headers["Host"] = urlsplit(self._target).netloc
        body = request.content if request.body_exists else None
        # The path as it came: keys of a bucket hold escapes that must not be decoded on the way.
        url = URL(self._target + request.raw_path, encoded=True)
        return self._session.request(request.method, url, headers=headers, data=body, allow_redirects=False)

    async def _carry_out(self, request: web.BaseRequest) -> None:
        """Have the server do what it was asked, and keep its answer."""
        async with self._pass_on(request) as answer:
            await answer.read()

    async def _relay(self, request: web.BaseRequest, fault: Fault) -> web.StreamResponse:
        async with self._pass_on(request) as answer:
            response = web.StreamResponse(status=answer.status, reason=answer.reason)
            for name, value in answer.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    response.headers.add(name, value)
            await response.prepare(request)
            sent = 0
            started = time.monotonic()
            length = answer.content_length
            async for chunk in answer.content.iter_chunked(CHUNK_BYTES if not fault.rate_bytes else 8192):
                piece = _flip(chunk, sent, fault.flip_bit_at, length)
                limit = _least(fault.reset_after_bytes, fault.truncate_after_bytes)
                if limit is not None and sent + len(piece) >= limit:
                    await response.write(piece[: limit - sent])
                    return _reset(request) if fault.reset_after_bytes is not None else _hang_up(request)
                await response.write(piece)
                sent += len(piece)
                self.bytes_out += len(piece)
                if fault.rate_bytes:
                    await asyncio.sleep(max(0.0, sent / fault.rate_bytes - (time.monotonic() - started)))
            await response.write_eof()
            return response


def _reset(request: web.BaseRequest) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)


def _hang_up(request: web.BaseRequest) -> web.StreamResponse:
    """End the TCP stream properly although Content-Length promised more."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=499)


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _flip(chunk: bytes, sent: int, offset: int | None, length: int | None) -> bytes:
    if offset is None or (offset < 0 and length is None):
        return chunk
    position = offset if offset >= 0 else (length or 0) + offset
    if not sent <= position < sent + len(chunk):
        return chunk
    changed = bytearray(chunk)
    changed[position - sent] ^= 0x01
    return bytes(changed)
