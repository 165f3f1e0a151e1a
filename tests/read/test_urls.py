"""The URL space: spellings, methods, prefixes. One hop at most, never built from Host."""

import json

import pytest
from read.plays import plays
from read.site import JSON, running

from holdfast.config import IndexConfig
from holdfast.read.routes import (
    FileRoute,
    Forwarded,
    ForwardedPage,
    LegacyJson,
    Moved,
    NotFound,
    Own,
    Routes,
    SimpleDetail,
    SimpleList,
    UnhashedFile,
)

SHA = "ab" * 32
ROUTES = Routes(("main", "team"), "main", "/pypi-mirror")


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/simple/", SimpleList("main")),
        ("/simple", Moved("simple/")),
        ("/team/simple/", SimpleList("team")),
        ("/pypi-mirror/team/simple/", SimpleList("team")),
        ("/pypi-mirror/simple/x/", SimpleDetail("main", "x")),
        ("/simple/a-b/", SimpleDetail("main", "a-b")),
        ("/simple/a-b", Moved("a-b/")),
        ("/simple/A_.B", Moved("a-b/")),
        ("/simple/A.B/", Moved("../a-b/")),
        ("/team/simple/A.B/", Moved("../a-b/")),
        ("/pypi/A.B/json", Moved("../a-b/json")),
        ("/pypi/A.B/json/", Moved("../../a-b/json")),
        ("/pypi/A.B/1.0/json", Moved("../../a-b/1.0/json")),
        ("/pypi/a/1.0+x/json", LegacyJson("main", "a", "1.0+x")),
        ("/team/pypi/a/json", LegacyJson("team", "a", "")),
        (f"/packages/ab/ab/{SHA[4:]}/a-1.tar.gz", FileRoute("main", SHA, "a-1.tar.gz", False)),
        (f"/team/packages/ab/ab/{SHA[4:]}/a-1.whl.metadata", FileRoute("team", SHA, "a-1.whl", True)),
        ("/packages/-/a/a-1.tar.gz", UnhashedFile("main", "a", "a-1.tar.gz")),
        ("/legacy/", Forwarded("main")),
        ("/legacy", Forwarded("main")),
        ("/team/legacy", Forwarded("team")),
        ("/api/v1/projects", Forwarded("main")),
        ("/account", ForwardedPage()),
        ("/account/login/", ForwardedPage()),
        ("/manage/projects/main/demo/", ForwardedPage()),
        ("/admin/", ForwardedPage()),
        ("/_/me", ForwardedPage()),
        ("/_/me/", NotFound("there is nothing at this address")),
        ("/accounts/", NotFound("there is nothing at this address", "main", for_people=True)),
        ("/legacy/+simple/A.b/", SimpleDetail("main", "a-b")),
        ("/healthz", Own("healthz")),
        ("/pypi-mirror/readyz", Own("readyz")),
    ],
)
def test_a_path_has_one_route(path, route):
    assert route == ROUTES.find(path)


@pytest.mark.parametrize(
    "path",
    [
        "//simple/",
        "/simple//",
        "/simple/a/b/",
        "/simple/../x/",
        "/simple/é/",
        "/simple/-a/",
        "/nobody/simple/",
        "/main/simple/",
        "/packages/ab/ab/short/a-1.tar.gz",
        f"/packages/aba/b/{SHA[4:]}/a-1.tar.gz",
        f"/packages/ab/ab/{SHA[4:]}/..",
        f"/packages/AB/ab/{SHA[4:]}/a-1.tar.gz",
        "/packages/-/A/a-1.tar.gz",
        "/pypi/a/json/x",
        "/_/oidc/audience",
        "/simple/\x00/",
        "/pypi-mirrors/simple/",
    ],
)
def test_what_no_route_owns_is_not_found(path):
    assert isinstance(ROUTES.find(path), NotFound)


@pytest.mark.parametrize(
    "path", "audience mint-token burn-token team/audience team/mint-token github/mint-token".split()
)
def test_trusted_publishing_is_forwarded_only_where_somebody_is_trusted(path):
    """uv asks on each publish without credentials: without providers the front says no, whatever control does."""
    trusting = Routes(("main", "team"), "main", "", publishing=True)

    assert isinstance(trusting.find(f"/_/oidc/{path}"), Forwarded)
    assert isinstance(trusting.find("/.well-known/pytp"), Forwarded)
    assert isinstance(trusting.find("/_/oidc/a/b/audience"), NotFound)
    assert isinstance(ROUTES.find(f"/_/oidc/{path}"), NotFound)


@plays
async def test_every_spelling_reaches_the_page_in_one_hop(tmp_path):
    from urllib.parse import urljoin

    async with running(tmp_path, public_url="https://index.example/base") as site:
        site.publish("a-b", site.wheel("a-b"))

        for asked in ("/simple/A.B", "/simple/a_b/", "/simple/A--b/", "/base/simple/a-b", "/base/simple/A.b/"):
            moved = await site.get(asked, host="evil.example", x_forwarded_host="evil.example")
            target = urljoin(f"https://index.example{asked}", moved.headers["location"])

            assert (301, "no-cache") == (moved.status, moved.headers["cache-control"])
            assert target.startswith("https://index.example/") and "evil" not in moved.headers["location"]
            assert 200 == (await site.get(target.removeprefix("https://index.example"))).status


@plays
async def test_a_redirect_keeps_the_query(tmp_path):
    async with running(tmp_path) as site:
        moved = await site.get(f"/simple/A.B?format={JSON}")

        assert (301, f"a-b/?format={JSON}") == (moved.status, moved.headers["location"])


@plays
async def test_methods(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo")
        site.publish("demo", file)
        page = await site.get("/simple/demo/", accept=JSON)

        head = await site.client.request("HEAD", "/simple/demo/", {"accept": JSON})
        put = await site.client.request("PUT", "/simple/demo/")
        options = await site.client.request("OPTIONS", "/simple/demo/")
        upload = await site.client.request("GET", "/legacy/")
        posted = await site.client.request("POST", "/legacy/", body=b"x")

        assert (200, b"", page.headers["etag"], page.headers["content-length"]) == (
            head.status,
            head.body,
            head.headers["etag"],
            head.headers["content-length"],
        )
        assert (405, "GET, HEAD, OPTIONS", 405) == (put.status, put.headers["allow"], json.loads(put.body)["status"])
        assert (204, "GET, HEAD, OPTIONS", "*") == (
            options.status,
            options.headers["allow"],
            options.headers["access-control-allow-origin"],
        )
        assert (405, "POST") == (upload.status, upload.headers["allow"])
        assert (200, b"forwarded", ["/legacy/"]) == (posted.status, posted.body, [r.path for r in site.forwarded])


@plays
async def test_indexes_are_subtrees_of_their_own(tmp_path):
    async with running(tmp_path, indexes=(IndexConfig("main"), IndexConfig("team"))) as site:
        site.publish("ours", site.wheel("ours", index="team"), index="team")

        there, here = await site.get("/team/simple/ours/", accept=JSON), await site.get("/simple/ours/")

        assert (200, "project/team/ours", 404) == (there.status, there.headers["surrogate-key"], here.status)


@plays
async def test_a_request_that_came_through_this_instance_is_refused(tmp_path):
    async with running(tmp_path) as site:
        site.publish("demo", site.wheel("demo"))

        other = await site.get("/simple/demo/?", x_holdfast_via="aaaa,bbbb")
        own = await site.get("/simple/demo/?x", x_holdfast_via=f"aaaa,{site.config.instance}")

        assert (200, 503) == (other.status, own.status)
        assert json.loads(own.body)["detail"].startswith("loop")
