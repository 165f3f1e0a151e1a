"""Whose address counts: the peer's, unless a trusted proxy says better."""

import pytest

from holdfast.front.asgi import AsgiHeaders
from holdfast.front.peers import TrustedProxies, bare_address


@pytest.mark.parametrize(
    ("peer", "address"),
    [("192.0.2.1:443", "192.0.2.1"), ("[2001:db8::1]:443", "2001:db8::1")],
)
def test_a_peer_without_its_port(peer, address):
    assert address == bare_address(peer)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, 10.0.0.9", "198.51.100.7"),
        ("10.0.0.1", "6.6.6.6, nonsense, 10.0.0.9", "10.0.0.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("192.0.2.66", "198.51.100.7", "192.0.2.66"),
        ("10.0.0.1", 'fe80::1%x"forged', "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.7:4711", "198.51.100.7"),  # as some balancers write it, with the port
        ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.1", "[2001:db8::7]", "2001:db8::7"),
        ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", "6.6.6.6, [198.51.100.7", "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.7:x", "10.0.0.1"),
    ],
)
def test_only_what_trusted_proxies_add_is_believed(peer, forwarded, client):
    proxies = TrustedProxies(("10.0.0.0/8",))

    assert client == proxies.client(peer, AsgiHeaders(lines(forwarded)))


def test_a_line_a_proxy_adds_counts_before_what_the_client_sent():
    headers = AsgiHeaders([*lines("6.6.6.6"), *lines("198.51.100.7")])

    assert "198.51.100.7" == TrustedProxies(("10.0.0.0/8",)).client("10.0.0.1", headers)


def lines(forwarded):
    return [(b"x-forwarded-for", forwarded.encode())] if forwarded is not None else []


def test_without_trusted_proxies_nobody_is_believed():
    assert "10.0.0.1" == TrustedProxies(()).client("10.0.0.1", AsgiHeaders(lines("1.2.3.4")))
