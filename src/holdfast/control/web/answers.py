"""What all pages share as answers: headers that keep browsers from mischief, and outcomes as pages."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from holdfast.control.accounts.limits import TooManyAttempts
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.web.environment import site_of
from holdfast.core.errors import Absent, Outcome, Refused, Unavailable
from holdfast.core.page_paths import is_control_page
from holdfast.core.problem import printable
from holdfast.pages import PAGE_HEADERS, render
from holdfast.pages.values import sentence

# OWASP's list of what a page with a session must say. Nothing of these pages is kept by any cache, shared or not.
_HEADERS = {
    "Cache-Control": "private, no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    **dict(PAGE_HEADERS),
}
_TITLES = {
    400: "That does not work",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    429: "Too many attempts",
    500: "Something went wrong",
    503: "Away for a moment",
}


def is_page(request: HttpRequest) -> bool:
    """True for requests of browsers, which carry cookies and read HTML."""
    return is_control_page(request.path_info)


def sealed(response: HttpResponseBase) -> HttpResponseBase:
    """The answer with every header that a page must have."""
    for name, value in _HEADERS.items():
        response.setdefault(name, value)
    return response


def told(request: HttpRequest, status: int, detail: str, retry_after_seconds: int = 0) -> HttpResponse:
    """An error as a page. It asks nothing of the database, which may be what is wrong."""
    title = _TITLES.get(status, "That does not work")
    facts = {"status": status, "title": title, "text": sentence(detail), "hint": "", "here": "account"}
    response = HttpResponse(render("error.html", site=site_of(request), **facts), status=status)
    # Told on purpose: Django would log each as an error of ours, and a flood of sign-ins would fill the disk.
    response._has_been_logged = status != 500  # type: ignore[attr-defined]
    if retry_after_seconds:
        response["Retry-After"] = str(retry_after_seconds)
    return sealed(response)  # type: ignore[return-value]  # the same object


def answer_outcome(request: HttpRequest, outcome: Outcome) -> HttpResponse:
    """The page for what a view raised on purpose."""
    reason = printable(outcome.reason, 400)
    match outcome:
        case NotAccepted():
            return told(request, 400, reason)
        case Absent():
            return told(request, 404, reason)
        case TooManyAttempts():
            return told(request, 429, reason, outcome.retry_after_seconds)
        case Refused():
            return told(request, 403, reason)
        case Unavailable():
            return told(request, 503, reason, outcome.retry_after_seconds)
        case _:
            return told(request, 503, "This cannot be answered right now.", 5)
