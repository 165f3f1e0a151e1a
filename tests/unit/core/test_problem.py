"""Each outcome has one answer, and nothing a client sent comes back raw."""

import json

import pytest

from holdfast.core.errors import Absent, Conflict, Corrupt, Outcome, Refused, Removed, Unavailable
from holdfast.core.problem import DETAIL_CHARS_MAX, WWW_AUTHENTICATE, Problem, printable, problem, translate

COMMON = (
    ("content-type", "application/problem+json"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
)
HELD_BACK = "The bytes failed their check and were held back; a good copy is looked for."


@pytest.mark.parametrize(
    ("outcome", "status", "title", "detail", "headers"),
    [
        (Absent("why"), 404, "Not Found", "why", ()),
        (Removed("why"), 410, "Gone", "why", ()),
        (Removed("why", legal=True), 451, "Unavailable for legal reasons", "why", ()),
        (Refused("why"), 403, "Forbidden", "why", ()),
        (Refused("why", authenticate=True), 401, "Unauthorized", "why", (("www-authenticate", WWW_AUTHENTICATE),)),
        (Unavailable("why"), 503, "Temporarily unavailable", "why", (("retry-after", "5"),)),
        (
            Unavailable("why", retry_after_seconds=30),
            503,
            "Temporarily unavailable",
            "why",
            (("retry-after", "30"),),
        ),
        (Unavailable("why", retry_after_seconds=0), 503, "Temporarily unavailable", "why", (("retry-after", "1"),)),
        (
            Unavailable("why", retry_after_seconds=10**9),
            503,
            "Temporarily unavailable",
            "why",
            (("retry-after", "3600"),),
        ),
        (Conflict("why"), 409, "Conflict", "why", ()),
        (Corrupt("key /secret/path"), 503, "Temporarily unavailable", HELD_BACK, (("retry-after", "5"),)),
        (Outcome("new"), 503, "Temporarily unavailable", "This cannot be answered right now.", (("retry-after", "5"),)),
    ],
)
def test_an_outcome_has_one_answer(outcome, status, title, detail, headers):
    answer = translate(outcome)

    assert (answer.status, answer.headers) == (status, COMMON + headers)
    assert json.loads(answer.body) == {"status": status, "title": title, "detail": detail}


def test_errors_beside_the_outcomes_take_their_own_headers():
    answer = problem(405, "Only GET and HEAD.", ("allow", "GET, HEAD, OPTIONS"))

    assert answer == Problem(
        405,
        (*COMMON, ("allow", "GET, HEAD, OPTIONS")),
        b'{"status": 405, "title": "Method Not Allowed", "detail": "Only GET and HEAD."}\n',
    )


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 405, 406, 409, 410, 411, 413, 415, 416, 429, 431, 451, 500, 503]
)
def test_every_status_we_answer_with_has_a_title(status):
    assert json.loads(problem(status, "x").body)["title"]


def test_what_a_client_sent_comes_back_as_short_printable_ascii():
    answer = translate(Absent("no project called \x1b[31m\r\nSet-Cookie: a\udc80é" + "x" * 10_000))

    detail = json.loads(answer.body)["detail"]
    assert len(detail) == DETAIL_CHARS_MAX - 1
    assert detail.startswith("no project called ?[31m??Set-Cookie: a??xxx")
    assert detail.isascii()
    assert detail.isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("abc", "abc"),
        ("a" * 10, "a" * 10),
        ("abcdefghijk", "abc...ijk"),
        ("abc" + "x" * 100_000 + "ijk", "abc...ijk"),
        ("tab\there", "tab?here"),
        ("é", "?"),
    ],
)
def test_printable_keeps_both_ends_of_a_long_text(text, expected):
    assert printable(text, 10) == expected
