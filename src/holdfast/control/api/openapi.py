"""The API's description (OpenAPI 3.1), made from the table that serves it: what is described is what is there."""

import inspect
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from holdfast import __version__
from holdfast.control.api.describe import Field, Kind, Route
from holdfast.control.api.schemas import SCHEMAS

if TYPE_CHECKING:
    from holdfast.control.api.call import Call
    from holdfast.control.api.describe import Address

_PART = re.compile(r"<(\w+):(\w+)>")
_PARTS: dict[str, dict[str, Any]] = {
    "slug": {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"},
    "str": {"type": "string", "pattern": "^[^/]+$"},
    "int": {"type": "integer", "minimum": 0},
}
_KINDS: dict[Kind, dict[str, Any]] = {
    "text": {"type": "string", "maxLength": 2000},
    "flag": {"type": "boolean"},
    "texts": {"type": "array", "items": {"type": "string", "maxLength": 2000}, "maxItems": 10_000},
    "whole": {"type": "integer", "minimum": 0},
    "object": {"type": "object", "additionalProperties": {"type": "string"}},
    "any": {"type": "array", "items": {}},
}
_FORM = {
    "type": "object",
    "description": "The form that upload tools send to /legacy/, with the file as `content`.",
    "properties": {"content": {"type": "string", "format": "binary"}},
    "required": ["content"],
}
_EXAMPLES = {
    "index": "main",
    "name": "demo",
    "version": "1.0",
    "filename": "demo-1.0-py3-none-any.whl",
    "user": "bob",
    "organisation": "acme",
    "team": "release",
    "token": "abcdefghijkl",
    "invitation": 1,
    "publisher": 1,
    "offer": 1,
    "webhook": 1,
    "capability": "search",
    "report": 1,
    "session": "0123456789abcdef",
}
_PROBLEMS = {
    400: "The request cannot be done as asked; `detail` says what would work.",
    401: "No token in force was sent.",
    403: "The token or the person lacks the right.",
    404: "There is no such thing, or none that you may know of.",
    429: "Your network sent too many tokens that were refused; Retry-After says when to come again.",
    503: "The database, the store or an upstream does not answer; Retry-After says when to come again.",
    507: "The disk is full.",
}
_ABOUT = (
    "JSON in, JSON out. A request carries a token (Bearer, or Basic with any user name). Errors are"
    " application/problem+json. Within one version of this description keys, addresses and statuses may be added:"
    " clients ignore what they do not know. Nothing is renamed or taken away without a new version, announced in the"
    " changelog one release before."
)
API_VERSION = "1.0"


def describe(call: "Call") -> dict[str, Any]:
    """This description."""
    return document()


@cache
def document() -> dict[str, Any]:
    """The whole OpenAPI document."""
    from holdfast.control.api.table import TABLE  # the table has this module's handler in it

    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Holdfast management API",
            "version": API_VERSION,
            "description": _ABOUT,
            "x-holdfast-version": __version__,
        },
        "servers": [{"url": "/api"}],
        "security": [{"token": []}, {"basic": []}],
        "paths": {f"/{_PART.sub(_braced, address.path)}": _path(address) for address in TABLE},
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _braced(part: re.Match[str]) -> str:
    return "{" + part[2] + "}"


def _path(address: "Address") -> dict[str, Any]:
    parts = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _PARTS[kind],
            "example": _EXAMPLES[name],
        }
        for kind, name in _PART.findall(address.path)
    ]
    operations = {method.lower(): _operation(address, method, route) for method, route in address.routes.items()}
    return {**({"parameters": parts} if parts else {}), **operations}


def _operation(address: "Address", method: str, route: Route) -> dict[str, Any]:
    told = inspect.getdoc(route.handler) or ""
    name = route.handler.__module__.rpartition(".")[2]
    found: dict[str, Any] = {
        "operationId": f"{name}.{route.handler.__name__}",
        "tags": [address.tag],
        "summary": told.partition("\n")[0],
        "description": _needs(route),
        "responses": _responses(address, method, route),
    }
    if route.query:
        found["parameters"] = [
            {"name": field.name, "in": "query", "description": field.about, "schema": _KINDS[field.kind]}
            for field in route.query
        ]
    if route.fields:
        found["requestBody"] = {
            "required": any(field.required for field in route.fields),
            "content": {"application/json": {"schema": _body(route), "example": _body_example(route)}},
        }
    if route.form:
        found["requestBody"] = {
            "required": True,
            "content": {"multipart/form-data": {"schema": _FORM, "example": {"content": ""}}},
        }
    if route.open:
        found["security"] = []
    return found


def _needs(route: Route) -> str:
    right = route.right
    needs = f"; the token needs the action `{right.needs}`" if right.needs else ""
    later = " Refused for a while after the account's recovery." if right.waits else ""
    return f"For: {', '.join(right.who)}. By: {', '.join(right.by)}{needs}.{later}"


def _body(route: Route) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {field.name: _field(field) for field in route.fields},
    }
    required = [field.name for field in route.fields if field.required]
    if required:
        schema["required"] = required
    if route.lists_too:
        return {"anyOf": [schema, _KINDS["any"]]}
    return schema


def _field(field: Field) -> dict[str, Any]:
    choices = {"enum": list(field.choices)} if field.choices else {}
    return {**_KINDS[field.kind], **choices, "description": field.about}


def _body_example(route: Route) -> dict[str, Any]:
    return {field.name: field.example for field in route.fields if field.example not in ("", None)}


def _responses(address: "Address", method: str, route: Route) -> dict[str, Any]:
    answer = {"$ref": f"#/components/schemas/{route.answer}"}
    found: dict[str, Any] = {
        str(route.status): {"description": "Done.", "content": {"application/json": {"schema": answer}}}
    }
    if route.changes:
        found["202"] = {
            "description": "Saved; it will be published without further action.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Saved"}}},
        }
    problems = dict(_PROBLEMS) | dict(route.more)
    if route.open:
        del problems[401], problems[403]
        if 429 not in dict(route.more):
            del problems[429]
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, why in sorted(problems.items()):
        found[str(status)] = {"description": why, "content": problem}
    return found
