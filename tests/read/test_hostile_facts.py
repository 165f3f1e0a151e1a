"""What strangers say of their projects, on every public page: it stays text, and every answer is sealed all the same.

hostile.py has the payloads and the verdict, browser/test_hostile_pages.py the same pages in a real browser.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import hostile
import pytest
from asgi import Answer
from read.site import HTML, JSON, Site

from holdfast.clock import ManualClock
from holdfast.config import IndexConfig
from holdfast.read.people.addresses import FeedRoute, Page
from holdfast.read.routes import Routes

PAUSE_SECONDS = 0.5  # many pages have to be made, and nobody is to be told to come again later
EVIL_HOST = "evil.example"
FOREIGN = {
    "host": EVIL_HOST,
    "x-forwarded-host": EVIL_HOST,
    "x-forwarded-proto": "gopher",
    "forwarded": f"host={EVIL_HOST}",
}
FOREIGN |= {
    "x-original-url": f"//{EVIL_HOST}/",
    "x-rewrite-url": f"//{EVIL_HOST}/",
    "x-forwarded-prefix": f"//{EVIL_HOST}",
}


@dataclass
class Asked:
    """A site full of hostile text, and its addresses."""

    site: Site
    clock: ManualClock
    runner: asyncio.Runner
    addresses: list[str]

    def ask(self, target: str, method: str = "GET", **headers: str) -> Answer:
        self.clock.advance(PAUSE_SECONDS)
        return self.runner.run(self.site.client.request(method, target, headers))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    clock, runner = ManualClock(), asyncio.Runner()
    indexes = (IndexConfig("main"), IndexConfig("secret", private=True))
    site = Site(tmp_path_factory.mktemp("hostile"), clock, indexes=indexes)
    addresses = hostile.fill(site)
    runner.run(site.plane.start())
    yield Asked(site, clock, runner, addresses)
    runner.run(site.plane.stop())
    runner.close()


def test_every_kind_of_public_page_is_asked_for(asked: Asked):
    found = [Routes(("main",), "main", "").find(address.partition("?")[0]) for address in asked.addresses]

    assert {"home", "project", "search", "browse", "set-up", "indexes", "user", "org"} == {
        one.kind for one in found if isinstance(one, Page)
    }
    assert {"updates", "packages", "releases"} == {one.what for one in found if isinstance(one, FeedRoute)}


def test_no_text_becomes_markup_or_an_address_on_any_page(asked: Asked):
    """And it is there: on a page where none of it is shown the verdict would say nothing."""
    shown, wrong = 0, []
    for address in asked.addresses:
        for accept in ("text/html", HTML, JSON) if address.startswith("/simple/") else ("text/html",):
            answer = asked.ask(address, accept=accept)
            assert answer.status in (200, 403, 404), (address, answer.status, answer.body[:200])
            wrong += [(address, fault) for fault in hostile.faults_of(answer)]
            shown += b"pwn-x" in answer.body

    assert [] == wrong
    assert shown > len(asked.addresses) / 2


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("text/html", f"<p>{hostile.EVIL}"),
        ("text/html", "<a href='java\tscript:pwn()'>a</a>"),
        ("text/html", "<a href='\x01javascript:pwn()'>a</a>"),
        ("text/html", "<img src=x onerror=x()>"),
        ("text/html", "<script>pwn()</script>"),
        ("text/html", "<style>p{}</style>"),
        ("text/html", "<a href=//pwn.example>a</a>"),
        ("application/rss+xml", "<rss><channel><link>javascript:pwn()</link></channel></rss>"),
        ("application/rss+xml", "<rss><channel><pwn-x/></channel></rss>"),
        ("image/svg+xml", "<svg/>"),
    ],
)
def test_the_verdict_knows_what_is_bad(media: str, body: str):
    assert hostile.faults_of(Answer(200, {"content-type": media}, body.encode()))


def test_every_answer_is_sealed_whatever_it_is(asked: Asked):
    """Nothing inline, no frame, no sniffing: pages, errors, redirects, feeds, and what there is beside them."""
    more = [
        "/secret/simple/",
        "/secret/project/demo/",
        "/project/Demo/",
        "/project/nobody/",
        "/simple/nobody/",
        "/healthz",
    ]
    more += [
        "/metrics",
        "/readyz",
        "/assets/nothing.css",
        "/_/nothing",
        "/packages/00/00/x/y",
        "/legacy/",
        "/@x/",
        "/user/eve",
    ]
    for address in [*asked.addresses[:40], *more]:
        for method in ("GET", "HEAD", "OPTIONS", "DELETE"):
            answer = asked.ask(address, method, **FOREIGN)
            told = answer.headers
            policy, media = told.get("content-security-policy", ""), told.get("content-type", "")

            assert answer.status == 204 or "nosniff" == told["x-content-type-options"], address
            assert "unsafe" not in policy and EVIL_HOST not in f"{told}{answer.body!r}", address
            if "html" in media or "problem" in media or "xml" in media:
                assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, (address, method, policy)
            if "html" in media:
                assert "DENY" == told.get("x-frame-options"), (address, method)
