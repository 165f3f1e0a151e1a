"""The pull role: builds its parts from the configuration, listens on the pull socket, follows the journal, ends."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import structlog
from aiohttp import web

from holdfast.clock import Clock, SystemClock
from holdfast.config import Config
from holdfast.core.errors import Removed, Unavailable
from holdfast.policy_reload import SnapshotFollower
from holdfast.pull.advisories import AdvisoryWatch
from holdfast.pull.ahead import PROOF_SECONDS, FetchAhead
from holdfast.pull.app import App
from holdfast.pull.cache.keeper import Keeper
from holdfast.pull.cache.noted import NotedStore
from holdfast.pull.cache.routes import CacheRoutes
from holdfast.pull.cards import Cards
from holdfast.pull.files import Files
from holdfast.pull.growing import Growing
from holdfast.pull.helpers import Helpers
from holdfast.pull.metadata import Metadata
from holdfast.pull.mirrors import Mirrors
from holdfast.pull.pages import Pages
from holdfast.pull.sending import Parts
from holdfast.pull.shelf import Shelf
from holdfast.pull.status import hit_rate
from holdfast.pull.switches import Switches
from holdfast.pull.upstream import Upstream
from holdfast.pull.wheels import Wheels
from holdfast.store.copies import copies_of
from holdfast.store.opening import configured_store
from holdfast.store.port import Store
from holdfast.tree.reader import TreeReader

log = structlog.get_logger()

FOLLOW_SECONDS = 1.0  # how often the journal, the overrides and reloaded settings are looked at
LOOKUPS_MAX = 32
STOP_SECONDS = 3.0  # how long a stop waits for running answers
WAITING_CONNECTIONS_MAX = 1024


def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT."""
    asyncio.run(_serve(config))


async def _serve(config: Config) -> None:
    # Name look-ups of a dead resolver fill the loop's own threads; a few must not hold up the other upstreams.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(LOOKUPS_MAX, thread_name_prefix="lookup"))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    pull = Pull(config, configured_store(config, copies_of(config)), SystemClock(), settings=SnapshotFollower(config))
    await pull.start()
    try:
        await pull.warm()
        await stop.wait()
    finally:
        await pull.stop()


class NewSettings(Protocol):
    """Tells when policy settings were reloaded (policy_reload.py)."""

    def look(self) -> Config | None:
        """New settings, None when there are none. Raises Unavailable."""


class Pull:
    """All parts of the process. Only one at a time may run over a data folder."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        free_bytes_min: int | None = None,
        proof_seconds: float = PROOF_SECONDS,
        settings: NewSettings | None = None,
    ) -> None:
        if free_bytes_min is not None:
            config = replace(config, free_bytes_min=free_bytes_min)
        self._config = config
        self.settings = settings
        self._clock = clock
        store = NotedStore(store)
        self.keeper = Keeper(config, store, clock, self._snapshots)
        self._reader = TreeReader(store, clock, config.instance)
        self._shelf = Shelf(store)
        self._helpers = Helpers()
        self._switches = Switches(store, clock)
        self._advisories = AdvisoryWatch(config.advisories, self._shelf, clock)
        self._mirrors: list[Mirrors] = []
        self._aheads: list[FetchAhead] = []
        self._proof_seconds = proof_seconds
        self._parts = {
            u.name: self._build(Upstream(u, config.instance, clock, self._switches)) for u in config.upstreams
        }
        self._app = App(self._parts, clock, self._status, self._hit_rate)
        self._cache_routes = CacheRoutes(config, self.keeper, clock)
        self._journal_trouble = ""
        self._runner: web.AppRunner | None = None
        self._followers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Sweep what an earlier process left, read the journal once, listen."""
        for folder in (self._config.run_folder, self._config.partial_folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(self._config.partial_folder)
        for parts in self._parts.values():
            parts.upstream.check_settings()
        for look in (self.follow_now, self.look_at_switches, self.look_at_settings):
            await look()
            self._followers.append(asyncio.create_task(_each_second(look)))
        self._runner = web.AppRunner(
            self._application(), access_log=None, shutdown_timeout=STOP_SECONDS, keepalive_timeout=75.0
        )
        await self._runner.setup()
        await _listen(self._runner, self._config.pull_socket)
        self.keeper.start()
        self._advisories.start()
        log.info("pull listens, upstreams: %s", ", ".join(self._parts) or "none")

    async def warm(self) -> None:
        """Start what the first requests would otherwise wait for."""
        try:
            await self._helpers.start()
        except Unavailable as error:
            log.warning("%s", error.reason)

    async def stop(self) -> None:
        """Stop listening, let short answers end, break the rest."""
        for follower in self._followers:
            follower.cancel()
        await asyncio.gather(*self._followers, return_exceptions=True)
        await self._advisories.close()
        if self._runner is not None:
            await self._runner.cleanup()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._config.pull_socket)
        for ahead in self._aheads:
            await ahead.close()
        for mirrors in self._mirrors:
            await mirrors.close()
        for parts in self._parts.values():
            await parts.pages.close()
            await parts.metadata.close()
            await parts.files.close()
            await parts.upstream.close()
        await self._helpers.close()
        await self.keeper.stop()
        self._shelf.close()

    def helper_pids(self) -> list[int]:
        """The helper processes that wait for work."""
        return self._helpers.pids()

    def arriving(self) -> list[Growing]:
        """The files that are being fetched."""
        return [growing for parts in self._parts.values() for growing in parts.files.growing]

    def demand_allowed(self, sha256: str) -> None:
        """Raises Removed for bytes that were taken down, Unavailable while the journal has never been read."""
        removal = self._reader.removal(sha256)
        if removal is not None:
            raise Removed(removal.reason, legal=removal.legal)

    def _build(self, upstream: Upstream) -> Parts:
        over = [index.name for index in self._config.indexes if upstream.name in index.layers]
        bases = [self._config.index_url(index) for index in over]
        mirrors = Mirrors(upstream, self._helpers)
        self._mirrors.append(mirrors)
        upstream.elsewhere = mirrors.urls
        pages = Pages(upstream, self._shelf, self._helpers, upstream.clock, bases)
        cards = Cards(upstream.name, self._shelf, self._helpers)
        partial = self._config.partial_folder
        files = Files(upstream, pages, cards, self._shelf, partial, self.demand_allowed, self.keeper.holdings.room)
        wheels = Wheels(upstream, self._shelf, self._helpers, pages.origins)
        metadata = Metadata(pages, files, cards, wheels, self._shelf, self.demand_allowed)
        ahead = FetchAhead(metadata, pages.origins, upstream.config.connections_max, self._proof_seconds)
        self._aheads.append(ahead)
        pages.ahead = ahead
        return Parts(upstream, pages, files, metadata)

    def _application(self) -> web.Application:
        app = self._app.application()
        self._cache_routes.add_to(app)
        return app

    def _snapshots(self) -> list[dict[str, object]]:
        return [parts.upstream.snapshot() for parts in self._parts.values()]

    def _hit_rate(self, upstream: str) -> float | None:
        return hit_rate(self.keeper.holdings.ledger.hours.get(upstream, {}), self._clock.now())

    def _status(self) -> dict[str, object]:
        return {
            "cache": self.keeper.figures(),
            "journal": {
                "loaded": self._reader.is_loaded,
                "head": self._reader.head,
                "trouble": self._journal_trouble,
            },
            "switches": {"trouble": self._switches.trouble},
            "advisories": {"trouble": self._advisories.trouble},
            "helpers": {"jobs": self._helpers.jobs, "waiting": self._helpers.waiting},
        }

    async def follow_now(self) -> None:
        """Look at the journal once."""
        changes = await self._shelf.run(self._reader.catch_up)
        trouble = changes.trouble.reason if changes.trouble is not None else ""
        if trouble and trouble != self._journal_trouble:
            log.warning("the journal cannot be followed: %s", trouble)
        self._journal_trouble = trouble

    async def look_at_switches(self) -> None:
        """Look once at what operators decided."""
        await self._shelf.run(self._switches.look)

    async def look_at_settings(self) -> None:
        """Look once whether policy settings were reloaded. Of an upstream's, pull itself uses `undated` alone."""
        try:
            found = await self._shelf.run(self.settings.look) if self.settings is not None else None
        except Unavailable as error:
            log.warning("%s; those before stay in force", error.reason)
            return
        for fresh in found.upstreams if found is not None else ():
            if parts := self._parts.get(fresh.name):
                parts.upstream.config = replace(parts.upstream.config, undated=fresh.undated)


async def _each_second(look: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(FOLLOW_SECONDS)
        try:
            await look()
        except Exception:
            log.exception("looking for news in the store failed; it goes on")


async def _listen(runner: web.AppRunner, socket: Path) -> None:
    """Bind the socket for this user alone; a left-over of a killed process is replaced."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(socket)
    before = os.umask(0o177)
    try:
        await web.UnixSite(runner, str(socket), backlog=WAITING_CONNECTIONS_MAX).start()
    finally:
        os.umask(before)


def _sweep(folder: Path) -> None:
    """Partial files of a process that was killed: nothing is known of how much of them is right."""
    for path in folder.iterdir():
        path.unlink(missing_ok=True)
