"""Files whose page names no sha256: fetched, held to what the page does say, and given the digest they have."""

import pytest
from pull.fake_upstream import FakeFile, FakeUpstream, Fault
from pull.rig import UPSTREAM, plays, running

from holdfast.tree import addresses

BARE = FakeFile("demo-1.0.tar.gz", data=b"x" * 100_000, hashes=())
MD5 = FakeFile("demo-2.0.tar.gz", data=b"y" * 100_000, hashes=("md5",))


def url(file):
    return f"/unhashed/{UPSTREAM}/demo/{file.filename}"


@pytest.mark.parametrize("mode", ["json", "html"])
@pytest.mark.parametrize("file", [BARE, MD5], ids=["no digest", "only md5"])
@plays
async def test_its_first_fetch_gives_it_a_digest_that_page_book_and_refreshes_know(tmp_path, file, mode):
    async with FakeUpstream(mode=mode, etags=False) as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", file)
        before = await rig.page("demo")
        assert "" == rig.record("demo").files[0].sha256

        answer = await rig.get(url(file))
        await rig.until_idle()

        assert (200, file.data) == (answer.status, answer.body)
        listed = rig.record("demo").files[0]
        assert (file.digest(), file.size) == (listed.sha256, listed.size)
        assert addresses.card(UPSTREAM, file.digest(), file.filename) in rig.stored("v1/")
        after = await rig.page("demo", max_age=60)
        assert after.json["digest"] != before.json["digest"]
        refreshed = await rig.page("demo")
        assert (after.json["digest"], False) == (refreshed.json["digest"], refreshed.json["stale"])
        for kept in (await rig.get(url(file)), await rig.file(file.digest(), file.filename)):
            assert ("1", file.digest()) == (kept.headers["X-Holdfast-Kept"], kept.json["sha256"])
        assert 1 == upstream.requests[f"/files/demo/{file.filename}"]


@plays
async def test_it_is_held_to_the_other_digests_its_page_gives(tmp_path):
    async with FakeUpstream(mode="html") as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", MD5)
        await rig.page("demo")
        upstream.files_fault = Fault("flip-last")

        assert (await rig.get(url(MD5))).broken

        await rig.until_idle()
        assert [addresses.pulled_page(UPSTREAM, "demo")] == rig.stored("pulled/")
        assert "" == rig.record("demo").files[0].sha256


@plays
async def test_another_file_under_the_same_url_gets_another_digest(tmp_path):
    async with FakeUpstream(mode="html") as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", MD5)
        await rig.page("demo")
        await rig.get(url(MD5))
        await rig.until_idle()
        changed = FakeFile(MD5.filename, data=b"z" * 100_000, hashes=("md5",))
        upstream.projects["demo"] = [changed]

        await rig.page("demo")

        assert "" == rig.record("demo").files[0].sha256
        assert changed.data == (await rig.get(url(changed))).body
        await rig.until_idle()
        assert changed.digest() == rig.record("demo").files[0].sha256


@plays
async def test_one_that_was_never_listed_is_absent(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", BARE)
        await rig.page("demo")

        assert 404 == (await rig.get(f"/unhashed/{UPSTREAM}/demo/demo-9.0.tar.gz")).status
        assert 404 == (await rig.get(f"/unhashed/{UPSTREAM}/other/{BARE.filename}")).status
