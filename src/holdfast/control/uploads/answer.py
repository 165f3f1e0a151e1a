"""What an uploader is told: status codes by what the upload tools do next, and a sentence in the form they print.

    401 with a Basic challenge   pip's, uv's and twine's key rings and prompts start there
    400                          the file's or form's fault; "File already exists ..." is what twine and poetry look for
    403                          rights, shadowed names, bytes that were taken down
    410                          dead actions of the old protocol
    429 + Retry-After            too many new projects; every tool stops and shows the sentence
    503 + Retry-After, 507       ours; twine sends again at once, uv stops. 409 is never used: tools read it as "exists"

Text is plain by default. uv shows `code` of a JSON answer, but only when the type is exactly `application/json`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from holdfast.control.projects.rights import NotAccepted
from holdfast.control.tokens.rate import TooMany
from holdfast.control.uploads.receive import DeadAction, Received
from holdfast.control.uploads.taking import Rejected
from holdfast.core.errors import Absent, Outcome, Refused, Removed, Unavailable
from holdfast.core.problem import WWW_AUTHENTICATE, printable
from holdfast.core.upload_problems import Problem
from holdfast.store.port import DiskFull

TEXT_CHARS_MAX = 4000
PROBLEMS_SHOWN_MAX = 50
_DEAD = "This action ended long ago; upload the file itself, its metadata is read from it."


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and headers (lower-case names) of an upload's answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def received(done: Received, accept: str) -> Answer:
    """200, with the warnings one by one."""
    where = f" in index {done.landed}" if done.landed else ""
    if done.is_held:
        became = (
            f"is taken{where} and held: a moderator looks at the project's name first, and nobody sees it till then."
        )
    else:
        became = f"was already there{where} with the same bytes." if done.existing else f"is published{where}."
    first = f"{done.filename} {became}"
    return _answer(200, [first, *done.warnings], accept)


def refused(error: Exception, accept: str) -> Answer:
    """The answer for whatever `receive` raises on purpose."""
    match error:
        case Rejected():
            lines = [p.sentence() for p in error.problems[:PROBLEMS_SHOWN_MAX]]
            return _answer(400, lines, accept, error.problems[:PROBLEMS_SHOWN_MAX])
        case DeadAction():
            return _answer(410, [_DEAD], accept)
        case NotAccepted():
            return _answer(400, [error.reason], accept)
        case Absent():
            return _answer(404, [error.reason], accept)
        case Removed():
            return _answer(403, [error.reason], accept)
        case Refused(authenticate=True):
            return _answer(401, [error.reason], accept, headers=(("www-authenticate", WWW_AUTHENTICATE),))
        case Refused():
            return _answer(403, [error.reason], accept)
        case TooMany():
            return _answer(429, [error.reason], accept, headers=(("retry-after", str(error.retry_after_seconds)),))
        case DiskFull():
            return _answer(507, [error.reason], accept)
        case Unavailable():
            return _unavailable(error.reason, error.retry_after_seconds, accept)
        case Outcome():
            return _unavailable("This upload cannot be taken right now; nothing was stored.", 5, accept)
    raise error


def _unavailable(reason: str, seconds: int, accept: str) -> Answer:
    return _answer(503, [f"Try again: {reason}"], accept, headers=(("retry-after", str(max(seconds, 1))),))


def _answer(
    status: int,
    lines: Iterable[str],
    accept: str,
    problems: Iterable[Problem] = (),
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    shown = [printable(line, TEXT_CHARS_MAX) for line in lines]
    common = (("cache-control", "no-store"), ("x-content-type-options", "nosniff"), *headers)
    if not prefers_json(accept):
        body = "\n".join(shown) + "\n"
        return Answer(status, (("content-type", "text/plain; charset=utf-8"), *common), body.encode())
    document = {
        "code": f"{status} {shown[0]}",
        "message": "\n".join(shown),
        "title": HTTPStatus(status).phrase,
        "errors": [{"field": p.field, "value": p.value, "rule": p.rule, "step": p.step} for p in problems],
    }
    return Answer(status, (("content-type", "application/json"), *common), json.dumps(document).encode() + b"\n")


def prefers_json(accept: str) -> bool:
    """True when `application/json` is asked for by name and liked better than plain text."""
    weights: dict[str, float] = {}
    for part in accept.split(",")[:20]:
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weights[kind] = _weight(parameters)
    plain = weights.get("text/plain", weights.get("text/*", weights.get("*/*", 0.0)))
    return weights.get("application/json", 0.0) > plain or ("application/json" in weights and len(weights) == 1)


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
