"""An upstream in trouble costs freshness: kept pages stay, unseen ones are Unavailable in time, no bad one is kept."""

import asyncio
import os
import signal

import pytest
from pull.fake_upstream import JSON_TYPE, FakeFile, FakeUpstream, Fault
from pull.rig import UPSTREAM, best_seconds, plays, running

from holdfast.clock import ManualClock
from holdfast.tree import addresses

SDIST = FakeFile("demo-1.0.tar.gz", data=b"one")
OTHER = FakeFile("other-1.0.tar.gz", data=b"other")

# One row of the failure table each; None = the upstream refuses connections.
FAULTS = {
    "refused": None,
    "hung before the headers": Fault("hang"),
    "hung in the body": Fault("hang-body"),
    "slower than the budget": Fault("slow", seconds=5),
    "503": Fault("status", status=503),
    "500": Fault("status", status=500),
    "429": Fault("status", status=429),
    "401": Fault("status", status=401),
    "403": Fault("status", status=403),
    "an odd 204": Fault("status", status=204),
    "200 with an HTML maintenance page": Fault("maintenance"),
    "JSON that is none": Fault("garbage"),
    "truncated under the right length": Fault("truncated", after=40),
}

WAITED_FOR = {"hang", "hang-body", "slow"}  # until the budget ends


async def break_(upstream, fault):
    if fault is None:
        await upstream.stop()
    else:
        upstream.pages_fault = Fault(**vars(fault))


async def repair(upstream, fault):
    upstream.pages_fault = None
    upstream.release()
    if fault is None:
        await upstream.start()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@plays
async def test_a_failing_upstream_never_takes_a_page_away_nor_calls_one_absent(tmp_path, fault):
    budget = 2.0 if fault and fault.kind in WAITED_FOR else 20.0  # good answers must not be late on a busy machine
    async with FakeUpstream() as upstream, running(tmp_path, upstream, page_budget_seconds=budget) as rig:
        upstream.add("demo", SDIST)
        upstream.add("unseen", OTHER)
        warm = await rig.page("demo")
        stored = rig.snapshot()
        upstream.add("demo", FakeFile("demo-2.0.tar.gz", data=b"two"))  # so that no 304 hides the fault
        await break_(upstream, fault)

        stale, unseen = await rig.page("demo"), await rig.page("unseen")

        assert (200, {**warm.json, "stale": True}) == (stale.status, stale.json)
        assert (503, "unavailable") == (unseen.status, unseen.json["outcome"])
        assert int(unseen.headers["Retry-After"]) >= 1
        assert UPSTREAM in unseen.json["reason"] or "unseen" in unseen.json["reason"]
        assert stored == rig.snapshot()
        assert 1 == (await rig.status())["stale_served"]

        await repair(upstream, fault)

        recovered = [await rig.page("demo"), await rig.page("unseen")]
        assert [(200, False)] * 2 == [(answer.status, answer.json["stale"]) for answer in recovered]
        assert 2 == len(rig.record("demo").files)


@pytest.mark.alone
@plays
async def test_an_unseen_page_of_a_hung_upstream_is_answered_within_the_budget(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream, page_budget_seconds=0.3) as rig:
        upstream.pages_fault = Fault("hang")
        loop = asyncio.get_running_loop()

        async def unseen(turn):
            upstream.add(f"demo-{turn}", SDIST)
            before = loop.time()
            assert 503 == (await rig.page(f"demo-{turn}")).status
            return loop.time() - before

        assert await best_seconds(unseen, 2.0) < 2.0


@plays
async def test_one_failing_project_does_not_cut_off_the_others(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", SDIST)
        upstream.add("bad", OTHER)
        upstream.project_faults["bad"] = Fault("status", status=500)
        for _ in range(10):
            assert 503 == (await rig.page("bad")).status

        assert 200 == (await rig.page("demo")).status
        assert "closed" == (await rig.status())["breaker"]


@plays
async def test_a_dead_upstream_is_not_asked_for_every_page_and_its_return_is_seen_by_the_first_request(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream, page_budget_seconds=0.6) as rig:
        for number in range(30):
            upstream.add(f"p{number}", OTHER)
        upstream.pages_fault = Fault("hang")
        for number in range(3):
            await rig.page(f"p{number}")
        assert "open" == (await rig.status())["breaker"]
        asked = len(upstream.seen)

        answers = await asyncio.gather(*(rig.page(f"p{number}") for number in range(3, 30)))

        assert {503} == {answer.status for answer in answers}
        assert all("is not answering" in answer.json["reason"] for answer in answers), "one waited for its budget"
        assert asked == len(upstream.seen)
        await repair(upstream, Fault("hang"))
        await rig.until_closed()
        assert 200 == (await rig.page("p29")).status


@plays
async def test_what_waits_for_a_dead_upstream_is_bounded(tmp_path):
    async with (
        FakeUpstream() as upstream,
        running(tmp_path, upstream, connections_max=4, page_budget_seconds=0.6) as rig,
    ):
        upstream.pages_fault = Fault("hang")

        answers = await asyncio.gather(*(rig.page(f"p{number}") for number in range(200)))

        assert {503} == {answer.status for answer in answers}
        assert len(upstream.seen) <= 2 * 2  # the connections for pages, and the breaker's first probe
        while (await rig.status())["pages_waiting"]:
            pass


@pytest.mark.parametrize(
    "change",
    [{"files": 0}, {"files": 4}, {"serial": 9}],
    ids=["no files", "most files gone", "an older serial"],
)
@plays
async def test_an_implausible_page_does_not_replace_a_good_one(tmp_path, change):
    async with FakeUpstream(serial=None if "files" in change else 10) as upstream, running(tmp_path, upstream) as rig:
        files = [FakeFile(f"demo-{n}.0.tar.gz", data=b"%d" % n) for n in range(12)]
        upstream.add("demo", *files)
        await rig.page("demo")
        upstream.projects["demo"] = files[: change.get("files", 12)]
        upstream.serial = change.get("serial", upstream.serial)

        answer = await rig.page("demo")

        assert (200, True) == (answer.status, answer.json["stale"])
        assert 12 == len(rig.record("demo").files)
        status = await rig.status()
        assert 1 == status["refused_by_plausibility"]


@plays
async def test_an_odd_page_the_upstream_insists_on_for_an_hour_is_meant(tmp_path):
    clock = ManualClock()
    async with FakeUpstream() as upstream, running(tmp_path, upstream, clock) as rig:
        upstream.add("demo", SDIST)
        await rig.page("demo", max_age=1)
        upstream.projects["demo"] = []
        clock.advance(2)
        assert (await rig.page("demo", max_age=1)).json["stale"]

        clock.advance(3600)

        assert not (await rig.page("demo", max_age=1)).json["stale"]
        assert () == rig.record("demo").files


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON_TYPE, b"[]"),
        (JSON_TYPE, b'{"meta":{"api-version":"1.0"},"name":"other","files":[]}'),
        (JSON_TYPE, b'{"meta":{"api-version":"2.0"},"name":"demo","files":[]}'),
        (JSON_TYPE, b"<html></html>"),
        ("text/html", b'<html><a href="https://status.example/">status</a></html>'),
        ("text/html", b"<html><title>Links for other</title></html>"),
        ("text/html", b""),
        ("text/plain", b"demo-1.0.tar.gz"),
    ],
)
@plays
async def test_an_answer_that_is_no_page_of_the_project_says_nothing_about_it(tmp_path, kind, body):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.bodies["demo"] = (kind, body)

        assert 503 == (await rig.page("demo")).status
        assert [] == rig.stored("pulled/")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON_TYPE, b'{"meta":{"api-version":"1.0"},"name":"demo","files":[]}'),
        ("text/html", b"<!DOCTYPE html><title>Links for Demo</title><h1>Links for Demo</h1>"),
        ("text/html", b'<html><head><meta name="pypi:repository-version" content="1.0"></head></html>'),
    ],
)
@plays
async def test_an_empty_project_is_a_project(tmp_path, kind, body):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.bodies["demo"] = (kind, body)

        assert 200 == (await rig.page("demo")).status
        assert () == rig.record("demo").files


@plays
async def test_a_page_beyond_the_limit_of_bytes_is_unavailable(tmp_path):
    body = b'{"meta":{"api-version":"1.0"},"name":"demo","files":[],"x":"' + b" " * 100_000 + b'"}'
    async with FakeUpstream() as upstream, running(tmp_path, upstream, page_bytes_max=50_000) as rig:
        upstream.bodies["demo"] = (JSON_TYPE, body)
        assert 503 == (await rig.page("demo")).status

        upstream.gzips = False

        assert 503 == (await rig.page("demo")).status


@plays
async def test_a_corrupt_stored_page_is_fetched_again(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", SDIST)
        await rig.page("demo")
        rig.store.put(addresses.pulled_page(UPSTREAM, "demo"), b"rot")

        assert 200 == (await rig.page("demo", max_age=60)).status
        assert 1 == len(rig.record("demo").files)


@plays
async def test_a_corrupt_card_book_is_begun_anew(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", SDIST)
        await rig.page("demo")
        rig.store.put(addresses.card_book(UPSTREAM, "demo"), b"rot")
        assert 502 == (await rig.file("0" * 64, SDIST.filename)).status
        upstream.add("demo", FakeFile("demo-2.0.tar.gz", data=b"two"))

        assert not (await rig.page("demo")).json["stale"]
        assert 200 == (await rig.file(SDIST.digest(), SDIST.filename)).status


@plays
async def test_a_helper_that_was_killed_costs_nothing(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream, page_budget_seconds=30) as rig:
        for name in ("one", "two"):
            upstream.add(name, *(FakeFile(f"{name}-{n}.0.tar.gz", data=b"%d" % n) for n in range(1000)))
        assert 200 == (await rig.page("one")).status
        for pid in rig.pull.helper_pids():
            os.kill(pid, signal.SIGKILL)

        assert 200 == (await rig.page("two")).status


@plays
async def test_a_store_that_cannot_be_read_is_unavailable_and_not_absent(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", SDIST)
        (rig.store.root / ".holdfast-store").unlink(missing_ok=True)
        for marker in rig.store.root.glob(".*"):
            marker.unlink()

        assert [503] * 2 == [(await rig.page("demo")).status, (await rig.file("0" * 64, "demo-1.0.tar.gz")).status]
