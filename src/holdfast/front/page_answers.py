"""What a browser is told when a page of control cannot be had: a whole small page that needs nothing else."""

from html import escape
from http import HTTPStatus

from holdfast.core import problem as core_problem
from holdfast.core.errors import Outcome
from holdfast.read.answers import NOSNIFF
from holdfast.wire.admission import OverBudget
from holdfast.wire.messages import Headers, Response

_HEADERS: Headers = [
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    ("referrer-policy", "no-referrer"),
    NOSNIFF,
]
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title}</title></head>
<body><main><h1>{title}</h1><p>{detail}</p></main></body>
</html>
"""
_UNREACHABLE = "Accounts and management are away for a moment. Installs are not. Please try again in a few seconds."


def page_problem(status: int, detail: str, *headers: tuple[str, str]) -> Response:
    """An error as a page."""
    title = "Away for a moment" if status == 503 else HTTPStatus(status).phrase
    text = core_problem.printable(detail, core_problem.DETAIL_CHARS_MAX)
    return Response(status, [*_HEADERS, *headers], _PAGE.format(title=escape(title), detail=escape(text)).encode())


def page_refusal(outcome: Outcome | OverBudget) -> Response:
    """The page for what kept a request from control."""
    assert isinstance(outcome, Outcome)
    found = core_problem.translate(outcome)
    retry_after = [(name, value) for name, value in found.headers if name == "retry-after"]
    return page_problem(found.status, _UNREACHABLE, *retry_after)
