"""News that arrive while an answer is being made: the answer may be the old one, what is remembered may not."""

import asyncio
import json

import pytest
from read.plays import plays
from read.site import JSON, Site, path_of, running

from holdfast.clock import ManualClock
from holdfast.core.policy import Policy
from holdfast.read.hosted import PageMaker
from holdfast.tree import addresses
from holdfast.tree.journal import BytesRemoved, ProjectGone
from holdfast.wire.admission import Admission, OverBudget


def once_read(site: Site, key: str, news) -> None:
    """Let `news` be published, and seen by the plane, right after `key` was read for the first time."""
    loop = asyncio.get_running_loop()

    def published(read: str) -> None:
        if read == key:
            site.store.after_get = lambda _key: None
            news()
            asyncio.run_coroutine_threadsafe(site.plane.follower.catch_up(), loop).result()

    site.store.after_get = published


@pytest.mark.parametrize("path", ["/simple/demo/", "/pypi/demo/json"])
@plays
async def test_a_page_made_from_an_older_record_is_not_remembered(tmp_path, path):
    async with running(tmp_path) as site:
        old, new = site.wheel("demo", "1.0"), site.wheel("demo", "2.0")
        site.publish("demo", old)
        await site.plane.follower.catch_up()
        digest = site.plane.reader.find("main", "demo").record
        once_read(site, addresses.record("main", "demo", digest), lambda: site.publish("demo", old, new))

        await site.get(path, accept=JSON)
        after = await site.get(path, accept=JSON)

        page = json.loads(after.body)
        assert ["1.0", "2.0"] == (page["versions"] if "versions" in page else list(page["releases"]))


@plays
async def test_a_file_of_a_project_quarantined_meanwhile_is_not_remembered(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo")
        site.publish("demo", file)
        once_read(site, addresses.blob(file.sha256), lambda: site.publish("demo", file, status="quarantined"))

        await site.get(path_of(file))

        assert 403 == (await site.get(path_of(file))).status


@plays
async def test_deleting_a_project_ends_no_quarantine_of_its_files(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo")
        site.publish("demo", file, status="quarantined")
        site.tell(ProjectGone("main", "demo", "demo", site.serial + 1, status="quarantined"))

        assert 403 == (await site.get(path_of(file))).status


@plays
async def test_a_document_made_before_a_removal_is_not_remembered(tmp_path):
    async with running(tmp_path) as site:
        file, bad = site.wheel("demo", "1.0"), site.wheel("demo", "2.0")
        site.publish("demo", file, bad)
        once_read(site, addresses.blob(bad.metadata_sha256), lambda: site.tell(BytesRemoved((bad.sha256,), "bad")))

        await site.get("/pypi/demo/json")

        assert ["1.0"] == list(json.loads((await site.get("/pypi/demo/json")).body)["releases"])


@plays
async def test_one_clients_spent_budget_is_not_told_to_another(tmp_path):
    async with running(tmp_path) as site:
        keys = [site.publish(name, site.wheel(name)) and _record_key(site, name) for name in ("first", "second")]
        clock = ManualClock()
        poor = Admission(clock, client_ms_per_second=0.001)  # one page empties a client's bucket
        maker = PageMaker(site.plane.reader, site.plane.workers, clock, poor, {"main": "http://index.test"})

        async def page(client: str, key: tuple[str, str]) -> bytes:
            return (await maker.make(client, "main", *key, key[1], "json", "", Policy())).body

        await page("greedy", keys[0])
        greedy, modest = await asyncio.gather(page("greedy", keys[1]), page("modest", keys[1]), return_exceptions=True)

        assert isinstance(greedy, OverBudget) and b"second-1.0" in modest


def _record_key(site: Site, name: str) -> tuple[str, str]:
    (found,) = site.store.list(addresses.records_of("main", name))
    return found.key, found.key.rpartition("/")[2].partition(".")[0]


@plays
async def test_metadata_removed_while_it_is_read_is_not_given_out(tmp_path):
    async with running(tmp_path) as site:
        file = site.wheel("demo")
        site.publish("demo", file)
        removed = BytesRemoved((file.metadata_sha256,), "a name that must not be told")
        once_read(site, addresses.blob(file.metadata_sha256), lambda: site.tell(removed))

        answers = [await site.get(path_of(file, metadata=True)) for _ in range(2)]

        assert [410, 410] == [answer.status for answer in answers]
