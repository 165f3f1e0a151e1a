"""The pull role as a process of its own: its socket, its memory under a large file, its end and its sudden death."""

import asyncio
import signal
import stat
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
from pull.fake_upstream import FakeFile, FakeUpstream
from pull.rig import INSTANCE, UPSTREAM, plays

from holdfast.store.local import LocalStore
from holdfast.tree import addresses
from holdfast.tree.instance import InstanceDocument, create_instance

MIB = 1024 * 1024
BIG = FakeFile("big-1.0.tar.gz", made_size=200 * MIB)
MEMORY_KIB_MAX = 60 * 1024  # more than before, with ten clients; a copy per client of even a tenth would be 200 MiB
ROLE = """
import sys
from pathlib import Path
from holdfast.config import Config, UpstreamConfig
from holdfast.pull.serve import run
run(Config(data=Path(sys.argv[1]), upstreams=(UpstreamConfig(sys.argv[2], sys.argv[3]),), instance=sys.argv[4]))
"""


@asynccontextmanager
async def role(folder, upstream):
    """The running process, ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ROLE, str(folder), UPSTREAM, upstream.url, INSTANCE, stdout=asyncio.subprocess.PIPE
    )
    try:
        await process.stdout.readline()  # "pull listens ..."
        async with aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(folder / "run" / "pull.sock"), limit=0)
        ) as session:
            yield process, session
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def prepared(folder):
    store = LocalStore.create(folder / "store")
    create_instance(store, InstanceDocument(INSTANCE, 1, datetime(2026, 1, 1, tzinfo=UTC)))
    return store


def peak_kib(process):
    with open(f"/proc/{process.pid}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


@plays
async def test_ten_clients_join_a_large_growing_file_in_flat_memory(tmp_path):
    store, gate = prepared(tmp_path), asyncio.Event()
    sha256 = BIG.digest()
    file = FakeFile(BIG.filename, made_size=BIG.made_size, gate=gate)
    async with FakeUpstream() as upstream, role(tmp_path, upstream) as (process, session):
        upstream.add("big", file)
        async with session.get(f"http://pull/page/{UPSTREAM}/big") as page:
            assert 200 == page.status
        before = peak_kib(process)
        waiting, arrived = 0, asyncio.Event()

        async def read():
            nonlocal waiting
            total, seen_half = 0, False
            async with session.get(f"http://pull/file/{UPSTREAM}/{sha256}/{file.filename}") as response:
                async for chunk in response.content.iter_any():
                    total += len(chunk)
                    if not seen_half and total >= file.size // 2 - MIB:
                        seen_half, waiting = True, waiting + 1
                        if waiting == 10:
                            arrived.set()
            return total

        clients = [asyncio.create_task(read()) for _ in range(10)]
        await arrived.wait()  # every client is at the barrier, in the middle of the file
        gate.set()
        totals = await asyncio.gather(*clients)

        assert [file.size] * 10 == totals
        assert 1 == upstream.requests[f"/files/big/{file.filename}"]
        assert peak_kib(process) - before < MEMORY_KIB_MAX
    assert addresses.card_book(UPSTREAM, "big") in [info.key for info in store.list("v1/")]


@plays
async def test_its_socket_is_private_and_sigterm_ends_it_cleanly(tmp_path):
    prepared(tmp_path)
    async with FakeUpstream() as upstream, role(tmp_path, upstream) as (process, session):
        socket = tmp_path / "run" / "pull.sock"
        assert 0o600 == stat.S_IMODE(socket.stat().st_mode)
        async with session.get("http://pull/status") as response:
            assert 200 == response.status

        process.send_signal(signal.SIGTERM)

        assert 0 == await process.wait()
        assert not socket.exists()


@plays
async def test_after_a_sudden_death_the_next_process_finds_what_was_kept_and_nothing_half(tmp_path):
    store, gate = prepared(tmp_path), asyncio.Event()
    wheel = FakeFile("demo-1.0.tar.gz", data=bytes(range(256)) * 2000, gate=gate)
    async with FakeUpstream() as upstream:
        upstream.add("demo", wheel)
        async with role(tmp_path, upstream) as (process, session):
            await (await session.get(f"http://pull/page/{UPSTREAM}/demo")).read()
            response = await session.get(f"http://pull/file/{UPSTREAM}/{wheel.digest()}/{wheel.filename}")
            await response.content.readexactly(1000)
            process.kill()
            await process.wait()
            response.close()
        gate.set()

        async with role(tmp_path, upstream) as (_, session):
            assert [] == list((tmp_path / "partial").iterdir())
            async with session.get(f"http://pull/file/{UPSTREAM}/{wheel.digest()}/{wheel.filename}") as response:
                assert wheel.data == await response.read()
    assert 1 == len([key for key in (info.key for info in store.list("v1/")) if "/book/" in key])
