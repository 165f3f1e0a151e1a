"""The phrase of an upload's refusal: for tools that show no more, and never more than one line."""

import socket
import time

import pytest
from front.test_takeover import connected

from holdfast.front.refusals import PHRASE_CHARS_MAX, phrase_of
from holdfast.front.takeover import ANSWER_BYTES_MAX, Takeover
from holdfast.wire.messages import Request, Response

TEXT = [("content-type", "text/plain; charset=utf-8")]


def phrase(body: bytes, *, status: int = 400, headers: list[tuple[str, str]] = TEXT, path: str = "/legacy/") -> str:
    return phrase_of(Request("POST", path, "", {}, "192.0.2.1", None), Response(status, headers, body))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"File already exists ('demo-1.0.tar.gz'). Use a different version.\nMore.", "File already exists"),
        (b"a\r\nSet-Cookie: x=1\r\n\r\n<script>", "a"),
        (b"a\rSet-Cookie: x=1", "a Set-Cookie: x=1"),
        (b"a\x00\x0b\x0c\x1b[31m\x7f\xc2\x85b", "a [31m b"),
        ("größer, naïve".encode(), "gr er, na ve"),
        (b"\xff\xfe", ""),
        (b"", ""),
        (b"x" * 10_000, "x" * PHRASE_CHARS_MAX),
    ],
)
def test_a_phrase_is_one_line_of_printable_ascii(body: bytes, expected: str):
    found = phrase(body)

    assert found.startswith(expected) and (expected or not found)
    assert found.isascii() and found.isprintable() if found else True
    assert len(found) <= PHRASE_CHARS_MAX


@pytest.mark.parametrize(
    "other",
    [
        {"status": 200},
        {"status": 503},
        {"path": "/simple/"},
        {"headers": [("content-type", "application/json")]},
        {"headers": []},
    ],
)
def test_every_other_answer_has_the_phrase_of_its_status(other: dict):
    assert phrase(b"why", **other) == ""
    assert phrase(b"why", path="/team/legacy") == "why"


def test_the_answer_has_the_phrase_and_the_connection_ends():
    headers = [*TEXT, ("x-one", "1")]
    with connected() as (client, _, scope):
        assert Takeover().answer(scope, time.monotonic(), 400, "What is wrong", headers, b"What is wrong\n")

        head, _, body = client.makefile("rb").read().partition(b"\r\n\r\n")

    lines = head.decode().split("\r\n")
    assert (lines[0], body) == ("HTTP/1.1 400 What is wrong", b"What is wrong\n")
    assert {"x-one: 1", "content-length: 14", "connection: close"} <= set(lines)


@pytest.mark.parametrize("unusual", ["http/1.0", "pipelined", "long", "somebody else's"])
def test_whatever_is_unusual_is_answered_the_ordinary_way(unusual: str):
    with connected() as (client, here, scope):
        body, ended = b"why", time.monotonic()
        if unusual == "http/1.0":
            scope.http_version = "1.0"
        elif unusual == "pipelined":
            client.sendall(b"GET / HTTP/1.1\r\n")
            here.recv(1, socket.MSG_PEEK)
        elif unusual == "long":
            body = b"x" * ANSWER_BYTES_MAX
        else:
            scope.client = "127.0.0.1:1"

        assert not Takeover().answer(scope, ended, 400, "why", TEXT, body)

        here.sendall(b"ordinary")
        assert client.recv(100) == b"ordinary"


@pytest.mark.parametrize("phrase", ["a\r\nSet-Cookie: x=1", "a\nb"])
def test_a_line_break_never_leaves(phrase: str):
    """Asserted again where the head is written, whoever made the phrase."""
    with connected() as (_, _, scope), pytest.raises(ValueError, match="line break"):
        Takeover().answer(scope, time.monotonic(), 400, phrase, TEXT, b"why")
