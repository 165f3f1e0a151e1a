"""What a route of the API says of itself. One table of these serves the requests, describes the API (OpenAPI), and is
what the rights matrix walks through: what is not in it does not exist.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from holdfast.control.rights import Right

Handler = Callable[..., Any]
"""(call, **path parts) -> what becomes JSON; (status, that) or (status, that, headers) where the route's are not it."""
Kind = Literal["text", "flag", "texts", "whole", "any", "object"]


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a request's JSON object, or one parameter of its query."""

    name: str
    kind: Kind
    about: str
    example: Any
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """What one method of one address does. The handler's docstring is what the description says of it.

    `answer` names a schema of schemas.py. `changes`: something is written, so that 202 may come back. `open`: no token
    is looked at. `more`: further statuses this route may answer with, and when.
    """

    handler: Handler
    right: Right
    answer: str = "Done"
    fields: tuple[Field, ...] = ()
    query: tuple[Field, ...] = ()
    status: int = 200
    changes: bool = False
    open: bool = False
    form: bool = False  # the body is an upload's form, which the handler reads
    lists_too: str = ""  # the field that a bare JSON list in the body stands for
    more: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Address:
    """A path below `/api/`, in Django's spelling, and its methods."""

    path: str
    tag: str
    routes: dict[str, Route]


LIMIT = Field("limit", "whole", "How many to answer with, 1 to 1000.", 100)
AFTER = Field("after", "text", "The `next` of the answer before: go on behind it.", "")
PAGED = (LIMIT, AFTER)

# Paths and fields that several parts of the table share.
PROJECT = "projects/<slug:index>/<str:name>"
RELEASE = PROJECT + "/releases/<str:version>"
FILE = PROJECT + "/files/<str:filename>"
ROLE = Field("role", "text", "The role.", "maintainer", required=True, choices=("owner", "maintainer"))
TO = Field("to", "text", "A user name, or a mail address.", "bob", required=True)
