"""Core metadata of upstream files: fetched when advertised, held to its digest, kept."""

import asyncio

from pull.fake_upstream import FakeFile, FakeUpstream, Fault
from pull.rig import UPSTREAM, plays, running

from holdfast.tree import addresses

METADATA = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
WHEEL = FakeFile("demo-1.0-py3-none-any.whl", data=b"wheel", metadata=METADATA)


def url(file):
    return f"/metadata/{UPSTREAM}/{file.digest()}/{file.filename}"


@plays
async def test_advertised_metadata_is_fetched_once_and_kept(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL)
        await rig.page("demo")

        answers = await asyncio.gather(*(rig.get(url(WHEEL)) for _ in range(10)))
        answers.append(await rig.get(url(WHEEL)))

        assert [(200, {"size": len(METADATA)})] * 11 == [(answer.status, answer.json) for answer in answers]
        assert METADATA == rig.store.get(addresses.pulled_metadata(UPSTREAM, WHEEL.digest()))
        assert 1 == upstream.requests[f"/files/demo/{WHEEL.filename}.metadata"]


@plays
async def test_metadata_without_a_digest_is_believed_when_it_is_metadata(tmp_path):
    bare = FakeFile(WHEEL.filename, data=b"wheel", metadata=METADATA, metadata_sha256="")
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", bare)
        await rig.page("demo")
        upstream.files_fault = Fault("maintenance", times=1)
        assert 503 == (await rig.get(url(bare))).status

        assert 200 == (await rig.get(url(bare))).status


@plays
async def test_metadata_with_another_digest_is_corrupt_and_not_kept(tmp_path):
    wrong = FakeFile(WHEEL.filename, data=b"wheel", metadata=METADATA, metadata_sha256="0" * 64)
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", wrong)
        await rig.page("demo")

        answer = await rig.get(url(wrong))

        assert (502, "corrupt") == (answer.status, answer.json["outcome"])
        assert addresses.pulled_metadata(UPSTREAM, wrong.digest()) not in rig.stored("pulled/")


@plays
async def test_metadata_nobody_advertised_is_absent_and_asked_of_nobody(tmp_path):
    plain = FakeFile("demo-1.0.tar.gz", data=b"sdist")
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", plain)
        await rig.page("demo")

        assert 404 == (await rig.get(url(plain))).status
        assert 0 == upstream.requests[f"/files/demo/{plain.filename}.metadata"]


@plays
async def test_metadata_of_a_dead_upstream_is_unavailable_and_kept_metadata_is_not(tmp_path):
    other = FakeFile("demo-0.9-py3-none-any.whl", data=b"two", metadata=METADATA)
    async with FakeUpstream() as upstream, running(tmp_path, upstream) as rig:
        upstream.add("demo", WHEEL, other)
        await rig.page("demo")
        await rig.get(url(WHEEL))
        await upstream.stop()

        assert [200, 503] == [(await rig.get(url(WHEEL))).status, (await rig.get(url(other))).status]
        await upstream.start()
