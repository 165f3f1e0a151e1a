"""Real, installable wheels made in memory, and a plain upstream index that serves them."""

import base64
import hashlib
import io
import threading
import zipfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
STAMP = (2026, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Wheel:
    """One wheel with what an index says about it."""

    project: str
    version: str
    filename: str
    content: bytes
    metadata: bytes
    uploaded: datetime = datetime(*STAMP, tzinfo=UTC)

    @cached_property
    def sha256(self) -> str:
        """Of the file. Computed once: of a gigabyte it takes half a second, for which no first byte may wait."""
        return hashlib.sha256(self.content).hexdigest()


def wheel(
    project: str, version: str, requires: Iterable[str] = (), filler_bytes: int = 0, classifiers: Iterable[str] = ()
) -> Wheel:
    """A pure wheel whose module says its version; `filler_bytes` of stored, incompressible data pad it."""
    module = project.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\nSummary: a drill package\n"
    metadata += "".join(f"Classifier: {c}\n" for c in classifiers)
    metadata += "".join(f"Requires-Dist: {r}\n" for r in requires) + "\n"
    members = {f"{module}/__init__.py": f'__version__ = "{version}"\n'.encode()}
    if filler_bytes:
        members[f"{module}/filler.bin"] = _filler(filler_bytes, f"{project}-{version}")
    # Last, as build tools have it and the wheel's specification asks.
    members[f"{info}/METADATA"] = metadata.encode()
    members[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: drill\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = "".join(record_row(name, data) for name, data in members.items())
    members[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, STAMP), data)
    return Wheel(project, version, f"{module}-{version}-py3-none-any.whl", buffer.getvalue(), metadata.encode())


def chain(prefix: str, length: int, filler_bytes: int = 0) -> list[Wheel]:
    """`length` projects, each needing the next: `<prefix>-0` pulls in all of them."""
    names = [f"{prefix}-{i}" for i in range(length)]
    return [
        wheel(name, "1.0", [f"{names[i + 1]}>=1.0"] if i + 1 < length else [], filler_bytes)
        for i, name in enumerate(names)
    ]


def _filler(count: int, seed: str) -> bytes:
    block = hashlib.shake_256(seed.encode()).digest(min(count, 1 << 20))
    return (block * (count // len(block) + 1))[:count]


def record_row(name: str, data: bytes) -> str:
    """What a wheel's RECORD says of one member."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


@dataclass
class Upstream:
    """A small index on loopback: JSON or HTML pages, files, `.metadata`, ETags; counts requests by path."""

    wheels: list[Wheel]
    html_only: bool = False
    requests: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> "Upstream":
        self._files = {w.filename: w for w in self.wheels}
        self._server = _QuietServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The origin, without a trailing slash; the Simple API is at `<url>/simple/`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def add(self, made: Wheel) -> None:
        """Publish one more wheel."""
        self.wheels.append(made)
        self._files[made.filename] = made

    def page(self, project: str) -> bytes | None:
        """The project's simple detail document, or None when there is no such project."""
        wheels = [w for w in self.wheels if w.project == project]
        if not wheels:
            return None
        if self.html_only:
            rows = "".join(f'<a href="../../files/{w.filename}#sha256={w.sha256}">{w.filename}</a><br>' for w in wheels)
            return f"<!DOCTYPE html><html><body>{rows}</body></html>".encode()
        files = [
            {
                "filename": w.filename,
                "url": f"../../files/{w.filename}",
                "hashes": {"sha256": w.sha256},
                "size": len(w.content),
                "upload-time": w.uploaded.isoformat().replace("+00:00", "Z"),
                "core-metadata": {"sha256": hashlib.sha256(w.metadata).hexdigest()},
            }
            for w in wheels
        ]
        versions = sorted({w.version for w in wheels})
        return msgspec.json.encode(
            {"meta": {"api-version": "1.1"}, "name": project, "versions": versions, "files": files}
        )

    def projects(self) -> bytes:
        """The project list."""
        names = sorted({w.project for w in self.wheels})
        if self.html_only:
            rows = "".join(f'<a href="{name}/">{name}</a><br>' for name in names)
            return f"<!DOCTYPE html><html><body>{rows}</body></html>".encode()
        return msgspec.json.encode({"meta": {"api-version": "1.1"}, "projects": [{"name": name} for name in names]})

    def answer(self, path: str) -> tuple[str, bytes, str] | None:
        """Content type, body and its sha256 for a path, or None for 404."""
        if path == "/simple/":
            return self._described("text/html" if self.html_only else JSON_TYPE, self.projects())
        if path.startswith("/simple/"):
            page = self.page(path.removeprefix("/simple/").strip("/"))
            return None if page is None else self._described("text/html" if self.html_only else JSON_TYPE, page)
        name = path.removeprefix("/files/")
        if name.endswith(".metadata") and not self.html_only and (found := self._files.get(name[:-9])):
            return self._described("application/octet-stream", found.metadata)
        found = self._files.get(name)
        return None if found is None else ("application/octet-stream", found.content, found.sha256)

    @staticmethod
    def _described(content_type: str, body: bytes) -> tuple[str, bytes, str]:
        return content_type, body, hashlib.sha256(body).hexdigest()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # headers and body are two writes: Nagle would add 40 ms
            wbufsize = -1

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                upstream.requests[path] += 1
                found = upstream.answer(path)
                if found is None:
                    self._send(404, "text/plain", b"no such thing\n", "")
                else:
                    self._send(200, *found)

            def _send(self, status: int, content_type: str, body: bytes, sha256: str) -> None:
                etag = f'"{sha256[:16]}"' if sha256 else ""
                if etag and self.headers.get("If-None-Match") == etag:
                    self.send_response(304)
                    self.send_header("ETag", etag)
                    self.end_headers()
                    return
                start, end = _byte_range(self.headers.get("Range"), len(body)) if status == 200 else (0, len(body))
                partial = (start, end) != (0, len(body))
                self.send_response(206 if partial else status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(end - start))
                if etag:
                    self.send_header("ETag", etag)
                    self.send_header("Accept-Ranges", "bytes")
                if partial:
                    self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(body)}")
                self.end_headers()
                self.wfile.write(body[start:end])

            def log_message(self, format: str, *args: object) -> None:
                """The drill counts requests itself."""

        return Handler


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that break are what drills are made of."""


def _byte_range(header: str | None, size: int) -> tuple[int, int]:
    if not header or not header.startswith("bytes=") or "," in header:
        return 0, size
    first, _, last = header.removeprefix("bytes=").partition("-")
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size
