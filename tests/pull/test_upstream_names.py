"""`only` and `except` say which names an upstream is asked for; the others it does not have, whoever asks pull."""

import pytest
from pull.fake_upstream import FakeFile, FakeUpstream
from pull.rig import UPSTREAM, plays, running

from holdfast.clock import SystemClock
from holdfast.config import UpstreamConfig
from holdfast.pull.upstream import Upstream

WHEEL = FakeFile("torch-1.0.tar.gz", data=b"wheel")
SDIST = FakeFile("torch-extra-1.0.tar.gz", data=b"sdist")


@pytest.mark.parametrize(
    ("only", "except_", "served"),
    [
        ((), (), {"torch", "torchvision", "numpy"}),
        (("torch*",), (), {"torch", "torchvision"}),
        (("torch",), (), {"torch"}),
        ((), ("torch*",), {"numpy"}),
        (("torch*",), ("torchvision",), {"torch"}),
        (("Torch_*",), (), set()),
    ],
)
def test_patterns_decide_over_normalised_names(only, except_, served):
    config = UpstreamConfig("up", "https://upstream.test/simple/", only=only, except_=except_)
    upstream = Upstream(config, "instance", SystemClock())

    assert served == {name for name in ("torch", "torchvision", "numpy") if upstream.serves(name)}


@plays
async def test_a_name_outside_is_absent_and_never_asked_for(tmp_path):
    async with FakeUpstream() as upstream, running(tmp_path, upstream, only=("torch*",)) as rig:
        upstream.add("numpy", FakeFile("numpy-1.0.tar.gz", data=b"other"))

        page = await rig.page("numpy")
        exists = await rig.get(f"/exists/{UPSTREAM}/numpy")
        unhashed = await rig.get(f"/unhashed/{UPSTREAM}/numpy/numpy-1.0.tar.gz")

        assert [404, 200, 404] == [page.status, exists.status, unhashed.status]
        assert not exists.json["exists"]
        assert "only" in page.json["reason"]
        assert [] == upstream.seen


@plays
async def test_files_of_a_name_that_was_excluded_later_are_absent_too(tmp_path):
    async with FakeUpstream() as upstream:
        upstream.add("torch", WHEEL)
        upstream.add("torch-extra", SDIST)
        async with running(tmp_path, upstream) as rig:
            for name, file in (("torch", WHEEL), ("torch-extra", SDIST)):
                assert 200 == (await rig.page(name)).status
                assert 200 == (await rig.file(file.digest(), file.filename)).status
            await rig.until_idle()
            store = rig.store
        async with running(tmp_path, upstream, store=store, except_=("torch-extra",)) as rig:
            answers = [await rig.file(file.digest(), file.filename) for file in (WHEEL, SDIST)]
            metadata = await rig.get(f"/metadata/{UPSTREAM}/{SDIST.digest()}/{SDIST.filename}")

    assert [200, 404] == [answer.status for answer in answers]
    assert 404 == metadata.status
