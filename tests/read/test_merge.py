"""Merged names: one page of several sides' files, whole or not at all."""

import hashlib
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pull.fake_upstream import FakeFile, FakeUpstream, Fault
from read.plays import plays
from read.site import HTML, JSON, Site, path_of
from read.test_layers import _record_digest
from read.test_pulled import address
from records import files_in_html, files_in_json

from holdfast.clock import SystemClock
from holdfast.config import IndexConfig, UpstreamConfig
from holdfast.core.merging import join, without_overruled
from holdfast.core.model import File, Record
from holdfast.pull.serve import Pull
from holdfast.read.hosted import SMALL_STORED_BYTES
from holdfast.tree import addresses
from holdfast.tree.journal import BytesRemoved, ProjectGone, ProjectHeld

NEW, OLD = "2026-06-01T00:00:00Z", "2020-01-01T00:00:00Z"
ONE = FakeFile("demo-1.0.tar.gz", data=b"upstream one" * 10_000, upload_time=OLD)
TWO = FakeFile("demo-2.0.tar.gz", data=b"upstream two" * 10_000, upload_time=NEW)
LIMITS = {"page_budget_seconds": 2.0, "first_byte_seconds": 2.0, "idle_seconds": 2.0}


@asynccontextmanager
async def merging(folder, *upstreams, hosted=("main",), names=("demo",), **dev):
    """`dev` merges `demo` from itself, the hosted layers and the upstreams (called up0, up1)."""
    ups = tuple(UpstreamConfig(f"up{n}", upstream.url, **LIMITS) for n, upstream in enumerate(upstreams))
    layers = (*hosted, *(up.name for up in ups))
    indexes = (IndexConfig("main"), IndexConfig("dev", layers=layers, merge=names, **dev))
    site = Site(folder, upstreams=ups, indexes=indexes)
    site.pull = Pull(site.config, site.store, SystemClock(), 0)
    await site.pull.start()
    await site.plane.start()
    try:
        yield site
    finally:
        await site.plane.stop()
        await site.pull.stop()


async def page(site, path="/dev/simple/demo/", accept=JSON):
    return await site.get(path, accept=accept)


def versions(answer):
    assert 200 == answer.status, (answer.status, answer.body)
    return json.loads(answer.body)["versions"]


def file(filename, sha256="a", version="1.0"):
    return File(filename, sha256 * 64, 1, version)


def test_of_two_files_of_one_name_the_upper_one_counts():
    upper = Record("dev", "demo", "Demo", 7, (file("a", "1"), file("b", "1", "2.0")), status="archived")
    lower = Record("up", "demo", "demo", 0, (file("b", "2", "2.0"), file("c", "2", "1.5")), upstream_serial=99)

    merged = join(without_overruled([upper, lower]))

    assert [("a", "1" * 64), ("c", "2" * 64), ("b", "1" * 64)] == [(f.filename, f.sha256) for f in merged.files]
    assert ("Demo", "archived", 7) == (merged.display, merged.status, merged.serial)


@plays
async def test_a_merged_page_has_the_files_of_every_side_and_all_of_them_are_served(tmp_path):
    async with FakeUpstream(serial=99) as upstream, merging(tmp_path, upstream) as site:
        upstream.add("demo", ONE, FakeFile("demo-3.0-py3-none-any.whl", data=b"not what main has"))
        below, own = site.wheel("demo", "3.0"), site.wheel("demo", "4.0.dev1", index="dev")
        site.publish("demo", below)
        site.publish("demo", own, index="dev")

        answers = {accept: await page(site, accept=accept) for accept in (JSON, HTML)}
        listed = json.loads(answers[JSON].body)["files"]
        files = [await site.get("/dev" + one["url"].removeprefix("../..")) for one in listed]

        assert ["1.0", "3.0", "4.0.dev1"] == versions(answers[JSON])
        assert files_in_html(answers[HTML].body) == files_in_json(answers[JSON].body)
        assert [ONE.digest(), below.sha256, own.sha256] == [one["hashes"]["sha256"] for one in listed]
        assert [200] * 3 == [answer.status for answer in files]
        assert "project/dev/demo project/main/demo" == answers[JSON].headers["surrogate-key"]
        assert str(site.serial) == answers[JSON].headers["x-pypi-last-serial"]


@plays
async def test_a_merged_pages_tag_says_what_is_on_it(tmp_path):
    async with FakeUpstream() as upstream, merging(tmp_path, upstream) as site:
        upstream.add("demo", ONE)
        site.publish("demo", site.wheel("demo", "3.0"))
        first = await page(site)
        warm = await page(site)
        unchanged = await site.get("/dev/simple/demo/", accept=JSON, if_none_match=first.headers["etag"])

        site.publish("demo", site.wheel("demo", "3.0"), site.wheel("demo", "3.1"))
        changed = await page(site)

        assert (first.body, first.headers["etag"]) == (warm.body, warm.headers["etag"])
        assert (304, ["1.0", "3.0", "3.1"]) == (unchanged.status, versions(changed))
        assert first.headers["etag"] != changed.headers["etag"]


@plays
async def test_a_new_side_shows_with_the_next_request_and_a_gone_one_leaves(tmp_path):
    async with FakeUpstream() as upstream, merging(tmp_path, upstream) as site:
        upstream.add("demo", ONE)
        seen = [versions(await page(site))]

        site.publish("demo", site.wheel("demo", "5.0.dev1", index="dev"), index="dev")
        seen.append(versions(await page(site)))
        site.publish("demo", site.wheel("demo", "3.0"))
        seen.append(versions(await page(site)))
        site.tell(ProjectGone("dev", "demo", "demo", site.serial + 1))
        seen.append(versions(await page(site)))

        assert [["1.0"], ["1.0", "5.0.dev1"], ["1.0", "3.0", "5.0.dev1"], ["1.0", "3.0"]] == seen


@pytest.mark.parametrize("trouble", ["upstream", "held", "record"])
@plays
async def test_a_side_in_trouble_makes_all_of_it_unavailable_never_a_short_list(tmp_path, trouble):
    async with FakeUpstream() as upstream, merging(tmp_path, upstream) as site:
        upstream.add("demo", ONE)
        site.publish("demo", site.wheel("demo", "5.0.dev1", index="dev"), index="dev")
        if trouble == "upstream":
            upstream.pages_fault = Fault("status", status=500)
        elif trouble == "held":
            site.tell(ProjectHeld("main", "demo", site.serial + 1, "its record cannot be made"))
        else:
            site.publish("demo", site.wheel("demo", "3.0"))
            site.store.delete(addresses.record("main", "demo", _record_digest(site, "demo")))

        answers = [await page(site, path) for path in ("/dev/simple/demo/", "/dev/pypi/demo/json")]

        assert [503, 503] == [answer.status for answer in answers]
        assert all("retry-after" in answer.headers for answer in answers)


@plays
async def test_what_was_kept_of_an_upstream_is_merged_while_it_is_down(tmp_path):
    async with FakeUpstream() as upstream, merging(tmp_path, upstream) as site:
        upstream.add("demo", ONE)
        await page(site)
        upstream.pages_fault = Fault("status", status=500)

        site.publish("demo", site.wheel("demo", "3.0"))

        assert ["1.0", "3.0"] == versions(await page(site))


@plays
async def test_a_name_nobody_has_is_404_and_the_only_side_is_enough(tmp_path):
    async with FakeUpstream() as upstream, merging(tmp_path, upstream) as site:
        nobody = await page(site)
        site.publish("demo", site.wheel("demo", "3.0"))

        assert (404, ["3.0"]) == (nobody.status, versions(await page(site)))


@plays
async def test_only_the_names_it_says_are_merged(tmp_path):
    async with FakeUpstream() as upstream, merging(tmp_path, upstream) as site:
        upstream.add("other", FakeFile("other-9.0.tar.gz", data=b"upstream's"))
        site.publish("other", site.wheel("other"))

        assert ["1.0"] == versions(await page(site, "/dev/simple/other/"))


@plays
async def test_two_upstreams_are_merged_and_the_first_ones_file_counts(tmp_path):
    async with FakeUpstream() as first, FakeUpstream() as second, merging(tmp_path, first, second) as site:
        first.add("demo", ONE)
        second.add("demo", replace(ONE, data=b"another"), TWO)

        answer = await page(site)

        listed = {one["filename"]: one["hashes"]["sha256"] for one in json.loads(answer.body)["files"]}
        assert {ONE.filename: ONE.digest(), TWO.filename: TWO.digest()} == listed


@plays
async def test_rules_hold_back_what_upstreams_gave_and_nothing_stands_in_for_it(tmp_path):
    """A file the first upstream has, and that a rule holds back, is not taken from the second one instead."""
    rules = {"deny": (("demo==1.0", "too old"),)}
    async with FakeUpstream() as first, FakeUpstream() as second, merging(tmp_path, first, second, **rules) as site:
        first.add("demo", ONE)
        second.add("demo", replace(ONE, data=b"another"), TWO)
        site.publish("demo", site.wheel("demo", "1.0"))

        answer = await page(site)

        assert ["demo-1.0-py3-none-any.whl", TWO.filename] == [
            one["filename"] for one in json.loads(answer.body)["files"]
        ]


@plays
async def test_quarantine_above_hides_all_and_below_only_its_own(tmp_path):
    async with FakeUpstream() as upstream, merging(tmp_path, upstream) as site:
        upstream.add("demo", ONE)
        own = site.wheel("demo", "4.0", index="dev")
        site.publish("demo", site.wheel("demo", "3.0"), status="quarantined")
        site.publish("demo", own, index="dev")
        below = await page(site)
        site.publish("demo", own, index="dev", status="quarantined")
        above = await page(site)

        assert (["1.0", "4.0"], "active") == (versions(below), json.loads(below.body)["project-status"]["status"])
        assert ([], "quarantined") == (versions(above), json.loads(above.body)["project-status"]["status"])


@plays
async def test_removed_bytes_leave_a_merged_page_at_once(tmp_path):
    async with FakeUpstream() as upstream, merging(tmp_path, upstream) as site:
        upstream.add("demo", ONE, TWO)
        site.publish("demo", site.wheel("demo", "3.0"))
        before = versions(await page(site))

        site.tell(BytesRemoved((ONE.digest(),), "malware"))

        assert (["1.0", "2.0", "3.0"], ["2.0", "3.0"]) == (before, versions(await page(site)))
        assert 410 == (await site.get("/dev" + address(ONE))).status


@plays
async def test_the_legacy_document_of_a_merged_name_has_every_sides_releases(tmp_path):
    async with FakeUpstream() as upstream, merging(tmp_path, upstream) as site:
        upstream.add("demo", ONE)
        site.publish("demo", site.wheel("demo", "3.0"))

        answer = await site.get("/dev/pypi/demo/json")

        document = json.loads(answer.body)
        assert (["1.0", "3.0"], "about demo") == (list(document["releases"]), document["info"]["summary"])


@plays
async def test_a_view_of_a_merged_name_shows_what_each_side_had_by_then(tmp_path):
    async with FakeUpstream() as upstream, merging(tmp_path, upstream) as site:
        upstream.add("demo", ONE, TWO)
        later = replace(site.wheel("demo", "3.0"), upload_time=datetime(2026, 7, 1, tzinfo=UTC))
        site.publish("demo", site.wheel("demo", "2.5"), later)

        seen = [versions(await page(site, f"/dev/@{date}/simple/demo/")) for date in ("2026-02-01", "2026-06-02")]

        assert [["1.0", "2.5"], ["1.0", "2.0", "2.5"]] == seen
        assert not [path for path in site.plane.hot.entries if "@" in path]


@plays
async def test_a_file_without_a_digest_is_found_on_whichever_side_lists_it(tmp_path):
    bare = FakeFile("demo-7.0.tar.gz", data=b"no digest" * 1000, hashes=())
    async with FakeUpstream(mode="html") as upstream, merging(tmp_path, upstream) as site:
        upstream.add("demo", bare)
        site.publish("demo", site.wheel("demo", "3.0"))
        await page(site)

        answer = await site.get("/dev/packages/-/demo/demo-7.0.tar.gz")

        assert (200, bare.data) == (answer.status, answer.body)


@plays
async def test_the_list_names_a_merged_project_that_is_deleted_above(tmp_path):
    async with FakeUpstream() as upstream, merging(tmp_path, upstream) as site:
        site.publish("demo", site.wheel("demo", "3.0"))
        site.tell(ProjectGone("dev", "demo", "demo", site.serial + 1))

        listed = json.loads((await page(site, "/dev/simple/")).body)["projects"]

        assert ["demo"] == [project["name"] for project in listed]
        assert 200 == (await site.get("/dev" + path_of(site.wheel("demo", "3.0")))).status


@plays
async def test_a_large_merged_page_is_made_by_the_helper_and_is_whole(tmp_path):
    async with FakeUpstream() as upstream, merging(tmp_path, upstream) as site:
        upstream.add("demo", ONE)
        many = [
            replace(file(f"demo-3.{n}.tar.gz", version=f"3.{n}"), sha256=hashlib.sha256(b"%d" % n).hexdigest())
            for n in range(2000)
        ]
        record = site.publish("demo", *many)
        size = site.store.head(addresses.record("main", "demo", _record_digest(site, "demo"))).size

        answer = await page(site)

        assert size > SMALL_STORED_BYTES
        assert ["1.0", *(f.version for f in record.files)] == versions(answer)
