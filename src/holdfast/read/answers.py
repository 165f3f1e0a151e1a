"""Answers every route shares: problems, redirects, and outcomes as responses."""

from holdfast.core import problem as core_problem
from holdfast.core.errors import Outcome
from holdfast.wire.admission import OverBudget
from holdfast.wire.messages import Headers, Response

NOSNIFF = ("x-content-type-options", "nosniff")

# index-facts.md §1.1: what browsers' scripts may do with the Simple and JSON APIs.
CORS: Headers = [
    ("access-control-allow-origin", "*"),
    ("access-control-allow-headers", "Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Unmodified-Since"),
    ("access-control-allow-methods", "GET"),
    ("access-control-max-age", "86400"),
    ("access-control-expose-headers", "X-PyPI-Last-Serial"),
]


def problem(status: int, detail: str, *headers: tuple[str, str]) -> Response:
    """An error as problem+json, for every Accept; scripts in browsers may read it too."""
    return _response(core_problem.problem(status, detail, *headers))


def redirect(location: str) -> Response:
    """The one hop to the address we serve. `location` is relative or built from configuration, never from Host."""
    return Response(
        301,
        [("location", location), ("cache-control", "no-cache"), ("content-type", "text/plain"), NOSNIFF, *CORS],
        b"Moved\n",
    )


def method_not_allowed(allow: str) -> Response:
    return problem(405, f"this address answers {allow} only", ("allow", allow))


def options(allow: str) -> Response:
    """What may be asked here, for browsers' preflights."""
    return Response(204, [("allow", allow), ("cache-control", "no-store"), NOSNIFF, *CORS])


def from_outcome(outcome: Outcome | OverBudget) -> Response:
    """The answer for an outcome; a client over its own budget is told so, and only that client."""
    if isinstance(outcome, Outcome):
        return _response(core_problem.translate(outcome))
    retry_after = ("retry-after", str(outcome.retry_after_seconds))
    if outcome.mine:
        return problem(429, "this client asked for more uncached pages than its share, come again soon", retry_after)
    return problem(503, "too many uncached pages are asked for at once, come again soon", retry_after)


def _response(found: core_problem.Problem) -> Response:
    return Response(found.status, [*found.headers, ("access-control-allow-origin", "*")], found.body)
