"""An error on the address of a page, told as a page: same status, same meaning, for a person to read."""

import json

from holdfast.core.errors import Outcome
from holdfast.core.negotiation import choose_encoding
from holdfast.read.people import headers
from holdfast.read.people.addresses import Page
from holdfast.read.people.pages import PeoplePages
from holdfast.wire.admission import OverBudget
from holdfast.wire.messages import Request, Response

_KEPT = ("allow", "retry-after", "www-authenticate")


async def as_page(pages: PeoplePages, request: Request, page: Page, response: Response) -> Response:
    """The problem as a page; the problem itself when no page can be made now."""
    if response.status < 400 or not isinstance(response.body, bytes):
        return response
    try:
        text = str(json.loads(response.body)["detail"])
        painted = await pages.error(request, page, response.status, text[:1].upper() + text[1:])
    except (Outcome, OverBudget, ValueError, KeyError, TypeError):
        return response
    told = headers.error(choose_encoding(request.headers.get("accept-encoding")))
    told += [(name, value) for name, value in response.headers if name in _KEPT]
    return Response(response.status, told, painted.body)
