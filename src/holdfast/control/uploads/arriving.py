"""A front's notice that more of a large upload lies in the spool: who sends it is looked at, then it is read ahead.

Nobody waits for the answer and nothing depends on it. Whoever has no token in force makes control read nothing.
"""

from django.http import HttpRequest, HttpResponse

from holdfast.control.accounts.actions import authenticate
from holdfast.control.http import answers_outcomes, client_of, method_not_allowed, parts_of, respond, spool_of
from holdfast.control.spool import spool_path
from holdfast.core.errors import Refused, Unavailable
from holdfast.core.tokens import credentials_from


@answers_outcomes
def arriving(request: HttpRequest) -> HttpResponse:
    """POST /-/arriving: 204, or why that file is not read ahead. Fronts alone reach this address."""
    if request.method != "POST":
        return method_not_allowed(request, "POST")
    parts = parts_of(request)
    if refused := parts.switches.ban(client_of(request)):
        raise refused
    path = spool_path(parts.config.spool_folder, spool_of(request))
    if not parts.ahead.notice(path, parts.clock):
        text = credentials_from(request.headers.get("Authorization"))
        # Guesses are not counted here: the upload itself is about to be, and this tells its sender nothing.
        if not text or authenticate(text, parts.clock, client_of(request)) is None:
            raise Refused("only what comes with a token that is in force is read ahead", authenticate=True)
        if not parts.ahead.follow(path, parts.clock):
            raise Unavailable("enough uploads are read ahead", retry_after_seconds=10)
    return respond(request, 204, (), b"")
