"""What an upstream's project page says, from its JSON (PEP 691) or HTML (PEP 503) form: pure and lenient.

One bad file never loses the page: it is skipped and counted. A document that is no project page at all, an error
or maintenance page above all, is Unavailable: it says nothing about the project.
"""

from holdfast.core.errors import Unavailable
from holdfast.pull.listed import Page
from holdfast.pull.parse_html import html_page
from holdfast.pull.parse_json import json_page


def parse_page(body: bytes, content_type: str, url: str, name: str) -> Page:
    """Read the page of project `name` that came from `url`. Raises Unavailable when it is no such page."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith("json"):
        return json_page(body, url, name)
    if kind in ("", "text/html", "application/xhtml+xml", "application/vnd.pypi.simple.v1+html"):
        return html_page(body, url, name)
    raise Unavailable(f"the upstream answered for {name} with content of type {kind!r}, which is no project page")
