"""`Cache-Control: only-if-cached` (RFC 9111 §5.2.1.7): what is kept is answered, the rest is 504, nobody is asked."""

import json

import pytest
from pull.fake_upstream import FakeFile, FakeUpstream
from read.plays import plays
from read.site import JSON, path_of, private_index, running
from read.test_pulled import METADATA, WHEEL, address, layered

from holdfast.clock import ManualClock
from holdfast.read.pulled import REFRESH_PAUSE_SECONDS
from holdfast.tree import addresses

ONLY_KEPT = {"accept": JSON, "cache-control": "only-if-cached"}
SMALL = FakeFile("demo-0.9.tar.gz", data=b"a small sdist")
UNHASHED = FakeFile("plain-1.0.tar.gz", data=b"x", hashes=())


@plays
async def test_what_is_kept_is_answered_and_the_rest_is_504_without_a_question(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", WHEEL, SMALL)
        upstream.add("plain", UNHASHED)
        kept = ["/simple/demo/", address(WHEEL, ".metadata"), address(WHEEL), address(SMALL), "/pypi/demo/json"]
        cold = [*kept, "/simple/unseen/", "/pypi/unseen/json", "/packages/-/plain/plain-1.0.tar.gz"]

        before = [await site.client.request(method, path, ONLY_KEPT) for path in cold for method in ("GET", "HEAD")]
        asked_before = sum(upstream.requests.values())
        for path in kept:
            assert 200 == (await site.get(path, accept=JSON)).status
        await site.pull.until_idle()
        asked = sum(upstream.requests.values())
        after = [await site.client.request(method, path, ONLY_KEPT) for path in kept for method in ("GET", "HEAD")]

        assert ({504}, 0) == ({answer.status for answer in before}, asked_before)
        assert ({200}, asked) == ({answer.status for answer in after}, sum(upstream.requests.values()))
        told = json.loads(before[0].body)
        assert "up's page of demo is not kept here; ask without only-if-cached to have it fetched" == told["detail"]
        assert "retry-after" not in before[0].headers


@plays
async def test_a_head_tells_size_and_digest_and_reads_no_bytes(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", WHEEL)
        await site.get("/simple/demo/")
        await site.get(address(WHEEL))
        await site.pull.until_idle()
        site.plane._files.forget_all_cards()
        site.store.asked.clear()

        answer = await site.client.request("HEAD", address(WHEEL), ONLY_KEPT)

        assert (200, str(len(WHEEL.data)), f'"{WHEEL.digest()}"', b"") == (
            answer.status,
            answer.headers["content-length"],
            answer.headers["etag"],
            answer.body,
        )
        key = addresses.pulled_file("up", WHEEL.digest())
        assert [key] == [asked for asked in site.store.asked if asked.startswith("pulled/")]


@plays
async def test_an_old_page_is_answered_and_not_refreshed(tmp_path):
    clock = ManualClock()
    async with FakeUpstream() as upstream, layered(tmp_path, upstream, clock) as site:
        upstream.add("demo", WHEEL)
        await site.get("/simple/demo/", accept=JSON)
        clock.advance(3600)

        kept = await site.get("/simple/demo/", **ONLY_KEPT)

        assert (200, 1) == (kept.status, upstream.requests["/simple/demo/"])
        clock.advance(REFRESH_PAUSE_SECONDS + 1)
        await site.get("/simple/demo/", accept=JSON)
        await upstream.has_seen("/simple/demo/", 2)


@plays
async def test_a_damaged_kept_file_is_not_fetched_again(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", WHEEL)
        await site.get("/simple/demo/")
        await site.get(address(WHEEL))
        await site.pull.until_idle()
        path = site.store.local_path(addresses.pulled_file("up", WHEEL.digest()))
        path.chmod(0o644)
        path.write_bytes(WHEEL.data[:-1] + b"?")

        answer = await site.get(address(WHEEL), **ONLY_KEPT)
        asked = upstream.requests[f"/files/demo/{WHEEL.filename}"]
        again = await site.get(address(WHEEL))

        assert (504, 1) == (answer.status, asked)
        assert (200, WHEEL.data) == (again.status, again.body)


@plays
async def test_an_absent_name_is_known_only_by_asking(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream, reserved=("acme-*",)) as site:
        answers = [await site.get(f"{path}", **ONLY_KEPT) for path in ("/simple/nobody/", "/simple/acme-x/")]

        assert [504, 404] == [answer.status for answer in answers]


@plays
async def test_hosted_files_are_kept_and_rights_hold_as_ever(tmp_path):
    async with running(tmp_path, indexes=(private_index("main"),)) as secret:
        mine = secret.wheel("mine")
        secret.publish("mine", mine)

        assert 401 == (await secret.get("/simple/mine/", **ONLY_KEPT)).status
        assert 401 == (await secret.get(path_of(mine), **ONLY_KEPT)).status


@pytest.mark.parametrize("metadata", [False, True])
@plays
async def test_hosted_files_are_kept(tmp_path, metadata):
    async with running(tmp_path) as site:
        mine = site.wheel("mine")
        site.publish("mine", mine)

        for method in ("HEAD", "GET"):
            answer = await site.client.request(method, path_of(mine, metadata=metadata), ONLY_KEPT)
            assert 200 == answer.status
        assert 200 == (await site.get("/simple/mine/", **ONLY_KEPT)).status


@pytest.mark.parametrize("told", ["no-cache", "max-age=0", "no-only-if-cached", ""])
@plays
async def test_other_directives_fetch_as_ever(tmp_path, told):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", WHEEL)

        answer = await site.get(address(WHEEL, ".metadata"), **{"cache-control": told})
        # Before the page, behind which the newest wheel's metadata is fetched.
        after = await site.get(address(WHEEL, ".metadata"), **{"cache-control": f"{told}, Only-If-Cached"})
        page = await site.get("/simple/demo/", **{"cache-control": told})

        assert (404, 200, 504) == (answer.status, page.status, after.status)
        assert METADATA == (await site.get(address(WHEEL, ".metadata"))).body
