"""Rules on large pages, and rules that change while an answer is made."""

import asyncio
import json

import pytest
from pull.fake_upstream import FakeFile, FakeUpstream
from read.plays import plays
from read.policed import DAY, NOW, address, ask, decide, doors_open, policed, wheel, with_advisories, with_denial
from read.site import JSON

from holdfast.core.advisories import Advisories, Advisory, Affected
from holdfast.tree import addresses, overrides
from holdfast.tree.advisories import put_advisories

OLD, NEW = "2020-01-01T00:00:00Z", "2026-05-31T00:00:00Z"  # NOW is a day later
MANY = [FakeFile(f"large-1.{n}.tar.gz", data=f"{n}".encode(), upload_time=OLD) for n in range(1000)]
YOUNG = FakeFile("large-2.0.tar.gz", data=b"young", upload_time=NEW)
MALWARE = Affected(Advisory("MAL-2026-1", "malware", ""), versions=("2.0",))


def was_ready_made(site) -> bool:
    return any(key.startswith(addresses.RENDERED_PREFIX) for key in site.store.asked)


@plays
async def test_a_large_page_obeys_the_rules_too(tmp_path):
    async with FakeUpstream() as upstream, policed(tmp_path, upstream, {"cooldown_seconds": 7 * DAY}) as site:
        upstream.add("large", *MANY, YOUNG)

        page = await site.get("/simple/large/", accept=JSON, accept_encoding="")
        document = await site.get("/pypi/large/json")

        assert [len(MANY)] * 2 == [len(json.loads(page.body)["files"]), len(json.loads(document.body)["releases"])]
        assert "1.999" == json.loads(document.body)["info"]["version"]


@pytest.mark.parametrize(("known", "ready_made"), [("other", True), ("large", False)])
@plays
async def test_only_projects_that_advisories_name_lose_their_ready_made_pages(tmp_path, known, ready_made):
    async with FakeUpstream() as upstream, policed(tmp_path, upstream, {}) as site:
        upstream.add("large", *MANY, YOUNG)
        await decide(site, with_advisories(put_advisories(site.store, Advisories({known: (MALWARE,)}, malware=1))))

        page = await site.get("/simple/large/", accept=JSON)

        assert ready_made == was_ready_made(site)
        assert len(MANY) + ready_made == len(json.loads(page.body)["files"])


@pytest.mark.parametrize("what", ["page", "metadata", "file"])
@plays
async def test_an_answer_that_was_begun_before_a_denial_is_not_kept_in_memory(tmp_path, what):
    bad = wheel("2.0")
    places = {"page": "/simple/demo/", "metadata": address(bad, ".metadata"), "file": address(bad)}
    keys = {
        "page": addresses.pulled_page("up", "demo"),
        "metadata": addresses.pulled_metadata("up", bad.digest()),
        "file": addresses.pulled_file("up", bad.digest()),
    }
    async with FakeUpstream() as upstream:
        upstream.add("demo", bad, wheel("1.0"))
        async with policed(tmp_path, upstream, {}) as site:
            await doors_open(site, bad)
            await site.pull.until_idle()

        async with policed(tmp_path, upstream, {}, pull=False) as site:
            arrived = _denied_after_reading(site, keys[what])
            before = await site.get(places[what], accept=JSON)
            after = await site.get(places[what], accept=JSON)

            assert ([True], 200) == (arrived, before.status)
            if what == "page":
                assert [True, False] == [bad.filename in answer.body.decode() for answer in (before, after)]
            else:
                assert 403 == after.status


def _denied_after_reading(site, key: str) -> list[bool]:
    """Let an operator deny demo 2.0, and the plane take that in, right after the key's last reading."""
    arrived: list[bool] = []
    loop = asyncio.get_running_loop()
    readings = {addresses.pulled_page("up", "demo"): 2}.get(key, 1)  # of a page: what it is, then its files

    def decided(read: str) -> None:
        nonlocal readings
        readings -= read == key
        if readings == 0:
            site.store.after_get = lambda _key: None
            overrides.change(site.store, with_denial("demo==2.0"), by="alice", what="", now=NOW)
            arrived.append(site.plane.policies.look())
            asyncio.run_coroutine_threadsafe(site.plane.on_policies(), loop).result()

    site.store.after_get = decided
    return arrived


@plays
async def test_rules_of_the_pages_last_second_do_not_outlive_it_in_memory(tmp_path):
    young = wheel("2.0", age_days=7 - 30 / DAY)
    async with FakeUpstream() as upstream:
        upstream.add("demo", young)
        async with policed(tmp_path, upstream, {"cooldown_seconds": 7 * DAY}, freshness_seconds=DAY) as site:
            for _ in range(2):
                assert not await doors_open(site, young)
            site.clock.advance(31)

            assert young.filename in (await ask(site, "json", young)).body.decode()
