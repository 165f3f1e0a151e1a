"""Pages full of hostile text in a real browser: no script runs, nothing is asked of elsewhere, no policy is touched.

tests/hostile.py has the payloads; each handler and program among them would call `pwn`.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import hostile
import pytest
from browser.conftest import _answers
from front.served import Served
from playwright.sync_api import Page
from processes import wait_for
from read.site import Site


@pytest.fixture(scope="module")
def hostile_front() -> Iterator[tuple[str, list[str]]]:
    """The address of a front whose tree is full of it, and what there is to look at."""
    with tempfile.TemporaryDirectory() as name:
        site = Site(Path(name))
        addresses = hostile.fill(site)
        front = Served(site, Path(name))
        try:
            wait_for(lambda: _answers(front), "an answer")
            yield f"http://127.0.0.1:{front.port}", addresses
        finally:
            front.process.terminate()
            front.process.wait(20)


def test_no_text_of_anybodys_becomes_a_program(page: Page, hostile_front: tuple[str, list[str]]) -> None:
    """Every HTML page, each clicked where it can be: what a person might do by mistake is done on purpose."""
    root, addresses = hostile_front
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(
        "window.ran = []; window.pwn = () => window.ran.push('pwn');"
        "document.addEventListener('securitypolicyviolation', e => window.ran.push(e.violatedDirective))"
    )
    pages = [one for one in addresses if not one.startswith(("/rss/", "/pypi/", "/packages/", "/simple/text"))]
    pages = [one for one in pages if not one.startswith("/project/text") or one.count("/") == 3]

    found = []
    for address in pages:
        answer = page.goto(root + address)
        assert answer is not None and answer.status < 500, (address, answer)
        page.evaluate(
            "for (const e of document.querySelectorAll('main *'))"
            " for (const kind of ['mouseover', 'focus', 'toggle', 'error', 'load']) e.dispatchEvent(new Event(kind))"
        )
        ran = page.evaluate("window.ran")
        odd = page.evaluate("[...document.querySelectorAll('*')].filter(e => e.localName.includes('pwn')).length")
        found += [(address, one) for one in (*ran, *["an element"] * odd)]

    assert [] == found
    assert [] == [url for url in asked if not url.startswith(root)]
    policies = [text for text in page.complaints if not any(f"status of {refusal}" in text for refusal in (403, 404))]  # type: ignore[attr-defined]
    assert [] == policies


def test_the_browser_would_have_told(page: Page) -> None:
    page.goto("about:blank")
    page.evaluate("window.ran = []; window.pwn = () => window.ran.push('pwn')")
    page.set_content(f"<p>{hostile.EVIL}</p>")
    page.evaluate("document.querySelector('pwn-x').click()")

    assert {"pwn"} == set(page.evaluate("window.ran"))
