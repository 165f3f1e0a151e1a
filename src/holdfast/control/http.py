"""What views share of HTTP: the headers a front adds, answers with nothing forgotten, outcomes as problem documents.

A front is the only client of the control socket. It drops X-Holdfast-* headers that came from outside and sends the
body as a file in the spool folder; Host is never looked at.
"""

import re
import sys
from collections.abc import Callable
from functools import wraps

import structlog
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from holdfast.control.parts import Opening, Parts
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.refusals import note_request
from holdfast.control.staging.publishing import FilesInTheWay
from holdfast.control.staging.sessions import SessionOpen
from holdfast.control.tokens.rate import TooMany
from holdfast.control.uploads.taking import Rejected
from holdfast.core.errors import Outcome
from holdfast.core.problem import Problem, problem, translate
from holdfast.store.port import DiskFull

OPENING = "holdfast.opening"  # where wsgi.py puts this process's Opening in each request's environ

log = structlog.get_logger()
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

View = Callable[..., HttpResponse]


def parts_of(request: HttpRequest) -> Parts:
    """This process's parts. Raises Unavailable while they cannot be opened."""
    opening = request.META[OPENING]
    assert isinstance(opening, Opening)
    return opening.parts()


def spool_of(request: HttpRequest) -> str:
    """The file name of the spooled body."""
    return request.headers.get("X-Holdfast-Spool", "")


def client_of(request: HttpRequest) -> str:
    """The client's address, as the front saw it."""
    return request.headers.get("X-Holdfast-Client", "")[:64]


def respond(request: HttpRequest, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> HttpResponse:
    """A whole answer: its length, and the front's request id given back."""
    response = HttpResponse(body, status=status, headers=dict(headers))
    # What is said on purpose, its sender has told of (refusals.py); 500 is a defect, and Django logs that whole.
    response._has_been_logged = status != 500  # type: ignore[attr-defined]
    response["Content-Length"] = str(len(body))
    request_id = request.headers.get("X-Holdfast-Request", "")
    if _REQUEST_ID.fullmatch(request_id):
        response["X-Holdfast-Request"] = request_id
    return response


def respond_problem(request: HttpRequest, found: Problem) -> HttpResponse:
    """An error as problem+json."""
    return respond(request, found.status, found.headers, found.body)


def answers_outcomes(view: View) -> View:
    """Translate what a view raises on purpose into problem documents."""

    @wraps(view)
    def answering(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Rejected as error:
            told = [(one.field, one.sentence()) for one in error.problems]
            return respond_problem(request, problem(400, " ".join(said for _, said in told), errors=told))
        except Outcome as error:
            found = _translate(error)
            note_request(found.status, error)
            return respond_problem(request, found)

    return answering


def _translate(error: Outcome) -> Problem:
    match error:
        case NotAccepted():
            return problem(400, error.reason)
        case TooMany():
            return problem(429, error.reason, ("retry-after", str(error.retry_after_seconds)))
        case DiskFull():
            return problem(507, error.reason)
        case SessionOpen():
            return problem(409, error.reason, ("location", error.location))
        case FilesInTheWay():
            return problem(409, error.reason, errors=error.problems)
        case _:
            return translate(error)


def method_not_allowed(request: HttpRequest, *allowed: str) -> HttpResponse:
    """405 with Allow."""
    listed = ", ".join(allowed)
    return respond_problem(request, problem(405, f"Use {listed} here.", ("allow", listed)))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """Django's handler404: no such route."""
    from holdfast.control.web.answers import is_page, told

    if is_page(request):
        return told(request, 404, "There is no such page.")
    return respond_problem(request, problem(404, "There is no such address."))


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Django's handler500: a defect of ours, or a database that is lost between view and answer.

    What happened is in the log, not in the answer.
    """
    from holdfast.control.web.answers import is_page, told
    from holdfast.control.web.middleware import answer_error

    if is_page(request):
        known = answer_error(request, sys.exception())
        return known or told(request, 500, "It was noted. It is not your fault.")
    return respond_problem(request, problem(500, "Something went wrong here; the log of this server says what."))
