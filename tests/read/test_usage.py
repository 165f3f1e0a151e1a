"""What a front counts of each upstream, hot answers included, and tells pull while that lives."""

import json
from contextlib import asynccontextmanager

from aiohttp import web
from pull.fake_upstream import FakeFile, FakeUpstream
from read.plays import plays
from read.site import JSON, Site
from read.test_pulled import BIG, METADATA, WHEEL, address, layered

from holdfast.clock import ManualClock
from holdfast.config import IndexConfig, UpstreamConfig
from holdfast.read.pull_port import KEPT_HEADER
from holdfast.read.usage import SAMPLES_MAX, by_minute


class Listener:
    """A pull process that only takes what it is told."""

    def __init__(self) -> None:
        self.batches: list[dict] = []
        self.status = 200

    async def take(self, request: web.Request) -> web.Response:
        batch = json.loads(await request.text())
        if self.status == 200:
            self.batches.append(batch)
        return web.json_response({}, status=self.status)

    @asynccontextmanager
    async def listening(self, site: Site, file=None):
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_post("/usage", self.take)
        if file is not None:
            app.router.add_get("/file/{tail:.*}", file)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.UnixSite(runner, str(site.config.pull_socket)).start()
        try:
            yield self
        finally:
            await runner.cleanup()


@asynccontextmanager
async def alone(folder, clock=None):
    """A site over an upstream, without pull; its own task for telling is stopped, so that the test tells."""
    upstreams = (UpstreamConfig("up", "https://up.example/simple/"),)
    site = Site(folder, clock, upstreams=upstreams, indexes=(IndexConfig("main", layers=("up",)),))
    await site.plane.start()
    try:
        await site.plane.usage.stop()
        yield site
    finally:
        await site.plane.stop()


def counted(site: Site) -> dict[str, tuple[int, int]]:
    """Answers and bytes of the upstream by how they were served."""
    found = site.plane.tallies.by_upstream()
    return {served: numbers for (upstream, served), numbers in sorted(found.items()) if upstream == "up"}


@plays
async def test_answers_count_for_their_upstream_by_how_they_were_had(tmp_path):
    clock = ManualClock()
    async with FakeUpstream() as upstream, layered(tmp_path, upstream, clock) as site:
        upstream.add("demo", WHEEL)
        size = len((await site.get("/simple/demo/", accept=JSON)).body)  # fetched first
        assert {"miss": (1, size)} == counted(site)

        for _ in range(3):  # the first fills the hot table, which answers the others
            await site.get("/simple/demo/", accept=JSON)
        assert {"hit": (3, 3 * size), "miss": (1, size)} == counted(site)

        await upstream.stop()
        clock.advance(61)
        for _ in range(2):
            await site.get("/simple/demo/", accept=JSON)
        assert (2, 2 * size) == counted(site)["stale"]

        assert 503 == (await site.get("/simple/unseen/", accept=JSON)).status
        assert 1 == counted(site)["unavailable"][0]
        await upstream.start()


@plays
async def test_files_and_metadata_count_with_their_bytes_and_an_unchanged_answer_with_none(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", WHEEL)
        upstream.add("big", BIG)
        for name in ("demo", "big"):
            await site.get(f"/simple/{name}/", accept=JSON)
        pages = counted(site)["miss"]

        for file in (WHEEL, BIG):
            await site.get(address(file))
            await site.pull.until_idle()
        fetched = counted(site)["miss"]
        for _ in range(3):
            await site.get(address(WHEEL))
            await site.get(address(BIG))
        etag = f'"{WHEEL.digest()}"'
        await site.client.get(address(WHEEL), **{"if-none-match": etag})

        assert (2, WHEEL.size + BIG.size) == (fetched[0] - pages[0], fetched[1] - pages[1])
        assert (7, 3 * (WHEEL.size + BIG.size)) == counted(site)["hit"]


@plays
async def test_what_is_hosted_here_and_absent_names_count_for_no_upstream(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        site.publish("mine", site.wheel("mine"))
        for _ in range(2):
            await site.get("/simple/mine/", accept=JSON)
        assert 404 == (await site.get("/simple/nobody/", accept=JSON)).status

        assert {} == counted(site)


@plays
async def test_a_look_at_what_is_kept_counts_as_no_use(tmp_path):
    """`holdfast warm` asks so for thousands of files: neither a hit nor a failure."""
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", WHEEL)
        await site.get("/simple/demo/", accept=JSON)
        before = counted(site)

        answers = [
            await site.client.get(address(WHEEL), **{"cache-control": "only-if-cached"}),
            await site.client.get("/simple/unseen/", **{"cache-control": "only-if-cached"}),
        ]

        assert [504, 504] == [answer.status for answer in answers]
        assert before == counted(site)


@plays
async def test_pull_is_told_what_was_served_and_which_objects_were_used(tmp_path):
    newer = FakeFile("demo-9.0-py3-none-any.whl", metadata=METADATA)  # whose metadata comes behind the page
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", WHEEL, newer)
        await site.get("/simple/demo/", accept=JSON)
        await site.get(address(WHEEL, ".metadata"))
        await site.get(address(WHEEL))
        await site.pull.until_idle()
        for _ in range(2):
            await site.get(address(WHEEL))

        await site.plane.usage.tell(collect=True)

        told = (await site.pull.get("/report")).json["upstreams"][0]
        assert {"hit": 2, "stale": 0, "miss": 3, "refused": 0, "unavailable": 0} == told["answers"]
        assert told["bytes_served"] > 3 * WHEEL.size + len(METADATA)


@plays
async def test_a_hot_answer_marks_its_object_as_used_each_time_it_is_collected(tmp_path):
    clock = ManualClock()
    async with FakeUpstream() as upstream, layered(tmp_path, upstream, clock) as site:
        upstream.add("demo", WHEEL)
        await site.get("/simple/demo/", accept=JSON)
        await site.get(address(WHEEL))
        await site.pull.until_idle()
        await site.get(address(WHEEL))
        key = ("up", "file", WHEEL.digest())
        await site.pull.pull.keeper.ready()
        await site.pull.pull.keeper.upkeep()
        await site.plane.usage.tell(collect=True)

        clock.advance(3600)
        await site.plane.usage.tell(collect=True)
        await site.pull.pull.keeper.upkeep()
        held = site.pull.pull.keeper.holdings.inventory
        unused = held.used(key)
        await site.get(address(WHEEL))  # from memory
        await site.plane.usage.tell(collect=True)
        await site.pull.pull.keeper.upkeep()

        assert (unused or 0) + 60 == held.used(key) == int(clock.now().timestamp()) // 60


@plays
async def test_what_pull_could_not_take_is_told_when_it_is_back(tmp_path):
    async with alone(tmp_path) as site:
        usage, listener = site.plane.usage, Listener()
        site.plane.tallies.under("up").of("file", 200, "hot")[:] = [3, 300]
        usage._note(("up", "file", "0" * 64))
        await usage.tell()  # nobody listens

        async with listener.listening(site):
            listener.status = 503
            await usage.tell()
            assert [] == listener.batches

            listener.status = 200
            await usage.tell()
            await usage.tell()

        (batch,) = listener.batches
        assert [["up", "hit", 3, 300]] == [sample[1:] for sample in batch["samples"]]
        assert [["up", "file", "0" * 64]] == batch["used"]


@plays
async def test_what_waits_for_a_dead_pull_is_bounded_and_loses_no_answer_of_an_hour(tmp_path):
    clock = ManualClock()
    async with alone(tmp_path, clock) as site:
        usage, listener = site.plane.usage, Listener()
        tally = site.plane.tallies.under("up").of("file", 200, "hot")
        for _ in range(SAMPLES_MAX + 100):
            tally[0] += 1
            usage._sample()
            clock.advance(1)

        assert len(usage._samples) <= SAMPLES_MAX
        async with listener.listening(site):
            await usage.tell()
        assert SAMPLES_MAX + 100 == sum(sample[3] for batch in listener.batches for sample in batch["samples"])
        assert 0 == usage.dropped


def test_seconds_are_put_together_to_minutes() -> None:
    seconds = [(60.5, "up", "hit", 1, 10), (61.5, "up", "hit", 2, 20), (125.0, "up", "hit", 4, 40)]

    assert [(60.0, "up", "hit", 3, 30), (120.0, "up", "hit", 4, 40)] == by_minute(seconds)


@plays
async def test_a_file_that_is_evicted_before_it_is_read_is_asked_for_again_and_never_absent(tmp_path):
    asked = []

    async def kept(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"sha256": WHEEL.digest(), "size": WHEEL.size}, headers={KEPT_HEADER: "1"})

    async with alone(tmp_path) as site, Listener().listening(site, kept):
        answer = await site.get(address(WHEEL))

        assert (503, "1") == (answer.status, answer.headers["retry-after"])
        assert 2 == len(asked)


@plays
async def test_metrics_tell_how_much_is_kept_and_within_which_bound(tmp_path):
    async with FakeUpstream() as upstream, layered(tmp_path, upstream) as site:
        upstream.add("demo", FakeFile("demo-1.0.tar.gz", data=b"source"))
        await site.get("/simple/demo/", accept=JSON)
        await site.pull.pull.keeper.ready()
        await site.pull.pull.keeper.upkeep()
        kept = sum(info.size for info in site.store.list("pulled/"))

        lines = (await site.get("/metrics")).body.decode().splitlines()

        assert {f"holdfast_cache_bytes {kept}", f"holdfast_cache_bytes_max {200 * 1024**3}"} <= set(lines)
