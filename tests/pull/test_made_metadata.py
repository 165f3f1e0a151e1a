"""Metadata of wheels whose upstream gives none: offered once an origin is known to allow it, made from a few bytes."""

import asyncio
import hashlib
import io
import zipfile
from functools import partial

import pytest
from pull import rig as rigs
from pull.fake_upstream import FakeFile, FakeUpstream, Fault
from pull.rig import UPSTREAM, plays
from wheels import wheel, zip_bytes

from holdfast.clock import ManualClock
from holdfast.tree import addresses
from holdfast.tree.card import decode_book, decode_card

MIB = 1024 * 1024
FIRST_PAGE_SECONDS_MAX = 2.0  # one of them waits for the proof
# A proof that a busy machine takes longer for than a second, or than the page may, is none, by intention: here it is
# waited for.
running = partial(rigs.running, proof_seconds=20.0, page_budget_seconds=20.0)


def made(version, **more):
    filename, data = wheel("demo", version, requires=["other>=1"], **{"size": 300_000, **more})
    return FakeFile(filename, data=data)


def metadata_of(file):
    info = f"demo-{file.filename.split('-')[1]}.dist-info/METADATA"
    return zipfile.ZipFile(io.BytesIO(file.data)).read(info)


ONE, TWO = made("1.0"), made("2.0")
NONE = FakeFile("demo-3.0-py3-none-any.whl", data=zip_bytes({"demo/__init__.py": b"x" * 100}))


def url(file):
    return f"/metadata/{UPSTREAM}/{file.digest()}/{file.filename}"


def path(file):
    return f"/files/demo/{file.filename}"


def offered(rig):
    return {file.filename.split("-")[1]: file.has_metadata for file in rig.record("demo").files}


def ranges_asked(upstream, file):
    return [seen.headers.get("Range") for seen in upstream.seen if seen.path == path(file)]


def kept_metadata(rig, file):
    return rig.store.get(addresses.pulled_metadata(UPSTREAM, file.digest()))


@pytest.mark.parametrize("mode", ["json", "html"])
@plays
async def test_the_first_page_of_an_origin_offers_metadata_after_one_proof_and_later_ones_without(tmp_path, mode):
    async with FakeUpstream(mode=mode) as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", ONE, TWO)

        await rig.page("demo")

        assert {"1.0": True, "2.0": True} == offered(rig)
        assert ([], 1) == (ranges_asked(upstream, ONE), len(ranges_asked(upstream, TWO)))
        assert metadata_of(TWO) == kept_metadata(rig, TWO)
        answers = await asyncio.gather(*(rig.get(url(file)) for file in (ONE, TWO) for _ in range(10)))
        assert [200] * 20 == [answer.status for answer in answers]
        assert metadata_of(ONE) == kept_metadata(rig, ONE)
        assert (1, 1) == (len(ranges_asked(upstream, ONE)), len(ranges_asked(upstream, TWO)))
        assert 0 == upstream.requests[f"{path(ONE)}.metadata"]
        assert addresses.pulled_file(UPSTREAM, ONE.digest()) not in rig.stored("pulled/")


@plays
async def test_size_and_digest_found_on_the_way_are_in_the_card_and_with_the_next_refresh_on_the_page(tmp_path):
    async with FakeUpstream(mode="html") as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", ONE)
        await rig.page("demo")

        await rig.page("demo")

        digest = hashlib.sha256(metadata_of(ONE)).hexdigest()
        card = decode_card(rig.store.get(addresses.card(UPSTREAM, ONE.digest(), ONE.filename)))
        assert (digest, True, "wheel", ONE.size) == (
            card.metadata_sha256,
            card.has_metadata,
            card.metadata_from,
            card.size,
        )
        (listed,) = rig.record("demo").files
        assert (True, digest, ONE.size) == (listed.has_metadata, listed.metadata_sha256, listed.size)
        (booked,) = decode_book(rig.store.get(addresses.card_book(UPSTREAM, "demo")))
        assert (digest, ONE.size) == (booked.metadata_sha256, booked.size)


@plays
async def test_an_upstream_that_gives_no_parts_is_asked_once_and_offers_only_small_wheels_of_told_size(tmp_path):
    large = made("1.0", size=9 * MIB)
    small, unknown = made("2.0"), FakeFile("demo-0.5-py3-none-any.whl", data=made("0.5").data)
    async with FakeUpstream(ranges=False) as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", large, small)

        await rig.page("demo")

        assert {"1.0": False, "2.0": True} == offered(rig)
        assert 200 == (await rig.get(url(small))).status
        assert metadata_of(small) == kept_metadata(rig, small)
        assert addresses.pulled_file(UPSTREAM, small.digest()) in rig.stored("pulled/")
        asked = len(ranges_asked(upstream, large))
        assert 404 == (await rig.get(url(large))).status
        assert asked == len(ranges_asked(upstream, large))
        upstream.mode = "html"
        upstream.add("demo", unknown)
        await rig.page("demo")
        assert not offered(rig)["0.5"]


@plays
async def test_a_page_whose_proof_failed_is_completed_with_its_next_refresh(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", ONE)
        upstream.files_fault = Fault("status", status=500)
        assert 200 == (await rig.page("demo")).status
        assert {"1.0": False} == offered(rig)
        upstream.files_fault = None

        answer = await rig.page("demo")

        assert (200, False) == (answer.status, answer.json["stale"])
        assert {"1.0": True} == offered(rig)


@pytest.mark.alone
@plays
async def test_a_hung_file_host_delays_the_first_page_by_a_second_at_most_and_fails_it_never(tmp_path):
    loop = asyncio.get_running_loop()

    async def first_page(turn):
        """On an instance that has no proof yet."""
        folder = tmp_path / str(turn)
        folder.mkdir()
        async with FakeUpstream() as upstream, rigs.running(folder, upstream) as rig:
            upstream.add("demo", ONE)
            upstream.files_fault = Fault("hang")
            before = loop.time()
            assert 200 == (await rig.page("demo")).status
            seconds = loop.time() - before
            upstream.release()
        return seconds

    assert await rigs.best_seconds(first_page, FIRST_PAGE_SECONDS_MAX) < FIRST_PAGE_SECONDS_MAX


@plays
async def test_offered_metadata_of_an_upstream_in_trouble_is_unavailable_and_comes_when_it_is_back(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", ONE, TWO)
        await rig.page("demo")
        upstream.files_fault = Fault("status", status=500, times=1)

        assert [503, 200] == [(await rig.get(url(ONE))).status, (await rig.get(url(ONE))).status]


@plays
async def test_a_wheel_that_has_none_is_looked_at_whole_once_and_offered_no_more(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", ONE)
        await rig.page("demo")
        upstream.add("demo", NONE)
        await rig.page("demo")
        assert {"1.0": True, "3.0": True} == offered(rig)

        assert [404, 404] == [(await rig.get(url(NONE))).status, (await rig.get(url(NONE))).status]

        assert {"1.0": True, "3.0": False} == offered(rig)
        assert 1 == ranges_asked(upstream, NONE).count(None)
        upstream.add("demo", TWO)
        await rig.page("demo")
        assert {"1.0": True, "2.0": True, "3.0": False} == offered(rig)


@plays
async def test_metadata_that_is_advertised_and_not_there_is_made_from_the_wheel(tmp_path):
    liar = FakeFile(ONE.filename, data=ONE.data, metadata=metadata_of(ONE))
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", made("2.0"), liar)
        await rig.page("demo")
        liar.metadata = None

        assert 200 == (await rig.get(url(liar))).status

        assert metadata_of(ONE) == kept_metadata(rig, ONE)


@plays
async def test_metadata_made_otherwise_than_the_page_says_is_corrupt(tmp_path):
    liar = FakeFile(ONE.filename, data=ONE.data, metadata=b"Metadata-Version: 2.1\n", metadata_sha256="0" * 64)
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", liar)
        await rig.page("demo")
        liar.metadata = None

        assert 502 == (await rig.get(url(liar))).status


@plays
async def test_a_kept_wheel_is_read_and_nobody_asked(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", ONE, TWO)
        await rig.page("demo")
        await rig.file(ONE.digest(), ONE.filename)
        await rig.until_idle()
        await upstream.stop()

        assert 200 == (await rig.get(url(ONE))).status
        assert metadata_of(ONE) == kept_metadata(rig, ONE)
        await upstream.start()


@plays
async def test_evicted_metadata_is_made_again_without_a_page_visit_after_a_restart(tmp_path):
    async with FakeUpstream() as upstream:
        upstream.add("demo", ONE)
        async with running(tmp_path, upstream) as rig:
            await rig.page("demo")
            rig.store.delete(addresses.pulled_metadata(UPSTREAM, ONE.digest()))
            store = rig.store
        async with running(tmp_path, upstream, store=store) as rig:
            assert 200 == (await rig.get(url(ONE))).status
            assert metadata_of(ONE) == kept_metadata(rig, ONE)


@plays
async def test_an_origin_that_gave_no_parts_is_tried_again_after_an_hour(tmp_path):
    clock = ManualClock()
    async with FakeUpstream(ranges=False) as upstream, running(tmp_path, upstream, clock) as rig:
        upstream.add("demo", made("1.0", size=9 * MIB))
        await rig.page("demo", max_age=1)
        assert {"1.0": False} == offered(rig)
        upstream.ranges = True
        upstream.add("demo", made("1.1", size=9 * MIB))
        clock.advance(3601)

        await rig.page("demo", max_age=1)

        assert {"1.0": True, "1.1": True} == offered(rig)
