"""Finding projects, persons and assets, and what operators have to say on every page."""

from html import unescape

from markup import Markup
from msgspec.structs import replace
from read.people_site import PAGES, fill, text_of
from read.plays import plays
from read.site import UPLOADED, private_index, running

from holdfast.config import IndexConfig
from holdfast.pages.assets import asset_path, assets
from holdfast.tree import addresses, overrides
from holdfast.tree.journal import ProjectGone
from holdfast.tree.person import Part, Person, put_person
from holdfast.tree.switches import new_switch

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
    assert "Projects have their pages meanwhile" in text_of(Markup(pages[3].body)), "trying again is no way on"
