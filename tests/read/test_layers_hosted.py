"""Hosted indexes as layers: what `main` hosts is `dev`'s too, until dev has the name; what main keeps stays hidden."""

import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from pull import rig
from pull.fake_upstream import FakeFile, FakeUpstream, Fault
from read.plays import plays
from read.site import JSON, Site, path_of
from read.test_access import basic, issue

from holdfast.config import IndexConfig, UpstreamConfig
from holdfast.tree import addresses
from holdfast.tree.journal import BytesRemoved, ProjectGone, ProjectHeld


@asynccontextmanager
async def stacked(folder, upstream, *, main=None, **dev):
    """`dev` over `main` over an upstream named `up`, and nothing under main itself but the upstream."""
    site = Site(
        folder,
        upstreams=(UpstreamConfig("up", upstream.url, page_budget_seconds=2.0),),
        indexes=(
            IndexConfig("main", layers=("up",), **(main or {})),
            IndexConfig("dev", **({"layers": ("main", "up")} | dev)),
        ),
    )
    await site.plane.start()
    try:
        async with rig.running(folder, upstream) as running:
            site.pull = running
            yield site
    finally:
        await site.plane.stop()


def versions(answer):
    assert 200 == answer.status, (answer.status, answer.body)
    return json.loads(answer.body)["versions"]


@plays
async def test_a_project_of_the_layer_is_served_in_the_upper_indexs_own_subtree(tmp_path):
    async with FakeUpstream() as upstream, stacked(tmp_path, upstream) as site:
        file = site.wheel("demo")
        site.publish("demo", file)
        upstream.add("demo", FakeFile("demo-9.0.tar.gz", data=b"a stranger's"))

        page = await site.get("/dev/simple/demo/", accept=JSON)
        answers = [await site.get("/dev" + path_of(file, metadata=metadata)) for metadata in (False, True)]
        document = await site.get("/dev/pypi/demo/json")

        assert ["1.0"] == versions(page)
        assert ["../.." + path_of(file)] == [one["url"] for one in json.loads(page.body)["files"]]
        assert "project/dev/demo project/main/demo" == page.headers["surrogate-key"]
        assert [200, 200] == [answer.status for answer in answers]
        assert f"{site.config.index_url('dev')}{path_of(file)}" == json.loads(document.body)["urls"][0]["url"]
        assert not upstream.requests


@plays
async def test_a_change_in_the_layer_shows_with_the_next_request(tmp_path):
    async with FakeUpstream() as upstream, stacked(tmp_path, upstream) as site:
        site.publish("demo", site.wheel("demo"))
        before = [await site.get("/dev/simple/demo/", accept=JSON) for _ in range(2)][1]

        site.publish("demo", site.wheel("demo"), site.wheel("demo", "2.0"))

        after = await site.get("/dev/simple/demo/", accept=JSON)
        assert (["1.0"], ["1.0", "2.0"]) == (versions(before), versions(after))
        assert before.headers["etag"] != after.headers["etag"]


@plays
async def test_the_upper_index_takes_the_name_with_its_first_upload_and_keeps_it(tmp_path):
    async with FakeUpstream() as upstream, stacked(tmp_path, upstream) as site:
        site.publish("demo", site.wheel("demo"))
        seen = [versions(await site.get("/dev/simple/demo/", accept=JSON))]

        site.publish("demo", site.wheel("demo", "5.0.dev1", index="dev"), index="dev")
        seen.append(versions(await site.get("/dev/simple/demo/", accept=JSON)))
        seen.append(versions(await site.get("/simple/demo/", accept=JSON)))
        site.tell(ProjectGone("dev", "demo", "demo", site.serial + 1))
        deleted = await site.get("/dev/simple/demo/", accept=JSON)
        site.tell(ProjectGone("dev", "demo", "demo", site.serial + 1, owned=False))
        seen.append(versions(await site.get("/dev/simple/demo/", accept=JSON)))

        assert [["1.0"], ["5.0.dev1"], ["1.0"], ["1.0"]] == seen
        assert 404 == deleted.status


@plays
async def test_a_name_the_layer_takes_leaves_the_upstream_below_it(tmp_path):
    async with FakeUpstream() as upstream, stacked(tmp_path, upstream) as site:
        upstream.add("demo", FakeFile("demo-9.0.tar.gz", data=b"upstream's"))
        before = [await site.get("/dev/simple/demo/", accept=JSON) for _ in range(2)][1]

        site.publish("demo", site.wheel("demo"))

        after = await site.get("/dev/simple/demo/", accept=JSON)
        assert (["9.0"], ["1.0"]) == (versions(before), versions(after))


@pytest.mark.parametrize("kept_by", ["deleted", "reserved"])
@plays
async def test_what_the_layer_keeps_never_falls_through_to_the_next(tmp_path, kept_by):
    main = {"reserved": ("acme-*",)} if kept_by == "reserved" else {}
    async with FakeUpstream() as upstream, stacked(tmp_path, upstream, main=main) as site:
        upstream.add("acme-x", FakeFile("acme_x-9.0.tar.gz", data=b"a stranger's"))
        if kept_by == "deleted":
            site.tell(ProjectGone("main", "acme-x", "acme-x", 1))

        answer = await site.get("/dev/simple/acme-x/", accept=JSON)

        assert (404, 0) == (answer.status, upstream.requests["/simple/acme-x/"])


@plays
async def test_a_layer_that_cannot_tell_makes_the_name_unavailable(tmp_path):
    async with FakeUpstream() as upstream, stacked(tmp_path, upstream) as site:
        upstream.add("demo", FakeFile("demo-9.0.tar.gz", data=b"a stranger's"))
        site.tell(ProjectHeld("main", "demo", 1, "its record cannot be made"))

        answer = await site.get("/dev/simple/demo/", accept=JSON)

        assert (503, 0) == (answer.status, upstream.requests["/simple/demo/"])


@plays
async def test_the_layers_of_a_layer_are_not_followed(tmp_path):
    async with FakeUpstream() as upstream, stacked(tmp_path, upstream, layers=("main",)) as site:
        upstream.add("demo", FakeFile("demo-9.0.tar.gz", data=b"upstream's"))

        assert [200, 404] == [
            (await site.get(path, accept=JSON)).status for path in ("/simple/demo/", "/dev/simple/demo/")
        ]


@plays
async def test_a_damaged_record_of_the_layer_keeps_its_last_good_page_here_too(tmp_path):
    async with FakeUpstream() as upstream, stacked(tmp_path, upstream) as site:
        site.publish("demo", site.wheel("demo"))
        await site.get("/dev/simple/demo/", accept=JSON)
        record = site.publish("demo", site.wheel("demo"), site.wheel("demo", "2.0"))
        entry = site.plane.reader
        await site.get("/readyz")
        entry.catch_up()
        site.store.delete(addresses.record("main", "demo", entry.find("main", record.name).record))

        answer = await site.get("/dev/simple/demo/", accept=JSON)

        assert (["1.0"], "holdfast; hit; detail=stale") == (versions(answer), answer.headers["cache-status"])


@plays
async def test_quarantine_and_removal_in_the_layer_hold_in_the_upper_index(tmp_path):
    async with FakeUpstream() as upstream, stacked(tmp_path, upstream) as site:
        bad, worse = site.wheel("bad"), site.wheel("worse")
        site.publish("bad", bad)
        site.publish("worse", worse)
        before = [(await site.get("/dev" + path_of(file))).status for file in (bad, bad, worse, worse)]

        site.publish("bad", bad, status="quarantined")
        site.tell(BytesRemoved((worse.sha256,), "malware"))

        files = [(await site.get("/dev" + path_of(file))).status for file in (bad, worse)]
        pages = [await site.get(f"/dev/simple/{name}/", accept=JSON) for name in ("bad", "worse")]
        assert ([200] * 4, [403, 410]) == (before, files)
        assert [[], []] == [json.loads(page.body)["files"] for page in pages]


@plays
async def test_the_list_names_what_is_hosted_here_and_below_once_and_nothing_that_is_kept_here(tmp_path):
    dev = {"reserved": ("acme-*",)}
    async with FakeUpstream() as upstream, stacked(tmp_path, upstream, **dev) as site:
        upstream.add("theirs", FakeFile("theirs-9.0.tar.gz", data=b"upstream's"))
        for name in ("alpha", "both", "acme-x", "gone", "zulu"):
            site.publish(name, site.wheel(name))
        for name in ("both", "middle"):
            site.publish(name, site.wheel(name, index="dev"), index="dev", display=name.upper())
        site.tell(ProjectGone("dev", "gone", "gone", site.serial + 1))

        before = await site.get("/dev/simple/", accept=JSON)
        site.publish("later", site.wheel("later"))
        after = await site.get("/dev/simple/", accept=JSON)

        names = [project["name"] for project in json.loads(before.body)["projects"]]
        assert ["alpha", "BOTH", "MIDDLE", "zulu"] == names
        assert "list/dev list/main" == before.headers["surrogate-key"]
        assert "later" in [project["name"] for project in json.loads(after.body)["projects"]]


@plays
async def test_reading_a_private_index_is_decided_by_it_alone_for_what_lies_under_it_too(tmp_path):
    async with FakeUpstream() as upstream, stacked(tmp_path, upstream, private=True) as site:
        file = site.wheel("demo")
        site.publish("demo", file)
        reader, other = (basic(issue(site, index).text) for index in ("dev", "main"))

        paths = ("/dev/simple/demo/", "/dev" + path_of(file), "/dev/simple/")
        for path in paths:
            for _ in range(2):  # the second is answered from memory, where it can be
                answers = [await site.get(path, authorization=who) for who in (reader, other)]
                answers.append(await site.get(path))
                assert [200, 403, 401] == [answer.status for answer in answers], path
                assert "private" in answers[0].headers["cache-control"]
        assert 200 == (await site.get("/simple/demo/")).status


@plays
async def test_trouble_of_an_upstream_does_not_touch_what_a_hosted_layer_above_it_has(tmp_path):
    async with FakeUpstream() as upstream, stacked(tmp_path, upstream) as site:
        upstream.pages_fault = Fault("status", status=500)
        site.publish("demo", site.wheel("demo"))

        statuses = [(await site.get(f"/dev/simple/{name}/", accept=JSON)).status for name in ("demo", "unknown")]

        assert [200, 503] == statuses


@plays
async def test_a_reloaded_reservation_hides_at_once_what_lies_below_and_its_end_shows_it(tmp_path):
    """Pages held in memory and lists included; what the index has itself is untouched."""
    async with FakeUpstream() as upstream, stacked(tmp_path, upstream) as site:
        upstream.add("acme-theirs", FakeFile("acme-theirs-9.0.tar.gz", data=b"a stranger's"))
        site.publish("acme-below", site.wheel("acme-below"))
        site.publish("acme-here", site.wheel("acme-here", index="dev"), index="dev")
        seen = []

        for patterns in ((), ("acme-*",), ()):
            indexes = [replace(one, reserved=patterns if one.name == "dev" else ()) for one in site.config.indexes]
            site.reloading.fresh = replace(site.config, indexes=tuple(indexes))
            assert site.plane.policies.look()
            await site.plane.on_policies()
            names = ("acme-theirs", "acme-below", "acme-here")
            pages = [(await site.get(f"/dev/simple/{name}/", accept=JSON)).status for name in names * 2]
            listed = json.loads((await site.get("/dev/simple/", accept=JSON)).body)["projects"]
            seen.append((pages, [one["name"] for one in listed]))

        everything = ([200] * 6, ["acme-below", "acme-here"])
        assert [everything, ([404, 404, 200] * 2, ["acme-here"]), everything] == seen
