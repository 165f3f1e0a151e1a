"""Layers: what an upstream has is served as if it were ours, within its limits, and never in place of what is ours."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from pull import rig
from pull.fake_upstream import FakeFile, FakeUpstream, Fault
from read.plays import plays
from read.site import JSON, Site

from holdfast.clock import ManualClock
from holdfast.config import IndexConfig, UpstreamConfig
from holdfast.read.pulled import REFRESH_PAUSE_SECONDS
from holdfast.tree import addresses
from holdfast.tree.journal import BytesRemoved, ProjectGone

METADATA = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nSummary: from upstream\n"
WHEEL = FakeFile("demo-1.0-py3-none-any.whl", data=b"wheel" * 1000, metadata=METADATA)
BIG = FakeFile("big-1.0.tar.gz", made_size=3 * 1024 * 1024)


def address(file: FakeFile, suffix: str = "") -> str:
    digest = file.digest()
    return f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{file.filename}{suffix}"


@asynccontextmanager
async def layered(folder, upstream, clock=None, *, reserved=(), pull=True, **settings):
    """A site over an upstream; `pull` False leaves the pull process out."""
    limits = {"page_budget_seconds": 1.0, "first_byte_seconds": 1.0, "idle_seconds": 1.0} | settings
    site = Site(
        folder,
        clock,
        upstreams=(UpstreamConfig("up", upstream.url, **limits),),
        indexes=(IndexConfig("main", layers=("up",), reserved=reserved), IndexConfig("own")),
    )
    await site.plane.start()
    try:
        if pull:
            async with rig.running(folder, upstream, clock, **settings) as running:
                site.pull = running
                yield site
        else:
            yield site
    finally:
        await site.plane.stop()


@plays
async def test_an_upstream_project_page_and_its_files_are_served(tmp_path):
    async with FakeUpstream(serial=7) as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", WHEEL)

        page = await site.get("/simple/demo/", accept=JSON)
        warm = await site.get("/simple/demo/", accept=JSON)
        metadata = await site.get(address(WHEEL, ".metadata"))
        cold = await site.get(address(WHEEL))
        await site.pull.until_idle()
        kept = await site.get(address(WHEEL))

        assert (200, "7", "project/main/demo", "no-cache") == (
            page.status,
            *(page.headers[n] for n in ("x-pypi-last-serial", "surrogate-key", "cache-control")),
        )
        assert ["../.." + address(WHEEL)] == [file["url"] for file in json.loads(page.body)["files"]]
        assert (page.body, page.headers["etag"]) == (warm.body, warm.headers["etag"])
        assert (200, METADATA) == (metadata.status, metadata.body)
        for answer in (cold, kept):
            assert (200, WHEEL.data, f'"{WHEEL.digest()}"', str(len(WHEEL.data))) == (
                answer.status,
                answer.body,
                answer.headers["etag"],
                answer.headers["content-length"],
            )
        assert 1 == upstream.requests[f"/files/demo/{WHEEL.filename}"]
        assert 404 == (await site.get("/own/simple/demo/")).status
        assert 404 == (await site.get("/own" + address(WHEEL))).status


@plays
async def test_what_was_kept_is_served_with_pull_dead_and_the_unseen_is_503(tmp_path):
    async with FakeUpstream() as upstream:
        upstream.add("demo", WHEEL)
        upstream.add("unseen", FakeFile("unseen-1.0.tar.gz", data=b"x"))
        async with layered(tmp_path, upstream) as site:
            await site.get("/simple/demo/", accept=JSON)
            await site.get(address(WHEEL, ".metadata"))
            await site.get(address(WHEEL))
            await site.pull.until_idle()
            serial = site.serial

        async with layered(tmp_path, upstream, pull=False) as site:
            assert serial == site.serial
            answers = [
                await site.get(path, accept=JSON)
                for path in ("/simple/demo/", address(WHEEL), address(WHEEL, ".metadata"), "/pypi/demo/json")
            ]
            unseen = [
                await site.get(path, accept=JSON)
                for path in ("/simple/unseen/", address(BIG), address(BIG, ".metadata"), "/pypi/unseen/json")
            ]

            assert [200] * 4 == [answer.status for answer in answers]
            assert [503] * 4 == [answer.status for answer in unseen]
            assert all("retry-after" in answer.headers for answer in unseen)


@plays
async def test_a_kept_file_is_known_with_its_card_from_the_first_answer_on(tmp_path):
    """Over a bucket a machine has copies of what it read: without it, its other fronts need the card as the bytes."""
    same = FakeFile("demo-1.0-2-py3-none-any.whl", data=WHEEL.data)
    async with FakeUpstream() as upstream, layered(tmp_path, upstream, pull=False) as site:
        upstream.add("demo", WHEEL, same)
        async with rig.running(tmp_path, upstream) as pull:
            await site.get("/simple/demo/", accept=JSON)
            await site.get(address(WHEEL))
            await pull.until_idle()
            first = await site.get(address(same))
        site.store.delete(addresses.card("up", same.digest(), same.filename))
        again = await site.client.request("HEAD", address(same))

    assert (200, WHEEL.data) == (first.status, first.body)
    assert 200 == again.status


@plays
async def test_only_the_upstreams_own_word_is_a_404(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        absent = await site.get("/simple/nobody/")
        upstream.pages_fault = Fault("status", status=500)
        broken = await site.get("/simple/other/")

        assert (404, 503) == (absent.status, broken.status)


@plays
async def test_a_hosted_name_is_never_answered_by_the_layer(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream, reserved=("acme-*",)) as site:
        for name in ("mine", "gone", "released", "acme-x"):
            upstream.add(name, FakeFile(f"{name}-9.tar.gz", data=b"stranger"))
        site.publish("mine", site.wheel("mine"))
        site.tell(ProjectGone("main", "gone", "gone", 2))
        site.tell(ProjectGone("main", "released", "released", 3, owned=False))

        pages = {
            name: await site.get(f"/simple/{name}/", accept=JSON) for name in ("mine", "gone", "released", "acme-x")
        }

        assert [200, 404, 200, 404] == [page.status for page in pages.values()]
        assert b"mine-1.0" in pages["mine"].body and b"mine-9" not in pages["mine"].body
        assert b"released-9" in pages["released"].body
        assert not upstream.requests["/simple/mine/"] + upstream.requests["/simple/acme-x/"]


@plays
async def test_a_name_taken_by_an_upload_leaves_the_layer_with_the_next_request(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", WHEEL)
        before = [await site.get("/simple/demo/", accept=JSON) for _ in range(2)][1]

        site.publish("demo", site.wheel("demo", "5.0"))

        after = await site.get("/simple/demo/", accept=JSON)
        assert (["1.0"], ["5.0"]) == tuple(json.loads(answer.body)["versions"] for answer in (before, after))


async def wait_for_content(site, clock, path, content):
    """The first answer with that content. On a busy machine a refresh may run out of its budget: another may start."""
    while content not in (answer := await site.get(path, accept=JSON)).body:
        await asyncio.sleep(0.01)
        clock.advance(REFRESH_PAUSE_SECONDS)
    return answer


@plays
async def test_an_old_page_is_served_at_once_and_refreshed_behind(tmp_path):
    clock = ManualClock()
    async with FakeUpstream() as upstream, layered(tmp_path, upstream, clock) as site:
        upstream.add("demo", WHEEL)
        await site.get("/simple/demo/", accept=JSON)
        upstream.add("demo", FakeFile("demo-2.0.tar.gz", data=b"new"))
        assert b"demo-2.0" not in (await site.get("/simple/demo/", accept=JSON)).body

        clock.advance(61)
        stale = await site.get("/simple/demo/?", accept=JSON)
        fresh = await wait_for_content(site, clock, "/simple/demo/?", b"demo-2.0")

        assert "holdfast; hit; detail=stale" == stale.headers["cache-status"]
        assert b"demo-2.0" not in stale.body
        assert ["1.0", "2.0"] == json.loads(fresh.body)["versions"]


@plays
async def test_a_page_from_a_clock_that_was_set_back_is_refreshed_behind(tmp_path):
    clock = ManualClock(datetime(2026, 6, 1, tzinfo=UTC))
    async with FakeUpstream() as upstream, layered(tmp_path, upstream, clock) as site:
        upstream.add("demo", WHEEL)
        await site.get("/simple/demo/", accept=JSON)
        upstream.add("demo", FakeFile("demo-2.0.tar.gz", data=b"new"))
        clock.advance(61)
        clock.jump(-3600)

        stale = await site.get("/simple/demo/?", accept=JSON)
        await wait_for_content(site, clock, "/simple/demo/?", b"demo-2.0")

        assert "holdfast; hit; detail=stale" == stale.headers["cache-status"]


@plays
async def test_a_hung_upstream_costs_freshness_not_an_answer(tmp_path):
    clock = ManualClock()
    async with FakeUpstream() as upstream, layered(tmp_path, upstream, clock) as site:
        upstream.add("demo", WHEEL)
        await site.get("/simple/demo/", accept=JSON)
        upstream.pages_fault = Fault("hang")
        clock.advance(3600)

        answers = [await site.get("/simple/demo/", accept=JSON) for _ in range(5)]

        assert [200] * 5 == [answer.status for answer in answers]
        upstream.release()


@pytest.mark.parametrize("kind", ["wrong", "flip-last"])
@plays
async def test_a_broken_file_breaks_the_connection_and_is_not_kept(tmp_path, kind):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("big", BIG)
        await site.get("/simple/big/", accept=JSON)
        upstream.files_fault = Fault(kind, after=1024 * 1024)

        with pytest.raises(Exception) as broken:
            answer = await site.get(address(BIG))
            assert 503 == answer.status
            raise ConnectionResetError

        assert not isinstance(broken.value, AssertionError)
        assert not site.pull.stored("pulled/up/file/")


@plays
async def test_ranges_of_cold_files_are_relayed_and_of_kept_ones_cut(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("big", BIG)
        await site.get("/simple/big/", accept=JSON)

        relayed = await site.get(address(BIG), range="bytes=-1000")
        await site.get(address(BIG))
        await site.pull.until_idle()
        kept = await site.get(address(BIG), range="bytes=-1000")

        for answer in (relayed, kept):
            assert (206, BIG.slice(BIG.size - 1000, BIG.size)) == (answer.status, answer.body)
            assert f"bytes {BIG.size - 1000}-{BIG.size - 1}/{BIG.size}" == answer.headers["content-range"]


@plays
async def test_head_of_a_cold_file_tells_its_length_and_holds_nothing(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("big", BIG)
        await site.get("/simple/big/", accept=JSON)

        head = await site.client.request("HEAD", address(BIG))

        assert (200, b"", str(BIG.size)) == (head.status, head.body, head.headers["content-length"])
        assert 0 == site.plane.pull_neighbour.under_way
        assert not upstream.requests[f"/files/big/{BIG.filename}"]


@plays
async def test_a_removed_digest_of_an_upstream_is_gone_too(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", WHEEL, FakeFile("demo-2.0.tar.gz", data=b"fine"))
        for path in ("/simple/demo/", address(WHEEL), address(WHEEL, ".metadata")):
            assert 200 == (await site.get(path, accept=JSON)).status
        await site.pull.until_idle()

        site.tell(BytesRemoved((WHEEL.digest(),), "court order", legal=True))

        page = await site.get("/simple/demo/", accept=JSON)
        assert ["demo-2.0.tar.gz"] == [file["filename"] for file in json.loads(page.body)["files"]]
        assert [451, 451] == [(await site.get(address(WHEEL, end))).status for end in ("", ".metadata")]


@plays
async def test_a_file_without_a_digest_is_served_under_its_project(tmp_path):
    async with FakeUpstream(mode="html") as upstream, layered(tmp_path, upstream) as site:
        upstream.add("old", FakeFile("old-1.0.tar.gz", data=b"old bytes" * 500, hashes=()))
        page = await site.get("/simple/old/", accept=JSON)

        cold = await site.get("/packages/-/old/old-1.0.tar.gz")
        await site.pull.until_idle()
        kept = await site.get("/packages/-/old/old-1.0.tar.gz")

        assert b"packages/-/old/old-1.0.tar.gz" in page.body
        for answer in (cold, kept):
            assert (200, b"old bytes" * 500, "no-cache") == (
                answer.status,
                answer.body,
                answer.headers["cache-control"],
            )


@plays
async def test_legacy_json_of_an_upstream_project(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", WHEEL)

        answer = await site.get("/pypi/demo/json")

        document = json.loads(answer.body)
        assert (200, "1.0", "from upstream") == (
            answer.status,
            document["info"]["version"],
            document["info"]["summary"],
        )


@plays
async def test_two_hundred_hung_requests_do_not_hold_up_hosted_pages(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream, page_budget_seconds=600.0) as site:
        site.publish("ours", site.wheel("ours"))
        upstream.pages_fault = Fault("hang")
        hung = [asyncio.create_task(site.get(f"/simple/hung-{n}/", accept=JSON)) for n in range(200)]
        await asyncio.sleep(0)

        ours = [await site.get(f"/simple/ours/?{n}", accept=JSON) for n in range(20)]

        assert {200} == {answer.status for answer in ours}
        assert not any(task.done() for task in hung)
        upstream.release()
        await asyncio.gather(*hung)


@plays
async def test_a_damaged_kept_page_is_fetched_again(tmp_path):
    async with FakeUpstream() as upstream:
        upstream.add("demo", WHEEL)
        async with layered(tmp_path, upstream) as site:
            await site.get("/simple/demo/", accept=JSON)
            site.store.put(addresses.pulled_page("up", "demo"), b"rotten")
        async with layered(tmp_path, upstream) as site:
            answer = await site.get("/simple/demo/", accept=JSON)

            assert (200, ["1.0"]) == (answer.status, json.loads(answer.body)["versions"])


@pytest.mark.parametrize("file", [WHEEL, BIG], ids=["small", "large"])
@plays
async def test_a_damaged_kept_file_is_fetched_again(tmp_path, file):
    project = file.filename.split("-")[0]
    async with FakeUpstream() as upstream:
        upstream.add(project, file)
        async with layered(tmp_path, upstream) as site:
            await site.get(f"/simple/{project}/", accept=JSON)
            whole = await site.get(address(file))
            await site.pull.until_idle()
            site.store.put(addresses.pulled_file("up", file.digest()), b"rotten" * 20_000)
        async with layered(tmp_path, upstream) as site:
            answer = await site.get(address(file))

            assert (200, whole.body) == (answer.status, answer.body)


@pytest.mark.parametrize("knows_ranges", [True, False])
@plays
async def test_head_of_a_cold_file_whose_page_gives_no_size_asks_the_upstream(tmp_path, knows_ranges):
    """uv asks HEAD, then ranges, for wheels without core metadata; plain pages tell no sizes."""
    async with FakeUpstream(mode="html") as upstream, layered(tmp_path, upstream) as site:
        upstream.ranges = knows_ranges
        upstream.add("big", BIG)
        await site.get("/simple/big/", accept=JSON)

        head = await site.client.request("HEAD", address(BIG))
        part = await site.get(address(BIG), range="bytes=10-19")

        assert (200, b"", str(BIG.size), "bytes") == (
            head.status,
            head.body,
            head.headers["content-length"],
            head.headers["accept-ranges"],
        )
        assert part.status in ((206,) if knows_ranges else (200, 206))
