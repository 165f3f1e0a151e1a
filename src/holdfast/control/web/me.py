"""`/_/me`: who the visitor is, for the scripts of public pages, which are the same for everybody."""

import json

from django.http import HttpRequest, HttpResponse

from holdfast.control.accounts.models import User
from holdfast.control.http import method_not_allowed, respond
from holdfast.control.operate.doors import is_operator


def me(request: HttpRequest) -> HttpResponse:
    """{"user": name or null, "admin": bool}: who, and whether `/admin/` is there for them.

    A visitor without a cookie costs no look into the database.
    """
    if request.method not in ("GET", "HEAD"):
        return method_not_allowed(request, "GET", "HEAD")
    person = request.user if isinstance(request.user, User) else None
    document = {"user": person.username if person else None, "admin": person is not None and is_operator(person)}
    return respond(request, 200, (("content-type", "application/json"),), json.dumps(document).encode() + b"\n")
