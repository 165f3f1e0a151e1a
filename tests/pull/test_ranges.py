"""Parts of files: what is there is given, what is small is fetched whole, the rest is relayed and not kept."""

import asyncio
from dataclasses import replace

import pytest
from pull.fake_upstream import FakeFile, FakeUpstream, Fault
from pull.rig import plays, running

from holdfast.pull.ranges import bounds, wanted_part

BIG = FakeFile("demo-1.1.tar.gz", data=bytes(range(256)) * 8000)
SMALL = FakeFile("demo-1.0.tar.gz", data=b"0123456789")


@pytest.mark.parametrize(
    ("header", "total", "expected"),
    [
        ("bytes=0-3", 10, (0, 4)),
        ("bytes=4-", 10, (4, 10)),
        ("bytes=4-99", 10, (4, 10)),
        ("bytes=-3", 10, (7, 10)),
        ("bytes=-30", 10, (0, 10)),
        ("bytes=10-", 10, None),
        ("bytes=-0", 10, None),
    ],
)
def test_a_single_range_is_understood(header, total, expected):
    part = wanted_part(header, "", '"e"')

    assert part is not None
    assert expected == bounds(part, total)


@pytest.mark.parametrize("header", ["", "bytes=-", "bytes=5-2", "bytes=0-1,3-4", "lines=0-1", "bytes=x-", "0-3"])
def test_anything_else_is_answered_with_the_whole(header):
    assert wanted_part(header, "", '"e"') is None


def test_a_validator_of_other_bytes_is_answered_with_the_whole():
    assert wanted_part("bytes=0-1", '"other"', '"e"') is None
    assert (0, 1) == wanted_part("bytes=0-1", '"e"', '"e"')


@plays
async def test_a_cold_range_is_relayed_and_nothing_is_kept(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", BIG)
        await rig.page("demo")
        before = rig.snapshot()

        answer = await rig.file(BIG.digest(), BIG.filename, {"Range": "bytes=-1000"})

        assert (206, BIG.data[-1000:]) == (answer.status, answer.body)
        assert (f"bytes {BIG.size - 1000}-{BIG.size - 1}/{BIG.size}", "1000") == (
            answer.headers["Content-Range"],
            answer.headers["Content-Length"],
        )
        assert (before, 1) == (rig.snapshot(), (await rig.status())["ranges_relayed"])


@plays
async def test_a_range_beyond_the_end_is_told_so(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", BIG, SMALL)
        await rig.page("demo")

        for file in (BIG, SMALL):
            answer = await rig.file(file.digest(), file.filename, {"Range": f"bytes={file.size}-"})
            assert (416, f"bytes */{file.size}") == (answer.status, answer.headers["Content-Range"])


@plays
async def test_a_range_of_a_small_file_fetches_it_whole_and_keeps_it(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", SMALL)
        await rig.page("demo")

        answer = await rig.file(SMALL.digest(), SMALL.filename, {"Range": "bytes=2-4"})

        assert (206, b"234", "bytes 2-4/10") == (answer.status, answer.body, answer.headers["Content-Range"])
        await rig.until_idle()
        kept = await rig.file(SMALL.digest(), SMALL.filename, {"Range": "bytes=2-4"})
        assert "1" == kept.headers["X-Holdfast-Kept"]


@plays
async def test_a_range_of_an_arriving_file_that_is_there_already_asks_nobody(tmp_path):
    gate = asyncio.Event()
    wheel = replace(BIG, gate=gate)
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", wheel)
        await rig.page("demo")
        whole = asyncio.create_task(rig.file(wheel.digest(), wheel.filename))
        while not rig.pull.arriving():
            await upstream.has_seen(f"/files/demo/{wheel.filename}")
        await rig.pull.arriving()[0].begun()

        answer = await rig.file(wheel.digest(), wheel.filename, {"Range": "bytes=100-199"})

        assert (206, wheel.data[100:200]) == (answer.status, answer.body)
        assert 1 == upstream.requests[f"/files/demo/{wheel.filename}"]
        gate.set()
        assert wheel.data == (await whole).body


@plays
async def test_a_range_right_after_the_last_byte_is_a_part_or_the_kept_file(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", BIG)
        await rig.page("demo")
        await rig.file(BIG.digest(), BIG.filename)

        answer = await rig.file(BIG.digest(), BIG.filename, {"Range": "bytes=0-9"})

        assert 206 == answer.status or "X-Holdfast-Kept" in answer.headers


@plays
async def test_an_upstream_without_ranges_is_asked_for_the_whole(tmp_path):
    async with FakeUpstream(ranges=False) as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", BIG)
        await rig.page("demo")

        answer = await rig.file(BIG.digest(), BIG.filename, {"Range": "bytes=0-9"})

        assert (200, BIG.data) == (answer.status, answer.body)


@pytest.mark.parametrize("kind", ["truncated", "hang-body"])
@plays
async def test_a_relayed_range_that_breaks_off_breaks_the_connection(tmp_path, capfd, kind):
    async with FakeUpstream() as upstream, running(tmp_path, upstream, idle_seconds=0.3) as rig:
        upstream.add("demo", BIG)
        await rig.page("demo")
        upstream.files_fault = Fault(kind, after=500_000)

        answer = await rig.file(BIG.digest(), BIG.filename, {"Range": "bytes=0-999999"})

        assert (206, True) == (answer.status, answer.broken)
        assert 200 == (await rig.page("demo", max_age=60)).status
    assert "Traceback" not in "".join(capfd.readouterr())


@plays
async def test_a_range_of_a_dead_upstream_is_unavailable(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream, first_byte_seconds=0.3) as rig:
        upstream.add("demo", BIG)
        await rig.page("demo")
        upstream.files_fault = Fault("hang")

        assert 503 == (await rig.file(BIG.digest(), BIG.filename, {"Range": "bytes=0-9"})).status
