"""A pull process in this process: real sockets on both sides, a real store, budgets as the test sets them."""

import asyncio
import functools
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec

import aiohttp
from pull.fake_upstream import FakeUpstream

from holdfast.clock import Clock, SystemClock
from holdfast.config import Config, IndexConfig, UpstreamConfig
from holdfast.core.model import Record
from holdfast.drill.figures import TIMES_MAX
from holdfast.pull.ahead import PROOF_SECONDS
from holdfast.pull.serve import Pull
from holdfast.store.local import LocalStore
from holdfast.store.port import ObjectInfo
from holdfast.tree import addresses
from holdfast.tree.instance import InstanceDocument, create_instance
from holdfast.tree.record import decode_record

P = ParamSpec("P")
UPSTREAM = "up"
INSTANCE = "0123456789abcdef"
BASES = ("https://packages.example", "https://packages.example/team")  # of the indexes over the upstream
TEST_SECONDS_MAX = 60


def plays(scenario: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run an async test to its end, or fail it when it hangs."""

    @functools.wraps(scenario)
    def test(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(scenario(*args, **kwargs), TEST_SECONDS_MAX))

    return test


async def best_seconds(measure: Callable[[int], Awaitable[float]], seconds_max: float) -> float:
    """The least of at most three measurements; the next only when none was within `seconds_max` yet.

    For tests marked `alone`. Noise only ever makes late: a defect is late each time.
    """
    best = math.inf
    for turn in range(TIMES_MAX):
        best = min(best, await measure(turn))
        if best < seconds_max:
            break
    return best


@dataclass
class Answer:
    """What a client of the pull socket got. `body` may be short when `broken`."""

    status: int
    headers: dict[str, str]
    body: bytes
    broken: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Rig:
    """One running pull process and a client of its socket."""

    def __init__(self, pull: Pull, store: LocalStore, config: Config, session: aiohttp.ClientSession) -> None:
        self.pull = pull
        self.store = store
        self.config = config
        self.session = session

    async def get(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
        """One request, read to its end or to its breaking off."""
        body = bytearray()
        broken = False
        async with self.session.request(method, f"http://pull{path}", headers=headers) as response:
            try:
                async for chunk in response.content.iter_any():
                    body += chunk
            except aiohttp.ClientError:
                broken = True
            return Answer(response.status, dict(response.headers), bytes(body), broken)

    async def page(self, name: str, max_age: float = 0) -> Answer:
        return await self.get(f"/page/{UPSTREAM}/{name}?max_age={max_age}")

    async def file(self, sha256: str, filename: str, headers: dict[str, str] | None = None) -> Answer:
        return await self.get(f"/file/{UPSTREAM}/{sha256}/{filename}", headers)

    async def status(self) -> Any:
        return (await self.get("/status")).json["upstreams"][0]

    def record(self, name: str) -> Record:
        return decode_record(self.store.get(addresses.pulled_page(UPSTREAM, name)), None)

    def stored(self, prefix: str = "") -> list[str]:
        """Every stored key under the prefix."""
        return [info.key for info in self.store.list(prefix)]

    async def until_idle(self) -> None:
        """Wait until no file is arriving any more: it is kept, or given up."""
        while (await self.status())["files_arriving"]:
            pass

    async def until_closed(self) -> None:
        """Wait until the breaker lets requests through again."""
        while (await self.status())["breaker"] != "closed":
            pass

    def snapshot(self) -> list[ObjectInfo]:
        """Every stored object with its version: equal snapshots mean that nothing was written."""
        return list(self.store.list(""))

    def partials(self) -> list[Path]:
        return list(self.config.partial_folder.iterdir())


@asynccontextmanager
async def running(
    folder: Path,
    upstream: FakeUpstream | str,
    clock: Clock | None = None,
    store: LocalStore | None = None,
    free_bytes_min: int = 0,
    proof_seconds: float = PROOF_SECONDS,
    **settings: Any,
) -> AsyncIterator[Rig]:
    """A pull process over `upstream`; `settings` are UpstreamConfig's."""
    url = upstream if isinstance(upstream, str) else upstream.url
    budgets: dict[str, Any] = {"page_budget_seconds": 5.0, "first_byte_seconds": 5.0, "idle_seconds": 5.0}
    config = Config(
        data=folder,
        upstreams=(UpstreamConfig(UPSTREAM, url, **{**budgets, **settings}),),
        instance=INSTANCE,
        public_url=BASES[0],
        indexes=(IndexConfig("main", layers=(UPSTREAM,)), IndexConfig("team", layers=(UPSTREAM,)), IndexConfig("own")),
    )
    if store is None:
        store = LocalStore.create(config.store_folder)
        create_instance(store, InstanceDocument(INSTANCE, 1, datetime(2026, 1, 1, tzinfo=UTC)))
    pull = Pull(config, store, clock or SystemClock(), free_bytes_min, proof_seconds)
    await pull.start()
    try:
        async with aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(config.pull_socket), limit=0), auto_decompress=False
        ) as session:
            yield Rig(pull, store, config, session)
    finally:
        await pull.stop()
