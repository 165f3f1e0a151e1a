"""Looks after what is kept, beside the serving: counts its use, holds it within its bounds, hashes it again.

Nothing a client waits for waits for this, and no trouble here fails a request: it is logged and tried again.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import structlog

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.core.errors import Outcome
from holdfast.pull.cache.eviction import Victim, of_keys, unused_since
from holdfast.pull.cache.holdings import Holdings, listed, minute_of
from holdfast.pull.cache.inventory import Object
from holdfast.pull.cache.ledger import FETCHED, encode_ledger, report
from holdfast.pull.cache.noted import NotedStore
from holdfast.pull.cache.scrub import Scrub

log = structlog.get_logger()

TICK_SECONDS = 1.0
KEEP_SECONDS = 10.0  # between two looks at the bounds, and two savings of new counts
ALIVE_SECONDS = 60.0  # between two savings when nothing happened: how long pull ran is known that well
INVENTORY_SECONDS = 300.0  # of use that a sudden death may forget
SHARE_SECONDS = 900.0
LIST_SECONDS = 6 * 3600.0  # between two listings of the store: other machines write to it too
LIST_AGAIN_SECONDS = 300.0  # after one that failed
SCRUB_SECONDS = 15.0
EVICT_STEP = 100  # objects deleted before others get their turn
PENDING_MAX = 200_000  # uses, and samples, that wait to be taken in

Snapshot = Mapping[str, Any]  # what an upstream tells of itself
Sample = tuple[float, str, str, int, int]  # Unix seconds, upstream, how it was served, answers, body bytes
V = TypeVar("V")


class Keeper:
    """The upkeep of one pull process."""

    def __init__(
        self, config: Config, store: NotedStore, clock: Clock, snapshots: Callable[[], Iterable[Snapshot]]
    ) -> None:
        """`snapshots` tells how each upstream is doing (pull/upstream.py)."""
        self._config = config
        self._clock = clock
        self._snapshots = snapshots
        self.holdings = Holdings(config, store, clock)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cache")
        self._slow = ThreadPoolExecutor(2, thread_name_prefix="cache-slow")  # one lists, one hashes
        self._stopping = threading.Event()
        self._ready = asyncio.Event()
        self._listed = asyncio.Event()
        self._scrub_wanted = asyncio.Event()
        self._scrubbing = asyncio.Lock()
        self._evicting = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._samples: list[Sample] = []
        self._uses: dict[Object, int] = {}
        self._fetched: dict[str, tuple[int, int]] = {}
        self._scrub: Scrub | None = None
        self._troubles: dict[str, str] = {}
        self._due: dict[str, float] = {}
        self._is_news = False

    def start(self) -> None:
        """Begin in the background."""
        for work in (self._run(), self._run_upkeep(), self._run_scrub()):
            self._tasks.append(asyncio.get_running_loop().create_task(work))

    async def stop(self) -> None:
        """Write down what is known, and end."""
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._ready.is_set():
            self._count()
            await self._try("noting what was used", self._drain())
            await self._try("telling other machines what was used", self._in_thread(self.holdings.share))
            await self._in_thread(self.holdings.save)
        self._thread.shutdown(wait=False)
        self._slow.shutdown(wait=False, cancel_futures=True)

    async def ready(self) -> None:
        """Wait until what was written down before has been read, and the store was listed once."""
        await self._listed.wait()

    def take_usage(self, samples: Sequence[Sample], used: Iterable[Object]) -> None:
        """What a front tells; taken in with the next tick."""
        minute = minute_of(self._clock.now())
        if len(self._samples) < PENDING_MAX:
            self._samples.extend(samples)
        if len(self._uses) < PENDING_MAX:
            self._uses.update(dict.fromkeys(used, minute))

    def figures(self) -> dict[str, object]:
        """Numbers for `/status` and metrics, without waiting for anything.

        Whoever sees an upstream's switch there finds the period in the report that has begun or ended with it.
        """
        if self._ready.is_set():
            self._watch()
        held, done = self.holdings, self.holdings.ledger
        return {
            "bytes": held.inventory.size_bytes,
            "objects": held.inventory.objects,
            "bytes_max": self._config.cache_bytes_max,
            "evicted_objects": done.evicted.objects,
            "evicted_bytes": done.evicted.bytes,
            "scrubbed_files": done.scrub.files,
            "scrubbed_bytes": done.scrub.bytes,
            "scrub_corrupt": done.scrub.corrupt,
            "pins": held.pinned.pins,
        }

    async def stats(self) -> dict[str, object]:
        """What `holdfast cache stats` shows. Raises Unavailable."""
        await self._ready.wait()
        await self._drain()
        await self._try("reading the pins", self._in_thread(self.holdings.look_at_pins))
        return await self._in_thread(self.holdings.stats)

    async def report(self, since: datetime) -> dict[str, object]:
        """What was served since then."""
        await self._ready.wait()
        self._watch()
        self._count()
        return report(self.holdings.ledger, since, self._clock.now())

    async def evict(
        self,
        *,
        to_bytes: int | None = None,
        project: str = "",
        versions: Sequence[str] = (),
        unused_minutes: int | None = None,
        dry_run: bool = False,
    ) -> tuple[int, int]:
        """Evict what an operator names; answers how many objects and bytes. Raises Unavailable, Corrupt."""
        await self._ready.wait()
        await self._drain()
        await self._in_thread(self.holdings.look_at_pins)
        victims = await self._in_thread(
            lambda: victims_of(self.holdings, self._clock.now(), to_bytes, project, versions, unused_minutes)
        )
        if dry_run:
            return len(victims), sum(victim.size for victim in victims)
        return await self._evict(victims, "an operator asked for it")

    def scrub_whole_round(self) -> bool:
        """Go on to the end of the round regardless of the budget; False before what was written down is read."""
        if self._scrub is None:
            return False
        self._scrub.rest_of_round = True
        self._scrub_wanted.set()
        return True

    async def watch(self) -> None:
        """Count what fronts told and how upstreams do; write it down now and then."""
        self._watch()
        self._count()
        is_due = self._is_news and self._is_due("news", KEEP_SECONDS)
        if is_due or self._is_due("alive", ALIVE_SECONDS):
            self._is_news = False
            self.holdings.ledger.trim(self._clock.now().timestamp())
            data = encode_ledger(self.holdings.ledger)
            await self._in_thread(lambda: self.holdings.save_ledger(data))

    async def upkeep(self) -> None:
        """Take in what was used, hold the bounds, and whatever else is due."""
        await self._try("noting what was used", self._drain())
        await self.keep_within()
        if self._is_due("list", LIST_SECONDS):
            await self._list()
        if self._is_due("inventory", INVENTORY_SECONDS):
            await self._in_thread(self.holdings.save)
        if self._is_due("share", SHARE_SECONDS):
            await self._try("telling other machines what was used", self._in_thread(self.holdings.share))

    async def keep_within(self) -> None:
        """Evict if there is too much."""
        size, why = await self._in_thread(self.holdings.too_much)
        if why and not size:
            self._tell_once("evicting", why)
        if not size or self._evicting.locked():
            return
        victims = await self._try("choosing what to evict", self._in_thread(lambda: self.holdings.plan(size)))
        if victims is None:
            return
        if not victims:
            self._tell_once("evicting", f"{why}, and nothing that is kept may leave")
            return
        objects, freed = await self._evict(victims, why)
        log.info("evicted %d objects, %d bytes: %s", objects, freed, why)

    async def _evict(self, victims: Sequence[Victim], why: str) -> tuple[int, int]:
        objects = size = 0
        async with self._evicting:
            for start in range(0, len(victims), EVICT_STEP):
                step = victims[start : start + EVICT_STEP]
                done = await self._try("evicting", self._in_thread(partial(self.holdings.evict, step)))
                if done is None:
                    break
                objects, size = objects + done[0], size + done[1]
        if objects:
            self.holdings.note_eviction(objects, size, why)
            self._is_news = True
        return objects, size

    async def _load(self) -> None:
        await self._in_thread(self.holdings.load)
        ledger = self.holdings.ledger
        ledger.begin_run(self._clock.now().timestamp())
        names = [upstream.name for upstream in self._config.upstreams]
        self._scrub = Scrub(self.holdings.store, names, ledger.scrub, self._config.scrub_bytes_daily, self._pause)
        self._is_news = True
        self._ready.set()

    def _watch(self) -> None:
        """Which upstreams are off or down, and how much was fetched of them."""
        ledger, now = self.holdings.ledger, self._clock.now().timestamp()
        ledger.live(now)
        for snapshot in self._snapshots():
            name = str(snapshot.get("name", ""))
            if snapshot.get("off"):
                told = {"reason": str(snapshot.get("off_reason") or ""), "by": str(snapshot.get("off_by") or "")}
                self._is_news |= ledger.standing(name, "off", at=now, **told)
            elif snapshot.get("breaker_open"):
                why = str(snapshot.get("last_failure_reason") or "")
                self._is_news |= ledger.standing(name, "down", reason=why, at=now)
            else:
                self._is_news |= ledger.standing(name, "up", at=now)
            counted = (int(snapshot.get("requests") or 0), int(snapshot.get("bytes") or 0))
            before = self._fetched.get(name, (0, 0))
            if counted != before:
                ledger.add(now, name, FETCHED, counted[0] - before[0], counted[1] - before[1])
                self._fetched[name], self._is_news = counted, True

    def _count(self) -> None:
        samples, self._samples = self._samples, []
        for sample in samples:
            self.holdings.ledger.add(*sample)
        self._is_news |= bool(samples)

    async def _drain(self) -> None:
        uses, self._uses = self._uses, {}
        await self._in_thread(lambda: self.holdings.take(uses))

    async def _list(self) -> None:
        """Hold the inventory against the store."""
        held = self.holdings
        await self._drain()
        await self._in_thread(held.inventory.begin_listing)
        minute = minute_of(self._clock.now())
        listing = asyncio.get_running_loop().run_in_executor(
            self._slow, lambda: listed(held.store, minute, self._pause)
        )
        found = await self._try("listing what is kept", listing)
        await self._drain()
        if found is None:
            self._due["list"] = self._clock.monotonic() + LIST_AGAIN_SECONDS
            return
        await self._in_thread(lambda: held.inventory.end_listing(found))
        held.listed_at = self._clock.now().timestamp()
        self._listed.set()

    async def _run(self) -> None:
        await self._load()
        await self._again(self.watch, TICK_SECONDS)

    async def _run_upkeep(self) -> None:
        await self._ready.wait()
        await self._again(self.upkeep, KEEP_SECONDS)

    async def _again(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            try:
                await work()
            except Exception:
                log.exception("the upkeep of what is kept met a defect; it goes on")
            await asyncio.sleep(seconds)

    async def _run_scrub(self) -> None:
        await self._ready.wait()
        while True:
            await self._try("hashing what is kept", self.scrub_now())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._scrub_wanted.wait(), SCRUB_SECONDS)
            self._scrub_wanted.clear()

    async def scrub_now(self) -> None:
        """Hash what the budget allows by now. Raises Unavailable."""
        scrub = self._scrub
        assert scrub is not None, "not before ready"
        loop = asyncio.get_running_loop()
        async with self._scrubbing:
            while await loop.run_in_executor(self._slow, lambda: scrub.step(self._clock.now().timestamp())):
                self._is_news = True

    async def _in_thread(self, work: Callable[[], V]) -> V:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _try(self, what: str, work: "Coroutine[Any, Any, V] | asyncio.Future[V]") -> V | None:
        """Its result, or None when it could not be done; each new trouble is told once."""
        try:
            result = await work
        except (Outcome, _StoppedError) as error:
            if isinstance(error, Outcome):
                self._tell_once(what, error.reason)
            return None
        self._troubles.pop(what, None)
        return result

    def _tell_once(self, what: str, reason: str) -> None:
        if self._troubles.get(what) != reason:
            log.warning("%s has to wait: %s", what, reason)
        self._troubles[what] = reason

    def _is_due(self, what: str, seconds: float) -> bool:
        now = self._clock.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + seconds
        return True

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _StoppedError


class _StoppedError(Exception):
    """The process ends: work in a thread is given up."""


def victims_of(
    held: Holdings,
    now: datetime,
    to_bytes: int | None,
    project: str,
    versions: Sequence[str],
    unused_minutes: int | None,
) -> list[Victim]:
    """What an operator's words stand for. Raises Unavailable, Corrupt."""
    if project:
        return of_keys(held.inventory, held.pinned.objects, held.objects_of(project, versions))
    if unused_minutes is not None:
        held.look_at_others()
        return unused_since(held.inventory, held.pinned.objects, minute_of(now) - unused_minutes)
    if to_bytes is not None:
        return held.plan(max(0, held.inventory.size_bytes - held.pinned_bytes() - to_bytes))
    return held.plan(held.too_much()[0])
