"""A file that is wrong, short or stuck reaches nobody whole and is never kept; what can be completed is."""

import asyncio
from dataclasses import replace

import pytest
from pull.fake_upstream import FakeFile, FakeUpstream, Fault
from pull.rig import UPSTREAM, plays, running

from holdfast.pull.growing import HELD_BACK_BYTES
from holdfast.tree import addresses

WHEEL = FakeFile("demo-1.1.tar.gz", data=bytes(range(256)) * 2000)
SMALL = FakeFile("demo-1.0.tar.gz", data=b"small")
PATH = f"/files/demo/{WHEEL.filename}"
WRONG = {"last byte flipped": Fault("flip-last"), "wrong bytes": Fault("wrong")}

# Before the first byte there is a status to tell it with.
EARLY = {
    "refused": None,
    "hung": Fault("hang"),
    "503": Fault("status", status=503),
    "403": Fault("status", status=403),
    "200 with an HTML maintenance page": Fault("maintenance"),
}


@pytest.mark.parametrize("fault", WRONG.values(), ids=WRONG)
@plays
async def test_wrong_bytes_complete_for_none_of_ten_clients_and_are_not_kept(tmp_path, fault):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")
        before = rig.snapshot()
        upstream.files_fault = replace(fault)

        answers = await asyncio.gather(*(rig.file(WHEEL.digest(), WHEEL.filename) for _ in range(10)))

        assert [(200, True)] * 10 == [(answer.status, answer.broken) for answer in answers]
        assert all(len(answer.body) <= WHEEL.size - HELD_BACK_BYTES for answer in answers)
        await rig.until_idle()
        assert (before, []) == (rig.snapshot(), rig.partials())
        assert 1 == (await rig.status())["corrupt"]

        upstream.files_fault = None
        assert WHEEL.data == (await rig.file(WHEEL.digest(), WHEEL.filename)).body


@pytest.mark.parametrize("fault", WRONG.values(), ids=WRONG)
@plays
async def test_wrong_bytes_of_a_small_file_are_told_by_a_status(tmp_path, fault):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", SMALL)
        await rig.page("demo")
        upstream.files_fault = replace(fault)

        answer = await rig.file(SMALL.digest(), SMALL.filename)

        assert (502, "corrupt") == (answer.status, answer.json["outcome"])


@pytest.mark.parametrize("fault", EARLY.values(), ids=EARLY)
@plays
async def test_a_file_that_does_not_begin_is_unavailable_and_comes_with_the_first_request_after(tmp_path, fault):
    async with FakeUpstream() as upstream, running(tmp_path, upstream, first_byte_seconds=1.0) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")
        before = rig.snapshot()
        if fault is None:
            await upstream.stop()
        else:
            upstream.files_fault = replace(fault)

        answer = await rig.file(WHEEL.digest(), WHEEL.filename)

        assert (503, "unavailable") == (answer.status, answer.json["outcome"])
        assert int(answer.headers["Retry-After"]) >= 1
        await rig.until_idle()
        assert (before, []) == (rig.snapshot(), rig.partials())
        upstream.files_fault = None
        if fault is None:
            await upstream.start()
        assert WHEEL.data == (await rig.file(WHEEL.digest(), WHEEL.filename)).body


@plays
async def test_a_file_its_upstream_denies_is_absent(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")
        upstream.files_fault = Fault("status", status=404)

        assert 404 == (await rig.file(WHEEL.digest(), WHEEL.filename)).status


@pytest.mark.parametrize("ranges", [True, False], ids=["by range", "from the start"])
@plays
async def test_a_source_that_dies_midway_is_completed(tmp_path, ranges):
    async with FakeUpstream(ranges=ranges) as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")
        upstream.files_fault = Fault("truncated", after=200_000, times=1)

        answer = await rig.file(WHEEL.digest(), WHEEL.filename)

        assert (200, WHEEL.data, False) == (answer.status, answer.body, answer.broken)
        assert 2 == upstream.requests[PATH]
        asked = upstream.seen[-1].headers
        assert 0 < int(asked["Range"].removeprefix("bytes=").removesuffix("-")) <= 200_000
        assert f'"{WHEEL.filename}-{WHEEL.size}"' == asked["If-Range"]
        await rig.until_idle()
        assert addresses.pulled_file(UPSTREAM, WHEEL.digest()) in rig.stored("pulled/")


@plays
async def test_a_source_that_stalls_midway_is_asked_again(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream, idle_seconds=0.6) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")
        upstream.files_fault = Fault("hang-body", after=200_000, times=1)

        answer = await rig.file(WHEEL.digest(), WHEEL.filename)

        assert (WHEEL.data, False, 2) == (answer.body, answer.broken, upstream.requests[PATH])


@plays
async def test_a_source_that_goes_on_with_another_file_completes_for_nobody(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")
        sha256 = WHEEL.digest()
        upstream.files_fault = Fault("truncated", after=200_000, times=1)
        upstream.projects["demo"] = [replace(WHEEL, data=bytes(WHEEL.size))]

        answer = await rig.file(sha256, WHEEL.filename)

        assert answer.broken
        await rig.until_idle()
        assert addresses.pulled_file(UPSTREAM, sha256) not in rig.stored("pulled/")


@plays
async def test_a_file_of_another_length_than_listed_is_not_begun(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")
        upstream.projects["demo"] = [replace(WHEEL, data=WHEEL.data[:-1])]

        answer = await rig.file(WHEEL.digest(), WHEEL.filename)

        assert 503 == answer.status
        assert "511999 bytes" in answer.json["reason"]


@plays
async def test_a_file_beyond_the_limit_is_not_begun(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream, file_bytes_max=1000) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")

        assert 503 == (await rig.file(WHEEL.digest(), WHEEL.filename)).status


@plays
async def test_dead_files_do_not_cut_off_pages_of_another_host(tmp_path):
    async with FakeUpstream() as elsewhere, FakeUpstream(redirect_files_to=elsewhere.origin) as upstream:
        files = [FakeFile(f"demo-{n}.0.tar.gz", data=b"%d" % n) for n in range(5)]
        upstream.mode = "json"
        upstream.add("demo", *files)
        upstream.redirect_files_to = ""
        upstream.bodies["demo"] = (
            upstream.page("demo")[0],
            upstream.page("demo")[1].replace(b"../../files", elsewhere.origin.encode() + b"/files"),
        )
        elsewhere.files_fault = Fault("status", status=500)
        async with running(tmp_path, upstream) as rig:
            await rig.page("demo")
            for file in files:
                assert 503 == (await rig.file(file.digest(), file.filename)).status

            assert ["closed", "open"] == [s["breaker"] for s in (await rig.status())["sources"].values()]
            assert not (await rig.page("demo")).json["stale"]


@plays
async def test_a_full_disk_ends_keeping_but_not_serving(tmp_path):
    async with FakeUpstream() as upstream:
        upstream.add("demo", WHEEL, SMALL)
        async with running(tmp_path, upstream) as rig:
            await rig.page("demo")
            await rig.file(SMALL.digest(), SMALL.filename)
            await rig.until_idle()
        async with running(tmp_path, upstream, free_bytes_min=1 << 60) as rig:
            before = rig.snapshot()
            cold = await rig.file(WHEEL.digest(), WHEEL.filename)
            warm = await rig.file(SMALL.digest(), SMALL.filename)
            upstream.files_fault = Fault("flip-last")
            wrong = await rig.file(WHEEL.digest(), WHEEL.filename)

            assert (200, WHEEL.data, False) == (cold.status, cold.body, cold.broken)
            assert "1" == warm.headers["X-Holdfast-Kept"]
            assert wrong.broken
            assert (before, []) == (rig.snapshot(), rig.partials())


@plays
async def test_an_unhashed_file_is_not_passed_on_unverified_when_the_disk_is_full(tmp_path):
    bare = FakeFile("demo-1.0.tar.gz", data=b"bare", hashes=())
    async with FakeUpstream() as upstream, running(tmp_path, upstream, free_bytes_min=1 << 60) as rig:
        upstream.add("demo", bare)
        await rig.page("demo")

        answer = await rig.get(f"/unhashed/{UPSTREAM}/demo/{bare.filename}")

        assert (503, "60") == (answer.status, answer.headers["Retry-After"])
