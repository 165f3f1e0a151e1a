"""Large files past the server's own buffers: the same bytes, and an answer that breaks off looks broken."""

import asyncio
import contextlib
import hashlib
import http.client
import re
import select
import socket
import threading
import time
from types import SimpleNamespace

import pytest
from front.served import raw, served
from processes import wait_for
from read.plays import plays
from read.site import path_of

from holdfast.core.errors import Unavailable
from holdfast.front import takeover
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


def test_a_server_that_listens_everywhere_takes_over_too(tmp_path):
    """As in a container. Granian tells the address that is listened at, and writes ours as IPv4 inside IPv6."""
    with served(tmp_path, listen_host="::") as front:
        file = front.site.wheel("demo", data=LARGE)
        front.site.publish("demo", file)

        _, headers, body = front.get(path_of(file))

        assert ("close", LARGE) == (headers["connection"], body)


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
        anywhere = "[::]" if ":" in host else "0.0.0.0"
        for server in (scope.server, f"{anywhere}:{scope.server.rpartition(':')[2]}"):
            found = connection_of(scope.client, server, 0.0)
            assert (here.getpeername(), here.getsockname()) == (found.getpeername(), found.getsockname())
            assert found.fileno() != here.fileno()
            found.close()

        assert connection_of(scope.client, other.server, 0.0) is None
        assert connection_of(scope.client, f"{anywhere}:1", 0.0) is None
        assert connection_of("192.0.2.1:4711", scope.server, 0.0) is None
        with here.dup():
            assert connection_of(scope.client, scope.server, 0.0) is None, "which of them is the server's?"


def test_a_connection_with_unsent_or_unread_bytes_is_left_to_the_server():
    with connected() as (_, here, scope):
        with contextlib.suppress(BlockingIOError):
            while True:
                here.send(bytes(1_000_000))
        assert connection_of(scope.client, scope.server, 0.0) is None
    with connected() as (client, here, scope):
        client.send(b"GET /another HTTP/1.1\r\n")
        select.select([here], [], [], 10)
        assert connection_of(scope.client, scope.server, 0.0) is None


@plays
async def test_the_next_client_with_the_same_addresses_gets_nothing_of_the_one_before(tmp_path):
    """It left while its file was looked for, and its port was given out again: behind a proxy, to somebody else."""
    (path := tmp_path / "file").write_bytes(LARGE)
    asked = time.monotonic() - 1.0
    with connected() as (client, _, scope):
        taking = Takeover()

        assert await taking.send(scope, asked, 200, HEADERS, str(path), 0, len(LARGE)) is None

        taking.close()
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(1)


@plays
async def test_a_file_that_cannot_be_opened_is_our_trouble_and_leaves_the_connection_whole(tmp_path):
    with connected() as (client, _, scope):
        taking = Takeover()

        with pytest.raises(Unavailable, match="cannot be opened"):
            await taking.send(scope, time.monotonic(), 200, HEADERS, str(tmp_path / "gone"), 0, len(LARGE))

        taking.close()
        assert 0 == taking.open
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(1)


@plays
async def test_a_transfer_that_is_called_off_waits_for_its_thread():
    """Closed under the thread, a descriptor's number could be another connection's."""
    go_on = threading.Event()
    turn = asyncio.get_running_loop().run_in_executor(None, lambda: (go_on.wait(10), (0, True))[1])
    sending = asyncio.ensure_future(takeover._whole(turn))
    await asyncio.sleep(0)

    sending.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    is_waiting = not sending.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await sending

    assert is_waiting and turn.done()


@plays
async def test_a_file_shorter_than_promised_breaks_the_answer_off(tmp_path):
    (path := tmp_path / "short").write_bytes(LARGE[:-1])
    with connected() as (client, _, scope):
        got = bytearray()
        reader = threading.Thread(target=lambda: receive_all(client, got))
        reader.start()
        taking = Takeover()

        with pytest.raises(OSError, match="ended at byte"):
            await taking.send(scope, time.monotonic(), 200, HEADERS, str(path), 0, len(LARGE))

        await asyncio.to_thread(reader.join)
        taking.close()
        assert LARGE[:-1] == bytes(got).partition(b"\r\n\r\n")[2]
        assert 0 == taking.open


def receive_all(client, got):
    while part := client.recv(1_000_000):
        got += part


@plays
async def test_a_client_that_takes_nothing_loses_its_place(tmp_path):
    (path := tmp_path / "file").write_bytes(LARGE)
    with connected() as (_, _, scope):
        taking = Takeover(stall_seconds=0.05)

        with pytest.raises(TimeoutError):
            await taking.send(scope, time.monotonic(), 200, HEADERS, str(path), 0, len(LARGE))

        taking.close()
        assert 0 == taking.open


@plays
async def test_small_parts_and_strange_headers_are_not_taken(tmp_path):
    (path := tmp_path / "file").write_bytes(LARGE)
    with connected() as (client, _, scope):
        taking = Takeover()

        assert await taking.send(scope, time.monotonic(), 206, HEADERS, str(path), 0, BYTES_MIN - 1) is None
        with pytest.raises(ValueError, match="line break"):
            await taking.send(scope, time.monotonic(), 200, [("x", "a\r\nb: c")], str(path), 0, len(LARGE))

        taking.close()
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(1)  # nothing was sent, and the server may still answer
