"""Between a layer and what is ours: held names, last good pages, removals in mid-work, and what cold answers hold."""

import json

from pull.fake_upstream import FakeFile, FakeUpstream
from read.plays import plays
from read.site import JSON, running
from read.test_pulled import BIG, WHEEL, address, layered
from read.test_races import once_read

from holdfast.clock import ManualClock
from holdfast.tree import addresses
from holdfast.tree.journal import BytesRemoved, ProjectGone, ProjectHeld
from holdfast.tree.reader import UNKNOWN_BELIEVED_SECONDS


@plays
async def test_a_held_name_is_unavailable_and_never_answered_by_the_layer(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", WHEEL)
        before = await site.get("/simple/demo/", accept=JSON)

        site.tell(ProjectHeld("main", "demo", 1, "its record cannot be made"))

        after = [await site.get(path, accept=JSON) for path in ("/simple/demo/", "/pypi/demo/json")]
        assert [200, 503, 503] == [answer.status for answer in (before, *after)]


@plays
async def test_a_layers_page_is_no_last_good_page_of_a_hosted_project(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", WHEEL)
        before = await site.get("/simple/demo/", accept=JSON)

        site.publish("demo", site.wheel("demo", "5.0"))
        site.store.delete(addresses.record("main", "demo", _record_digest(site, "demo")))

        after = await site.get("/simple/demo/", accept=JSON)
        assert [200, 503] == [before.status, after.status]


def _record_digest(site, name):
    (key,) = [found.key for found in site.store.list(addresses.records_of("main", name))]
    return key.rpartition("/")[2].partition(".")[0]


@plays
async def test_a_layers_page_made_before_a_removal_is_not_remembered(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", WHEEL, FakeFile("demo-2.0.tar.gz", data=b"fine"))
        await site.get("/simple/demo/", accept="text/html")
        once_read(site, addresses.pulled_page("up", "demo"), lambda: site.tell(BytesRemoved((WHEEL.digest(),), "bad")))

        answers = [await site.get(path, accept=JSON) for path in ("/simple/demo/", "/simple/demo/")]

        assert WHEEL.filename.encode() not in answers[1].body


@plays
async def test_a_layers_page_made_before_the_name_was_held_is_not_remembered(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", WHEEL)
        await site.get("/simple/demo/", accept="text/html")
        held = ProjectHeld("main", "demo", 1, "its record cannot be made")
        once_read(site, addresses.pulled_page("up", "demo"), lambda: site.tell(held))

        answers = [await site.get(path, accept=JSON) for path in ("/simple/demo/", "/simple/demo/")]

        assert [200, 503] == [answer.status for answer in answers]


@plays
async def test_head_of_a_kept_file_without_a_digest(tmp_path):
    async with FakeUpstream(mode="html") as upstream, layered(tmp_path, upstream) as site:
        upstream.add("old", FakeFile("old-1.0.tar.gz", data=b"old bytes" * 500, hashes=()))
        await site.get("/simple/old/", accept=JSON)
        await site.get("/packages/-/old/old-1.0.tar.gz")
        await site.pull.until_idle()

        answer = await site.client.request("HEAD", "/packages/-/old/old-1.0.tar.gz")

        assert (200, "4500") == (answer.status, answer.headers["content-length"])


@plays
async def test_an_unchanged_cold_file_holds_nothing(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("big", BIG)
        await site.get("/simple/big/", accept=JSON)

        answer = await site.get(address(BIG), if_none_match="*")

        assert (304, 0) == (answer.status, site.plane.pull_neighbour.under_way)


@plays
async def test_a_range_outside_a_cold_file_is_an_error_that_nobody_keeps(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("big", BIG)
        await site.get("/simple/big/", accept=JSON)

        answer = await site.get(address(BIG), range=f"bytes={BIG.size}-")

        assert (416, f"bytes */{BIG.size}") == (answer.status, answer.headers["content-range"])
        assert ("no-store", 416) == (answer.headers["cache-control"], json.loads(answer.body)["status"])
        assert 0 == site.plane.pull_neighbour.under_way


@plays
async def test_a_project_that_returns_under_a_held_publication_is_not_called_deleted(tmp_path):
    async with running(tmp_path) as site:
        site.tell(ProjectGone("main", "demo", "demo", 1, owned=True))
        gone = await site.get("/simple/demo/")
        site.tell(ProjectHeld("main", "demo", 2, "its record cannot be read"))

        assert (404, 503) == (gone.status, (await site.get("/simple/demo/")).status)


@plays
async def test_with_the_journal_out_of_reach_only_names_never_asked_for_are_unavailable(tmp_path):
    clock = ManualClock()
    async with FakeUpstream() as upstream, layered(tmp_path, upstream, clock) as site:
        for name in ("demo", "taken", "unseen"):
            upstream.add(name, FakeFile(f"{name}-1.0.tar.gz", data=name.encode()))
        for name in ("demo", "taken"):
            assert 200 == (await site.get(f"/simple/{name}/", accept=JSON)).status
        site.publish("taken", site.wheel("taken", "5.0"))
        site.tell(ProjectGone("main", "taken", "taken", site.serial + 1))
        assert 404 == (await site.get("/simple/taken/", accept=JSON)).status
        site.store.broken = True
        clock.advance(UNKNOWN_BELIEVED_SECONDS + 1)

        answers = {name: await site.get(f"/simple/{name}/?", accept=JSON) for name in ("demo", "taken", "unseen")}

        assert {"demo": 200, "taken": 503, "unseen": 503} == {name: found.status for name, found in answers.items()}
        assert ["1.0"] == json.loads(answers["demo"].body)["versions"]
