"""Views as of a date: the same records without what came later, under addresses that stay inside the view."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pull.fake_upstream import FakeFile, FakeUpstream
from read.plays import plays
from read.site import HTML, JSON, UPLOADED, path_of, running
from read.test_access import basic, issue
from read.test_pulled import address, layered

from holdfast.clock import ManualClock
from holdfast.config import IndexConfig
from holdfast.read.as_of import parse_moment
from holdfast.read.cache import OVERHEAD_BYTES, VIEW_SHARE
from holdfast.read.routes import FileRoute, Moved, NotFound, Routes, SimpleDetail, SimpleList, UnhashedFile
from holdfast.tree import addresses
from holdfast.tree.card import decode_card, encode_card
from holdfast.tree.journal import BytesRemoved

SHA = "ab" * 32
DAY = datetime(2026, 11, 1, tzinfo=UTC)
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
ROUTES = Routes(("main", "team"), "main", "/mirror")


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/@2026-11-01/simple/", SimpleList("main", DAY)),
        ("/mirror/team/@2026-11-01T12:00:00Z/simple/", SimpleList("team", NOON)),
        ("/@2026-11-01/simple", Moved("simple/")),
        ("/team/@2026-11-01/simple/a-b/", SimpleDetail("team", "a-b", DAY)),
        ("/@2026-11-01/simple/A.B", Moved("a-b/")),
        ("/@2026-11-01/simple/A.B/", Moved("../a-b/")),
        (f"/@2026-11-01/packages/ab/ab/{SHA[4:]}/a-1.tar.gz", FileRoute("main", SHA, "a-1.tar.gz", False, DAY)),
        ("/@2026-11-01/packages/-/a/a-1.tar.gz", UnhashedFile("main", "a", "a-1.tar.gz", DAY)),
    ],
)
def test_a_view_is_a_subtree_of_its_index(path, route):
    assert route == ROUTES.find(path)


@pytest.mark.parametrize(
    "date",
    ["2026-11-1", "20261101", "2026-W01-1", "2026-02-30", "2026-11-01T12:00:00", "2026-11-01T12:00:00+00:00",
     "2026-11-01T12:00Z", "2026-11-01T25:00:00Z", "0000-01-01", "yesterday", "", "2026-11-0\u0661"],
)  # fmt: skip
def test_a_moment_has_one_spelling(date):
    assert parse_moment(date) is None
    assert isinstance(ROUTES.find(f"/@{date}/simple/"), NotFound)


@pytest.mark.parametrize("path", ["/@2026-11-01", "/@2026-11-01/", "/@2026-11-01/pypi/a/json", "/@2026-11-01/x/"])
def test_nothing_else_lies_in_a_view(path):
    assert isinstance(ROUTES.find(path), NotFound)


def dated(site, name, version, days, **facts):
    """A hosted wheel uploaded so many days after the first, its card included."""
    file = site.wheel(name, version, index=facts.pop("index", "main"))
    moment = UPLOADED + timedelta(days=days)
    key = addresses.card("main", file.sha256, file.filename)
    site.store.put(key, encode_card(replace(decode_card(site.store.get(key)), upload_time=moment)))
    return replace(file, upload_time=moment, **facts)


def shown(answer):
    assert 200 == answer.status, (answer.status, answer.body)
    return [file["filename"].split("-")[1] for file in json.loads(answer.body)["files"]]


@plays
async def test_a_view_shows_what_was_uploaded_before_its_moment(tmp_path):
    async with running(tmp_path) as site:
        site.publish(
            "demo", dated(site, "demo", "1.0", 0), dated(site, "demo", "2.0", 1), dated(site, "demo", "3.0", 2)
        )

        views = {
            date: shown(await site.get(f"/@{date}/simple/demo/", accept=JSON))
            for date in ("2026-01-01", "2026-01-02", "2026-01-02T00:00:01Z", "2026-06-01")
        }
        html = await site.get("/@2026-01-02/simple/demo/", accept=HTML)
        today = shown(await site.get("/simple/demo/", accept=JSON))

        assert {
            "2026-01-01": [],
            "2026-01-02": ["1.0"],
            "2026-01-02T00:00:01Z": ["1.0", "2.0"],
            "2026-06-01": ["1.0", "2.0", "3.0"],
        } == views
        assert b"demo-1.0" in html.body and b"demo-2.0" not in html.body
        assert ["1.0", "2.0", "3.0"] == today


@plays
async def test_a_view_has_the_headers_of_any_page_and_tells_its_versions_apart(tmp_path):
    async with running(tmp_path) as site:
        site.publish("demo", dated(site, "demo", "1.0", 0), dated(site, "demo", "2.0", 1))
        view = await site.get("/@2026-01-02/simple/demo/", accept=JSON)
        again = await site.get("/@2026-01-02/simple/demo/", accept=JSON, if_none_match=view.headers["etag"])
        page = await site.get("/simple/demo/", accept=JSON)

        site.publish("demo", dated(site, "demo", "1.0", 0, yanked=True), dated(site, "demo", "2.0", 1))
        after = await site.get("/@2026-01-02/simple/demo/", accept=JSON)

        assert 304 == again.status
        names = ("content-type", "cache-control", "vary", "surrogate-key")
        assert [page.headers[name] for name in names] == [view.headers[name] for name in names]
        assert 3 == len({answer.headers["etag"] for answer in (view, page, after)})
        assert json.loads(after.body)["files"][0]["yanked"] is True


@plays
async def test_files_of_a_view_are_those_its_pages_link(tmp_path):
    async with running(tmp_path) as site:
        early, late = dated(site, "demo", "1.0", 0), dated(site, "demo", "2.0", 1)
        site.publish("demo", early, late)
        page = json.loads((await site.get("/@2026-01-02/simple/demo/", accept=JSON)).body)

        linked = "/@2026-01-02" + page["files"][0]["url"].removeprefix("../..")
        answers = [await site.get(linked), await site.get(linked + ".metadata")]
        beyond = [await site.get("/@2026-01-02" + path_of(late, metadata=of)) for of in (False, True)]

        assert ([200, 200], [404, 404]) == ([a.status for a in answers], [a.status for a in beyond])
        assert 200 == (await site.get(path_of(late))).status


@plays
async def test_what_was_taken_away_is_gone_from_every_view(tmp_path):
    async with running(tmp_path) as site:
        file, held = dated(site, "demo", "1.0", 0), dated(site, "held", "1.0", 0)
        site.publish("demo", file)
        site.publish("held", held)
        paths = [f"/@2026-06-01{path}" for path in ("/simple/demo/", path_of(file), "/simple/held/", path_of(held))]
        before = [(await site.get(path, accept=JSON)).status for path in paths]

        site.tell(BytesRemoved((file.sha256,), "malware"))
        site.publish("held", held, status="quarantined")

        after = [await site.get(path, accept=JSON) for path in paths]
        assert ([200] * 4, [200, 410, 200, 403]) == (before, [answer.status for answer in after])
        assert [[], []] == [json.loads(after[n].body)["files"] for n in (0, 2)]


@plays
async def test_a_moment_that_has_not_come_and_what_is_no_date_are_404_with_a_sentence(tmp_path):
    clock = ManualClock()
    async with running(tmp_path, clock) as site:
        site.publish("demo", site.wheel("demo"))
        day = f"{clock.now() + timedelta(days=1):%Y-%m-%d}"

        future, nonsense = [await site.get(f"/@{date}/simple/demo/") for date in (day, "last-week")]
        clock.advance(2 * 86400)
        later = await site.get(f"/@{day}/simple/demo/")

        assert [404, 404, 200] == [answer.status for answer in (future, nonsense, later)]
        assert "has not come yet" in json.loads(future.body)["detail"]
        assert "2026-11-01" in json.loads(nonsense.body)["detail"]


@pytest.mark.parametrize("path", ["/@2026-06-01/legacy/", "/@2026-06-01/simple/", "/team/@2026-06-01/legacy/"])
@plays
async def test_a_view_takes_no_uploads(tmp_path, path):
    async with running(tmp_path, indexes=(IndexConfig("main"), IndexConfig("team"))) as site:
        answer = await site.client.request("POST", path, body=b"anything")

        assert (405, "GET, HEAD, OPTIONS", []) == (answer.status, answer.headers["allow"], site.forwarded)


@plays
async def test_the_list_of_a_view_is_todays(tmp_path):
    async with running(tmp_path) as site:
        site.publish("demo", dated(site, "demo", "2.0", 300))

        lists = [await site.get(f"{view}/simple/", accept=JSON) for view in ("/@2026-01-02", "")]

        assert lists[0].body == lists[1].body
        assert "/@2026-01-02/simple/" not in site.plane.hot.entries


@plays
async def test_a_private_index_is_private_at_every_date(tmp_path):
    async with running(tmp_path, indexes=(IndexConfig("main"), IndexConfig("team", private=True))) as site:
        site.publish("demo", site.wheel("demo", index="team"), index="team")
        who = basic(issue(site, "team").text)

        for path in ("/team/@2026-06-01/simple/demo/", "/team/@2026-06-01/simple/", "/team/@never/simple/"):
            assert 401 == (await site.get(path)).status
        answer = await site.get("/team/@2026-06-01/simple/demo/", authorization=who)
        assert (200, "private, no-cache") == (answer.status, answer.headers["cache-control"])


@plays
async def test_views_take_a_share_of_the_cache_and_never_the_place_of_a_page(tmp_path):
    room = 400 * OVERHEAD_BYTES
    async with running(tmp_path, page_cache_bytes=room) as site:
        site.publish("demo", site.wheel("demo"))
        await site.get("/simple/demo/", accept=JSON)
        before, cache = site.plane.cache.bytes, site.plane.cache

        for second in range(100):
            moment = UPLOADED + timedelta(days=10, seconds=second)
            await site.get(f"/@{moment:%Y-%m-%dT%H:%M:%SZ}/simple/demo/", accept=JSON)

        assert before + OVERHEAD_BYTES < cache.bytes <= before + room // VIEW_SHARE
        assert ["/simple/demo/"] == list(site.plane.hot.entries)


@plays
async def test_files_of_views_are_not_remembered_by_address(tmp_path):
    async with running(tmp_path) as site:
        small, large = site.wheel("small"), site.wheel("large", data=b"large" * 50_000)
        for file in (small, large):
            site.publish(file.filename.split("-")[0], file)
            assert [200, 200] == [(await site.get(f"/@2026-06-01{path_of(file)}")).status for _ in range(2)]

        assert not site.plane.hot.entries


EARLY = FakeFile("demo-1.0.tar.gz", data=b"early" * 30_000, upload_time="2026-01-01T00:00:00Z")
LATE = FakeFile("demo-2.0.tar.gz", data=b"late" * 30_000, upload_time="2026-01-02T00:00:00Z")
TIMELESS = FakeFile("demo-0.1.tar.gz", data=b"old" * 30_000, upload_time=None)


@plays
async def test_a_view_over_an_upstream_shows_what_it_had_by_then_and_files_without_a_time(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", TIMELESS, EARLY, LATE)

        pages = [await site.get(f"/@{day}/simple/demo/", accept=JSON) for day in ("2026-01-01", "2026-01-02")]
        answer = await site.get("/@2026-01-02" + address(EARLY))
        again = await site.get("/@2026-01-02/simple/demo/", accept=JSON)

        names = [[file["filename"] for file in json.loads(page.body)["files"]] for page in pages]
        assert [["demo-0.1.tar.gz"], ["demo-0.1.tar.gz", "demo-1.0.tar.gz"]] == names
        assert (200, EARLY.data, pages[1].body) == (answer.status, answer.body, again.body)
        assert 1 == upstream.requests["/simple/demo/"]


@plays
async def test_a_cold_file_beyond_the_view_is_not_fetched_through_it(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", EARLY, LATE)
        await site.get("/simple/demo/", accept=JSON)

        beyond = await site.get("/@2026-01-02" + address(LATE))
        within = await site.get("/@2026-01-02" + address(EARLY))

        assert (404, 0) == (beyond.status, upstream.requests[f"/files/demo/{LATE.filename}"])
        assert (200, EARLY.data) == (within.status, within.body)


@plays
async def test_a_file_without_a_digest_is_in_a_view_from_when_it_was_first_seen(tmp_path):
    async with FakeUpstream(mode="html") as upstream, layered(tmp_path, upstream, undated="first-seen") as site:
        upstream.add("demo", FakeFile("demo-1.0.tar.gz", data=b"x" * 1000, hashes=()))
        await site.get("/simple/demo/", accept=JSON)

        before, today = [await site.get(f"{view}/packages/-/demo/demo-1.0.tar.gz") for view in ("/@2020-01-01", "")]

        assert [404, 200] == [before.status, today.status]


@plays
async def test_a_redirect_stays_inside_the_view(tmp_path):
    async with running(tmp_path) as site:
        answers = [await site.get(f"/@2026-01-02/simple{tail}") for tail in ("", "/A.B", "/A.B/")]

        assert [(301, "simple/"), (301, "a-b/"), (301, "../a-b/")] == [
            (answer.status, answer.headers["location"]) for answer in answers
        ]
