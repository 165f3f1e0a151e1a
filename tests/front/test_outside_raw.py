"""What the front, and the server under it, say on their own: nothing of the request, and every page is sealed."""

from collections.abc import Iterator

import pytest
from front.served import Served, raw, served
from markup import Markup

EVIL = "evil.example"
FOREIGN = {"Host": EVIL, "X-Forwarded-Host": EVIL, "X-Forwarded-Proto": "gopher", "Forwarded": f"host={EVIL}"}


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A front whose control is dead."""
    with served(tmp_path_factory.mktemp("raw"), hold_seconds=0.1) as made:
        made.site.publish("demo", made.site.wheel("demo"))
        yield made


@pytest.mark.parametrize("target", ["/account/login/", "/manage/", "/admin/", "/account/%3Cpwn-x%3E/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_a_dead_control_is_a_sealed_page(front: Served, method: str, target: str):
    body = b"login=x" if method == "POST" else None
    status, headers, page = front.ask(method, target, FOREIGN, body)

    assert (503, "text/html; charset=utf-8", "no-store") == (status, headers["content-type"], headers["cache-control"])
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert ("DENY", "nosniff") == (headers["x-frame-options"], headers["x-content-type-options"])
    assert [] == Markup(page).faults
    assert EVIL not in f"{headers}{page!r}"


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("POST", "/account/login/", b"x" * (1024 * 1024 + 1), 413),
        ("PUT", "/account/login/", b"x", 405),
        ("POST", "/legacy/", b"x", 503),
        ("GET", "/api/projects", None, 503),
        ("GET", "/simple/%00/", None, 404),
        ("GET", "/account/%00/", None, 404),
    ],
)
def test_every_other_answer_of_its_own_is_sealed_too(
    front: Served, method: str, target: str, body: bytes | None, status: int
):
    found, headers, text = front.ask(method, target, FOREIGN, body)

    assert (status, "nosniff") == (found, headers["x-content-type-options"])
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert EVIL not in f"{headers}{text!r}"


LINE = b"GET / HTTP/1.1\r\nHost: x\r\n"
BROKEN = [
    b"GET /<pwn-x> HTTP/1.1\r\nHost: <pwn-x>\r\nConnection: close\r\n\r\n",
    b"GET http://evil.example/simple HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    b"GET //evil.example/simple HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /\\evil.example/..;/simple HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    b"TRACE / HTTP/1.1\r\nHost: x\r\nX-Secret: <pwn-x>\r\nConnection: close\r\n\r\n",
    b"<pwn-x> / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: <pwn-x>\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"\x16\x03\x01<pwn-x>\r\n\r\n",
    LINE + b"X: <pwn-x>\x00\r\nConnection: close\r\n\r\n",
    LINE + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
    LINE + b"Content-Length: <pwn-x>\r\nConnection: close\r\n\r\n",
    LINE + b"X: " + b"<pwn-x>" * 200_000 + b"\r\nConnection: close\r\n\r\n",
]


@pytest.mark.parametrize("sent", BROKEN, ids=lambda sent: repr(sent[:24]))
def test_the_server_says_nothing_of_what_it_could_not_read(front: Served, sent: bytes):
    """Whatever it answers: no markup and no other host of the request's, no page without a policy."""
    answers = raw(front.port, sent)

    head, _, body = answers.partition(b"\r\n\r\n")
    assert b"<pwn-x>" not in answers.replace(b"\\u003cpwn", b"<pwn") and b"evil.example" not in answers
    if b"text/html" in head:
        assert b"frame-ancestors 'none'" in head and b"x-frame-options: DENY" in head
    elif body:
        assert b"nosniff" in head, answers[:300]
