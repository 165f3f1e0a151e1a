"""What fronts tell of use: persisted by the hour and by period, evicted by, and never believed blindly."""

from datetime import timedelta

from pull.fake_upstream import FakeFile, FakeUpstream
from pull.rig import UPSTREAM, plays, running

from holdfast.clock import ManualClock, SystemClock
from holdfast.pull.cache.ledger import FETCHED, HOUR, Ledger, decode_ledger, encode_ledger, report
from holdfast.tree.overrides import Overrides, UpstreamOff, change

WHEEL = FakeFile("demo-1.0.tar.gz", data=b"source" * 1000)
START = ManualClock().now().timestamp()
ZERO = {"hit": 0, "stale": 0, "miss": 0, "refused": 0, "unavailable": 0}


def ledger() -> Ledger:
    made = Ledger()
    made.begin_run(START)
    return made


def reported(made: Ledger, seconds: float, since: float = 3600) -> dict:
    now = ManualClock().now() + timedelta(seconds=seconds)
    return report(made, now - timedelta(seconds=since), now)


def test_answers_are_summed_by_upstream_with_what_was_saved() -> None:
    made = ledger()
    made.add(START + 1, "up", "hit", 8, 800)
    made.add(START + 2, "up", "stale", 1, 100)
    made.add(START + 3, "up", "miss", 1, 100)
    made.add(START + 3, "up", "unavailable", 2, 0)
    made.add(START + 3, "up", FETCHED, 3, 150)

    (found,) = reported(made, 10)["upstreams"]

    assert {"hit": 8, "stale": 1, "miss": 1, "refused": 0, "unavailable": 2} == found["answers"]
    assert (10, 0.9, 1000, 150, 850) == tuple(
        found[key] for key in ("served", "hit_rate", "bytes_served", "bytes_fetched", "bytes_saved")
    )


def test_answers_while_an_upstream_was_off_are_told_apart_to_the_second() -> None:
    made = ledger()
    made.add(START + 9, "up", "hit", 5, 500)
    made.standing("up", "off", reason="maintenance", by="alice", at=START + 10)
    made.add(START + 11, "up", "hit", 300, 30_000)
    made.add(START + 500, "up", "stale", 12, 1200)
    made.add(START + 600, "other", "unavailable", 7, 0)
    made.standing("up", "up", at=START + 610)
    made.add(START + 612, "up", "hit", 5, 500)

    (period,) = next(u for u in reported(made, 700)["upstreams"] if u["name"] == "up")["periods"]

    assert ("off", "maintenance", "alice", 600.0, 312, 31_200) == tuple(
        period[key] for key in ("kind", "reason", "by", "seconds", "served", "bytes_served")
    )
    assert ZERO | {"hit": 300, "stale": 12} == period["answers"]


def test_a_switch_in_the_middle_of_an_outage_begins_a_period_of_its_own() -> None:
    made = ledger()
    for kind, at in (("down", 10), ("down", 11), ("off", 20), ("up", 30)):
        made.standing("up", kind, at=START + at)

    (found,) = reported(made, 40)["upstreams"]

    assert [("down", 10.0), ("off", 10.0)] == [(p["kind"], p["seconds"]) for p in found["periods"]]


def test_a_period_still_open_is_told_as_such() -> None:
    made = ledger()
    made.standing("up", "down", at=START + 10)
    made.live(START + 69)

    (period,) = reported(made, 70)["upstreams"][0]["periods"]

    assert (None, 60.0) == (period["ended"], period["seconds"])


def test_time_in_which_pull_did_not_run_is_told_and_not_made_up() -> None:
    made = ledger()
    made.standing("up", "down", at=START + 10)
    made.live(START + 100)
    made.begin_run(START + 1000)

    found = reported(made, 1010)

    assert [900.0] == [gap["seconds"] for gap in found["gaps"]]
    assert [90.0] == [period["seconds"] for period in found["upstreams"][0]["periods"]]


def test_a_quick_restart_goes_on_with_the_same_period() -> None:
    made = ledger()
    made.standing("up", "down", at=START + 10)
    made.live(START + 100)
    made.begin_run(START + 110)
    made.standing("up", "down", at=START + 110)

    found = reported(made, 120)

    assert [] == found["gaps"]
    assert [110.0] == [period["seconds"] for period in found["upstreams"][0]["periods"]]


def test_old_hours_become_days_and_are_forgotten_after_a_year() -> None:
    made = ledger()
    for hour in range(500 * 24):
        made.add(START + hour * HOUR, "up", "hit", 1, 10)
    now = START + 500 * 24 * HOUR

    made.trim(now)

    assert 400 + 960 >= len(made.hours["up"])
    assert 400 * 24 == sum(counts["hit"][0] for counts in made.hours["up"].values())
    assert made == decode_ledger(encode_ledger(made))


@plays
async def test_what_a_front_tells_is_in_the_report_and_survives_a_restart(tmp_path):
    async with FakeUpstream() as upstream:
        upstream.add("demo", WHEEL)
        async with running(tmp_path, upstream) as rig:
            await rig.page("demo")
            now = SystemClock().now().timestamp()
            batch = {"samples": [[now, UPSTREAM, "hit", 3, 300], [now, "other", "hit", 1, 1]], "used": []}
            told = await rig.session.post("http://pull/usage", json=batch)
            found = (await rig.get("/report?since=3600")).json

            assert {"samples": 1} == await told.json()
            assert [(UPSTREAM, 3, 300)] == [(u["name"], u["served"], u["bytes_served"]) for u in found["upstreams"]]
            assert found["upstreams"][0]["bytes_fetched"] > 0
        async with running(tmp_path, upstream) as rig:
            again = (await rig.get("/report?since=3600")).json

            assert 3 == again["upstreams"][0]["served"]
            assert found["known_since"] == again["known_since"]


@plays
async def test_a_switched_off_upstream_is_a_period_with_its_answers(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        await rig.pull.keeper.ready()
        now = SystemClock().now()
        switch = UpstreamOff(upstream=UPSTREAM, until=None, reason="drill", by="alice", at=now)
        change(rig.store, lambda _: Overrides(upstreams_off=(switch,)), by="alice", what="off", now=now)
        await rig.pull.look_at_switches()
        await rig.pull.keeper.watch()
        sample = [SystemClock().now().timestamp() + 1, UPSTREAM, "stale", 2, 20]
        await rig.session.post("http://pull/usage", json={"samples": [sample]})

        (period,) = (await rig.get("/report")).json["upstreams"][0]["periods"]

        assert ("off", "drill", "alice", None) == tuple(period[key] for key in ("kind", "reason", "by", "ended"))
        assert ZERO | {"stale": 2} == period["answers"]


@plays
async def test_use_that_a_front_tells_decides_what_is_evicted(tmp_path):
    clock = ManualClock()
    first, second = WHEEL, FakeFile("demo-2.0.tar.gz", data=b"second" * 1000)
    async with FakeUpstream() as upstream, running(tmp_path, upstream, clock) as rig:
        upstream.add("demo", first, second)
        await rig.page("demo")
        for file in (first, second):
            await rig.file(file.digest(), file.filename)
        await rig.until_idle()
        await rig.pull.keeper.ready()
        await rig.pull.keeper.upkeep()
        clock.advance(3600)
        used = [[UPSTREAM, "file", first.digest()], [UPSTREAM, "file", "no digest"], ["other", "file", "0" * 64]]
        await rig.session.post("http://pull/usage", json={"used": used})

        done = await rig.session.post("http://pull/cache/evict", json={"unused_minutes": 30})

        assert {"objects": 1, "bytes": second.size, "dry_run": False} == await done.json()
        assert [True, False] == [
            (await rig.pull._parts[UPSTREAM].files.kept(f.digest())) is not None for f in (first, second)
        ]


@plays
async def test_a_batch_that_is_no_batch_is_refused_and_changes_nothing(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        bodies = [b"[]", b'{"samples": [[1]]}', b"{" + b" " * (5 * 1024 * 1024)]

        answers = [await rig.session.post("http://pull/usage", data=body) for body in bodies]

        assert [403] * 3 == [answer.status for answer in answers]
        assert [] == (await rig.get("/report")).json["upstreams"]
