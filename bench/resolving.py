"""What a resolver waits for: uv over a chain of fifty wheels of 1 MB, from a slow upstream that gives no metadata.

The upstream is 50 ms away and sends 10 MB/s on each connection. uv compiles the chain without any cache of its own:
straight from the upstream, through a Holdfast that has never seen it, and through one that has.
"""

import asyncio
import hashlib
import json
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from holdfast.drill.clients import uv_path
from holdfast.drill.corpus import JSON_TYPE, Wheel, chain
from holdfast.drill.rig import Rig

LENGTH = 50
WHEEL_BYTES = 1_000_000
LATENCY_SECONDS = 0.05  # from a request's last byte to its answer's first
BYTES_PER_SECOND = 10_000_000  # on each connection
CHUNK_BYTES = 16 * 1024
HEAD_BYTES_MAX = 64 * 1024


class FarUpstream:
    """An index far away, in a thread of its own: plain pages, files with or without ranges, no metadata."""

    def __init__(self, wheels: list[Wheel], *, ranges: bool, html: bool) -> None:
        self.requests: Counter[str] = Counter()  # by what was asked: page, whole, part, head, none
        self.bytes_out = 0
        self._files = {wheel.filename: wheel for wheel in wheels}
        self._projects = {wheel.project: wheel for wheel in wheels}
        self._ranges = ranges
        self._html = html
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "FarUpstream":
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0, limit=HEAD_BYTES_MAX)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(10)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(LATENCY_SECONDS)  # the connection's own round trip
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _ = head[0].split(" ", 2)
                asked = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
                await asyncio.sleep(LATENCY_SECONDS)
                await self._answer(writer, method, path, asked.get("range", ""))
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, method: str, path: str, asked_range: str) -> None:
        status, fields, body = self._found(path, asked_range)
        kind = (
            "none" if status == 404 else "page" if path.startswith("/simple/") else "part" if status == 206 else "whole"
        )
        self.requests["head" if method == "HEAD" else kind] += 1
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *fields, "", ""]
        writer.write("\r\n".join(lines).encode())
        if method == "HEAD":
            return
        for start in range(0, len(body), CHUNK_BYTES):
            chunk = body[start : start + CHUNK_BYTES]
            writer.write(chunk)
            self.bytes_out += len(chunk)
            await writer.drain()
            await asyncio.sleep(len(chunk) / BYTES_PER_SECOND)

    def _found(self, path: str, asked_range: str) -> tuple[int, list[str], bytes]:
        page = self._projects.get(path.removeprefix("/simple/").strip("/"))
        if page is not None and path.startswith("/simple/"):
            return 200, *self._page(page)
        wheel = self._files.get(path.removeprefix("/files/"))
        if wheel is None:
            return 404, [], b""
        total = len(wheel.content)
        fields = ["Content-Type: application/octet-stream"] + (["Accept-Ranges: bytes"] if self._ranges else [])
        if not self._ranges or not asked_range:
            return 200, fields, wheel.content
        first, _, last = asked_range.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, total - int(last))
        end = min(total, int(last) + 1) if first and last else total
        return 206, [*fields, f"Content-Range: bytes {start}-{end - 1}/{total}"], wheel.content[start:end]

    def _page(self, wheel: Wheel) -> tuple[list[str], bytes]:
        url = f"/files/{wheel.filename}"
        if self._html:
            anchor = f'<a href="{url}#sha256={wheel.sha256}">{wheel.filename}</a>'
            body = f"<!DOCTYPE html><html><h1>Links for {wheel.project}</h1>{anchor}</html>".encode()
            return ["Content-Type: text/html"], body
        file = {"filename": wheel.filename, "url": url, "hashes": {"sha256": wheel.sha256}}
        body = json.dumps({"meta": {"api-version": "1.0"}, "name": wheel.project, "files": [file]}).encode()
        return [f"Content-Type: {JSON_TYPE}", f'ETag: "{hashlib.sha256(body).hexdigest()[:16]}"'], body


def run(repetitions: int = 3) -> list[str]:
    """Seconds, as medians, and what the upstream was asked for in one cold resolution."""
    wheels = chain("far", LENGTH, filler_bytes=WHEEL_BYTES)
    rows = [
        "| upstream | direct | cold | of direct | warm | of direct | cold requests to the upstream |",
        "|---|---|---|---|---|---|---|",
    ]
    for ranges in (True, False):
        for html in (True, False):
            rows.append(_row(wheels, repetitions, ranges=ranges, html=html))
            print(rows[-1], flush=True)
    return rows


def _row(wheels: list[Wheel], repetitions: int, *, ranges: bool, html: bool) -> str:
    with FarUpstream(wheels, ranges=ranges, html=html) as far, _scratch() as scratch:
        direct = statistics.median(_timed(far.url, scratch) for _ in range(repetitions))
        cold, warm, asked = [], [], Counter[str]()
        for _ in range(repetitions):
            with Rig(f"{far.url}/simple/", {"HOLDFAST_UPSTREAM_FRESHNESS_SECONDS": "3600"}) as rig:
                before = far.requests.copy()
                cold.append(_timed(rig.url, scratch))
                asked = far.requests - before
                warm += [_timed(rig.url, scratch) for _ in range(repetitions)]
    first, again = statistics.median(cold), statistics.median(warm)
    name = f"{'ranges' if ranges else 'no ranges'}, {'HTML' if html else 'JSON without sizes'}"
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(asked.items()))
    ratios = f"{first:.2f} s | {direct / first:.2f}x | {again:.2f} s | {direct / again:.1f}x"
    return f"| {name} | {direct:.2f} s | {ratios} | {told} |"


def _timed(index: str, scratch: Path) -> float:
    """One resolution of the whole chain by a uv that remembers nothing."""
    uv = uv_path()
    assert uv is not None, "uv is not installed"
    wanted = scratch / "wanted.in"
    wanted.write_text("far-0\n")
    command = [
        uv,
        "pip",
        "compile",
        "--no-cache",
        "--quiet",
        "--no-config",
        "--index-url",
        f"{index}/simple/",
        str(wanted),
    ]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    seconds = time.monotonic() - started
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("==1.0") == LENGTH, done.stdout
    return seconds


@contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="bench-resolving-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
