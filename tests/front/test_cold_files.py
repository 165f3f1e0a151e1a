"""Cold files through the real server: a transfer that goes wrong must look broken to a client, never complete."""

import asyncio
import http.client
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from front.served import served
from pull import rig
from pull.fake_upstream import FakeFile, FakeUpstream, Fault
from read.plays import plays

from holdfast.config import IndexConfig, UpstreamConfig

MIB = 1024 * 1024
BIG = FakeFile("big-1.0.tar.gz", made_size=3 * MIB)
HUGE = FakeFile("huge-1.0.tar.gz", made_size=160 * MIB)
SMALL = FakeFile("small-1.0.tar.gz", data=b"small" * 1000)


def address(file: FakeFile) -> str:
    digest = file.digest()
    return f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{file.filename}"


@asynccontextmanager
async def front_over(folder, upstream):
    """A real front over a pull process in this one."""
    settings = {"upstreams": (UpstreamConfig("up", upstream.url),), "indexes": (IndexConfig("main", layers=("up",)),)}
    async with rig.running(folder, upstream) as pull:
        starting = served(folder, **settings)
        front = await asyncio.to_thread(starting.__enter__)
        try:
            yield front, pull
        finally:
            await asyncio.to_thread(starting.__exit__, None, None, None)


@pytest.mark.parametrize("file", [SMALL, BIG], ids=["small", "big"])
@plays
async def test_a_cold_file_arrives_whole(tmp_path, file):
    async with FakeUpstream() as upstream, front_over(tmp_path, upstream) as (front, _):
        upstream.add("it", file)
        assert 200 == (await asyncio.to_thread(front.get, "/simple/it/"))[0]

        status, headers, body = await asyncio.to_thread(front.get, address(file))

        assert (200, str(file.size), file.slice(0, file.size)) == (status, headers["content-length"], body)


@plays
async def test_a_cold_file_with_a_wrong_last_byte_breaks_the_connection(tmp_path):
    async with FakeUpstream() as upstream, front_over(tmp_path, upstream) as (front, _):
        upstream.add("it", BIG)
        upstream.files_fault = Fault("flip-last")
        assert 200 == (await asyncio.to_thread(front.get, "/simple/it/"))[0]

        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            await asyncio.to_thread(front.get, address(BIG))


@plays
async def test_a_small_cold_file_gone_wrong_is_503(tmp_path):
    async with FakeUpstream() as upstream, front_over(tmp_path, upstream) as (front, _):
        upstream.add("it", SMALL)
        upstream.files_fault = Fault("flip-last")
        assert 200 == (await asyncio.to_thread(front.get, "/simple/it/"))[0]

        assert 503 == (await asyncio.to_thread(front.get, address(SMALL)))[0]


@plays
async def test_slow_readers_of_a_cold_file_cost_the_front_no_memory(tmp_path):
    """Granian's own stream would hold the whole file for each of them."""
    async with FakeUpstream() as upstream, front_over(tmp_path, upstream) as (front, pull):
        upstream.add("it", HUGE)
        assert 200 == (await asyncio.to_thread(front.get, "/simple/it/"))[0]
        before = resident_mib(front.workers[0])
        slow = [http.client.HTTPConnection("127.0.0.1", front.port, timeout=30) for _ in range(4)]
        for connection in slow:
            await asyncio.to_thread(connection.request, "GET", address(HUGE))
            answer = await asyncio.to_thread(connection.getresponse)
            assert (200, 1000) == (answer.status, len(await asyncio.to_thread(answer.read, 1000)))
        await pull.until_idle()

        assert resident_mib(front.workers[0]) - before < 64
        for connection in slow:
            connection.close()


def resident_mib(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024
