"""What a page can read of a request: a form, a query and an address of characters that people write.

One rule for every page, before any view and any form class: PostgreSQL takes no NUL, HTML takes none of the others
(WHATWG HTML §13.2.3.5, preprocessing the input stream), and no field means any of them.
"""

import re
from collections.abc import Iterable

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParserError

# Controls but for tab and line ends, and the code points that are no characters (Unicode §23.7).
_NEVER_WRITTEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 17))
    + "]"
)


def trouble_reading(request: HttpRequest) -> str:
    """Why the request cannot be read, as a sentence; "" when it can."""
    if _NEVER_WRITTEN.search(request.path_info):
        return "This address has a control character in it, which nothing here is called."
    try:
        if _has_one(request.GET):
            return "This address has a control character in it, which nothing here is called."
        if _has_one(request.POST):
            return "One of the fields has a control character in it. Type it instead of pasting it."
    except (BadRequest, SuspiciousOperation, MultiPartParserError):  # too many fields, no boundary, another charset
        return "This form cannot be read. Reload its page and send it from there."
    return ""


def _has_one(fields: QueryDict) -> bool:
    return any(_NEVER_WRITTEN.search(text) for text in _texts(fields))


def _texts(fields: QueryDict) -> Iterable[str]:
    for name, values in fields.lists():
        yield name
        yield from (value for value in values if isinstance(value, str))
