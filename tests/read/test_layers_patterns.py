"""`only` and `except` of upstreams: who is asked for a name, and that nobody stands in for who is not there."""

import json
from contextlib import asynccontextmanager

from pull.fake_upstream import FakeFile, FakeUpstream, Fault
from read.plays import plays
from read.site import INSTANCE, JSON, Site
from read.test_pulled import address

from holdfast.clock import SystemClock
from holdfast.config import IndexConfig, UpstreamConfig
from holdfast.pull.serve import Pull

CPU = FakeFile("torch-2.5.0+cpu-py3-none-any.whl", data=b"cpu" * 40_000)
CUDA = FakeFile("torch-2.5.0-py3-none-any.whl", data=b"cuda" * 40_000)
NUMPY = FakeFile("numpy-2.0-py3-none-any.whl", data=b"numpy" * 40_000)
COLD = FakeFile("torch-2.4.0+cpu.tar.gz", data=b"source" * 40_000)  # no wheel: nothing of it is fetched ahead
LIMITS = {"page_budget_seconds": 1.0, "first_byte_seconds": 1.0, "idle_seconds": 1.0}


@asynccontextmanager
async def two(folder, special, general, **patterns):
    """A site over both upstreams, the special one first."""
    first = UpstreamConfig("special", special.url, **LIMITS, **({"only": ("torch*",)} | patterns))
    upstreams = (first, UpstreamConfig("general", general.url, **LIMITS))
    site = Site(folder, upstreams=upstreams, indexes=(IndexConfig("main", layers=("special", "general")),))
    pull = Pull(site.config, site.store, SystemClock(), 0)
    await pull.start()
    await site.plane.start()
    try:
        yield site
    finally:
        await site.plane.stop()
        await pull.stop()


@asynccontextmanager
async def both(folder, **patterns):
    """Two upstreams as companies have them: a flat HTML page of special builds, and the rest of the world."""
    async with FakeUpstream(mode="html") as special, FakeUpstream() as general:
        special.add("torch", CPU)
        special.add("numpy", FakeFile("numpy-9.9-py3-none-any.whl", data=b"a stranger's"))
        general.add("torch", CUDA)
        general.add("numpy", NUMPY)
        async with two(folder, special, general, **patterns) as site:
            yield site, special, general


def filenames(answer):
    assert 200 == answer.status, (answer.status, answer.body)
    return [file["filename"] for file in json.loads(answer.body)["files"]]


@plays
async def test_each_name_comes_from_the_upstream_its_pattern_says(tmp_path):
    async with both(tmp_path) as (site, special, general):
        pages = [filenames(await site.get(f"/simple/{name}/", accept=JSON)) for name in ("torch", "numpy")]
        files = [(await site.get(address(file))).body for file in (CPU, NUMPY)]

        assert [[CPU.filename], [NUMPY.filename]] == pages
        assert [CPU.data, NUMPY.data] == files
        assert 0 == special.requests["/simple/numpy/"] == general.requests["/simple/torch/"]


@plays
async def test_with_the_special_upstream_down_its_names_are_503_and_the_others_are_served(tmp_path):
    async with both(tmp_path) as (site, special, general):
        special.pages_fault = special.files_fault = Fault("status", status=500)

        pages = [await site.get(f"/simple/{name}/", accept=JSON) for name in ("torch", "torchvision", "numpy")]

        assert [503, 503, 200] == [page.status for page in pages]
        assert "retry-after" in pages[0].headers
        assert not general.requests["/simple/torch/"] + general.requests["/simple/torchvision/"]


@plays
async def test_a_cold_file_is_asked_only_of_upstreams_that_may_have_its_name(tmp_path):
    async with both(tmp_path) as (site, special, general):
        special.add("torch", COLD)
        for name in ("torch", "numpy"):
            await site.get(f"/simple/{name}/", accept=JSON)
        special.pages_fault = special.files_fault = Fault("status", status=500)

        theirs, special_one, never_listed = [await site.get(address(file)) for file in (NUMPY, COLD, CUDA)]

        assert (200, NUMPY.data) == (theirs.status, theirs.body)
        assert [503, 404] == [special_one.status, never_listed.status]
        assert not [path for path in special.requests if "numpy" in path]
        assert not [path for path in general.requests if "torch" in path]


@plays
async def test_names_an_upstream_is_kept_from_are_not_asked_of_it(tmp_path):
    async with both(tmp_path, only=(), except_=("numpy",)) as (site, special, _):
        pages = [filenames(await site.get(f"/simple/{name}/", accept=JSON)) for name in ("torch", "numpy")]

        assert [[CPU.filename], [NUMPY.filename]] == pages
        assert not special.requests["/simple/numpy/"]


@plays
async def test_a_file_that_came_before_the_pattern_is_not_served_against_it(tmp_path):
    async with FakeUpstream() as special, FakeUpstream() as general:
        special.add("numpy", NUMPY)
        async with two(tmp_path, special, general, only=()) as site:
            await site.get("/simple/numpy/", accept=JSON)
            before = await site.get(address(NUMPY))
        async with two(tmp_path, special, general) as site:
            after = await site.get(address(NUMPY))

        assert (200, 404) == (before.status, after.status)
        assert INSTANCE == site.config.instance
