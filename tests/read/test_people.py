"""Pages for people: answered from the published tree alone, the same for everybody, well-formed, and never a lie."""

import json
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from markup import Markup
from msgspec.structs import replace
from pull.fake_upstream import FakeFile, FakeUpstream, Fault
from read.plays import plays
from read.policed import NOW, policed, wheel
from read.site import UPLOADED, Site, private_index, running
from read.test_pulled import layered

from holdfast.clock import ManualClock
from holdfast.config import IndexConfig
from holdfast.core.model import Role
from holdfast.pages import CSP
from holdfast.pages.assets import asset_path, assets
from holdfast.tree import addresses, overrides
from holdfast.tree.journal import BytesRemoved, ProjectGone
from holdfast.tree.person import Part, Person, put_person
from holdfast.tree.switches import new_switch

LONG = (
    "Description-Content-Type: text/markdown\nSummary: It does things\n"
    "Requires-Dist: Other.Thing>=2\n\n# Title\n\nText."
)
PAGES = ("/", "/project/demo/", "/project/demo/1.0/", "/search/?q=demo", "/set-up/", "/indexes/")


def text_of(page: Markup) -> str:
    """What a person reads, in one line."""
    return " ".join(page.all("body")[0].text.split())


def fill(site: Site) -> None:
    """Two releases of a project, and another project."""
    old = site.wheel("demo", "1.0", told=LONG, yanked=True, yanked_reason="it <b>burns</b>")
    new = site.wheel("demo", "2.0", told=LONG, requires_python=">=3.9")
    site.publish("demo", old, new, display="Demo", roles=(Role("alice", "owner"),))
    site.publish("other", site.wheel("other"))


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
async def test_metadata_that_cannot_be_read_is_told_and_costs_only_its_part(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo", told=LONG)
        site.publish("demo", file)
        site.store.delete(addresses.blob(file.metadata_sha256))
        answer = await site.get("/project/demo/")

    said = text_of(Markup(answer.body))
    assert 200 == answer.status
    assert "Some facts cannot be had right now" in said
    assert "demo-1.0-py3-none-any.whl" in said


@plays
async def test_standing_is_told(tmp_path):
    """PEP 792: archived and deprecated with their reason; a quarantined project keeps its page, without files."""
    async with running(tmp_path) as site:
        for status in ("archived", "deprecated", "quarantined"):
            site.publish(f"p-{status}", site.wheel(f"p-{status}"), status=status, status_reason=f"because <{status}>.")
        told = {status: await site.get(f"/project/p-{status}/") for status in ("archived", "deprecated", "quarantined")}
        release = await site.get("/project/p-quarantined/1.0/")
        home = await site.get("/")

    for status, answer in told.items():
        assert f"because <{status}>." in text_of(Markup(answer.body))
    assert "In quarantine" in text_of(Markup(told["quarantined"].body))
    assert "/packages/" not in told["quarantined"].body.decode()
    assert "/packages/" in told["archived"].body.decode()
    assert "/packages/" not in release.body.decode()
    assert "p-quarantined" not in home.body.decode()


@plays
async def test_what_is_gone_says_so(tmp_path):
    async with running(tmp_path) as site:
        kept, removed = site.wheel("demo", "1.0"), site.wheel("demo", "2.0")
        site.publish("demo", kept, removed)
        await site.get("/project/demo/2.0/")
        site.tell(BytesRemoved((removed.sha256,), "a secret <key> in it"))
        release, project = await site.get("/project/demo/2.0/"), await site.get("/project/demo/")
        site.tell(ProjectGone("main", "demo", "demo", site.serial + 1))
        gone = await site.get("/project/demo/")

    assert (410, 200, 404) == (release.status, project.status, gone.status)
    assert "a secret <key> in it" in text_of(Markup(release.body))
    assert "1 version is held back" in text_of(Markup(project.body))
    assert "2.0 was removed" in text_of(Markup(project.body))


@plays
async def test_an_upstream_project_has_a_page_and_says_when_it_was_seen(tmp_path):
    metadata = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nSummary: from afar\n\nfar"
    clock = ManualClock(datetime(2026, 2, 3, 4, 5, tzinfo=UTC))
    async with FakeUpstream() as upstream, layered(tmp_path, upstream, clock) as site:
        upstream.add("demo", FakeFile("demo-1.0-py3-none-any.whl", data=b"w" * 100, metadata=metadata))
        answer = await site.get("/project/demo/")
        page = Markup(answer.body)
        search = await site.get("/search/?q=demo")
        nobody = await site.get("/project/nobody/")

    assert (200, []) == (answer.status, page.faults)
    assert "from afar" in text_of(page)
    assert "up seen 3 Feb 2026, 04:05 UTC" in text_of(page)
    assert "demo is not hosted here. Ask up for it" in text_of(Markup(search.body))
    assert 404 == nobody.status


@plays
async def test_an_upstream_that_cannot_say_is_503(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.pages_fault = Fault("status", status=500)
        answer = await site.get("/project/demo/")

    assert 503 == answer.status
    assert [] == Markup(answer.body).faults


@plays
async def test_versions_held_back_are_told_with_their_rule(tmp_path):
    async with FakeUpstream() as upstream, policed(tmp_path, upstream, {"cooldown_seconds": 3 * 86_400}) as site:
        upstream.add("demo", wheel("1.0"), wheel("2.0", age_days=1))
        page = await site.get("/project/demo/")
        release = await site.get("/project/demo/2.0/")
        clock: ManualClock = site.clock  # type: ignore[assignment]
        clock.advance(timedelta(days=3).total_seconds())
        later = await site.get("/project/demo/2.0/")

    said = text_of(Markup(page.body))
    assert "demo 1.0" in said
    assert "1 version is held back" in said
    assert (NOW + timedelta(days=2)).strftime("%-d %b %Y") in said
    assert (403, 200) == (release.status, later.status)
    assert "Not let through" in text_of(Markup(release.body))


@plays
async def test_a_private_index_tells_strangers_nothing(tmp_path):
    """The same 401 for every address in it; and the pages for everybody do not know it."""
    async with running(tmp_path, indexes=(IndexConfig("main", layers=("secret",)), private_index())) as site:
        fill(site)
        site.publish("hush", site.wheel("hush", index="secret"), index="secret")
        paths = [f"/secret{path}" for path in ("/", "/project/hush/", "/project/x/", "/search/?q=hush", "/set-up/")]
        answers = [await site.get(path) for path in paths]
        public = [await site.get(path) for path in ("/", "/indexes/", "/search/?q=secret")]

    assert [401] * 5 == [answer.status for answer in answers]
    assert 1 == len({answer.body for answer in answers})
    assert all("www-authenticate" in answer.headers for answer in answers)
    assert all("secret" not in Markup(answer.body).all("main")[0].text for answer in public[:2])


@plays
async def test_another_index_has_pages_of_its_own(tmp_path):
    async with running(tmp_path, indexes=(IndexConfig("main"), IndexConfig("team"))) as site:
        site.publish("demo", site.wheel("demo", index="team"), index="team")
        here, there = await site.get("/team/project/demo/"), await site.get("/project/demo/")
        home, indexes = await site.get("/team/"), await site.get("/team/indexes/")

    assert (200, 404, 200, 404) == (here.status, there.status, home.status, indexes.status)
    page = Markup(here.body)
    assert "pip install --index-url http://127.0.0.1:8000/team/simple/ demo" in text_of(page)
    assert all(address.startswith("/team/packages/") for address in page.addresses() if "/packages/" in address)


@plays
async def test_under_a_prefix_every_address_has_it(tmp_path):
    async with running(tmp_path, public_url="https://pkgs.example/python") as site:
        fill(site)
        page = Markup((await site.get("/python/project/demo/")).body)

    local = [address for address in page.addresses() if not address.startswith(("#", "http"))]
    assert local and all(address.startswith("/python/") for address in local)


SEARCHES = [
    ("demo", ["demo", "demo-extra", "my-demo", "undemocratic"]),
    ("DEMO", ["demo", "demo-extra", "my-demo", "undemocratic"]),
    ("dem0", ["demo", "demo-extra", "my-demo", "undemocratic"]),
    ("my demo", ["my-demo"]),
    ("<script>", []),
    ("é", []),
    ("", []),
    ("-", []),
]


@plays
async def test_a_search_finds_names_the_best_first(tmp_path):
    async with running(tmp_path) as site:
        for name in ("undemocratic", "my-demo", "demo-extra", "demo", "other"):
            site.publish(name, site.wheel(name))
        found = {}
        for query, _ in SEARCHES:
            answer = await site.get(f"/search/?q={query.replace(' ', '+')}")
            page = Markup(answer.body)
            assert (200, [], "noindex") == (answer.status, page.faults, answer.headers["x-robots-tag"])
            found[query] = [
                a.get("href")[9:-1] for a in page.all("main")[0].all("a") if a.get("href").startswith("/project/")
            ]

    assert dict(SEARCHES) == found


@plays
async def test_a_search_has_pages(tmp_path):
    async with running(tmp_path) as site:
        for number in range(25):
            site.publish(f"demo-{number:02}", site.wheel(f"demo-{number:02}"))
        first, second = await site.get("/search/?q=demo"), await site.get("/search/?q=demo&page=2")
        beyond = await site.get("/search/?q=demo&page=999")
        odd = await site.get("/search/?q=demo&page=-1&" + "&".join(f"x{n}=1" for n in range(200)))

    assert "/search/?q=demo&page=2" in unescape(first.body.decode())
    assert "25 projects" in text_of(Markup(first.body))
    assert 5 == second.body.decode().count('class="project-name"')
    assert 0 == beyond.body.decode().count('class="project-name"')
    assert 200 == odd.status


@plays
async def test_assets_are_this_releases_and_those_of_others_from_the_store(tmp_path):
    """r35: what a page of any release names is there, for a year; what never was is told without leave to keep it."""
    other = "holdfast.0123456789abcdef.css"
    async with running(tmp_path) as site:
        site.store.put(addresses.asset(other), b"body{}")
        ours = [await site.get(f"/assets/{name}") for name in assets()]
        theirs = await site.get(f"/assets/{other}")
        missing = [await site.get(f"/assets/{name}") for name in ("holdfast.ffffffffffffffff.css", "x", "holdfast.css")]
        site.store.broken = True
        trouble = await site.get("/assets/holdfast.eeeeeeeeeeeeeeee.css")
        still = await site.get("/" + asset_path("holdfast.css"))

    for answer, asset in zip(ours, assets().values(), strict=True):
        assert (200, asset.body, asset.media_type) == (answer.status, answer.body, answer.headers["content-type"])
    assert (200, b"body{}", "text/css; charset=utf-8") == (theirs.status, theirs.body, theirs.headers["content-type"])
    for answer in (*ours, theirs):
        assert "public, max-age=31536000, immutable" == answer.headers["cache-control"]
        assert "nosniff" == answer.headers["x-content-type-options"]
    assert [(404, "no-store")] * 3 == [(answer.status, answer.headers["cache-control"]) for answer in missing]
    assert (503, 200) == (trouble.status, still.status)


@plays
async def test_assets_are_for_everybody_even_where_the_index_is_private(tmp_path):
    async with running(tmp_path, indexes=(private_index("main"),)) as site:
        page, asset = await site.get("/"), await site.get("/" + asset_path("holdfast.css"))

    assert (401, 200) == (page.status, asset.status)


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


def test_uploaded_is_before_now() -> None:
    """The fixtures' clock."""
    assert UPLOADED < NOW


@pytest.mark.parametrize("name", ["indexes", "assets", "search", "set-up", "project", "user", "org"])
def test_no_index_can_take_the_address_of_a_page(name):
    from holdfast.core.names import is_index_name

    assert not is_index_name(name)


@plays
async def test_a_persons_page_has_what_everybody_may_know(tmp_path):
    """Their projects in public indexes that are listed now; who has none is not told apart from nobody."""
    indexes = (IndexConfig("main"), IndexConfig("team"), private_index())
    async with running(tmp_path, indexes=indexes) as site:
        fill(site)
        site.publish("gone", site.wheel("gone"))
        site.tell(ProjectGone("main", "gone", "gone", site.serial + 1))
        for index in ("team", "secret"):
            site.publish("tool", site.wheel("tool", index=index), index=index)
        had = [("main", "demo"), ("main", "gone"), ("main", "never"), ("team", "tool"), ("secret", "tool")]
        parts = tuple(Part(index, name, "owner") for index, name in had)
        put_person(site.store, "user", Person("ann <b>", "ann <b>", parts), 1)
        put_person(site.store, "user", Person("hush", "hush", parts[-1:]), 1)
        put_person(site.store, "org", Person("acme", "Acme & Sons", parts[:1]), 1)
        ann, acme = await site.get("/user/ann%20%3Cb%3E/"), await site.get("/org/acme/")
        hush, nobody = await site.get("/user/hush/"), await site.get("/user/nobody/")

    page = Markup(ann.body)
    assert (200, []) == (ann.status, page.faults)
    assert "ann <b> Has a part in 2 projects here." in text_of(page)
    assert "It does things" in text_of(page)
    links = {address for address in page.addresses() if "/project/" in address}
    assert {"/project/demo/", "/team/project/tool/"} == links
    assert "secret" not in ann.body.decode()
    assert (200, "Acme & Sons") == (acme.status, Markup(acme.body).all("h1")[0].text)
    assert (404, 404) == (hush.status, nobody.status)
    assert hush.body == nobody.body


@plays
async def test_what_operators_switch_off_is_told_on_every_page(tmp_path):
    """A banner on each, in force with control dead; a search that is off says so and when to come again."""
    async with running(tmp_path) as site:
        fill(site)
        before = await site.get("/project/demo/")
        switch = new_switch(
            "search",
            scope="*",
            reason="The <index> is being moved",
            status_url="",
            banner=None,
            until=None,
            by="olga",
            now=UPLOADED,
        )
        overrides.change(site.store, lambda old: replace(old, switches=(switch,)), by="olga", what="off", now=UPLOADED)
        site.plane.policies.look()
        pages = [await site.get(path) for path in PAGES]

    assert "is being moved" not in before.body.decode()
    assert [200, 200, 200, 503, 200, 200] == [page.status for page in pages]
    assert all("Search is switched off: The <index> is being moved." in text_of(Markup(page.body)) for page in pages)
    assert "60" == pages[3].headers["retry-after"]


HOSTILE = (
    "Summary: <script>alert('summary')</script>\"'\n"
    "Author: <img src=x onerror=alert(1)>\n"
    'Author-email: "\\"><script>alert(1)</script>" <a@b.example>\n'
    "Keywords: <b>,</title><script>alert(1)</script>\n"
    "Home-page: javascript:alert(1)\n"
    "Download-URL: data:text/html,<script>alert(1)</script>\n"
    'Project-URL: "><svg onload=alert(1)>, JaVaScRiPt:alert(1)\n'
    'Project-URL: Docs" onmouseover="alert(1), https://docs.example/"><script>alert(1)</script>\n'
    "License: </dd><script>alert(1)</script>\n"
    "Classifier: Topic :: <script>alert(1)</script>\n"
    "Requires-Dist: <script>alert(1)</script>\n"
    "Requires-Dist: x; extra == '\"><script>'\n"
    'Provides-Extra: "><script>\n'
    'Requires-Python: >=3"><script>alert(1)</script>\n'
    'Description-Content-Type: text/plain; charset="><script>\n'
    "\n</pre><script>alert('description')</script>"
)


@plays
async def test_nothing_that_a_publisher_writes_becomes_markup(tmp_path):
    """Name, summary, people, links, versions, reasons: all of it is text."""
    async with running(tmp_path) as site:
        file = site.wheel("demo", "1.0", told=HOSTILE, yanked=True, yanked_reason='"><script>alert(1)</script>')
        site.publish(
            "demo", file, display="<Demo>", status="archived", status_reason="<script>alert(1)</script>",
            roles=(Role("<script>", "owner"),),
        )  # fmt: skip
        pages = [await site.get(path) for path in ("/project/demo/", "/", "/search/?q=demo")]
        told = [
            await site.get(path)
            for path in (
                "/search/?q=%3Cscript%3Ealert(1)%3C/script%3E",
                "/project/demo/%3Cscript%3E/",
                "/user/%3Cscript%3E/",
            )
        ]

    for answer in (*pages, *told):
        page = Markup(answer.body)
        assert [] == page.faults
        assert ["holdfast.js"] == [one.get("src").split("/")[-1].split(".")[0] + ".js" for one in page.all("script")]
        assert not page.all("svg") and not page.all("b")
        assert {"", "/assets"} >= {image.get("src").rpartition("/")[0] for image in page.all("img")}
    assert "<script>alert('summary')</script>" in text_of(Markup(pages[0].body))
