"""An upstream that operators switched off behaves as one that is down: no request leaves, what is kept is served."""

import time
from datetime import datetime, timedelta

import msgspec
import pytest
from pull.fake_upstream import FakeFile, FakeUpstream
from pull.rig import UPSTREAM, Rig, best_seconds, plays, running

from holdfast.clock import ManualClock, SystemClock
from holdfast.tree import addresses
from holdfast.tree.overrides import Overrides, UpstreamOff, change

IN_FORCE_SECONDS_MAX = 1.5  # it is looked at each second
SDIST = FakeFile("demo-1.0.tar.gz", data=b"sdist")
LATER = FakeFile("demo-2.0.tar.gz", data=b"later")


def switch(rig: Rig, now: datetime, *, until: datetime | None = None, off: bool = True, name: str = UPSTREAM) -> None:
    """Write the switch as an operator's command does."""
    one = UpstreamOff(upstream=name, until=until, reason="incident 7", by="alice", at=now)

    def edit(old: Overrides) -> Overrides:
        return msgspec.structs.replace(old, upstreams_off=(one,) if off else ())

    change(rig.store, edit, by="alice", what="a drill", now=now)


@plays
async def test_kept_pages_and_files_are_served_and_the_rest_is_503_that_names_the_switch(tmp_path):
    clock = ManualClock()
    async with FakeUpstream() as upstream, running(tmp_path, upstream, clock) as rig:
        upstream.add("demo", SDIST, LATER)
        await rig.page("demo")
        await rig.file(SDIST.digest(), SDIST.filename)
        await rig.until_idle()
        asked = len(upstream.seen)

        switch(rig, clock.now(), until=clock.now() + timedelta(minutes=10))
        await rig.pull.look_at_switches()
        page, file = await rig.page("demo"), await rig.file(SDIST.digest(), SDIST.filename)
        cold_file, unseen = await rig.file(LATER.digest(), LATER.filename), await rig.page("unseen")
        ranged = await rig.file(LATER.digest(), LATER.filename, {"Range": "bytes=0-1"})
        exists, status = await rig.get(f"/exists/{UPSTREAM}/unseen"), await rig.status()

        assert [200, 200] == [page.status, file.status]
        assert page.json["stale"]
        assert [503] * 4 == [answer.status for answer in (cold_file, unseen, exists, ranged)]
        reason = "upstream up was switched off by alice until 2026-01-01 00:10:00 UTC: incident 7"
        assert [reason] * 3 == [answer.json["reason"] for answer in (cold_file, unseen, exists)]
        assert "5" == unseen.headers["Retry-After"]
        assert asked == len(upstream.seen)
        assert (1, "alice", "incident 7") == (status["off"], status["off_by"], status["off_reason"])
        assert "closed" == status["breaker"]
        assert "" == status["last_failure_reason"]

        clock.advance(595)
        assert "5" == (await rig.page("unseen")).headers["Retry-After"]
        clock.advance(6)
        assert not (await rig.page("demo")).json["stale"]
        assert 0 == (await rig.status())["off"]


@pytest.mark.alone
@plays
async def test_it_is_in_force_and_ends_within_its_time_on_a_running_process(tmp_path):
    clock = SystemClock()
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", SDIST)
        assert not (await rig.page("demo")).json["stale"]

        async def slowest_of_off_and_on(_turn):
            seconds = []
            for off in (True, False):
                switch(rig, clock.now(), off=off)
                started = time.monotonic()
                while (await rig.page("demo")).json["stale"] is not off:
                    pass
                seconds.append(time.monotonic() - started)
            return max(seconds)

        assert await best_seconds(slowest_of_off_and_on, IN_FORCE_SECONDS_MAX) < IN_FORCE_SECONDS_MAX


@plays
async def test_probes_of_a_dead_upstream_stop_while_it_is_off(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        await upstream.stop()
        for name in ("a", "b", "c"):
            await rig.page(name)
        assert "closed" != (await rig.status())["breaker"]
        switch(rig, SystemClock().now())
        await rig.pull.look_at_switches()
        await upstream.start()
        before = (await rig.status())["requests"]

        # Somebody waits all the time: a probe would be due each second.
        started = time.monotonic()
        while time.monotonic() - started < 1.5:
            assert 503 == (await rig.page("demo")).status

        assert before == (await rig.status())["requests"]
        assert [] == upstream.seen


@plays
async def test_another_upstreams_switch_changes_nothing(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", SDIST)
        switch(rig, SystemClock().now(), name="other")
        await rig.pull.look_at_switches()

        assert 200 == (await rig.page("demo")).status


@plays
async def test_while_no_decision_could_ever_be_read_nothing_is_asked(tmp_path):
    async with FakeUpstream() as upstream:
        upstream.add("demo", SDIST)
        async with running(tmp_path, upstream) as rig:
            store = rig.store
        store.put(addresses.overrides(1), b"{")
        async with running(tmp_path, upstream, store=store) as rig:
            answer = await rig.page("demo")

    assert 503 == answer.status
    assert "it cannot be read whether upstream up is switched off" in answer.json["reason"]
    assert [] == upstream.seen


@plays
async def test_what_was_decided_stays_in_force_when_news_cannot_be_read(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        switch(rig, SystemClock().now())
        await rig.pull.look_at_switches()
        rig.store.put(addresses.overrides(2), b"{")
        await rig.pull.look_at_switches()

        answer = await rig.page("demo")

        assert "switched off by alice until switched on again" in answer.json["reason"]
        assert "do not parse" in (await rig.get("/status")).json["switches"]["trouble"]
