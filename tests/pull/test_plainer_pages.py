"""A page that says less than it did takes no fact from the files it still lists; one that is none replaces nothing."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pull.fake_upstream import FakeFile, FakeUpstream
from pull.rig import plays, running

from holdfast.core.simple_json import detail

METADATA = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
WHEEL = FakeFile(
    "demo-1.0-py3-none-any.whl", data=b"wheel", metadata=METADATA, requires_python=">=3.8", yanked="broken"
)
SDIST = FakeFile("demo-1.0.tar.gz", data=b"sdist", hashes=("sha256", "md5"))


def listed(rig):
    return {file.filename: replace(file, upstream_url="") for file in rig.record("demo").files}


def bare(file, *hashes):
    return replace(file, hashes=hashes, metadata=None, requires_python="", yanked=False)


@pytest.mark.parametrize("hashes", [(), ("md5",)], ids=["no digests", "only md5"])
@plays
async def test_html_without_sha256_takes_no_fact_from_files_that_json_listed_with_it(tmp_path, hashes):
    async with FakeUpstream(serial=17) as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL, SDIST)
        upstream.statuses["demo"] = {"status": "deprecated", "reason": "use other"}
        await rig.page("demo")
        before = listed(rig)
        upstream.mode = "html"
        upstream.projects["demo"] = [bare(WHEEL, *hashes), bare(SDIST, *hashes), FakeFile("demo-2.0.tar.gz", data=b"x")]
        upstream.projects["demo"][-1].hashes = ()

        answer = await rig.page("demo")

        after = listed(rig)
        assert not answer.json["stale"]
        for filename, file in before.items():
            assert replace(file, md5="", hashes=()) == replace(after[filename], md5="", hashes=())
        assert "" == after["demo-2.0.tar.gz"].sha256
        record = rig.record("demo")
        assert ("deprecated", "use other") == (record.status, record.status_reason)


@plays
async def test_another_digest_of_the_same_kind_is_another_file(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", SDIST)
        await rig.page("demo")
        upstream.mode = "html"
        upstream.projects["demo"] = [FakeFile(SDIST.filename, data=b"other bytes", hashes=("md5",))]

        await rig.page("demo")

        file = listed(rig)[SDIST.filename]
        assert ("", None, False) == (file.sha256, file.size, file.has_metadata)


@plays
async def test_html_with_sha256_keeps_sizes_dates_and_metadata_and_believes_the_rest(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL, SDIST)
        await rig.page("demo")
        before = listed(rig)[WHEEL.filename]
        upstream.mode = "html"
        upstream.projects["demo"] = [bare(WHEEL, "sha256"), SDIST]

        await rig.page("demo")

        after = listed(rig)[WHEEL.filename]
        assert replace(before, requires_python="", yanked=False, yanked_reason="") == after
        assert datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC) == after.upload_time


PARKED = {
    "links to elsewhere": b"<html><title>demo.example is for sale</title><a href='https://ads.example/'>buy</a></html>",
    "a download of something else": b"<html><a href='https://ads.example/setup.exe'>Download</a></html>",
    "downloads of others' projects": b"<html><a href='/a-1.0.zip'>a</a><a href='/b-1.0.zip'>b</a></html>",
    "a heading of another project": b"<html><h1>Links for other</h1><a href='/other-1.0.zip'>other-1.0.zip</a></html>",
}


@pytest.mark.parametrize("body", PARKED.values(), ids=PARKED)
@pytest.mark.parametrize("files", [1, 5, 12])
@plays
async def test_a_parked_or_foreign_page_never_replaces_a_good_one(tmp_path, body, files):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", *(FakeFile(f"demo-{n}.0.tar.gz", data=b"%d" % n) for n in range(files)))
        await rig.page("demo")
        before = detail(rig.record("demo"), public_base="")
        upstream.bodies["demo"] = ("text/html; charset=utf-8", body)

        answer = await rig.page("demo")

        assert (200, True) == (answer.status, answer.json["stale"])
        assert before == detail(rig.record("demo"), public_base="")


@plays
async def test_a_list_of_nothing_but_other_files_is_not_believed_at_once(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", *(FakeFile(f"demo-{n}.0.tar.gz", data=b"%d" % n) for n in range(3)))
        await rig.page("demo")
        upstream.projects["demo"] = [FakeFile("demo-9.0.tar.gz", data=b"nine")]

        assert (await rig.page("demo")).json["stale"]


@pytest.mark.parametrize("heading", ["<h1>Links for demo</h1>", "<title>Links for Demo</title>"])
@plays
async def test_a_project_page_may_list_files_of_any_name(tmp_path, heading):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.bodies["demo"] = ("text/html", f"<html>{heading}<a href='old.zip'>old.zip</a></html>".encode())

        assert 200 == (await rig.page("demo")).status
        assert ["old.zip"] == list(listed(rig))
