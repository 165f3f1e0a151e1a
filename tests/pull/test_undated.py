"""Upload times an upstream does not tell: what is made up for them, and that a real one always goes before."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pull.fake_upstream import FakeFile, FakeUpstream
from pull.rig import UPSTREAM, plays, running

from holdfast.clock import ManualClock
from holdfast.config import Config
from holdfast.tree import addresses
from holdfast.tree.card import decode_book

START = datetime(2026, 1, 1, tzinfo=UTC)
REAL = datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
OLD = FakeFile("demo-1.0.tar.gz", data=b"old", upload_time=None)
NEW = FakeFile("demo-2.0.tar.gz", data=b"new", upload_time=None)
DATED = FakeFile("demo-3.0.tar.gz", data=b"dated")


def dates(rig):
    return [(file.upload_time, file.upload_time_is_ours) for file in rig.record("demo").files]


@pytest.mark.parametrize(
    ("undated", "first"),
    [
        ("trust-existing", (None, False)),
        ("first-seen", (START, True)),
        ("refuse", (None, False)),
    ],
)
@plays
async def test_what_the_first_page_lists_and_what_comes_later(tmp_path, undated, first):
    clock = ManualClock()
    async with FakeUpstream() as upstream, running(tmp_path, upstream, clock, undated=undated) as rig:
        upstream.add("demo", OLD, DATED)
        await rig.page("demo", max_age=1)
        assert [first, (REAL, False)] == dates(rig)
        clock.advance(100)
        upstream.add("demo", NEW)

        await rig.page("demo", max_age=1)

        assert [first, (clock.now(), True), (REAL, False)] == dates(rig)


@plays
async def test_a_real_time_that_comes_later_replaces_ours_and_is_never_overwritten(tmp_path):
    clock = ManualClock()
    async with FakeUpstream() as upstream, running(tmp_path, upstream, clock, undated="first-seen") as rig:
        upstream.add("demo", OLD)
        await rig.page("demo", max_age=1)
        assert [(START, True)] == dates(rig)
        for told, expected in ((DATED.upload_time, REAL), (None, REAL)):
            clock.advance(100)
            upstream.projects["demo"] = [replace(OLD, upload_time=told)]
            upstream.etags = False

            await rig.page("demo", max_age=1)

            assert [(expected, False)] == dates(rig)


@plays
async def test_changing_to_first_seen_dates_what_was_trusted_until_then(tmp_path):
    clock = ManualClock()
    async with FakeUpstream(etags=False) as upstream:
        upstream.add("demo", OLD)
        async with running(tmp_path, upstream, clock) as rig:
            await rig.page("demo", max_age=1)
            store = rig.store
        clock.advance(100)
        async with running(tmp_path, upstream, clock, store=store, undated="first-seen") as rig:
            await rig.page("demo", max_age=1)
            assert [(clock.now(), True)] == dates(rig)


@plays
async def test_losing_the_book_dates_nothing_anew(tmp_path):
    clock = ManualClock()
    async with FakeUpstream(etags=False) as upstream, running(tmp_path, upstream, clock) as rig:
        upstream.add("demo", OLD, DATED)
        await rig.page("demo", max_age=1)
        upstream.projects["demo"] = [OLD, replace(DATED, upload_time=None)]
        rig.store.put(addresses.card_book(UPSTREAM, "demo"), b"rot")
        clock.advance(100)

        await rig.page("demo", max_age=1)

        assert [(None, False), (REAL, False)] == dates(rig)


@pytest.mark.parametrize("mode", ["json", "html"])
@plays
async def test_a_size_nobody_told_is_learnt_from_the_fetch(tmp_path, mode):
    async with FakeUpstream(mode=mode, sizes=False) as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", OLD)
        await rig.page("demo")
        assert None is rig.record("demo").files[0].size

        await rig.file(OLD.digest(), OLD.filename)
        await rig.until_idle()
        await rig.page("demo")

        assert OLD.size == rig.record("demo").files[0].size
        (card,) = decode_book(rig.store.get(addresses.card_book(UPSTREAM, "demo")))
        assert OLD.size == card.size


@plays
async def test_a_size_nobody_told_is_learnt_from_being_asked_for(tmp_path):
    async with FakeUpstream(mode="html") as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", OLD)
        await rig.page("demo")

        answer = await rig.get(f"/file/{UPSTREAM}/{OLD.digest()}/{OLD.filename}", method="HEAD")
        await rig.page("demo")

        assert str(OLD.size) == answer.headers["Content-Length"]
        assert OLD.size == rig.record("demo").files[0].size


class Reloaded:
    """Settings that were reloaded once."""

    def __init__(self, config: Config) -> None:
        self.fresh: Config | None = config

    def look(self) -> Config | None:
        fresh, self.fresh = self.fresh, None
        return fresh


@plays
async def test_how_undated_files_are_taken_can_be_reloaded(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream, ManualClock()) as rig:
        upstream.add("demo", OLD)
        (known,) = rig.config.upstreams
        rig.pull.settings = Reloaded(replace(rig.config, upstreams=(replace(known, undated="first-seen"),)))

        await rig.pull.look_at_settings()
        await rig.page("demo", max_age=1)

        assert [(START, True)] == dates(rig)
