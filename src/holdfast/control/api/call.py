"""One management request: who asks, with which JSON, until when; and the table that maps methods to handlers."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from packaging.version import Version

from holdfast.control.accounts.actor import Actor
from holdfast.control.http import answers_outcomes, client_of, method_not_allowed, parts_of, respond, spool_of
from holdfast.control.parts import Parts
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.publication.transaction import NotYetPublished
from holdfast.control.spool import spool_trouble, spooled_body
from holdfast.control.uploads.hold import deadline_of
from holdfast.control.uploads.receive import authenticated
from holdfast.core.errors import Absent
from holdfast.core.metadata_rules import is_version
from holdfast.core.names import is_project_name, normalize

BODY_BYTES_MAX = 1024 * 1024
TEXT_CHARS_MAX = 2000
LIST_ITEMS_MAX = 10_000
_USER = re.compile(r"[A-Za-z0-9@.+_-]{1,150}")


@dataclass(frozen=True, slots=True)
class Call:
    """A request that carried a token in force. The getters raise NotAccepted, naming the field."""

    parts: Parts
    actor: Actor
    body: Mapping[str, Any]
    deadline: float  # monotonic seconds

    def text(self, field: str, default: str | None = None) -> str:
        """A string field; required when there is no default."""
        value = self.body.get(field, default)
        if not isinstance(value, str) or not _is_storable(value):
            raise NotAccepted(f"the field {field} must be a text of at most {TEXT_CHARS_MAX} characters, without NUL")
        return value

    def flag(self, field: str, default: bool = False) -> bool:
        """A boolean field."""
        value = self.body.get(field, default)
        if not isinstance(value, bool):
            raise NotAccepted(f"the field {field} must be true or false")
        return value

    def texts(self, field: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of strings; required when there is no default."""
        value = self.body.get(field, default)
        if not isinstance(value, list | tuple) or len(value) > LIST_ITEMS_MAX:
            raise NotAccepted(f"the field {field} must be a list of texts")
        if not all(isinstance(one, str) and _is_storable(one) for one in value):
            raise NotAccepted(f"the field {field} must be a list of texts")
        return tuple(value)


def demand_user_name(name: str) -> None:
    """Raises NotAccepted for what is no user name."""
    if _USER.fullmatch(name) is None:
        raise NotAccepted("a user name has 1 to 150 letters, digits or @ . + - _")


Handler = Callable[..., Any]  # (call, **path parts) -> what becomes JSON; (status, that) for another than 200


@dataclass(frozen=True, slots=True)
class Route:
    """What one method of one address does, and which JSON fields it takes."""

    handler: Handler
    fields: tuple[str, ...] = ()


def view_of(**routes: Route) -> Callable[..., HttpResponse]:
    """A view answering each method by its route, e.g. `view_of(GET=Route(show))`."""

    @answers_outcomes
    def view(request: HttpRequest, **path: str) -> HttpResponse:
        route = routes.get(request.method or "")
        if route is None:
            return method_not_allowed(request, *routes)
        call = _call(request, route)
        try:
            found = route.handler(call, **_clean(path))
        except NotYetPublished as error:
            found = 202, {"serial": error.serial, "detail": error.reason}
        status, document = found if isinstance(found, tuple) else (200, found)
        headers = (("content-type", "application/json"), ("cache-control", "no-store"))
        return respond(request, status, headers, json.dumps(document).encode() + b"\n")

    view.routes = routes  # type: ignore[attr-defined]  # what the rights matrix and the API's description are made from
    return view


def _call(request: HttpRequest, route: Route) -> Call:
    parts = parts_of(request)
    body_end = request.headers.get("X-Holdfast-Body-End", "")
    deadline = deadline_of(body_end, parts.config.hold_seconds, parts.clock)
    actor = authenticated(parts, request.headers.get("Authorization"), client_of(request), deadline)
    body = _read_body(request, parts)
    unknown = sorted(set(body) - set(route.fields))
    if unknown:
        known = ", ".join(route.fields) or "none"
        raise NotAccepted(f"unknown fields in the JSON body: {', '.join(unknown)[:200]}; known here: {known}")
    return Call(parts, actor, body, deadline)


def _read_body(request: HttpRequest, parts: Parts) -> dict[str, Any]:
    """The JSON object of the spooled body; an empty body is an empty object."""
    if not spool_of(request):
        return {}
    try:
        with spooled_body(parts.config.spool_folder, spool_of(request)) as body:
            data = body.read(BODY_BYTES_MAX + 1)
    except OSError as error:
        raise spool_trouble(error) from error
    if len(data) > BODY_BYTES_MAX:
        raise NotAccepted(f"the body is larger than {BODY_BYTES_MAX} bytes")
    try:
        found = json.loads(data) if data else {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NotAccepted("the body must be a JSON object")
    return found


def _is_storable(text: str) -> bool:
    """False for what a database refuses with an error of its own: NUL (PostgreSQL), half a surrogate pair (all)."""
    return len(text) <= TEXT_CHARS_MAX and "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def _clean(path: Mapping[str, str]) -> dict[str, str]:
    """Path parts in the one spelling the code knows. What could not be a name does not exist. Raises Absent."""
    clean = dict(path)
    if not all(_is_storable(part) for part in clean.values()):
        raise Absent("there is nothing of that name")
    if "name" in clean:
        if not is_project_name(clean["name"]):
            raise Absent("there is no such project")
        clean["name"] = normalize(clean["name"])
    if "version" in clean:
        if not is_version(clean["version"]):
            raise Absent("there is no such release")
        clean["version"] = str(Version(clean["version"]))
    return clean
