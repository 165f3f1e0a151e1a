"""Where a webhook's post may go, and that every attempt ends in its time, whatever the other side does."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hanging import Hang

from holdfast.config import Config
from holdfast.control.hooks.posting import CONNECT_SECONDS, Answered, post
from holdfast.control.hooks.targets import NotAllowed, address_for, is_public, parse_target
from holdfast.drill.figures import measured

URL = "https://ci.example/hook"

PRIVATE = (
    "127.0.0.1 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 192.0.2.1"
    " ::1 :: fe80::1 fc00::1 ff02::1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1 2002:7f00:1::"
    " 2001:db8::1 fe80::1%eth0"
).split()


@pytest.mark.parametrize("address", PRIVATE)
def test_nothing_goes_to_an_address_that_is_not_public(address: str):
    with pytest.raises(NotAllowed, match="not public"):
        address_for(parse_target(URL), (), lambda host, port: [address])


def test_every_address_of_a_name_must_be_allowed_and_one_of_them_is_connected_to():
    target = parse_target(URL)

    assert address_for(target, (), lambda host, port: ["1.1.1.1"]) == "1.1.1.1"
    with pytest.raises(NotAllowed):
        address_for(target, (), lambda host, port: ["1.1.1.1", "10.0.0.1"])
    assert address_for(target, ("10.0.0.0/8",), lambda host, port: ["10.0.0.1"]) == "10.0.0.1"
    with pytest.raises(NotAllowed, match="by https"):
        address_for(parse_target("http://ci.example/"), (), lambda host, port: ["1.1.1.1"])
    with pytest.raises(NotAllowed, match="no address"):
        address_for(target, (), lambda host, port: [])


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """A server on loopback; answers its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


class Quiet(BaseHTTPRequestHandler):
    """Says nothing on standard error."""

    def log_message(self, *told: object) -> None:
        """Nothing."""


def test_a_post_goes_to_the_address_that_was_checked_and_not_to_the_name():
    """The name has no address of its own here: only the checked one can have been connected to."""
    got: list[tuple[str, str, bytes]] = []

    class Taking(Quiet):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, self.headers["Host"], body))
            self.send_response(204)
            self.end_headers()

    with listening(Taking) as port:
        target = parse_target(f"http://rebinding.test:{port}/hook?a=1")
        answer = post(target, {}, b"{}", ("127.0.0.0/8",), lambda host, port: ["127.0.0.1"])
        closed = post(target, {}, b"{}", (), lambda host, port: ["127.0.0.1"])

    assert answer == Answered(204)
    assert got == [("/hook?a=1", f"rebinding.test:{port}", b"{}")]
    assert closed == Answered(0, "rebinding.test has an address that is not public")


@contextmanager
def talking(*said: bytes) -> Iterator[int]:
    """A port that takes one request, says the first of these at once, and the other again and again until cut off."""
    with socket.create_server(("127.0.0.1", 0)) as listening_here, ThreadPoolExecutor(1) as threads:
        over = threading.Event()

        def talk() -> None:
            client, _ = listening_here.accept()
            with client, suppress(OSError):
                client.recv(65536)
                client.sendall(said[0])
                while not over.wait(0.02):
                    client.sendall(said[1])

        threads.submit(talk)
        try:
            yield listening_here.getsockname()[1]
        finally:
            over.set()


LATE = Answered(0, "no answer within 0.3 s")


@pytest.mark.usefixtures("figures")
@pytest.mark.parametrize(
    ("scheme", "said", "expected"),
    [
        ("http", (b"", b""), LATE),
        ("http", (b"HTTP/1.1 200 OK\r\nX: ", b"x"), LATE),
        ("http", (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4000\r\n\r\n", b"x"), Answered(200)),
        ("https", (b"\x16\x03\x03\x40\x00", b"\x02"), LATE),
    ],
    ids=["silent", "head", "body", "handshake"],
)
def test_an_answer_that_never_ends_is_cut_off(scheme: str, said: tuple[bytes, bytes], expected: Answered):
    """A byte now and then keeps every single read alive; the whole attempt has its own end."""

    def attempt(_turn: int) -> float:
        began = time.monotonic()
        with talking(*said) as port:
            target = parse_target(f"{scheme}://slow.test:{port}/")
            answer = post(target, {}, b"{}", ("127.0.0.0/8",), lambda host, port: ["127.0.0.1"], 0.3)
        assert answer == expected
        return time.monotonic() - began

    seconds = measured(attempt, lambda found: found >= CONNECT_SECONDS)

    assert seconds < CONNECT_SECONDS, "its own end, not that of one read"


def test_looking_up_the_name_is_part_of_the_attempts_time():
    hang = Hang()

    def look(host: str, port: int) -> list[str]:
        hang.wait()
        return ["127.0.0.1"]

    answer = post(parse_target("http://dark.test/"), {}, b"{}", ("127.0.0.0/8",), look, 0.2)
    hang.end()

    assert answer == Answered(0, "dark.test was not looked up in time")
    assert not hang.was_waited_out


def test_a_target_that_refuses_and_one_that_speaks_no_http_are_failures():
    networks = ("127.0.0.0/8",)

    class Mumbling(Quiet):
        def do_POST(self) -> None:
            self.wfile.write(b"hello\r\n\r\n")

    with listening(Mumbling) as port:
        target = parse_target(f"http://odd.test:{port}/")
        odd = post(target, {}, b"{}", networks, lambda host, port: ["127.0.0.1"])
        wrong_tls = post(replace(target, scheme="https"), {}, b"{}", networks, lambda host, port: ["127.0.0.1"])
    refused = post(target, {}, b"{}", networks, lambda host, port: ["127.0.0.1"])

    assert odd == Answered(0, "its answer is no HTTP")
    assert wrong_tls == Answered(0, "TLS failed")
    assert refused == Answered(0, "it cannot be reached")


def test_public_addresses_are_public():
    import ipaddress

    assert all(is_public(ipaddress.ip_address(text)) for text in ("1.1.1.1", "2606:4700::1111"))
    assert Config.__dataclass_fields__["webhook_networks"].default == ()
