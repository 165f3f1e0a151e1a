"""Files stream while they arrive, are fetched once however many ask, and are kept when they are verified."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from pull.fake_upstream import FakeFile, FakeUpstream, Fault
from pull.rig import INSTANCE, UPSTREAM, plays, running

from holdfast.core.model import Card
from holdfast.pull.growing import HELD_BACK_BYTES
from holdfast.tree import addresses
from holdfast.tree.card import decode_card
from holdfast.tree.journal import BytesRemoved, Segment, encode_segment

WHEEL = FakeFile("demo-1.1.tar.gz", data=bytes(range(256)) * 2000)
SMALL = FakeFile("demo-1.0.tar.gz", data=b"small")


@plays
async def test_a_cold_file_is_streamed_then_kept_with_its_card(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")

        cold = await rig.file(WHEEL.digest(), WHEEL.filename)
        await rig.until_idle()
        warm = await rig.file(WHEEL.digest(), WHEEL.filename)

        assert (200, WHEEL.data, False) == (cold.status, cold.body, cold.broken)
        assert (str(WHEEL.size), "bytes") == (cold.headers["Content-Length"], cold.headers["Accept-Ranges"])
        assert "X-Holdfast-Kept" not in cold.headers
        assert ("1", {"sha256": WHEEL.digest(), "size": WHEEL.size}) == (warm.headers["X-Holdfast-Kept"], warm.json)
        assert WHEEL.data == rig.store.get(addresses.pulled_file(UPSTREAM, WHEEL.digest()))
        card = decode_card(rig.store.get(addresses.card(UPSTREAM, WHEEL.digest(), WHEEL.filename)))
        assert card == Card(
            index=UPSTREAM,
            project="demo",
            filename=WHEEL.filename,
            sha256=WHEEL.digest(),
            size=WHEEL.size,
            upload_time=datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
            upstream_urls=(f"{upstream.origin}/files/demo/{WHEEL.filename}",),
        )
        assert [] == rig.partials()


@plays
async def test_a_kept_file_is_given_while_the_upstream_is_dead_and_its_page_long_forgotten(tmp_path):
    async with FakeUpstream() as upstream:
        upstream.add("demo", WHEEL)
        async with running(tmp_path, upstream) as rig:
            await rig.page("demo")
            await rig.file(WHEEL.digest(), WHEEL.filename)
            await rig.until_idle()
            rig.store.delete(addresses.pulled_page(UPSTREAM, "demo"))
            rig.store.delete(addresses.card_book(UPSTREAM, "demo"))
        await upstream.stop()

        async with running(tmp_path, upstream) as rig:
            assert "1" == (await rig.file(WHEEL.digest(), WHEEL.filename)).headers["X-Holdfast-Kept"]
        await upstream.start()


@plays
async def test_a_file_that_its_upstream_no_longer_lists_is_found_in_the_card_book(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL, SMALL)
        await rig.page("demo")
        files = upstream.projects["demo"]
        upstream.projects["demo"] = [SMALL]
        await rig.page("demo")
        upstream.projects["demo"] = files

        assert WHEEL.data == (await rig.file(WHEEL.digest(), WHEEL.filename)).body


@plays
async def test_a_file_nobody_ever_listed_is_absent_and_asks_nobody(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")
        asked = len(upstream.seen)

        answers = [
            await rig.file("0" * 64, WHEEL.filename),
            await rig.file(WHEEL.digest(), "other-1.0.tar.gz"),
            await rig.file("no-digest", WHEEL.filename),
        ]

        assert [(404, "absent")] * 3 == [(answer.status, answer.json["outcome"]) for answer in answers]
        assert asked == len(upstream.seen)


@plays
async def test_a_hundred_clients_of_one_cold_file_make_one_request(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")
        upstream.files_fault = Fault("hang", times=1)

        clients = [asyncio.create_task(rig.file(WHEEL.digest(), WHEEL.filename)) for _ in range(100)]
        await upstream.has_seen(f"/files/demo/{WHEEL.filename}")
        upstream.release()

        answers = await asyncio.gather(*clients)
        assert all((200, WHEEL.data, False) == (answer.status, answer.body, answer.broken) for answer in answers)
        assert 1 == upstream.requests[f"/files/demo/{WHEEL.filename}"]


@plays
async def test_clients_join_a_growing_file_and_its_end_stays_back_until_it_is_verified(tmp_path):
    gate = asyncio.Event()
    wheel = replace(WHEEL, gate=gate)
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", wheel)
        await rig.page("demo")
        url = f"http://pull/file/{UPSTREAM}/{wheel.digest()}/{wheel.filename}"
        ahead = wheel.size // 2 - HELD_BACK_BYTES

        async with rig.session.get(url) as first, rig.session.get(url) as second:
            bodies = [await client.content.readexactly(ahead) for client in (first, second)]
            growing = next(iter(rig.pull.arriving()))
            assert (wheel.size // 2, ahead) == (growing.received, growing.released)
            gate.set()
            bodies = [body + await client.content.read() for body, client in zip(bodies, (first, second), strict=True)]

        assert [wheel.data] * 2 == bodies
        assert 1 == upstream.requests[f"/files/demo/{wheel.filename}"]


@plays
async def test_a_file_of_untold_length_is_given_when_its_length_is_known(tmp_path):
    async with FakeUpstream(mode="html", lengths=False) as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")

        answer = await rig.file(WHEEL.digest(), WHEEL.filename)

        assert (200, str(WHEEL.size), WHEEL.data) == (answer.status, answer.headers["Content-Length"], answer.body)


@plays
async def test_the_fetch_goes_on_when_its_clients_leave(tmp_path):
    gate = asyncio.Event()
    wheel = replace(WHEEL, gate=gate)
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", wheel)
        await rig.page("demo")
        async with rig.session.get(f"http://pull/file/{UPSTREAM}/{wheel.digest()}/{wheel.filename}") as client:
            await client.content.readexactly(1000)
            client.close()

        gate.set()
        await rig.until_idle()

        assert wheel.data == rig.store.get(addresses.pulled_file(UPSTREAM, wheel.digest()))


@plays
async def test_the_size_of_a_cold_file_is_told_without_fetching_it(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")

        answer = await rig.get(f"/file/{UPSTREAM}/{WHEEL.digest()}/{WHEEL.filename}", method="HEAD")

        assert (200, str(WHEEL.size), b"") == (answer.status, answer.headers["Content-Length"], answer.body)
        assert 0 == upstream.requests[f"/files/demo/{WHEEL.filename}"]


@plays
async def test_files_on_another_host_are_fetched_there(tmp_path):
    async with FakeUpstream() as elsewhere, FakeUpstream(redirect_files_to=elsewhere.origin) as upstream:
        for index in (elsewhere, upstream):
            index.add("demo", WHEEL)
        async with running(tmp_path, upstream) as rig:
            await rig.page("demo")

            assert WHEEL.data == (await rig.file(WHEEL.digest(), WHEEL.filename)).body
        assert 1 == elsewhere.requests[f"/files/demo/{WHEEL.filename}"]


@plays
async def test_equal_bytes_under_another_listed_name_are_not_fetched_again(tmp_path):
    twin = replace(WHEEL, filename="demo-1.0-1.tar.gz")
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL, twin)
        await rig.page("demo")
        await rig.file(WHEEL.digest(), WHEEL.filename)
        await rig.until_idle()

        answer = await rig.file(twin.digest(), twin.filename)

        assert "1" == answer.headers["X-Holdfast-Kept"]
        assert 0 == upstream.requests[f"/files/demo/{twin.filename}"]
        assert addresses.card(UPSTREAM, twin.digest(), twin.filename) in rig.stored("v1/")


@plays
async def test_a_file_whose_name_does_not_tell_its_project_is_found_all_the_same(tmp_path):
    stray = FakeFile("Renamed-2.0.zip", data=b"stray")
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", stray)
        await rig.page("demo")

        assert stray.data == (await rig.file(stray.digest(), stray.filename)).body


@plays
async def test_removed_bytes_are_refused_cold_kept_and_as_metadata(tmp_path):
    kept = FakeFile("demo-2.0-py3-none-any.whl", data=b"kept", metadata=b"Metadata-Version: 2.1\n")
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL, kept)
        await rig.page("demo")
        await rig.file(kept.digest(), kept.filename)
        await rig.until_idle()
        removed = BytesRemoved((WHEEL.digest(), kept.digest()), "it stole credentials")
        segment = Segment(1, "event", INSTANCE, datetime(2026, 1, 1, tzinfo=UTC), (removed,))
        rig.store.put(addresses.segment(1), encode_segment(segment))
        await rig.pull.follow_now()
        asked = len(upstream.seen)

        answers = [
            await rig.file(WHEEL.digest(), WHEEL.filename),
            await rig.file(WHEEL.digest(), WHEEL.filename, {"Range": "bytes=0-1"}),
            await rig.file(kept.digest(), kept.filename),
            await rig.get(f"/metadata/{UPSTREAM}/{kept.digest()}/{kept.filename}"),
        ]

        expected = (410, {"outcome": "removed", "reason": "it stole credentials"})
        assert [expected] * 4 == [(answer.status, answer.json) for answer in answers]
        assert asked == len(upstream.seen)


@plays
async def test_partial_files_of_a_killed_process_are_swept(tmp_path):
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial" / "leftover").write_bytes(b"half")

    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        assert [] == rig.partials()
