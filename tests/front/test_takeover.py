"""Large files past the server's own buffers: the same bytes, and an answer that breaks off looks broken."""

import asyncio
import contextlib
import hashlib
import http.client
import re
import socket
import threading
from types import SimpleNamespace

import pytest
from front.served import raw, served
from processes import wait_for
from read.plays import plays
from read.site import path_of

from holdfast.front.takeover import BYTES_MIN, Takeover, connection_of

LARGE = bytes(range(251)) * (3 * BYTES_MIN // 251)
HEADERS = [("content-length", str(len(LARGE)))]


def takeovers_open(front):
    return float(re.search(rb"^holdfast_takeovers_open\S* (\S+)$", front.get("/metrics")[2], re.MULTILINE)[1])


def test_a_large_file_and_a_large_range_arrive_whole_and_the_connection_ends(tmp_path):
    with served(tmp_path) as front:
        file = front.site.wheel("demo", data=LARGE)
        front.site.publish("demo", file)

        for _ in range(2):  # cold, then open and verified
            status, headers, body = front.get(path_of(file))
            assert (200, "close", str(len(LARGE))) == (status, headers["connection"], headers["content-length"])
            assert file.sha256 == hashlib.sha256(body).hexdigest()
            assert "immutable" in headers["cache-control"] and headers["date"].endswith("GMT")
        status, headers, body = front.get(path_of(file), Range=f"bytes=1000-{BYTES_MIN + 1999}")
        assert (206, f"bytes 1000-{BYTES_MIN + 1999}/{len(LARGE)}") == (status, headers["content-range"])
        assert LARGE[1000 : BYTES_MIN + 2000] == body
        assert 304 == front.get(path_of(file), If_None_Match=headers["etag"])[0]
        assert (200, b"") == front.ask("HEAD", path_of(file))[::2]


def test_requests_sent_in_one_go_are_answered_in_order_with_whole_bodies(tmp_path):
    """A pipelining client: bytes of an earlier answer may still be on their way when the large file's turn comes."""
    with served(tmp_path) as front:
        large, middle = front.site.wheel("demo", data=LARGE), front.site.wheel("demo", "2.0", data=LARGE[:7_000_000])
        front.site.publish("demo", large, middle)
        for file in (large, middle):
            assert 200 == front.get(path_of(file))[0]
        ask = [f"GET {path_of(file)} HTTP/1.1\r\nHost: h\r\n\r\n".encode() for file in (middle, large)]

        with socket.create_connection(("127.0.0.1", front.port), timeout=20) as client:
            client.sendall(ask[0] + ask[0] + ask[1])
            stream = client.makefile("rb")
            bodies = [body_of(stream) for _ in range(3)]

        assert [LARGE[:7_000_000]] * 2 + [LARGE] == bodies


def body_of(stream):
    length = 0
    while (line := stream.readline().strip()) != b"":
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return stream.read(length)


def test_a_client_of_http_1_0_gets_the_file_in_the_ordinary_way(tmp_path):
    with served(tmp_path) as front:
        file = front.site.wheel("demo", data=LARGE)
        front.site.publish("demo", file)

        got = raw(front.port, f"GET {path_of(file)} HTTP/1.0\r\nHost: h\r\n\r\n".encode())

        assert LARGE == got.partition(b"\r\n\r\n")[2]


def test_a_client_that_leaves_in_the_middle_gives_its_place_back(tmp_path):
    with served(tmp_path) as front:
        file = front.site.wheel("demo", data=LARGE)
        front.site.publish("demo", file)
        client = http.client.HTTPConnection("127.0.0.1", front.port, timeout=20)
        client.request("GET", path_of(file))
        answer = client.getresponse()
        wait_for(lambda: takeovers_open(front) == 1, "a transfer under way")

        answer.close()
        client.close()

        wait_for(lambda: takeovers_open(front) == 0, "the end of the transfer")
        assert LARGE == front.get(path_of(file))[2]


@contextlib.contextmanager
def connected(family=socket.AF_INET, host="127.0.0.1"):
    """(client, this side, what Granian would say of it)."""
    with socket.create_server((host, 0), family=family) as listening:
        client = socket.create_connection(listening.getsockname()[:2], timeout=20)
        here, _ = listening.accept()
        here.setblocking(False)
        ends = [
            f"[{a[0]}]:{a[1]}" if ":" in a[0] else f"{a[0]}:{a[1]}" for a in (here.getpeername(), here.getsockname())
        ]
        with client, here:
            yield client, here, SimpleNamespace(client=ends[0], server=ends[1], http_version="1.1")


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_connection_is_found_by_both_its_ends_alone(family, host):
    with connected(family, host) as (_, here, scope), connected(family, host) as (_, _, other):
        found = connection_of(scope.client, scope.server)
        assert (here.getpeername(), here.getsockname()) == (found.getpeername(), found.getsockname())
        assert found.fileno() != here.fileno()
        found.close()

        assert connection_of(scope.client, other.server) is None
        assert connection_of("192.0.2.1:4711", scope.server) is None


def test_a_connection_with_unsent_bytes_is_left_to_the_server():
    with connected() as (_, here, scope):
        with contextlib.suppress(BlockingIOError):
            while True:
                here.send(bytes(1_000_000))

        assert connection_of(scope.client, scope.server) is None


@plays
async def test_a_file_shorter_than_promised_breaks_the_answer_off(tmp_path):
    (path := tmp_path / "short").write_bytes(LARGE[:-1])
    with connected() as (client, _, scope):
        got = bytearray()
        reader = threading.Thread(target=lambda: receive_all(client, got))
        reader.start()
        takeover = Takeover()

        with pytest.raises(OSError, match="ended at byte"):
            await takeover.send(scope, 200, HEADERS, str(path), 0, len(LARGE))

        await asyncio.to_thread(reader.join)
        takeover.close()
        assert LARGE[:-1] == bytes(got).partition(b"\r\n\r\n")[2]
        assert 0 == takeover.open


def receive_all(client, got):
    while part := client.recv(1_000_000):
        got += part


@plays
async def test_a_client_that_takes_nothing_loses_its_place(tmp_path):
    (path := tmp_path / "file").write_bytes(LARGE)
    with connected() as (_, _, scope):
        takeover = Takeover(stall_seconds=0.05)

        with pytest.raises(TimeoutError):
            await takeover.send(scope, 200, HEADERS, str(path), 0, len(LARGE))

        takeover.close()
        assert 0 == takeover.open


@plays
async def test_small_parts_and_strange_headers_are_not_taken(tmp_path):
    (path := tmp_path / "file").write_bytes(LARGE)
    with connected() as (client, _, scope):
        takeover = Takeover()

        assert await takeover.send(scope, 206, HEADERS, str(path), 0, BYTES_MIN - 1) is None
        with pytest.raises(ValueError, match="line break"):
            await takeover.send(scope, 200, [("x", "a\r\nb: c")], str(path), 0, len(LARGE))

        takeover.close()
        client.setblocking(False)
        assert b"" == client.recv(1)  # nothing was sent, and the connection is over
