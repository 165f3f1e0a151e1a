"""The routes of the pull socket about what is kept: what fronts tell, and what operators ask."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
from aiohttp import web

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.core.errors import Absent, Refused, Unavailable
from holdfast.core.names import is_normalized, is_sha256
from holdfast.pull.cache.inventory import Object
from holdfast.pull.cache.keeper import Keeper, Sample
from holdfast.wire.tally import SERVED

BODY_BYTES_MAX = 4 * 1024 * 1024  # a front's largest batch is a fifth of it
SAMPLE_AGE_SECONDS_MAX = 400 * 86400
CLOCK_SKEW_SECONDS = 60.0
SETTLE_SECONDS_MAX = 5.0
SINCE_SECONDS_DEFAULT = 86400.0


class Batch(msgspec.Struct, frozen=True):
    """What one front tells. Unknown upstreams and kinds are left out: the front may be of another release."""

    samples: list[tuple[float, str, str, int, int]] = []
    used: list[tuple[str, str, str]] = []


class EvictOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to evict; nothing named = what is above the bounds."""

    to_bytes: int | None = None
    project: str = ""
    versions: tuple[str, ...] = ()
    unused_minutes: int | None = None
    dry_run: bool = False


class CacheRoutes:
    """Handlers over a keeper."""

    def __init__(self, config: Config, keeper: Keeper, clock: Clock) -> None:
        self._upstreams = frozenset(upstream.name for upstream in config.upstreams)
        self._keeper = keeper
        self._clock = clock

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/usage", self.usage)
        app.router.add_get("/cache", self.stats)
        app.router.add_post("/cache/evict", self.evict)
        app.router.add_post("/cache/scrub", self.scrub)
        app.router.add_get("/report", self.report)

    async def usage(self, request: web.Request) -> web.StreamResponse:
        batch = await _read(request, _batches)
        now = self._clock.now().timestamp()
        samples = [sample for sample in batch.samples if self._is_sample(sample, now)]
        self._keeper.take_usage(samples, [key for key in batch.used if self._is_object(key)])
        return web.json_response({"samples": len(samples)})

    async def stats(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(await self._keeper.stats())

    async def evict(self, request: web.Request) -> web.StreamResponse:
        order = await _read(request, _orders)
        if order.project and not is_normalized(order.project):
            raise Absent("no project has such a name")
        objects, size = await self._keeper.evict(**msgspec.structs.asdict(order))
        return web.json_response({"objects": objects, "bytes": size, "dry_run": order.dry_run})

    async def scrub(self, _request: web.Request) -> web.StreamResponse:
        if not self._keeper.scrub_whole_round():
            raise Unavailable("pull is just starting; ask again")
        return web.json_response({"started": True})

    async def report(self, request: web.Request) -> web.StreamResponse:
        """`settle` seconds are waited first: fronts tell each second what they served."""
        await asyncio.sleep(min(SETTLE_SECONDS_MAX, _seconds(request.query.get("settle"), 0.0)))
        since = self._clock.now() - timedelta(seconds=_seconds(request.query.get("since"), SINCE_SECONDS_DEFAULT))
        return web.json_response(await self._keeper.report(since))

    def _is_sample(self, sample: Sample, now: float) -> bool:
        at, upstream, served, answers, size = sample
        is_sane = now - SAMPLE_AGE_SECONDS_MAX < at < now + CLOCK_SKEW_SECONDS and answers >= 0 and size >= 0
        return is_sane and upstream in self._upstreams and served in SERVED

    def _is_object(self, key: Object) -> bool:
        upstream, kind, what = key
        is_known = is_normalized(what) if kind == "page" else kind in ("file", "metadata") and is_sha256(what)
        return is_known and upstream in self._upstreams


async def _read(request: web.Request, decoder: "msgspec.json.Decoder[Any]") -> Any:
    """The JSON body, of at most BODY_BYTES_MAX. Raises Refused."""
    parts: list[bytes] = []
    size = 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > BODY_BYTES_MAX:
            raise Refused("the body is too long")
        parts.append(part)
    try:
        return decoder.decode(b"".join(parts) or b"{}")
    except msgspec.MsgspecError as error:
        raise Refused(f"the body does not parse: {error}") from error


def _seconds(text: str | None, default: float) -> float:
    try:
        return min(SAMPLE_AGE_SECONDS_MAX, max(0.0, float(text))) if text else default
    except ValueError:
        return default


_batches = msgspec.json.Decoder(Batch)
_orders = msgspec.json.Decoder(EvictOrder)
