"""An upstream index on loopback that can be broken in every way the failure table names, and counts who asks for what.

It speaks full JSON (PEP 691/700) or plain PEP 503 HTML. Faults are switched while it runs; what hangs goes on when
told, so tests wait for facts and never for time.
"""

import asyncio
import functools
import gzip
import hashlib
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

FaultKind = Literal["hang", "hang-body", "slow", "status", "maintenance", "truncated", "wrong", "flip-last", "garbage"]
MADE_BLOCK = 1024 * 1024
JSON_TYPE = "application/vnd.pypi.simple.v1+json"
MAINTENANCE = b"<!DOCTYPE html><html><head><title>Down</title></head><body><h1>Back soon</h1></body></html>"


@dataclass
class Fault:
    """How to misbehave. `after` is how many body bytes come before a body breaks, `seconds` how slow is slow."""

    kind: FaultKind
    status: int = 503
    after: int = 0
    seconds: float = 0.0
    times: int = 1_000_000  # requests it still applies to


@dataclass
class FakeFile:
    """A file of the upstream. Bytes from `data`, or `made_size` bytes made on the fly."""

    filename: str
    data: bytes = b""
    made_size: int = 0
    hashes: tuple[str, ...] = ("sha256",)  # what the page tells
    metadata: bytes | None = None
    metadata_sha256: str | None = None  # None = the right one
    upload_time: str | None = "2024-01-02T03:04:05.000006Z"
    requires_python: str = ""
    yanked: str | bool = False
    provenance: str = ""  # an https URL
    gate: asyncio.Event | None = None  # the second half of the body waits for it

    @property
    def size(self) -> int:
        return self.made_size or len(self.data)

    def digest(self, algorithm: str = "sha256") -> str:
        if not self.made_size:
            return hashlib.new(algorithm, self.data).hexdigest()
        return _made_digest(algorithm, self.made_size)

    def slice(self, start: int, end: int) -> bytes:
        """Bytes [start, end)."""
        if not self.made_size:
            return self.data[start:end]
        parts = []
        while start < end:
            number, offset = divmod(start, MADE_BLOCK)
            take = min(MADE_BLOCK - offset, end - start)
            parts.append(_made_block(number)[offset : offset + take])
            start += take
        return b"".join(parts)


def _made_block(number: int) -> bytes:
    """A block that starts with its own number, so that no two are alike."""
    return number.to_bytes(8, "big") + bytes(MADE_BLOCK - 8)


@functools.cache
def _made_digest(algorithm: str, size: int) -> str:
    hasher = hashlib.new(algorithm)
    for number in range(-(-size // MADE_BLOCK)):
        hasher.update(_made_block(number)[: size - number * MADE_BLOCK])
    return hasher.hexdigest()


@dataclass
class FakeUpstream:
    """Start it with `async with`; `url` is its Simple API base."""

    mode: Literal["json", "html"] = "json"
    gzips: bool = True
    etags: bool = True
    ranges: bool = True
    range_totals: bool = True  # a part's Content-Range says how long the whole is
    lengths: bool = True  # Content-Length on files
    sizes: bool = True  # of files, in JSON
    serial: int | None = None
    credentials: str = ""  # the Authorization header it demands
    redirect_files_to: str = ""  # another origin that has the files
    tls: ssl.SSLContext | None = None
    projects: dict[str, list[FakeFile]] = field(default_factory=dict)
    statuses: dict[str, dict[str, str]] = field(default_factory=dict)
    pages_fault: Fault | None = None
    files_fault: Fault | None = None
    project_faults: dict[str, Fault] = field(default_factory=dict)
    bodies: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # a page in other words: (type, body)
    requests: Counter[str] = field(default_factory=Counter)
    seen: list[web.Request] = field(default_factory=list)
    peers: list[object] = field(default_factory=list)  # the certificates that clients showed, None for none
    port: int = 0

    async def __aenter__(self) -> "FakeUpstream":
        self.released = asyncio.Event()
        self.arrived = asyncio.Condition()
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def origin(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/simple/"

    def add(self, name: str, *files: FakeFile) -> None:
        self.projects.setdefault(name, []).extend(files)

    async def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        app = web.Application(middlewares=[self._counting])
        app.router.add_get("/simple/{name}/", self._page)
        app.router.add_get("/files/{name}/{filename}", self._file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True, ssl_context=self.tls)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Refuse connections from now on; running answers break off."""
        await self._runner.cleanup()

    def release(self) -> None:
        """Let what hangs go on."""
        self.released.set()

    async def has_seen(self, path: str, times: int = 1) -> None:
        """Wait until `path` was asked for so often."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: self.requests[path] >= times)

    @web.middleware
    async def _counting(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.seen.append(request)
        if request.transport is not None and self.tls is not None:
            self.peers.append(request.transport.get_extra_info("peercert"))
        async with self.arrived:
            self.requests[request.path] += 1
            self.arrived.notify_all()
        if self.credentials and request.headers.get("Authorization") != self.credentials:
            return web.Response(status=401)
        return await handler(request)

    # Pages

    async def _page(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        fault = self._fault(self.project_faults.get(name) or self.pages_fault)
        if fault is not None:
            broken = await self._break(request, fault)
            if broken is not None:
                return broken
        if name not in self.projects and name not in self.bodies:
            return web.Response(status=404)
        kind, body = self.bodies.get(name) or self.page(name)
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        headers = {"ETag": etag} if self.etags else {}
        if self.etags and request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers=headers)
        if self.gzips and "gzip" in request.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        headers["Content-Type"] = kind
        if fault is not None and fault.kind in ("truncated", "hang-body"):
            return await self._partly(request, body, headers, fault)
        return web.Response(body=body, headers=headers)

    def page(self, name: str) -> tuple[str, bytes]:
        """Content type and body of a project's page."""
        files = self.projects[name]
        if self.mode == "html":
            title = f"<head><title>Links for {name}</title></head><body><h1>Links for {name}</h1>"
            anchors = "".join(self._anchor(name, file) for file in files)
            return "text/html", f"<!DOCTYPE html><html>{title}{anchors}</body></html>".encode()
        meta: dict[str, object] = {"api-version": "1.4"}
        if self.serial is not None:
            meta["_last-serial"] = self.serial
        page: dict[str, object] = {"meta": meta, "name": name, "files": [self._entry(name, file) for file in files]}
        if name in self.statuses:
            page["project-status"] = self.statuses[name]
        return JSON_TYPE, json.dumps(page).encode()

    def _entry(self, name: str, file: FakeFile) -> dict[str, object]:
        entry: dict[str, object] = {
            "filename": file.filename,
            "url": f"../../files/{name}/{file.filename}",
            "hashes": {algorithm: file.digest(algorithm) for algorithm in file.hashes},
            "yanked": file.yanked,
        }
        if self.sizes:
            entry["size"] = file.size
        if file.upload_time:
            entry["upload-time"] = file.upload_time
        if file.provenance:
            entry["provenance"] = file.provenance
        if file.requires_python:
            entry["requires-python"] = file.requires_python
        if file.metadata is not None:
            digest = file.metadata_sha256
            entry["core-metadata"] = {"sha256": hashlib.sha256(file.metadata).hexdigest() if digest is None else digest}
        return entry

    def _anchor(self, name: str, file: FakeFile) -> str:
        fragment = "&".join(f"{algorithm}={file.digest(algorithm)}" for algorithm in file.hashes)
        attributes = f' data-requires-python="{file.requires_python.replace("<", "&lt;").replace(">", "&gt;")}"'
        if file.yanked:
            attributes += f' data-yanked="{file.yanked if isinstance(file.yanked, str) else ""}"'
        url = f"/files/{name}/{file.filename}" + (f"#{fragment}" if fragment else "")
        return f'<a href="{url}"{attributes}>{file.filename}</a><br>'

    # Files

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name, filename = request.match_info["name"], request.match_info["filename"]
        if self.redirect_files_to:
            return web.Response(status=302, headers={"Location": f"{self.redirect_files_to}{request.path}"})
        fault = self._fault(self.files_fault)
        if fault is not None:
            broken = await self._break(request, fault)
            if broken is not None:
                return broken
        for file in self.projects.get(name, []):
            if file.filename == filename:
                return await self._send(request, file, fault)
            if f"{file.filename}.metadata" == filename and file.metadata is not None:
                return web.Response(body=file.metadata)
        return web.Response(status=404)

    async def _send(self, request: web.Request, file: FakeFile, fault: Fault | None) -> web.StreamResponse:
        start, end, status = 0, file.size, 200
        headers = {"ETag": f'"{file.filename}-{file.size}"', "Content-Type": "application/octet-stream"}
        if self.ranges and "Range" in request.headers:
            first, _, last = request.headers["Range"].removeprefix("bytes=").partition("-")
            start = int(first) if first else max(0, file.size - int(last))
            end = min(file.size, int(last) + 1) if first and last else file.size
            if start >= file.size:
                return web.Response(status=416, headers={"Content-Range": f"bytes */{file.size}"})
            status = 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size if self.range_totals else '*'}"
        response = web.StreamResponse(status=status, headers=headers)
        if self.lengths:
            response.content_length = end - start
        await response.prepare(request)
        async for block in self._blocks(file, start, end, fault):
            if block is None:
                request.transport.abort() if request.transport else None
                return response
            await response.write(block)
        await response.write_eof()
        return response

    async def _blocks(self, file: FakeFile, start: int, end: int, fault: Fault | None) -> AsyncIterator[bytes | None]:
        """Body blocks; None = break the connection here."""
        half = file.size // 2
        offset = start
        while offset < end:
            stop = min(end, offset + MADE_BLOCK)
            if file.gate is not None and offset < half:
                stop = min(stop, half)
            if fault is not None and fault.kind in ("truncated", "hang-body"):
                stop = min(stop, max(start + fault.after, offset))
                if stop == offset:
                    if fault.kind == "truncated":
                        yield None
                        return
                    await self.released.wait()
                    fault, stop = None, min(end, offset + MADE_BLOCK)
            if file.gate is not None and offset >= half:
                await file.gate.wait()
            block = file.slice(offset, stop)
            if fault is not None and fault.kind == "wrong":
                block = bytes(byte ^ 1 for byte in block)
            if fault is not None and fault.kind == "flip-last" and stop == file.size:
                block = block[:-1] + bytes([block[-1] ^ 1])
            yield block
            offset = stop

    # Faults

    def _fault(self, fault: Fault | None) -> Fault | None:
        if fault is None or fault.times <= 0:
            return None
        fault.times -= 1
        return fault

    async def _break(self, request: web.Request, fault: Fault) -> web.StreamResponse | None:
        if fault.kind == "hang":
            await self.released.wait()
        elif fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        elif fault.kind == "status":
            return web.Response(status=fault.status, headers={"Retry-After": "7"} if fault.status == 503 else {})
        elif fault.kind == "maintenance":
            return web.Response(body=MAINTENANCE, content_type="text/html")
        elif fault.kind == "garbage":
            return web.Response(body=b"{not json", headers={"Content-Type": JSON_TYPE})
        return None

    async def _partly(
        self, request: web.Request, body: bytes, headers: dict[str, str], fault: Fault
    ) -> web.StreamResponse:
        """The right Content-Length, and then fewer bytes."""
        response = web.StreamResponse(headers=headers)
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: fault.after or len(body) // 2])
        if fault.kind == "hang-body":
            await self.released.wait()
        if request.transport is not None:
            request.transport.close()
        return response
