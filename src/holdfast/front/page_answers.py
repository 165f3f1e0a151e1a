"""What a browser is told when a page of control cannot be had: a page that needs nothing but the read plane.

It is made in a thread, so that installs go on meanwhile. No helper process is asked: in an outage it may be the next to
fail.
"""

import asyncio
from http import HTTPStatus

from holdfast.core import problem as core_problem
from holdfast.core.errors import Outcome
from holdfast.pages import PAGE_HEADERS, Site
from holdfast.pages.errors import error_page
from holdfast.wire.messages import Response

_UNREACHABLE = "Accounts and management are away for a moment. Installs are not. Please try again in a few seconds."


class PageAnswers:
    """Refusals as pages of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def problem(self, status: int, detail: str, *headers: tuple[str, str]) -> Response:
        """An error as a page."""
        title = "Away for a moment" if status == 503 else HTTPStatus(status).phrase
        text = core_problem.printable(detail, core_problem.DETAIL_CHARS_MAX)
        body = await asyncio.to_thread(error_page, self._site, status, title, text, "", "account")
        fields = [("content-type", "text/html; charset=utf-8"), ("cache-control", "no-store"), *PAGE_HEADERS, *headers]
        return Response(status, fields, body)

    async def refusal(self, outcome: Outcome) -> Response:
        """The page for what kept a request from control."""
        found = core_problem.translate(outcome)
        retry_after = [(name, value) for name, value in found.headers if name == "retry-after"]
        return await self.problem(found.status, _UNREACHABLE, *retry_after)
