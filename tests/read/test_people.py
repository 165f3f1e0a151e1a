"""Pages for people: answered from the published tree alone, the same for everybody, well-formed, and never a lie."""

import json

import pytest
from markup import Markup
from read.people_site import PAGES, fill, text_of
from read.plays import plays
from read.site import running

from holdfast.config import IndexConfig
from holdfast.pages import CSP
from holdfast.pages.assets import asset_path


@plays
async def test_every_page_is_whole_and_safe_to_show(tmp_path):
    """Well-formed, with landmarks and labels, nothing inline, under one policy, without a cookie, fresh each time."""
    async with running(tmp_path) as site:
        fill(site)
        for path in (*PAGES, "/project/nobody/", "/user/nobody/"):
            answer = await site.get(path)
            page = Markup(answer.body)

            assert (path, []) == (path, page.faults)
            assert "text/html; charset=utf-8" == answer.headers["content-type"]
            assert (CSP, "nosniff", "same-origin") == tuple(
                answer.headers[name]
                for name in ("content-security-policy", "x-content-type-options", "referrer-policy")
            )
            assert ("no-cache" if answer.status == 200 else "no-store") == answer.headers["cache-control"]
            assert "set-cookie" not in answer.headers
            assert () == answer.set_cookies


@plays
async def test_a_page_is_revalidated_and_encoded(tmp_path):
    """A browser that has the page is told so in a few bytes; each encoding has a tag of its own."""
    async with running(tmp_path) as site:
        fill(site)
        plain = await site.get("/project/demo/")
        zipped = await site.get("/project/demo/", accept_encoding="gzip")
        head = await site.client.request("HEAD", "/project/demo/")
        same = await site.get("/project/demo/", if_none_match=plain.headers["etag"])
        again = await site.get("/project/demo/")

    assert (200, 200, 200, 304) == (plain.status, zipped.status, head.status, same.status)
    assert ("gzip", "Accept-Encoding") == (zipped.headers["content-encoding"], zipped.headers["vary"])
    assert plain.headers["etag"] != zipped.headers["etag"]
    assert b"" == same.body == head.body
    assert str(len(plain.body)) == head.headers["content-length"]
    assert "project/main/demo" == plain.headers["surrogate-key"]
    assert ("holdfast; fwd=miss", "holdfast; hit") == (plain.headers["cache-status"], again.headers["cache-status"])
    assert plain.body == again.body


@plays
async def test_a_project_page_tells_what_there_is(tmp_path):
    async with running(tmp_path) as site:
        fill(site)
        answer = await site.get("/project/demo/")
        page = Markup(answer.body)
        yanked = await site.get("/project/demo/1.0/")

    said = text_of(page)
    for part in (
        "Demo 2.0",
        "It does things",
        "Hosted here",
        "Other.Thing",
        ">=3.9",
        "demo-2.0-py3-none-any.whl",
        "alice owner",
    ):
        assert part in said, part
    assert "pip install --index-url http://127.0.0.1:8000/simple/ demo" in said
    addresses_told = page.addresses()
    assert {"/project/demo/1.0/", "/project/other-thing/", "/user/alice/", "/simple/demo/"} <= set(addresses_told)
    files = [address for address in addresses_told if address.startswith("/packages/")]
    assert all(address.endswith((".whl", ".whl.metadata")) for address in files) and len(files) == 2
    assert "This version is yanked it <b>burns</b>" in text_of(Markup(yanked.body))
    assert "it &lt;b&gt;burns&lt;/b&gt;" in yanked.body.decode()
    assert "pip install --index-url http://127.0.0.1:8000/simple/ demo==1.0" in text_of(Markup(yanked.body))


@plays
async def test_addresses_have_one_spelling(tmp_path):
    async with running(tmp_path, indexes=(IndexConfig("main"), IndexConfig("team"))) as site:
        fill(site)
        moved = {
            path: (await site.get(path)).headers.get("location")
            for path in ("/project/Demo/", "/project/demo", "/project/DEMO/1.0", "/search", "/team", "/user/alice")
        }
        equal = await site.get("/project/demo/2.0.0/")

    assert {
        "/project/Demo/": "../demo/",
        "/project/demo": "demo/",
        "/project/DEMO/1.0": "../demo/1.0/",
        "/search": "search/",
        "/team": "team/",
        "/user/alice": "alice/",
    } == moved
    assert 200 == equal.status


@plays
async def test_with_control_dead_and_pull_dead_every_page_answers(tmp_path):
    """The read plane asks nobody: `forwarded` stays empty, and no socket of another role is there."""
    async with running(tmp_path) as site:
        fill(site)
        statuses = {path: (await site.get(path)).status for path in PAGES}

        assert dict.fromkeys(PAGES, 200) == statuses
        assert [] == site.forwarded


@plays
async def test_our_trouble_is_never_told_as_absence(tmp_path):
    """With the store away a project's page is 503 with Retry-After, as a page; an unknown name is what the log says."""
    async with running(tmp_path) as site:
        fill(site)
        await site.get("/project/demo/")
        site.store.broken = True
        known, unknown = await site.get("/project/other/"), await site.get("/project/unknown/")
        site.store.broken = False
        back = await site.get("/project/other/")

    assert (503, 404, 200) == (known.status, unknown.status, back.status)
    assert known.headers["retry-after"]
    assert [] == Markup(known.body).faults
    assert "not a sign that it is not there" in text_of(Markup(known.body))


@plays
async def test_under_a_prefix_every_address_has_it(tmp_path):
    async with running(tmp_path, public_url="https://pkgs.example/python") as site:
        fill(site)
        page = Markup((await site.get("/python/project/demo/")).body)

    local = [address for address in page.addresses() if not address.startswith(("#", "http"))]
    assert local and all(address.startswith("/python/") for address in local)


@plays
async def test_other_methods_are_refused(tmp_path):
    async with running(tmp_path) as site:
        refused = [(await site.client.request("POST", path)).status for path in (*PAGES, "/" + asset_path("mark.svg"))]

    assert [405] * 7 == refused


@plays
async def test_errors_elsewhere_stay_what_programs_expect(tmp_path):
    async with running(tmp_path) as site:
        answers = [await site.get(path, accept="text/html") for path in ("/simple/nobody/", "/nothing/here")]

    assert ["application/problem+json"] * 2 == [answer.headers["content-type"] for answer in answers]
    assert 404 == json.loads(answers[1].body)["status"]


BROWSERS = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@plays
async def test_a_browser_is_told_on_a_page_that_nothing_is_at_an_address(tmp_path):
    """Whether they followed a link to a page, to a file or to what installers read."""
    file = f"/packages/{'0' * 2}/{'0' * 2}/{'0' * 60}/nobody-1.0.tar.gz"
    async with running(tmp_path) as site:
        for path in ("/nothing/here", "/simple/nobody/", file, "/rss/project/nobody/releases.xml"):
            lost = await site.get(path, accept=BROWSERS)

            assert (404, "text/html; charset=utf-8") == (lost.status, lost.headers["content-type"]), path
            assert "There is nothing here" in lost.body.decode()
            assert ("no-store", "DENY") == (lost.headers["cache-control"], lost.headers["x-frame-options"])
            assert "frame-ancestors 'none'" in lost.headers["content-security-policy"]


@pytest.mark.parametrize("name", ["indexes", "assets", "search", "set-up", "project", "user", "org"])
def test_no_index_can_take_the_address_of_a_page(name):
    from holdfast.core.names import is_index_name

    assert not is_index_name(name)
