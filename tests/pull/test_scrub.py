"""Kept files are hashed again within a daily budget, from where the last run stopped; what is damaged leaves."""

import hashlib

from pull.fake_upstream import FakeFile, FakeUpstream
from pull.rig import UPSTREAM, plays, running

from holdfast.pull.cache.ledger import Scrubbing
from holdfast.pull.cache.scrub import Scrub
from holdfast.store.memory import MemoryStore
from holdfast.tree import addresses

DAY = 86400
FILES = {hashlib.sha256(data).hexdigest(): data for data in (b"%d" % number * 1000 for number in range(10))}


def store_of(damaged: str = "") -> MemoryStore:
    store = MemoryStore()
    for digest, data in FILES.items():
        store.put(addresses.pulled_file("up", digest), b"rotten" if digest == damaged else data)
    store.put(addresses.pulled_page("up", "demo"), b"a page")
    return store


def scrub_of(store: MemoryStore, progress: Scrubbing, bytes_daily: int) -> Scrub:
    made = Scrub(store, ["up"], progress, bytes_daily, lambda _seconds: None)
    made.step(0.0)  # the budget begins to grow
    return made


def run(scrub: Scrub, now: float) -> int:
    """Steps done by then."""
    done = 0
    while scrub.step(now):
        done += 1
    return done


def test_a_day_hashes_its_budget_and_no_more() -> None:
    scrub = scrub_of(store_of(), Scrubbing(), bytes_daily=3000)

    done = sum(run(scrub, float(second)) for second in range(0, DAY, 600))

    assert 3 <= done <= 4  # the last one on credit
    assert (done, done * 1000) == (scrub.progress.files, scrub.progress.bytes)


def test_a_budget_that_was_not_used_is_not_saved_for_days() -> None:
    scrub = scrub_of(store_of(), Scrubbing(), bytes_daily=24_000)

    assert 1 == run(scrub, 30.0 * DAY)


def test_a_round_goes_on_where_the_run_before_stopped() -> None:
    store, progress = store_of(), Scrubbing()
    first = scrub_of(store, progress, bytes_daily=1000 * DAY)
    run(first, 3.0)
    hashed = progress.files

    second = scrub_of(store, progress, bytes_daily=1000 * DAY)
    done = sum(run(second, float(second_of_day)) for second_of_day in range(1, 20))

    assert 0 < hashed < len(FILES)
    assert progress.round_ended
    assert hashed + done >= len(FILES)


def test_a_whole_round_ignores_the_budget_and_ends() -> None:
    scrub = scrub_of(store_of(), Scrubbing(), bytes_daily=1)
    scrub.rest_of_round = True

    assert len(FILES) == run(scrub, 1.0)
    assert (1.0, "", False) == (scrub.progress.round_ended, scrub.progress.position, scrub.rest_of_round)


def test_a_damaged_file_is_dropped_and_counted_and_the_others_stay() -> None:
    damaged = sorted(FILES)[3]
    store, progress = store_of(damaged), Scrubbing()
    scrub = scrub_of(store, progress, bytes_daily=1)
    scrub.rest_of_round = True

    run(scrub, 1.0)

    left = {info.key for info in store.list(addresses.pulled_files("up"))}
    assert {addresses.pulled_file("up", digest) for digest in FILES if digest != damaged} == left
    assert 1 == progress.corrupt


@plays
async def test_a_file_that_rotted_is_fetched_again_after_a_scrub(tmp_path):
    wheel = FakeFile("demo-1.0.tar.gz", data=b"source" * 1000)
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", wheel)
        await rig.page("demo")
        await rig.file(wheel.digest(), wheel.filename)
        await rig.until_idle()
        await rig.pull.keeper.ready()
        rig.store.put(addresses.pulled_file(UPSTREAM, wheel.digest()), b"rotten")

        assert 200 == (await rig.session.post("http://pull/cache/scrub")).status
        await rig.pull.keeper.scrub_now()
        again = await rig.file(wheel.digest(), wheel.filename)

        assert (200, wheel.data) == (again.status, again.body)
        told = (await rig.get("/cache")).json["scrub"]
        assert (1, True) == (told["corrupt"], told["last_round_ended"] is not None)
        assert 1 == (await rig.get("/status")).json["cache"]["scrub_corrupt"]
