"""Pages of an upstream become records in the store, with what the page says and what is known for longer."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pull.fake_upstream import JSON_TYPE, FakeFile, FakeUpstream, Fault
from pull.rig import BASES, UPSTREAM, plays, running

from holdfast.clock import ManualClock
from holdfast.core import simple_json
from holdfast.core.model import File
from holdfast.tree import addresses
from holdfast.tree.card import decode_book

WHEEL = FakeFile(
    "demo-1.0-py3-none-any.whl",
    data=b"wheel",
    metadata=b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
    requires_python=">=3.8,<4",
    yanked="broken on Tuesdays",
)
SDIST = FakeFile("demo-1.1.tar.gz", data=b"sdist")


@plays
async def test_a_json_page_becomes_a_record_with_everything_it_says(tmp_path):
    async with FakeUpstream(serial=17) as upstream, running(tmp_path, upstream, ManualClock()) as rig:
        upstream.add("demo", SDIST, WHEEL)

        answer = await rig.page("demo")

        record = rig.record("demo")
        assert 200 == answer.status
        assert answer.json == {
            "digest": answer.json["digest"],
            "fetched_at": "2026-01-01T00:00:00+00:00",
            "stale": False,
        }
        assert (UPSTREAM, "demo", 0, 17) == (record.index, record.name, record.serial, record.upstream_serial)
        assert [WHEEL.filename, SDIST.filename] == [file.filename for file in record.files]
        assert record.files[0] == File(
            filename=WHEEL.filename,
            sha256=WHEEL.digest(),
            size=5,
            version="1.0",
            packagetype="bdist_wheel",
            python_version="py3",
            upload_time=datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
            requires_python=">=3.8,<4",
            yanked=True,
            yanked_reason="broken on Tuesdays",
            metadata_sha256=record.files[0].metadata_sha256,
            has_metadata=True,
            upstream_url=f"{upstream.origin}/files/demo/{WHEEL.filename}",
        )


@plays
async def test_an_html_page_becomes_the_same_record_as_far_as_html_can_tell(tmp_path):
    async with FakeUpstream(mode="html") as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", SDIST, replace(WHEEL, hashes=("md5",)))

        await rig.page("demo")

        wheel, sdist = rig.record("demo").files
        assert (WHEEL.filename, "", (("md5", WHEEL.digest("md5")),)) == (wheel.filename, wheel.sha256, wheel.hashes)
        assert (">=3.8,<4", True, "broken on Tuesdays") == (wheel.requires_python, wheel.yanked, wheel.yanked_reason)
        assert (SDIST.digest(), None, None) == (sdist.sha256, sdist.size, sdist.upload_time)


@plays
async def test_a_fresh_page_is_answered_without_asking_the_upstream(tmp_path):
    clock = ManualClock()
    async with FakeUpstream() as upstream, running(tmp_path, upstream, clock) as rig:
        upstream.add("demo", SDIST)
        await rig.page("demo", max_age=60)
        clock.advance(59)
        await rig.page("demo", max_age=60)
        assert 1 == upstream.requests["/simple/demo/"]

        clock.advance(2)
        answer = await rig.page("demo", max_age=60)

        assert 2 == upstream.requests["/simple/demo/"]
        assert (clock.now().isoformat(), False) == (answer.json["fetched_at"], answer.json["stale"])


@pytest.mark.parametrize("etags", [True, False], ids=["304", "the same bytes again"])
@plays
async def test_an_unchanged_page_keeps_its_digest_and_writes_nothing(tmp_path, etags):
    async with FakeUpstream(etags=etags) as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", SDIST)
        first = await rig.page("demo")
        before = rig.snapshot()

        second = await rig.page("demo")

        assert before == rig.snapshot()
        assert (first.json["digest"], False) == (second.json["digest"], second.json["stale"])
        assert first.json["fetched_at"] < second.json["fetched_at"]
        assert 1 == (await rig.status())["page_unchanged"]


@plays
async def test_the_validator_survives_a_restart(tmp_path):
    async with FakeUpstream() as upstream:
        upstream.add("demo", SDIST)
        async with running(tmp_path, upstream) as rig:
            await rig.page("demo")
        async with running(tmp_path, upstream) as rig:
            answer = await rig.page("demo")

        assert 200 == answer.status
        assert "If-None-Match" in upstream.seen[-1].headers


@plays
async def test_a_changed_page_replaces_the_old_one_and_the_book_forgets_nothing(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL, SDIST)
        await rig.page("demo")
        upstream.projects["demo"] = [SDIST]

        await rig.page("demo")

        assert [SDIST.filename] == [file.filename for file in rig.record("demo").files]
        book = decode_book(rig.store.get(addresses.card_book(UPSTREAM, "demo")))
        assert [WHEEL.filename, SDIST.filename] == [card.filename for card in book]


@plays
async def test_a_project_the_upstream_does_not_have_is_absent_and_not_asked_again_for_a_while(tmp_path):
    clock = ManualClock()
    async with FakeUpstream() as upstream, running(tmp_path, upstream, clock, absent_seconds=60) as rig:
        first = await rig.page("nothing")
        second = await rig.page("nothing")
        assert [(404, "absent")] * 2 == [(a.status, a.json["outcome"]) for a in (first, second)]
        assert 1 == upstream.requests["/simple/nothing/"]

        upstream.add("nothing", SDIST)
        clock.advance(61)

        assert 200 == (await rig.page("nothing")).status


@plays
async def test_one_stray_404_takes_no_page_away_but_a_lasting_one_does(tmp_path):
    clock = ManualClock()
    async with FakeUpstream() as upstream, running(tmp_path, upstream, clock, absent_seconds=60) as rig:
        upstream.add("demo", SDIST)
        await rig.page("demo")
        kept = upstream.projects.pop("demo")

        first = await rig.page("demo")
        assert (200, True) == (first.status, first.json["stale"])
        clock.advance(61)
        assert 404 == (await rig.page("demo")).status

        assert addresses.pulled_page(UPSTREAM, "demo") not in rig.stored("pulled/")
        assert addresses.card_book(UPSTREAM, "demo") in rig.stored("v1/")
        upstream.projects["demo"] = kept
        clock.advance(61)
        assert 200 == (await rig.page("demo")).status


@plays
async def test_a_hundred_clients_of_one_unseen_page_make_one_request(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", SDIST)
        upstream.pages_fault = Fault("hang", times=1)
        clients = [asyncio.create_task(rig.page("demo", max_age=60)) for _ in range(100)]
        await upstream.has_seen("/simple/demo/")
        upstream.release()

        assert [200] * 100 == [answer.status for answer in await asyncio.gather(*clients)]
        assert 1 == upstream.requests["/simple/demo/"]


@pytest.mark.parametrize("mode", ["json", "html"])
@plays
async def test_a_large_page_is_built_in_a_helper_and_rendered_for_the_fronts(tmp_path, mode):
    async with FakeUpstream(mode=mode) as upstream, running(tmp_path, upstream, page_budget_seconds=10) as rig:
        upstream.add("demo", *(FakeFile(f"demo-{n}.0.tar.gz", data=b"%d" % n) for n in range(1000)))

        answer = await rig.page("demo")

        assert 200 == answer.status, answer.body
        assert 1000 == len(rig.record("demo").files)
        expected = [
            addresses.rendered(simple_json.renderer(base), answer.json["digest"], f"{kind}.{coding}")
            for base in BASES
            for kind in ("html", "json")
            for coding in ("gzip", "zstd")
        ]
        assert sorted(expected) == rig.stored(addresses.RENDERED_PREFIX)
        assert 1 == (await rig.get("/status")).json["helpers"]["jobs"]


@plays
async def test_rendered_bytes_leave_with_their_page(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream, page_budget_seconds=10) as rig:
        upstream.add("demo", *(FakeFile(f"demo-{n}.0.tar.gz", data=b"%d" % n) for n in range(300)))
        await rig.page("demo")
        before = rig.stored(addresses.RENDERED_PREFIX)
        upstream.add("demo", SDIST)

        await rig.page("demo")

        after = rig.stored(addresses.RENDERED_PREFIX)
        assert (len(before), set()) == (len(after), set(before) & set(after))


@plays
async def test_what_the_first_page_lists_undated_stays_so_and_later_arrivals_get_our_date(tmp_path):
    clock = ManualClock()
    async with FakeUpstream(mode="html") as upstream, running(tmp_path, upstream, clock) as rig:
        upstream.add("demo", SDIST)
        await rig.page("demo")
        upstream.add("demo", FakeFile("demo-2.0.tar.gz", data=b"two"))
        clock.advance(3600)
        seen = clock.now()
        await rig.page("demo")
        clock.advance(3600)
        await rig.page("demo")

        dates = {file.version: (file.upload_time, file.upload_time_is_ours) for file in rig.record("demo").files}
        assert {"1.1": (None, False), "2.0": (seen, True)} == dates


@plays
async def test_existence_is_told_from_a_fresh_page_or_a_real_answer_only(tmp_path):
    clock = ManualClock()
    async with FakeUpstream() as upstream, running(tmp_path, upstream, clock) as rig:
        upstream.add("demo", SDIST)
        assert {"exists": True} == (await rig.get(f"/exists/{UPSTREAM}/demo")).json
        assert {"exists": False} == (await rig.get(f"/exists/{UPSTREAM}/nothing")).json
        await upstream.stop()

        assert {"exists": True} == (await rig.get(f"/exists/{UPSTREAM}/demo")).json
        assert 503 == (await rig.get(f"/exists/{UPSTREAM}/unseen")).status
        clock.advance(3600)
        assert 503 == (await rig.get(f"/exists/{UPSTREAM}/demo")).status
        await upstream.start()


@plays
async def test_the_chain_of_instances_is_told_to_the_upstream(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", SDIST)
        await rig.get(f"/page/{UPSTREAM}/demo?via=aaaa,bbbb")

        assert f"aaaa,bbbb,{rig.config.instance}" == upstream.seen[0].headers["X-Holdfast-Via"]


@plays
async def test_a_broken_file_entry_is_skipped_and_counted(tmp_path):
    body = (
        b'{"meta":{"api-version":"1.1"},"name":"Demo","files":[7,{"filename":"../x","url":"x"},'
        b'{"filename":"demo-1.0.tar.gz","url":"demo-1.0.tar.gz","hashes":{"sha256":"no"},"size":"big","yanked":""}]}'
    )
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.bodies["demo"] = (JSON_TYPE, body)

        assert 200 == (await rig.page("demo")).status

        record = rig.record("demo")
        assert ("Demo", ["demo-1.0.tar.gz"]) == (record.display, [file.filename for file in record.files])
        assert ("", None, False) == (record.files[0].sha256, record.files[0].size, record.files[0].yanked)
        assert 2 == (await rig.status())["files_skipped"]


@plays
async def test_names_that_are_none_and_unknown_upstreams_fetch_nothing(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        assert 404 == (await rig.page("Not_Normal")).status
        assert 503 == (await rig.get("/page/elsewhere/demo")).status
        assert not upstream.seen
