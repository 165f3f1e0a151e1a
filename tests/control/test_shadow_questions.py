"""Asking the pull process whether a layer has a name: only a clear answer counts."""

import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from holdfast.control.uploads.shadow import PullNames
from holdfast.core.errors import Unavailable


@contextmanager
def pull_process(folder: Path, status: int, body: bytes) -> Iterator[tuple[Path, list[str]]]:
    """A server on a Unix socket with one fixed answer; gives the socket and the paths asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = socketserver.UnixStreamServer(str(folder / "pull.sock"), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield folder / "pull.sock", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("exists", [True, False])
def test_a_clear_answer_is_taken(tmp_path: Path, exists):
    with pull_process(tmp_path, 200, json.dumps({"exists": exists}).encode()) as (socket, asked):
        assert PullNames(socket).exists("upper", "demo", 5) is exists

    assert asked == ["/exists/upper/demo"]


UNCLEAR = [
    (503, b'{"outcome":"unavailable","reason":"upper is down","retry_after":5}', "upper is down"),
    (200, b"<html>maintenance</html>", "upper gave no usable answer"),
    (200, b'{"exists": "yes"}', "upper gave no usable answer"),
    (404, b'{"outcome":"absent","reason":"no upstream upper"}', "no upstream upper"),
    (404, b"", "upper gave no usable answer"),
    (500, b"", "upper gave no usable answer"),
]


@pytest.mark.parametrize(("status", "body", "reason"), UNCLEAR)
def test_anything_else_is_unavailable_never_absent(tmp_path: Path, status, body, reason):
    """A wrong "no" would let a stranger's name be shadowed, or a private one leak."""
    with pull_process(tmp_path, status, body) as (socket, _), pytest.raises(Unavailable, match=reason):
        PullNames(socket).exists("upper", "demo", 5)


def test_a_pull_process_that_is_not_there_is_unavailable(tmp_path: Path):
    with pytest.raises(Unavailable, match="cannot be asked about upper"):
        PullNames(tmp_path / "pull.sock").exists("upper", "demo", 5)
