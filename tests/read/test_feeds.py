"""Feeds: what is new in an index, and what a project released, for readers of RSS and Atom."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree

from read.catalogued import catalogued, cataloguer, told
from read.plays import plays
from read.site import Site, private_index, running

from holdfast.clock import ManualClock
from holdfast.config import IndexConfig
from holdfast.core.model import File
from holdfast.read.people.feed_xml import Channel, Item, feed
from holdfast.tree.journal import BytesRemoved

ATOM = "{http://www.w3.org/2005/Atom}"
FEEDS = ("updates", "packages", "project/demo/releases")
START = datetime(2026, 1, 1, tzinfo=UTC)


def _file(site: Site, name: str, version: str, day: int, **facts: object) -> File:
    made = site.wheel(name, version, told=told(summary=f"{name} <{version}> & more"), **facts)  # type: ignore[arg-type]
    return replace(made, upload_time=START + timedelta(days=day))


def _fill(site: Site) -> None:
    site.publish(
        "demo", _file(site, "demo", "1.0", 1, yanked=True, yanked_reason="it burns"), _file(site, "demo", "2.0", 5)
    )
    site.publish("other", _file(site, "other", "1.0", 3), display="Other")
    site.publish("bad", _file(site, "bad", "1.0", 9), status="quarantined", status_reason="Steals.")
    catalogued(site)


def _items(body: bytes) -> list[tuple[str, str, str]]:
    """(title, link, text) of each item, whichever of the two formats it is."""
    root = ElementTree.fromstring(body)
    if root.tag == "rss":
        return [
            tuple(item.findtext(one) or "" for one in ("title", "link", "description")) for item in root.iter("item")
        ]  # type: ignore[misc]
    return [
        (e.findtext(f"{ATOM}title") or "", e.find(f"{ATOM}link").get("href"), e.findtext(f"{ATOM}summary") or "")  # type: ignore[union-attr,misc]
        for e in root.iter(f"{ATOM}entry")
    ]


@plays
async def test_feeds_tell_what_is_new_in_both_formats(tmp_path):
    base = "http://127.0.0.1:8000"
    async with running(tmp_path) as site:
        _fill(site)
        rss = [await site.get(f"/rss/{what}.xml") for what in FEEDS]
        atom = [await site.get(f"/rss/{what}.atom") for what in FEEDS]
        again = await site.get("/rss/updates.xml", **{"if-none-match": rss[0].headers["etag"]})
        moved = await site.get("/rss/project/Demo/releases.xml")

    assert [(200, "application/rss+xml; charset=utf-8", "no-cache")] * 3 == [
        (one.status, one.headers["content-type"], one.headers["cache-control"]) for one in rss
    ]
    assert ["application/atom+xml; charset=utf-8"] * 3 == [one.headers["content-type"] for one in atom]
    assert [
        ("demo 2.0", f"{base}/project/demo/2.0/", "demo <2.0> & more"),
        ("Other 1.0", f"{base}/project/other/1.0/", "other <1.0> & more"),
        ("demo 1.0", f"{base}/project/demo/1.0/", "demo <1.0> & more"),
    ] == _items(rss[0].body)
    assert [
        ("Other is new here", f"{base}/project/other/", "other <1.0> & more"),
        ("demo is new here", f"{base}/project/demo/", "demo <2.0> & more"),
    ] == _items(rss[1].body)
    assert [("demo 2.0", "1 file"), ("demo 1.0", "Yanked: it burns")] == [(t, d) for t, _, d in _items(rss[2].body)]
    assert [_items(one.body) for one in rss] == [_items(one.body) for one in atom]
    dates = [one.text or "" for one in ElementTree.fromstring(rss[0].body).iter("pubDate")]
    assert [START + timedelta(days=day) for day in (5, 3, 1)] == [parsedate_to_datetime(date) for date in dates]
    assert 304 == again.status
    assert (301, "../demo/releases.xml") == (moved.status, moved.headers["location"])


@plays
async def test_what_is_not_there_has_no_feed(tmp_path):
    async with running(tmp_path, indexes=(IndexConfig("main"), private_index())) as site:
        _fill(site)
        site.publish("hidden", _file(site, "hidden", "1.0", 1), index="secret")
        catalogued(site)
        statuses = {
            path: (await site.get(path)).status
            for path in (
                "/rss/project/nobody/releases.xml",
                "/rss/project/bad/releases.xml",
                "/rss/project/hidden/releases.xml",
                "/rss/updates",
                "/rss/",
                "/rss/project/demo/updates.xml",
                "/rss/nothing.xml",
                "/secret/rss/updates.xml",
                "/secret/rss/project/hidden/releases.xml",
            )
        }
        told_of = b"".join([(await site.get(f"/rss/{what}.xml")).body for what in FEEDS])

    assert [404, 403, 404, 404, 404, 404, 404, 401, 401] == list(statuses.values())
    assert b"bad" not in told_of and b"hidden" not in told_of


@plays
async def test_a_feed_has_the_newest_hundred_of_all_layers(tmp_path):
    indexes = (IndexConfig("main", layers=("team",)), IndexConfig("team"))
    async with running(tmp_path, indexes=indexes) as site:
        site.publish("many", *[_file(site, "many", f"1.{number}", number) for number in range(110)])
        site.publish("there", _file(site, "there", "1.0", 105, index="team"), index="team")
        catalogued(site)
        titles = [title for title, _, _ in _items((await site.get("/rss/updates.xml")).body)]
        own = [title for title, _, _ in _items((await site.get("/rss/project/many/releases.xml")).body)]

    assert (100, 40) == (len(titles), len(own))
    assert ["many 1.109", "many 1.108", "many 1.107", "many 1.106"] == titles[:4]
    assert "there 1.0" in titles[4:6]


def test_no_text_breaks_a_feed() -> None:
    """What XML cannot say at all is replaced, and markup is text."""
    hostile = "]]><script>&\x00\x1b\ud800\ufffe\"'"
    channel = Channel(hostile, "http://x.test/", "http://x.test/rss", hostile)
    item = Item(hostile, "http://x.test/?a=1&b=<2>", hostile, datetime(2026, 1, 1, tzinfo=UTC))

    found = [_items(feed(format, channel, [item])) for format in ("rss", "atom")]

    shown = "]]><script>&����\"'"
    assert [[(shown, "http://x.test/?a=1&b=<2>", shown)]] * 2 == found
    assert [[], []] == [_items(feed(format, channel, [])) for format in ("rss", "atom")]


@plays
async def test_a_summary_that_was_taken_down_leaves_the_feeds(tmp_path):
    """It is in no record, so that nothing else changes."""
    clock = ManualClock(START)
    async with running(tmp_path, clock) as site:
        demo = site.wheel("demo", "1.0", told=told(summary="slander"))
        site.publish("demo", demo)
        writer = cataloguer(site)
        writer.write_when_changed()
        before = (await site.get("/rss/updates.xml")).body
        site.tell(BytesRemoved((demo.metadata_sha256,), "law", True))
        clock.advance(60)
        writer.write_when_changed()
        after = (await site.get("/rss/updates.xml")).body

    assert (True, False) == (b"slander" in before, b"slander" in after)
    assert b"demo 1.0" in after
