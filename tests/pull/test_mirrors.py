"""Mirrors stand in for an upstream that cannot answer: pages within one budget, files by their digest alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from pull.fake_upstream import FakeFile, FakeUpstream, Fault
from pull.rig import UPSTREAM, Rig, plays, running

from holdfast.clock import ManualClock
from holdfast.core.errors import Unavailable
from holdfast.pull.source import Source

MIB = 1024 * 1024
SDIST = FakeFile("demo-1.0.tar.gz", data=bytes(range(256)) * 1000)
NEWER = FakeFile("demo-2.0.tar.gz", data=b"newer")
BIG = FakeFile("big-1.0.tar.gz", made_size=8 * MIB)


@asynccontextmanager
async def mirrored(folder: Any, **settings: Any) -> AsyncIterator[tuple[FakeUpstream, FakeUpstream, Rig]]:
    """An upstream, its mirror, and pull over both."""
    async with FakeUpstream() as upstream, FakeUpstream() as mirror:
        for index in (upstream, mirror):
            index.add("demo", SDIST)
            index.add("big", BIG)
        async with running(folder, upstream, mirrors=(mirror.url,), **settings) as rig:
            yield upstream, mirror, rig


FAULTS = {
    "refused": None,
    "hung": Fault("hang"),
    "hung in the body": Fault("hang-body"),
    "503": Fault("status", status=503),
    "500": Fault("status", status=500),
    "401": Fault("status", status=401),
    "maintenance": Fault("maintenance"),
    "garbage": Fault("garbage"),
    "truncated": Fault("truncated"),
}


async def break_pages(upstream: FakeUpstream, fault: Fault | None) -> None:
    """Refuse connections, or misbehave as told."""
    if fault is None:
        await upstream.stop()
    else:
        upstream.pages_fault = replace(fault)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
@plays
async def test_a_page_comes_from_the_mirror_within_the_budget_when_the_upstream_cannot_answer(tmp_path, fault):
    async with mirrored(tmp_path, page_budget_seconds=3) as (upstream, mirror, rig):
        await break_pages(upstream, fault)

        answer = await rig.page("demo")

        assert 200 == answer.status, answer.json  # at the budget's end it would have been 503
        assert not answer.json["stale"]
        assert 1 == mirror.requests["/simple/demo/"]
        assert [f"{mirror.origin}/files/demo/{SDIST.filename}"] == [f.upstream_url for f in rig.record("demo").files]


@plays
async def test_an_open_breaker_sends_to_the_mirror_at_once(tmp_path):
    async with mirrored(tmp_path) as (upstream, mirror, rig):
        await upstream.stop()
        for name in ("a", "b", "c"):
            mirror.add(name, FakeFile(f"{name}-1.0.tar.gz", data=b"x"))
            assert 200 == (await rig.page(name)).status
        assert "closed" != (await rig.status())["breaker"]

        assert 200 == (await rig.page("demo")).status


@plays
async def test_who_has_another_source_to_go_to_does_not_wait_for_an_open_breakers_probe():
    begun = asyncio.Event()

    async def probe(_url: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    source = Source("upstream", ManualClock(), probe)
    for name in ("a", "b", "c"):
        source.failed(f"http://up.test/{name}", name, "refused", reached=False)
    source.breaker.begin_probe()

    impatient, patient = source.admit(patient=False), source.admit()
    with pytest.raises(Unavailable):
        impatient.send(None)  # it ends without handing the loop over once
    assert patient.send(None) is not None
    patient.close()
    await source.stop()


@plays
async def test_an_absence_that_the_upstream_itself_tells_is_not_asked_of_mirrors(tmp_path):
    async with mirrored(tmp_path) as (_, mirror, rig):
        mirror.add("only-there", SDIST)

        assert 404 == (await rig.page("only-there")).status
        assert [] == mirror.seen


@plays
async def test_a_mirrors_404_says_nothing_while_the_upstream_is_dead(tmp_path):
    async with mirrored(tmp_path) as (upstream, mirror, rig):
        await upstream.stop()

        answer = await rig.page("unseen")

        assert 503 == answer.status
        assert 1 == mirror.requests["/simple/unseen/"]


@plays
async def test_a_mirror_that_is_behind_never_shortens_a_known_list(tmp_path):
    async with mirrored(tmp_path) as (upstream, mirror, rig):
        upstream.add("demo", NEWER)
        assert 200 == (await rig.page("demo")).status
        upstream.pages_fault = Fault("status", status=502)

        behind = await rig.page("demo")
        mirror.add("demo", NEWER, FakeFile("demo-3.0.tar.gz", data=b"newest"))
        caught_up = await rig.page("demo")

        assert behind.json["stale"]
        assert not caught_up.json["stale"]
        assert ["1.0", "2.0", "3.0"] == sorted(file.version for file in rig.record("demo").files)


@plays
async def test_the_upstream_is_believed_again_as_soon_as_it_answers_and_no_etag_of_the_mirror_is_sent_to_it(tmp_path):
    async with mirrored(tmp_path) as (upstream, mirror, rig):
        upstream.pages_fault = Fault("status", status=502, times=1)
        await rig.page("demo")

        answer = await rig.page("demo")

        assert not answer.json["stale"]
        assert [None, None] == [request.headers.get("If-None-Match") for request in upstream.seen]
        assert [f"{upstream.origin}/files/demo/{SDIST.filename}"] == [f.upstream_url for f in rig.record("demo").files]
        assert 1 == len(mirror.seen)


@pytest.mark.parametrize("fault", [None, Fault("hang"), Fault("status", status=500)], ids=["refused", "hung", "500"])
@plays
async def test_a_cold_file_comes_from_the_mirror_that_lists_its_digest(tmp_path, fault):
    async with mirrored(tmp_path, first_byte_seconds=2.0) as (upstream, mirror, rig):
        assert 200 == (await rig.page("demo")).status
        upstream.files_fault = replace(fault) if fault else None
        if fault is None:
            await upstream.stop()

        answer = await rig.file(SDIST.digest(), SDIST.filename)

        assert (200, False) == (answer.status, answer.broken)
        assert SDIST.data == answer.body
        assert 1 == mirror.requests["/simple/demo/"]


@plays
async def test_a_file_of_the_same_name_with_other_bytes_is_not_taken(tmp_path):
    async with FakeUpstream() as upstream, FakeUpstream() as mirror:
        upstream.add("demo", SDIST)
        mirror.add("demo", FakeFile(SDIST.filename, data=b"other"))
        async with running(tmp_path, upstream, mirrors=(mirror.url,)) as rig:
            await rig.page("demo")
            upstream.files_fault = Fault("status", status=500)

            answer = await rig.file(SDIST.digest(), SDIST.filename)

    assert 503 == answer.status
    assert 0 == mirror.requests[f"/files/demo/{SDIST.filename}"]


@plays
async def test_a_file_that_the_upstream_says_is_gone_is_not_sought_elsewhere(tmp_path):
    async with mirrored(tmp_path) as (upstream, mirror, rig):
        await rig.page("demo")
        upstream.projects["demo"].clear()

        assert 404 == (await rig.file(SDIST.digest(), SDIST.filename)).status
        assert [] == mirror.seen


@pytest.mark.parametrize("kind", ["truncated", "hang-body"])
@plays
async def test_a_source_that_dies_midway_is_continued_by_range_from_the_mirror(tmp_path, kind):
    async with mirrored(tmp_path, idle_seconds=0.3) as (upstream, mirror, rig):
        await rig.page("big")
        path = f"/files/big/{BIG.filename}"
        upstream.files_fault = Fault(kind, after=5 * MIB)

        answer = await rig.file(BIG.digest(), BIG.filename)

        assert (200, BIG.size, False) == (answer.status, len(answer.body), answer.broken)
        assert BIG.slice(0, BIG.size) == answer.body
        assert 1 == upstream.requests[path]
        resumed = next(request for request in mirror.seen if request.path == path)
        assert 0 < int(resumed.headers["Range"].removeprefix("bytes=").removesuffix("-")) <= 5 * MIB
        assert "If-Range" not in resumed.headers
        await rig.until_idle()
        assert 200 == (await rig.get(f"/file/{UPSTREAM}/{BIG.digest()}/{BIG.filename}")).status


@plays
async def test_wrong_bytes_of_a_mirror_after_a_break_are_found_over_the_whole_and_not_kept(tmp_path):
    async with mirrored(tmp_path) as (upstream, mirror, rig):
        await rig.page("big")
        upstream.files_fault = Fault("truncated", after=5 * MIB, times=1)
        mirror.files_fault = Fault("flip-last")

        answer = await rig.file(BIG.digest(), BIG.filename)
        await rig.until_idle()

        assert answer.broken
        assert [] == [key for key in rig.stored("pulled/") if BIG.digest() in key]


@plays
async def test_a_range_is_relayed_from_the_mirror_when_the_upstream_cannot_answer(tmp_path):
    async with mirrored(tmp_path) as (upstream, _, rig):
        await rig.page("big")
        await upstream.stop()

        answer = await rig.file(BIG.digest(), BIG.filename, {"Range": "bytes=-100"})

        assert 206 == answer.status
        assert BIG.slice(BIG.size - 100, BIG.size) == answer.body


@plays
async def test_metadata_comes_from_the_mirror_too(tmp_path):
    """Without it an installer would stop before it ever asked for the file."""
    text = b"Metadata-Version: 2.1\nName: told\nVersion: 1.0\n"
    told = FakeFile("told-1.0-py3-none-any.whl", data=b"wheel", metadata=text)
    async with mirrored(tmp_path) as (upstream, mirror, rig):
        for index in (upstream, mirror):
            index.add("told", told)
        upstream.files_fault = Fault("status", status=500)
        assert 200 == (await rig.page("told")).status

        answer = await rig.get(f"/metadata/{UPSTREAM}/{told.digest()}/{told.filename}")

        assert (200, {"size": len(text)}) == (answer.status, answer.json)
        assert 1 == mirror.requests[f"/files/told/{told.filename}.metadata"]


@plays
async def test_a_mirrors_page_is_asked_once_for_several_files_of_a_project(tmp_path):
    async with mirrored(tmp_path) as (upstream, mirror, rig):
        for index in (upstream, mirror):
            index.add("demo", NEWER)
        await rig.page("demo")
        await upstream.stop()

        answers = [await rig.file(file.digest(), file.filename) for file in (SDIST, NEWER)]

        assert [200, 200] == [answer.status for answer in answers]
        assert 1 == mirror.requests["/simple/demo/"]


@plays
async def test_the_status_names_mirrors_without_their_credentials(tmp_path):
    async with FakeUpstream() as upstream, FakeUpstream() as mirror:
        secret = mirror.url.replace("http://", "http://me:hush@")
        async with running(tmp_path, upstream, mirrors=(secret,)) as rig:
            status = await rig.status()

    assert [{"url": mirror.url, "breaker": "closed"}] == status["mirrors"]
    assert "hush" not in repr(status)


@pytest.mark.parametrize("where", ["http://127.0.0.1:99999", "http://127.0.0.1:port", "http://[::1", "ftp://127.0.0.1"])
@plays
async def test_a_redirect_to_no_address_is_trouble_that_a_mirror_helps_out_of(tmp_path, where):
    async with mirrored(tmp_path) as (upstream, _, rig):
        await rig.page("demo")
        upstream.redirect_files_to = where

        answer = await rig.file(SDIST.digest(), SDIST.filename)

        assert (200, SDIST.data) == (answer.status, answer.body)
        assert "redirects to something" in (await rig.status())["last_failure_reason"]
