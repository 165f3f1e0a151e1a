"""A real Chromium, and an instance for it to look at: a front over a tree with every kind of project."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import instances  # noqa: F401 - sets Django up, without which no file here can import a model
import pytest
from browser.judging import DESKTOP
from front.served import Served
from playwright.sync_api import Browser, Page, sync_playwright
from processes import wait_for
from read.catalogued import catalogued
from read.site import Site, private_index

from holdfast.config import IndexConfig
from holdfast.core.model import File, Role
from holdfast.tree.journal import BytesRemoved
from holdfast.tree.person import Part, Person, put_person

CHROMIUM = shutil.which("chromium")

MARKDOWN = """Description-Content-Type: text/markdown
Summary: Tools for everyday work, with a summary that is long enough to need a second line on a small screen
Author-email: Ann Author <ann@people.example>
Requires-Python: >=3.9
License-Expression: MIT
Keywords: tools,work
Project-URL: Source, https://forge.example/acme/toolbox
Project-URL: A rather long label for a link, https://docs.example/a/very/long/address/that/has/to/be/broken/somewhere
Classifier: Development Status :: 5 - Production/Stable
Classifier: Programming Language :: Python :: 3
Requires-Dist: requests[socks]>=2.0,<3; python_version < "3.12"
Requires-Dist: pytest; extra == "test"
Provides-Extra: test

# Toolbox

[![status](https://ci.example/badge.svg)](https://ci.example) ![picture of it](https://x.example/p.png)

A paragraph with `code`, **bold** text, [a link](https://docs.example) and
averyveryverylongwordthatdoesnotfitonasmallscreenandhastobebrokensomewhereinthemiddleofitself.

```python
def main(argument: str) -> int:  # a comment that is long enough to be wider than a phone, so that it has to be scrolled
    return len("text") + 42
```

| Column | Another column | And a third one | Fourth | Fifth | Sixth |
|---|---|---|---|---|---|
| some text | some text | some text | some text | some text | some text |

- [x] done
- [ ] not done

> A quotation.

مرحبا بالعالم، שלום עולם. 🚀 👩‍👩‍👧‍👦 日本語

<details><summary>More</summary>Unfolded.</details>

## Second heading

1. one
2. two
"""
REASON = "Leaks <file> handles, see https://forge.example/" + "x" * 140  # as long as nobody breaks it
RST = """Description-Content-Type: text/x-rst
Summary: In the other markup

Title
=====

.. code-block:: python

   import this

Term
    Definition

==  ==
a   b
==  ==
1   2
==  ==

.. image:: https://x.example/p.png
   :alt: a picture
"""


def _fill(site: Site) -> None:
    many = [_toolbox(site, f"1.{minor}", uploaded=minor) for minor in range(30)]
    yanked = _toolbox(site, "2.0", yanked=True, yanked_reason=REASON, uploaded=40)
    removed = _toolbox(site, "2.1")
    pre = _toolbox(site, "3.0rc1", uploaded=50)
    roles = (Role("alice", "owner"), Role("bob", "maintainer"))
    site.publish("toolbox", *many, yanked, removed, pre, display="Toolbox", roles=roles)
    site.tell(BytesRemoved((removed.sha256,), "It held somebody's key"))
    site.publish("markup", site.wheel("markup", told=RST), status="archived", status_reason="Moved into toolbox.")
    site.publish("bad", site.wheel("bad"), status="quarantined", status_reason="Steals what is in the environment.")
    site.publish("bare", site.wheel("bare", told="Summary: \n"))
    for number in range(25):
        site.publish(f"tool-{number:02}", site.wheel(f"tool-{number:02}"))
    catalogued(site)
    put_person(site.store, "user", Person("alice", "alice", (Part("main", "toolbox", "owner"),)), 1)
    put_person(site.store, "org", Person("acme", "Acme & Sons", (Part("main", "toolbox", "holder"),)), 1)


def _toolbox(site: Site, version: str, uploaded: int = 0, **facts: Any) -> File:
    return replace(site.wheel("toolbox", version, told=MARKDOWN, **facts), upload_time=_day(uploaded))


def _day(number: int) -> datetime:
    return datetime(2025, 1 + number // 28 % 12, 1 + number % 28, tzinfo=UTC)


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """The address of a running front without control, pull and database."""
    indexes = (IndexConfig("main", layers=("team",), deny=(("evil-*", "never"),)), IndexConfig("team"), private_index())
    with tempfile.TemporaryDirectory() as name:
        site = Site(Path(name), indexes=indexes)
        _fill(site)
        front = Served(site, Path(name))
        try:
            wait_for(lambda: _answers(front), "an answer")
            yield f"http://127.0.0.1:{front.port}"
        finally:
            front.process.terminate()
            front.process.wait(20)


def _answers(front: Served) -> bool:
    try:
        return front.ask("GET", "/readyz")[0] == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a file of tests. Its event loop must be gone before Django is asked."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh person's page. What the browser complains of is in `page.complaints`."""
    context = chromium.new_context(viewport=DESKTOP, permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.complaints = []  # type: ignore[attr-defined]
    page.on(
        "console",
        lambda message: page.complaints.append(message.text) if message.type in ("error", "warning") else None,
    )  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore[attr-defined]
    yield page
    context.close()
