"""The one translation of outcomes into HTTP errors: `application/problem+json` (RFC 9457) for every Accept header.

Status codes are picked by what installers do next: a 404 sends uv and poetry to the next index, pip takes any error
as "no such project", a 401 or 403 stops uv, 503 is retried by all. Errors are never stored: `no-store`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from holdfast.core.errors import Absent, Conflict, Corrupt, NotKept, Outcome, Refused, Removed, Unavailable

CONTENT_TYPE = "application/problem+json"
DETAIL_CHARS_MAX = 400
ERRORS_MAX = 50  # told one by one; who repairs those learns of the rest
WWW_AUTHENTICATE = 'Basic realm="holdfast", charset="UTF-8"'
RETRY_AFTER_SECONDS_MAX = 3600

_COMMON = (
    ("content-type", CONTENT_TYPE),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),  # a browser may come across it, too
)
_TITLES = {503: "Temporarily unavailable", 451: "Unavailable for legal reasons"}


@dataclass(frozen=True, slots=True)
class Problem:
    """An error answer: status, body, and headers with lower-case names (no content-length)."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def translate(outcome: Outcome) -> Problem:
    """The answer for an outcome. Of Corrupt the client learns nothing but that it should come again."""
    match outcome:
        case Absent():
            return problem(404, outcome.reason)
        case Removed():
            return problem(451 if outcome.legal else 410, outcome.reason)
        case Refused(authenticate=True):
            return problem(401, outcome.reason, ("www-authenticate", WWW_AUTHENTICATE))
        case Refused():
            return problem(403, outcome.reason)
        case NotKept():
            return problem(504, outcome.reason)
        case Unavailable():
            return problem(503, outcome.reason, ("retry-after", _seconds(outcome.retry_after_seconds)))
        case Conflict():
            return problem(409, outcome.reason)
        case Corrupt():
            return problem(
                503,
                "The bytes failed their check and were held back; a good copy is looked for.",
                ("retry-after", _seconds(5)),
            )
        case _:
            return problem(503, "This cannot be answered right now.", ("retry-after", _seconds(5)))


def problem(status: int, detail: str, *headers: tuple[str, str], errors: Sequence[tuple[str, str]] = ()) -> Problem:
    """An error answer outside the outcomes (405 with `allow`, 416 with `content-range` ...).

    `errors` are single things that are wrong, each with its source (a field, a file), as PEP 694 shapes them.
    """
    title = _TITLES.get(status) or HTTPStatus(status).phrase
    document: dict[str, object] = {"status": status, "title": title, "detail": printable(detail, DETAIL_CHARS_MAX)}
    if errors:
        document["errors"] = [
            {"source": printable(source, DETAIL_CHARS_MAX), "message": printable(message, DETAIL_CHARS_MAX)}
            for source, message in errors[:ERRORS_MAX]
        ]
    return Problem(status, (*_COMMON, *headers), json.dumps(document).encode() + b"\n")


def printable(text: str, chars_max: int = 80) -> str:
    """Text that may carry what a client sent, made safe to show: printable ASCII, shortened in the middle."""
    clean = "".join(c if " " <= c <= "~" else "?" for c in text[: 2 * chars_max] + text[2 * chars_max :][-chars_max:])
    if len(clean) <= chars_max:
        return clean
    half = (chars_max - 3) // 2
    return f"{clean[:half]}...{clean[-half:]}"


def _seconds(seconds: int) -> str:
    return str(min(max(seconds, 1), RETRY_AFTER_SECONDS_MAX))
