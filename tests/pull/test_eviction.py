"""The cache's bounds: the least recently used leave, pins and durable facts stay, and no answer changes by it."""

import hashlib
from dataclasses import replace

import pytest
from pull.fake_upstream import FakeFile, FakeUpstream, Fault
from pull.rig import UPSTREAM, plays, running

from holdfast.clock import ManualClock
from holdfast.config import Config, UpstreamConfig
from holdfast.core.errors import Unavailable
from holdfast.pull.cache.eviction import PAGE_UNUSED_MINUTES, choose
from holdfast.pull.cache.holdings import Holdings, minute_of
from holdfast.pull.cache.inventory import Inventory
from holdfast.pull.cache.keeper import Keeper, victims_of
from holdfast.pull.cache.noted import NotedStore
from holdfast.pull.cache.shared import SharedUse
from holdfast.store.local import LocalStore
from holdfast.store.memory import MemoryStore
from holdfast.tree import addresses

METADATA = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
WHEEL = FakeFile("demo-1.0-py3-none-any.whl", data=b"wheel" * 1000, metadata=METADATA)
SDIST = FakeFile("demo-1.0.tar.gz", data=b"source" * 1000)


def sha(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def file(number: int) -> tuple[str, str, str]:
    return UPSTREAM, "file", sha(number)


def inventory_of(*sizes_and_minutes: tuple[int, int]) -> Inventory:
    made = Inventory()
    for number, (size, minute) in enumerate(sizes_and_minutes):
        made.note(file(number), size, minute)
    return made


def held(folder, objects=None, clock=None, **settings) -> Holdings:
    """Holdings over a folder, read and listed."""
    config = Config(data=folder, upstreams=(UpstreamConfig(UPSTREAM, "https://up.example/simple/"),), **settings)
    config = replace(config, free_bytes_min=0)
    made = Holdings(config, NotedStore(objects or LocalStore.create(folder / "store")), clock or ManualClock())
    made.load()
    return made


def put_file(holdings: Holdings, number: int, size: int = 100) -> None:
    holdings.store.put(addresses.pulled_file(UPSTREAM, sha(number)), b"x" * size)


def keys(holdings: Holdings) -> set[str]:
    return {info.key for info in holdings.store.list(addresses.PULLED_PREFIX)}


def test_the_least_recently_used_leave_and_no_more_than_needed() -> None:
    made = inventory_of((100, 30), (100, 10), (100, 20), (100, 40))

    victims = choose(made, frozenset(), 150, now_minute=50)

    assert [file(1), file(2)] == [victim.key for victim in victims]


def test_what_is_pinned_does_not_leave_and_its_bytes_are_not_counted_as_freed() -> None:
    made = inventory_of((100, 10), (100, 20), (100, 30))

    victims = choose(made, {file(0)}, 150, now_minute=50)

    assert [file(1), file(2)] == [victim.key for victim in victims]


def test_pages_leave_last_and_only_after_a_month_without_use() -> None:
    now = PAGE_UNUSED_MINUTES + 1000
    made = inventory_of((100, now))
    made.note((UPSTREAM, "page", "old"), 10, 5)
    made.note((UPSTREAM, "page", "lately"), 10, now - 60)

    assert [file(0)] == [victim.key for victim in choose(made, frozenset(), 100, now)]
    assert [file(0), (UPSTREAM, "page", "old")] == [victim.key for victim in choose(made, frozenset(), 1000, now)]


def test_above_its_bound_the_cache_comes_down_to_95_percent(tmp_path) -> None:
    clock = ManualClock()
    holdings = held(tmp_path, clock=clock, cache_bytes_max=2000)
    for number in range(21):
        put_file(holdings, number)
        holdings.take({})
        clock.advance(60)
    holdings.take({file(0): minute_of(clock.now())})

    size, why = holdings.too_much()
    done = holdings.evict(holdings.plan(size))

    assert (200, "the cache is larger than cache_bytes_max") == (size, why)
    assert (2, 200) == done
    left = {addresses.pulled_file(UPSTREAM, sha(n)) for n in range(21) if n not in (1, 2)}  # 0 was used last
    assert left == keys(holdings)
    assert (0, "") == holdings.too_much()


def test_within_its_bounds_nothing_leaves(tmp_path) -> None:
    holdings = held(tmp_path, cache_bytes_max=2000)
    for number in range(20):
        put_file(holdings, number)
    holdings.take({})

    assert (0, "") == holdings.too_much()
    assert [] == holdings.plan(0)


def test_what_was_used_since_it_was_chosen_stays(tmp_path) -> None:
    clock = ManualClock()
    holdings = held(tmp_path, clock=clock)
    put_file(holdings, 0)
    holdings.take({})
    victims = holdings.plan(100)
    clock.advance(60)

    holdings.take({file(0): minute_of(clock.now())})

    assert [file(0)] == [victim.key for victim in victims]
    assert (0, 0) == holdings.evict(victims)


def test_a_disk_that_is_nearly_full_makes_files_leave(tmp_path) -> None:
    holdings = held(tmp_path)
    put_file(holdings, 0, size=1_000_000)
    holdings.take({})
    holdings.room.bytes_min = holdings.room.free() + 100_000

    size, why = holdings.too_much()

    assert "the disk is nearly full" == why
    assert size > 0


def test_a_disk_that_others_filled_costs_no_kept_file(tmp_path) -> None:
    """Evicting all of it would not make enough room: it would only end what installs live on."""
    holdings = held(tmp_path)
    put_file(holdings, 0)
    holdings.take({})
    holdings.room.bytes_min = 1 << 60

    assert (0, "the disk is nearly full, and not with what may leave") == holdings.too_much()


def test_use_is_known_after_a_restart(tmp_path) -> None:
    clock = ManualClock()
    before = held(tmp_path, clock=clock)
    put_file(before, 0)
    put_file(before, 1)
    before.take({})
    clock.advance(3600)
    before.take({file(0): minute_of(clock.now())})
    before.save()

    after = held(tmp_path, clock=clock)
    after.compare()

    assert [file(1)] == [victim.key for victim in after.plan(100)]


def test_a_listing_finds_what_nobody_noted_and_forgets_what_is_gone(tmp_path) -> None:
    holdings = held(tmp_path)
    put_file(holdings, 0)
    holdings.take({})
    store = LocalStore(tmp_path / "store")  # another machine's hand
    store.delete(addresses.pulled_file(UPSTREAM, sha(0)))
    store.put(addresses.pulled_page(UPSTREAM, "demo"), b"12345")

    holdings.compare()

    assert {(UPSTREAM, "page"): (1, 5)} == {
        group: (total.objects, total.bytes) for group, total in holdings.inventory.sums().items() if total.objects
    }


def test_what_comes_and_goes_during_a_listing_is_not_lost() -> None:
    made, found = inventory_of((100, 10), (100, 10)), inventory_of((100, 50), (100, 50))
    made.begin_listing()
    made.note(file(7), 5, 60)
    made.forget(file(1))

    made.end_listing(found)

    assert {file(0): (100, 10), file(7): (5, 60)} == {key: (size, minute) for key, size, minute in made.walk()}
    assert 105 == made.size_bytes


def test_a_damaged_inventory_is_begun_anew(tmp_path) -> None:
    holdings = held(tmp_path)
    put_file(holdings, 0)
    holdings.take({})
    holdings.save()
    for name in ("inventory.zst", "ledger.zst"):
        (tmp_path / "cache" / name).write_bytes(b"not what was written")

    again = held(tmp_path)

    assert (0, []) == (again.inventory.objects, again.ledger.periods)
    again.compare()
    assert 1 == again.inventory.objects


def test_what_another_machine_used_an_hour_ago_does_not_leave() -> None:
    """Two machines over one bucket: the one that evicts reads what the other one used."""
    clock, store = ManualClock(), MemoryStore()
    mine, theirs = inventory_of((100, 0), (100, 0)), SharedUse(store, "mother")
    minute = minute_of(clock.now())
    mine.touch(file(1), minute - 600)
    theirs.note(file(0), minute - 60, clock.now())
    theirs.write(clock.now())

    SharedUse(store, "mfirst").read(mine, clock.now())

    assert [file(1)] == [victim.key for victim in choose(mine, frozenset(), 100, minute)]


def test_a_machine_whose_clock_runs_ahead_keeps_nothing_for_ever() -> None:
    clock, ahead, store = ManualClock(), ManualClock(), MemoryStore()
    ahead.advance(10 * 365 * 86400)
    mine, theirs = inventory_of((100, 0)), SharedUse(store, "mother")
    theirs.note(file(0), minute_of(ahead.now()), clock.now())
    theirs.write(clock.now())

    SharedUse(store, "mfirst").read(mine, clock.now())

    assert minute_of(clock.now()) == mine.used(file(0))


def test_what_another_machine_used_is_not_unused_for_an_operator_either(tmp_path) -> None:
    clock, store = ManualClock(), MemoryStore()
    holdings = held(tmp_path, store, clock, store="s3://bucket/prefix")
    for number in (0, 1):
        put_file(holdings, number)
    holdings.take({})
    clock.advance(7200)
    theirs = SharedUse(store, "mother")
    theirs.note(file(0), minute_of(clock.now()), clock.now())
    theirs.write(clock.now())

    victims = victims_of(holdings, clock.now(), None, "", (), unused_minutes=60)

    assert [file(1)] == [victim.key for victim in victims]


def test_use_of_a_day_goes_on_after_a_restart_and_is_forgotten_weeks_later() -> None:
    clock, store = ManualClock(), MemoryStore()
    for number in (0, 1):
        run = SharedUse(store, "mother")
        run.note(file(number), minute_of(clock.now()), clock.now())
        run.write(clock.now())
    mine = inventory_of((100, 0), (100, 0))
    SharedUse(store, "mfirst").read(mine, clock.now())
    assert [minute_of(clock.now())] * 2 == [mine.used(file(0)), mine.used(file(1))]

    clock.advance(50 * 86400)
    SharedUse(store, "mfirst").read(mine, clock.now())

    assert [] == list(store.list(addresses.USE_PREFIX))


def test_nothing_leaves_while_another_machines_use_cannot_be_read(tmp_path) -> None:
    class Unlistable(MemoryStore):
        def list(self, prefix, after=""):
            if prefix == addresses.USE_PREFIX:
                raise Unavailable("the bucket does not answer")
            return super().list(prefix, after)

    holdings = held(tmp_path, Unlistable(), store="s3://bucket/prefix")
    put_file(holdings, 0)
    holdings.take({})

    with pytest.raises(Unavailable):
        holdings.plan(100)


@plays
async def test_the_bound_holds_by_itself_in_the_background(tmp_path):
    store = NotedStore(LocalStore.create(tmp_path / "store"))
    upstreams = (UpstreamConfig(UPSTREAM, "https://up.example/simple/"),)
    config = Config(data=tmp_path, upstreams=upstreams, cache_bytes_max=2000, free_bytes_min=0)
    keeper = Keeper(config, store, ManualClock(), list)
    for number in range(30):
        store.put(addresses.pulled_file(UPSTREAM, sha(number)), b"x" * 100)
    keeper.start()
    try:
        await keeper.ready()
        await keeper.upkeep()

        assert 19 == len(list(store.list(addresses.PULLED_PREFIX)))
        assert (1900, 11, 1100) == tuple(keeper.figures()[key] for key in ("bytes", "evicted_objects", "evicted_bytes"))
        assert "the cache is larger than cache_bytes_max" == keeper.holdings.ledger.evicted.last_why
    finally:
        await keeper.stop()


@plays
async def test_eviction_of_everything_changes_no_answer_while_the_upstream_is_up(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")
        await rig.file(WHEEL.digest(), WHEEL.filename)
        metadata = f"/metadata/{UPSTREAM}/{WHEEL.digest()}/{WHEEL.filename}"
        await rig.get(metadata)
        await rig.until_idle()
        before = rig.record("demo")
        for info in rig.store.list(addresses.PULLED_PREFIX):
            rig.store.delete(info.key)

        page, sidecar = await rig.page("demo", max_age=3600), await rig.get(metadata)
        whole = await rig.file(WHEEL.digest(), WHEEL.filename)

        assert (200, 200, 200) == (page.status, sidecar.status, whole.status)
        assert (before.files, before.display) == (rig.record("demo").files, rig.record("demo").display)
        assert WHEEL.data == whole.body


@plays
async def test_a_url_of_an_old_lock_file_needs_one_request_and_no_page_after_eviction(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")
        await rig.file(WHEEL.digest(), WHEEL.filename)
        await rig.until_idle()
        for info in rig.store.list(addresses.PULLED_PREFIX):
            rig.store.delete(info.key)
        upstream.requests.clear()

        answer = await rig.file(WHEEL.digest(), WHEEL.filename)

        assert (200, WHEEL.data) == (answer.status, answer.body)
        assert {f"/files/demo/{WHEEL.filename}": 1} == dict(upstream.requests)


@plays
async def test_an_operator_evicts_through_the_socket_and_cards_stay(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", SDIST)
        await rig.page("demo")
        await rig.file(SDIST.digest(), SDIST.filename)
        await rig.until_idle()
        await rig.pull.keeper.ready()
        durable = rig.stored("v1/")

        tried = await rig.session.post("http://pull/cache/evict", json={"project": "demo", "dry_run": True})
        there = rig.stored(addresses.PULLED_PREFIX)
        done = await rig.session.post("http://pull/cache/evict", json={"project": "demo"})

        assert 2 == (await tried.json())["objects"] == (await done.json())["objects"] == len(there)
        assert [] == rig.stored(addresses.PULLED_PREFIX)
        assert durable == rig.stored("v1/")
        assert 2 == (await (await rig.session.get("http://pull/cache")).json())["evicted"]["last_objects"]


@plays
async def test_no_trouble_of_upkeep_fails_a_request(tmp_path):
    """The store lists nothing and the data folder takes nothing: pages and files come as ever."""

    class Unlistable(LocalStore):
        def list(self, prefix, after=""):
            if prefix == addresses.PULLED_PREFIX:
                raise Unavailable("the disk does not list")
            return super().list(prefix, after)

    async with FakeUpstream() as upstream:
        upstream.add("demo", WHEEL)
        async with running(tmp_path, upstream) as rig:
            await rig.pull.keeper.ready()
        (tmp_path / "cache").rename(tmp_path / "cache-before")
        (tmp_path / "cache").write_text("a file in the way")
        async with running(tmp_path, upstream, store=Unlistable(tmp_path / "store")) as rig:
            await rig.pull.keeper.upkeep()
            await rig.pull.keeper.watch()
            answers = [await rig.page("demo"), await rig.file(WHEEL.digest(), WHEEL.filename)]

            assert [200, 200] == [answer.status for answer in answers]


@plays
async def test_a_range_of_a_small_file_is_passed_on_when_the_disk_is_full(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream, free_bytes_min=1 << 60) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")
        upstream.files_fault = Fault("slow", seconds=0.0)

        answer = await rig.file(WHEEL.digest(), WHEEL.filename, headers={"Range": "bytes=0-9"})

        assert (200, WHEEL.data) == (answer.status, answer.body)
