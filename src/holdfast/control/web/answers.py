"""What all pages share as answers: headers that keep browsers from mischief, and outcomes as pages.

A page that tells of trouble asks nothing of the database, which may be what is wrong.
"""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from holdfast.control.accounts.limits import TooManyAttempts
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.web.environment import site_of
from holdfast.core.errors import Absent, Outcome, Refused, Unavailable
from holdfast.core.page_paths import is_control_page
from holdfast.core.problem import Problem, printable, translate
from holdfast.pages import PAGE_HEADERS, Site
from holdfast.pages.errors import error_page

# OWASP's list of what a page with a session must say. Nothing of these pages is kept by any cache, shared or not.
_HEADERS = {
    "Cache-Control": "private, no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    **dict(PAGE_HEADERS),
}
_OTHERWISE = ("That does not work", "")
_TOLD = {  # by status: what it is called, and the next step where the reason itself names none
    403: ("Not allowed", ""),
    404: ("Not found", "The address may be misspelt, or what was here is gone."),
    405: ("Not possible here", "Begin at the page that has the form."),
    429: ("Too many attempts", "Wait a moment, then try again. Installs go on."),
    500: ("Something went wrong", "If it comes back, tell whoever runs this instance when it happened."),
    503: ("Away for a moment", "Please try again in a moment. Installs go on meanwhile."),
}
_REASON_CHARS_MAX = 400


def is_page(request: HttpRequest) -> bool:
    """True for requests of browsers, which carry cookies and read HTML."""
    return is_control_page(request.path_info)


def sealed(response: HttpResponseBase) -> HttpResponseBase:
    """The answer with every header that a page must have."""
    for name, value in _HEADERS.items():
        response.setdefault(name, value)
    return response


def told(request: HttpRequest, status: int, detail: str, retry_after_seconds: int = 0) -> HttpResponse:
    """An error as a page."""
    response = HttpResponse(_error_page(site_of(request), status, detail, ""), status=status)
    # Told on purpose: Django would log each as an error of ours, and a flood of sign-ins would fill the disk.
    response._has_been_logged = status != 500  # type: ignore[attr-defined]
    if retry_after_seconds:
        response["Retry-After"] = str(retry_after_seconds)
    return sealed(response)  # type: ignore[return-value]  # the same object


def answer_outcome(request: HttpRequest, outcome: Outcome) -> HttpResponse:
    """The page for what a view raised on purpose."""
    reason = printable(outcome.reason, _REASON_CHARS_MAX)
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


def told_outside(outcome: Refused | Unavailable, base_url: str, hint: str = "") -> Problem:
    """An outcome as a page, before there is a request to answer. `hint` is the next step, if not that of its status."""
    found = translate(outcome)
    headers = [
        ("content-type", "text/html; charset=utf-8"),
        *((name.lower(), value) for name, value in _HEADERS.items()),
    ]
    headers += [(name, value) for name, value in found.headers if name == "retry-after"]
    reason = printable(outcome.reason, _REASON_CHARS_MAX)
    return Problem(found.status, tuple(headers), _error_page(Site(base_url), found.status, reason, hint))


def _error_page(site: Site, status: int, detail: str, hint: str) -> bytes:
    title, next_step = _TOLD.get(status, _OTHERWISE)
    return error_page(site, status, title, detail, hint or next_step, "account")
