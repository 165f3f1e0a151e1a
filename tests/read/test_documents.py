"""Project lists, the legacy JSON API, health and metrics."""

import gzip
import json
import os

from read.plays import plays
from read.site import JSON, running

from holdfast.clock import ManualClock
from holdfast.tree import addresses
from holdfast.tree.journal import ProjectChanged
from holdfast.tree.record import encode_record


@plays
async def test_the_list_has_a_serial_and_leaves_quarantined_projects_out(tmp_path):
    async with running(tmp_path) as site:
        site.publish("b", display="B.B")
        site.publish("a")
        site.publish("bad", status="quarantined")

        page = await site.get("/simple/", accept=JSON, accept_encoding="gzip")
        html = await site.get("/simple/")

        assert {
            "meta": {"_last-serial": 3, "api-version": "1.4"},
            "projects": [{"_last-serial": 2, "name": "a"}, {"_last-serial": 1, "name": "B.B"}],
        } == json.loads(gzip.decompress(page.body))
        assert (200, "3", "list/main", "no-cache") == (
            page.status,
            *(page.headers[n] for n in ("x-pypi-last-serial", "surrogate-key", "cache-control")),
        )
        assert b'<a href="b/">B.B</a>' in html.body and b"bad" not in html.body
        unchanged = await site.get("/simple/", accept=JSON, accept_encoding="gzip", if_none_match=page.headers["etag"])
        assert 304 == unchanged.status


@plays
async def test_a_long_list_is_a_snapshot_of_at_most_half_a_minute(tmp_path):
    clock = ManualClock()
    async with running(tmp_path, clock) as site:
        names = [f"p{number:05d}" for number in range(10_001)]
        site.tell(*(ProjectChanged("main", name, name, 1, "ab" * 32) for name in names))
        while site.plane.follower.is_behind:  # an answer waits for so many changes only a moment
            await site.plane.follower.catch_up()
        first = await site.get("/simple/", accept=JSON)
        site.publish("z")
        second = await site.get("/simple/", accept=JSON)
        clock.advance(31)
        third = await site.get("/simple/", accept=JSON)

        assert ["1", "1", "2"] == [answer.headers["x-pypi-last-serial"] for answer in (first, second, third)]
        assert [10_001, 10_001, 10_002] == [len(json.loads(a.body)["projects"]) for a in (first, second, third)]


@plays
async def test_legacy_json_of_project_and_release(tmp_path):
    async with running(tmp_path, public_url="https://index.example/base") as site:
        old, new = site.wheel("demo", "1.0"), site.wheel("demo", "2.0")
        site.publish("demo", old, new)

        project = await site.get("/pypi/demo/json")
        release = await site.get("/pypi/demo/1.0.0/json", accept_encoding="gzip")
        absent = [await site.get(path) for path in ("/pypi/demo/3.0/json", "/pypi/nobody/json")]

        document = json.loads(project.body)
        assert (200, "application/json", "Accept-Encoding", "2") == (
            project.status,
            project.headers["content-type"],
            project.headers["vary"],
            str(1 + len(document["releases"]) - 1),
        )
        assert ("1", "project/main/demo") == (project.headers["x-pypi-last-serial"], project.headers["surrogate-key"])
        assert ("2.0", "about demo") == (document["info"]["version"], document["info"]["summary"])
        assert document["urls"][0]["url"].startswith("https://index.example/base/packages/")
        assert "1.0" == json.loads(gzip.decompress(release.body))["info"]["version"]
        assert [(404, b'{"message": "Not Found"}')] * 2 == [(a.status, a.body) for a in absent]
        assert 304 == (await site.get("/pypi/demo/json", if_none_match=project.headers["etag"])).status


@plays
async def test_legacy_json_follows_a_publication(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo", "1.0")
        site.publish("demo", file)
        before = await site.get("/pypi/demo/json")

        site.publish("demo", file, site.wheel("demo", "2.0"))

        after = await site.get("/pypi/demo/json")
        assert ["1.0", "2.0"] == [json.loads(a.body)["info"]["version"] for a in (before, after)]


@plays
async def test_readyz_depends_on_the_tree_alone(tmp_path):
    clock = ManualClock()
    async with running(tmp_path, clock) as site:
        ready = await site.get("/readyz")
        site.store.broken = True
        clock.advance(61)
        unready = await site.get("/readyz")

        assert (200, True, "down", "not needed") == (
            ready.status,
            *(json.loads(ready.body)[part] for part in ("ready", "control", "pull")),
        )
        assert (503, False) == (unready.status, json.loads(unready.body)["ready"])


@plays
async def test_metrics_count_hot_and_cold_answers(tmp_path):
    async with running(tmp_path) as site:
        site.publish("demo", site.wheel("demo"))
        for _ in range(3):
            await site.get("/simple/demo/")

        text = (await site.get("/metrics")).body.decode()

        for source, count in (("cold", 1), ("hot", 2)):
            labels = f'route="simple",status="2xx",source="{source}",worker="{os.getpid()}"'
            assert f"holdfast_requests_total{{{labels}}} {count}\n" in text
        assert "holdfast_journal_head{" in text


@plays
async def test_legacy_json_of_a_project_whose_record_is_missing_is_503(tmp_path):
    async with running(tmp_path) as site:
        record = site.publish("demo", site.wheel("demo"))
        site.store.delete(addresses.record("main", "demo", encode_record(record).digest))

        answers = [await site.get(path) for path in ("/pypi/demo/json", "/pypi/demo/1.0/json", "/simple/demo/")]

        assert [503, 503, 503] == [answer.status for answer in answers]
