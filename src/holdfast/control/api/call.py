"""One management request: who asks, with which JSON, until when; and the view that answers it by its route."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from packaging.version import Version

from holdfast.control.accounts.actor import Actor
from holdfast.control.api.describe import Route
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

T = TypeVar("T")

BODY_BYTES_MAX = 1024 * 1024
TEXT_CHARS_MAX = 2000
LIST_ITEMS_MAX = 10_000
PAGE_ROWS, PAGE_ROWS_MAX = 100, 1000
ID_MAX = 2**63 - 1  # what both databases hold
_USER = re.compile(r"[A-Za-z0-9@.+_-]{1,150}")


@dataclass(frozen=True, slots=True)
class Call:
    """A request that carried a token in force, or to an open route. The getters raise NotAccepted, naming the field."""

    parts: Parts
    actor: Actor
    body: Mapping[str, Any]
    deadline: float  # monotonic seconds
    query: Mapping[str, str] = field(default_factory=dict)
    spool: str = ""  # the spooled body's file name, where the route takes a form
    content_type: str = ""

    @property
    def limit(self) -> int:
        """How many rows to answer with."""
        text = self.query.get("limit", str(PAGE_ROWS))
        if not text.isascii() or not text.isdecimal() or not 0 < int(text[:9]) <= PAGE_ROWS_MAX:
            raise NotAccepted(f"limit must be a whole number from 1 to {PAGE_ROWS_MAX}")
        return int(text[:9])

    @property
    def after(self) -> str:
        """Where the page before ended; "" for the first."""
        text = self.query.get("after", "")
        if not _is_storable(text):
            raise NotAccepted("after must be what the answer before gave as next")
        return text

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

    def whole(self, field: str, default: int | None = None, *, least: int = 0, most: int = 2**53) -> int:
        """A whole number; required when there is no default."""
        value = self.body.get(field, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise NotAccepted(f"the field {field} must be a whole number from {least} to {most}")
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


def view_of(**routes: Route) -> Callable[..., HttpResponse]:
    """A view answering each method by its route, e.g. `view_of(GET=Route(show))`."""

    @answers_outcomes
    def view(request: HttpRequest, **path: Any) -> HttpResponse:
        route = routes.get(request.method or "")
        if route is None:
            return method_not_allowed(request, *routes)
        call = _call(request, route)
        try:
            found = route.handler(call, **_clean(path))
        except NotYetPublished as error:
            found = 202, {"serial": error.serial, "detail": error.reason}
        status, document, *more = found if isinstance(found, tuple) else (route.status, found)
        headers = (("content-type", "application/json"), ("cache-control", "no-store"), *(more[0] if more else ()))
        return respond(request, status, headers, json.dumps(document).encode() + b"\n")

    view.routes = routes  # type: ignore[attr-defined]  # what the rights matrix and the API's description are made from
    return view


def _call(request: HttpRequest, route: Route) -> Call:
    parts = parts_of(request)
    body_end = request.headers.get("X-Holdfast-Body-End", "")
    deadline = deadline_of(body_end, parts.config.hold_seconds, parts.clock)
    actor = _actor(request, route, parts, deadline)
    if route.form:
        content_type = request.headers.get("Content-Type", "")
        return Call(parts, actor, {}, deadline, spool=spool_of(request), content_type=content_type)
    body = _read_body(request, route, parts)
    names = [field.name for field in route.fields]
    unknown = sorted(set(body) - set(names))
    if unknown:
        known = ", ".join(names) or "none"
        raise NotAccepted(f"unknown fields in the JSON body: {', '.join(unknown)[:200]}; known here: {known}")
    query = {field.name: request.GET[field.name] for field in route.query if field.name in request.GET}
    return Call(parts, actor, body, deadline, query)


def _actor(request: HttpRequest, route: Route, parts: Parts, deadline: float) -> Actor:
    client = client_of(request)
    if route.open:
        return Actor("", address=client)
    return authenticated(parts, request.headers.get("Authorization"), client, deadline)


def _read_body(request: HttpRequest, route: Route, parts: Parts) -> dict[str, Any]:
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
    if route.lists_too and isinstance(found, list):
        found = {route.lists_too: found}
    if not isinstance(found, dict):
        raise NotAccepted("the body must be a JSON object")
    return found


def _is_storable(text: str) -> bool:
    """False for what a database refuses with an error of its own: NUL (PostgreSQL), half a surrogate pair (all)."""
    return len(text) <= TEXT_CHARS_MAX and "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def _clean(path: Mapping[str, Any]) -> dict[str, Any]:
    """Path parts in the one spelling the code knows. What could not be a name does not exist. Raises Absent."""
    clean = dict(path)
    for part in clean.values():
        if not (part <= ID_MAX if isinstance(part, int) else _is_storable(part)):
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


def paged(rows: Sequence[T], limit: int, key: Callable[[T], str], document: Callable[[T], dict[str, Any]]) -> Any:
    """One page: `rows` has one more than `limit` when there is a next page, which begins behind the last one's key."""
    shown = rows[:limit]
    return {
        "items": [document(row) for row in shown],
        "next": key(shown[-1]) if len(rows) > limit and shown else None,
    }
