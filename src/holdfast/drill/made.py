"""An index of one large file whose bytes are made as they are sent: gigabytes on the wire, a megabyte in memory.

Two of them have the same file, so one can be the other's mirror. A source can be told to die for good after so many
bytes of it.
"""

import hashlib
import re
import threading
import time
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

BLOCK_BYTES = 1 << 20
_FILLER = hashlib.shake_256(b"made").digest(BLOCK_BYTES - 8)
_METADATA = b"Metadata-Version: 2.1\nName: gigantic\nVersion: 1.0\n"


@dataclass(frozen=True)
class MadeFile:
    """`blocks` blocks of a megabyte, no two alike."""

    blocks: int
    project: str = "gigantic"
    filename: str = "gigantic-1.0-py3-none-any.whl"

    @property
    def size(self) -> int:
        return self.blocks * BLOCK_BYTES

    @cached_property
    def sums(self) -> tuple[str, int]:
        """The sha256 and the CRC-32 of the whole."""
        digest, crc = hashlib.sha256(), 0
        for number in range(self.blocks):
            digest.update(block(number))
            crc = zlib.crc32(block(number), crc)
        return digest.hexdigest(), crc

    @property
    def path(self) -> str:
        """Where Holdfast serves it."""
        sha256 = self.sums[0]
        return f"/packages/{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}/{self.filename}"

    def page(self) -> bytes:
        """The project's simple detail document."""
        entry = {
            "filename": self.filename,
            "url": f"../../files/{self.filename}",
            "hashes": {"sha256": self.sums[0]},
            "size": self.size,
            "core-metadata": {"sha256": hashlib.sha256(_METADATA).hexdigest()},
        }
        return msgspec.json.encode({"meta": {"api-version": "1.1"}, "name": self.project, "files": [entry]})


def block(number: int) -> bytes:
    return number.to_bytes(8, "big") + _FILLER


@dataclass
class MadeIndex:
    """Serves the file at `bytes_per_second`. With `dies_at` every connection ends there, and no other is taken."""

    file: MadeFile
    bytes_per_second: int
    dies_at: int = 0
    ranges: list[str] = field(default_factory=list)  # of each request for the file, "" = the whole

    def __enter__(self) -> "MadeIndex":
        self.is_dead = False
        self._server = _QuietServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/simple/"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        index = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                if index.is_dead:
                    self.close_connection = True
                elif self.path == f"/simple/{index.file.project}/":
                    self._small(index.file.page(), "application/vnd.pypi.simple.v1+json")
                elif self.path == f"/files/{index.file.filename}.metadata":
                    self._small(_METADATA, "application/octet-stream")
                elif self.path == f"/files/{index.file.filename}":
                    self._file()
                else:
                    self.send_response(404)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def _small(self, body: bytes, content_type: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _file(self) -> None:
                wanted = self.headers.get("Range", "")
                index.ranges.append(wanted)
                found = re.fullmatch(r"bytes=(\d+)-", wanted)
                start, size = int(found[1]) if found else 0, index.file.size
                self.send_response(206 if found else 200)
                self.send_header("Content-Type", "application/octet-stream")
                self.send_header("Content-Length", str(size - start))
                if found:
                    self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
                self.end_headers()
                self.close_connection = not index._send(self.wfile.write, start)

            def log_message(self, format: str, *args: object) -> None:
                """The drill looks at `ranges`."""

        return Handler

    def _send(self, write: object, start: int) -> bool:
        """Send from `start` at the rate; False when this source died on the way."""
        assert callable(write)
        began, sent = time.monotonic(), 0
        for number in range(start // BLOCK_BYTES, self.file.blocks):
            if self.dies_at and number * BLOCK_BYTES >= self.dies_at:
                self.is_dead = True
                return False
            piece = block(number)[start % BLOCK_BYTES if not sent else 0 :]
            write(piece)
            sent += len(piece)
            time.sleep(max(0.0, sent / self.bytes_per_second - (time.monotonic() - began)))
        return True


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that break are what drills are made of."""
