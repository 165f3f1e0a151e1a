"""How an issuer's documents are fetched: from where alone, how much, for how long, and what ends in a refusal."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from certificates import make_certificate
from issuer import Issuer, running_issuer

from holdfast.control.publishers.fetching import Source, fetch
from holdfast.core.errors import Unavailable

BYTES_MAX = 4096
ELSEWHERE = Source("https://issuer.example")

MULTICAST = "224.0.0.251"  # RFC 5771
METADATA_SERVICE = "169.254.169.254"  # what clouds tell their machines, RFC 3927
CARRIER = "100.64.0.1"  # RFC 6598


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as running:
        yield running


def test_a_document_of_the_issuers_own_host_is_given_even_on_a_private_network(issuer: Issuer):
    assert b"jwks_uri" in fetch(Source(issuer.url), f"{issuer.url}/any?a=b", BYTES_MAX)
    assert issuer.asked == ["/any?a=b"]


def test_a_name_with_several_addresses_is_found_at_the_one_that_answers(issuer: Issuer):
    """`localhost` is often ::1 first, where nobody listens."""
    url = issuer.url.replace("127.0.0.1", "localhost")

    assert b"jwks_uri" in fetch(Source(url), f"{url}/any", BYTES_MAX)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://issuer.example/keys", "its address is not https"),
        ("ftp://issuer.example/keys", "its address is not https"),
        ("file:///etc/passwd", "its address is not https"),
        ("https://user:secret@127.0.0.1/keys", "not a plain one"),
        ("https://127.0.0.1/keys#here", "not a plain one"),
        ("https://127.0.0.1:70000/keys", "Port out of range"),
        ("https://127.0.0.1/keys", "private network"),
        ("https://localhost/keys", "private network"),
        ("https://2130706433/keys", "private network"),
        ("https://[::1]/keys", "private network"),
        ("https://10.0.0.7/keys", "private network"),
        (f"https://{METADATA_SERVICE}/latest/meta-data", "private network"),
        (f"https://{CARRIER}/keys", "private network"),
        ("https://0.0.0.0/keys", "private network"),
        (f"https://{MULTICAST}/keys", "private network"),
        ("https://[::ffff:10.0.0.7]/keys", "private network"),
        ("https://[64:ff9b::a00:7]/keys", "private network"),
        ("https://[2002:a00:7::]/keys", "private network"),
        ("https://[fd00::7]/keys", "private network"),
        ("https://[fe80::1]/keys", "private network"),
    ],
)
def test_keys_are_asked_of_no_machine_that_the_operator_did_not_name(url: str, why: str):
    with pytest.raises(Unavailable, match=why):
        fetch(ELSEWHERE, url, BYTES_MAX)


def test_a_loopback_address_that_is_not_the_issuers_is_not_asked(issuer: Issuer):
    with pytest.raises(Unavailable, match="private network"):
        fetch(ELSEWHERE, f"{issuer.url}/keys", BYTES_MAX)
    assert issuer.asked == []


@pytest.mark.parametrize("status", [301, 302, 307, 404, 500])
def test_a_redirect_is_not_followed_and_an_error_is_no_document(issuer: Issuer, status: int):
    issuer.answers["/keys"] = (status, b"{}")

    with pytest.raises(Unavailable, match=f"it answers {status}"):
        fetch(Source(issuer.url), f"{issuer.url}/keys", BYTES_MAX)
    assert issuer.asked == ["/keys"]


def test_a_document_that_is_too_large_is_not_read_to_its_end(issuer: Issuer):
    issuer.answers |= {"/fits": (200, b"x" * BYTES_MAX), "/large": (200, b"x" * (BYTES_MAX + 1))}

    assert len(fetch(Source(issuer.url), f"{issuer.url}/fits", BYTES_MAX)) == BYTES_MAX
    with pytest.raises(Unavailable, match="larger than 4096 bytes"):
        fetch(Source(issuer.url), f"{issuer.url}/large", BYTES_MAX)


def test_the_certificate_must_be_of_the_authorities_that_are_trusted(tmp_path: Path):
    certificate, key = make_certificate(tmp_path, "issuer.example")
    with running_issuer((certificate, key)) as issuer:
        with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
            fetch(Source(issuer.url), f"{issuer.url}/keys", BYTES_MAX)

        assert b"keys" in fetch(Source(issuer.url, certificate), f"{issuer.url}/keys", BYTES_MAX)


@contextmanager
def answering(speak: Callable[[socket.socket, Event], None]) -> Iterator[str]:
    """A server that says whatever `speak` does to its one connection, until the event is set."""
    over = Event()

    def serve() -> None:
        with listening.accept()[0] as connection:
            try:
                speak(connection, over)
            except OSError:
                pass  # it was hung up, as is wanted
            over.wait(20)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            over.set()
            thread.join(20)


def mute(connection: socket.socket, over: Event) -> None:
    connection.recv(1000)


def trickle(connection: socket.socket, over: Event) -> None:
    """Each read gets something, and the whole never ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
    for _ in range(2000):
        connection.sendall(b" ")
        if over.wait(0.01):
            return


@pytest.mark.parametrize("speak", [mute, trickle])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_issuer_that_takes_its_time_is_given_up(speak: Callable[..., None], scheme: str):
    with answering(speak) as place, pytest.raises(Unavailable, match=r"cannot be asked for its keys"):
        fetch(Source(f"{scheme}://{place}"), f"{scheme}://{place}/keys", BYTES_MAX, seconds_max=0.4)


def test_a_document_that_is_cut_off_is_none():
    def cut(connection: socket.socket, over: Event) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}")
        connection.shutdown(socket.SHUT_RDWR)

    with answering(cut) as place, pytest.raises(Unavailable, match=r"cut off|IncompleteRead"):
        fetch(Source(f"http://{place}"), f"http://{place}/keys", BYTES_MAX)
