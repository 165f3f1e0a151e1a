"""`/_/me`: who the visitor is, for the scripts of public pages, which are the same for everybody."""

import json

from django.http import HttpRequest, HttpResponse

from holdfast.control.http import method_not_allowed, respond
from holdfast.control.web.pages import actor_of


def me(request: HttpRequest) -> HttpResponse:
    """{"user": name or null, "admin": bool}. A visitor without a cookie costs no look into the database."""
    if request.method not in ("GET", "HEAD"):
        return method_not_allowed(request, "GET", "HEAD")
    actor = actor_of(request)
    document = {"user": actor.user if actor else None, "admin": actor is not None and actor.is_admin}
    return respond(request, 200, (("content-type", "application/json"),), json.dumps(document).encode() + b"\n")
