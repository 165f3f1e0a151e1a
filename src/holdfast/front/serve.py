"""`holdfast front`: Granian with the read plane in its workers.

The main process only watches; each worker builds its own plane after the fork, and binds the port itself unless the
listening socket is inherited (listening.py).
"""

import asyncio
import os
import signal
import socket
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
from granian import Granian
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings
from granian.server import MPServer

from holdfast import log as logs
from holdfast.clock import SystemClock
from holdfast.config import Config
from holdfast.front import direct
from holdfast.front.access_log import AccessLog, open_access_log
from holdfast.front.descriptors import raise_limit
from holdfast.front.forwarder import Forwarder
from holdfast.front.listening import (
    BACKLOG,
    LISTENER,
    STOP_ACCEPTING,
    inherited,
    stop_accepting,
    tell_ready,
)
from holdfast.front.peers import TrustedProxies
from holdfast.front.rsgi import RsgiApp
from holdfast.front.spool import Spool
from holdfast.front.streams import Streams
from holdfast.front.takeover import Takeover
from holdfast.policy_reload import SnapshotFollower
from holdfast.read.app import ReadPlane
from holdfast.read.workers import die_with_parent
from holdfast.store.copied import CopiedStore
from holdfast.store.copies import copies_of
from holdfast.store.local import LocalStore
from holdfast.store.opening import configured_store
from holdfast.store.paired import PairedStore
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.hint import HeadHint

log = structlog.get_logger(__name__)

STOP_SECONDS = 8  # for requests under way when a worker is stopped; then it is killed
SWITCH_SECONDS = 0.0005  # how long a busy Python thread may keep the answering one waiting; 5 ms is the default
HEAD_READ_MS = 15_000  # for a request's head


def run(config: Config) -> None:
    """Serve until told to stop. Raises SystemExit when the server gives up."""
    if config.listen_port == 0:
        config = replace(config, listen_port=free_port(config.listen_host))
    listener = inherited(LISTENER)
    make = Granian if listener is None else partial(InheritingServer, listener)
    server = make(
        "holdfast.front.serve:load",
        address=config.listen_host,
        port=config.listen_port,
        interface=Interfaces.RSGI,
        http=HTTPModes.auto if config.tls_cert else HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_READ_MS),
        websockets=False,
        workers=config.fronts,
        loop=Loops.uvloop,  # rloop was no faster here (see docs/decisions), asyncio a tenth slower
        backlog=BACKLOG,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        log_enabled=False,  # the root logger is ours, and knows how to keep secrets out
        ssl_cert=Path(config.tls_cert) if config.tls_cert else None,
        ssl_key=Path(config.tls_key) if config.tls_key else None,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    # Granian takes objects with `__rsgi__` too; its annotation only knows functions.
    server.serve(target_loader=partial(load, config, os.getpid()), wrap_loader=False)  # type: ignore[arg-type]


class InheritingServer(MPServer):
    """Granian whose workers accept at a socket that this process inherited, until they are told to accept no more."""

    def __init__(self, listener: int, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._listener = listener
        self.on_startup(self._heed)

    def _init_shared_socket(self) -> None:
        self._shd: Any = SocketHolder(self._listener, False, BACKLOG)  # type: ignore[call-arg]
        self._sfd: Any = self._listener
        self._ssp = self._sso = None

    def _heed(self) -> None:
        signal.signal(STOP_ACCEPTING, self._pass_on)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        for worker in self.wrks:
            try:
                os.kill(worker.inner.pid, number)
            except ProcessLookupError:
                pass  # it ended by itself


def free_port(host: str) -> int:
    """A port nobody listens on now, for the setting 0: workers bind separately and must agree."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def load(config: Config, parent: int) -> "Worker":
    """Called by Granian in each worker process, before it listens."""
    # Forked from Granian's main process, whose handler only notes the signal: until Granian's own is set, a stop
    # during this load would be lost, and waited for in vain.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(STOP_ACCEPTING, signal.SIG_IGN)  # until this worker has something to stop
    die_with_parent(parent)
    raise_limit()
    logs.setup(config.log_level, "front")
    sys.setswitchinterval(SWITCH_SECONDS)
    return Worker(config)


def _reading_store(config: Config, store: Store) -> Store:
    """The store as a front reads it: a bucket or a pair with local copies, which serve while it does not answer."""
    if isinstance(store, LocalStore):
        return store
    return CopiedStore(store, copies_of(config), addresses.is_immutable, addresses.INSTANCE)


class Worker:
    """One worker process: the plane, its log, and what Granian calls."""

    def __init__(self, config: Config) -> None:
        config.run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        config.log_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._run_folder = config.run_folder
        self._spool = Spool(config)
        self._forwarder = Forwarder(config, self._spool)
        self._store = configured_store(config)
        self._read_from = _reading_store(config, self._store)
        self._plane = ReadPlane(
            config,
            self._read_from,
            SystemClock(),
            HeadHint(config.head_hint),
            self._forwarder.forward,
            settings=SnapshotFollower(config),
        )
        self._log: AccessLog | None = open_access_log(
            config.access_log, config.log_folder / "access.jsonl", config.access_log_bytes_max
        )
        self._streams = Streams(config.run_folder)
        self._takeover = None if config.tls_cert else Takeover()  # TLS bytes are the server's alone to make
        proxies = TrustedProxies(config.trusted_proxies)
        self._app = RsgiApp(self._plane, self._log, proxies, self._streams, self._takeover)
        self._plane.health.gauges.append(self._gauges)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._log is not None:
            self._log.start()
        loop.run_until_complete(self._plane.start())
        if not direct.install(self._app.answer_now):
            log.warning("this Granian has no hook for direct answers: they take the way through the event loop")
        if (listener := inherited(LISTENER)) is not None:
            loop.add_signal_handler(STOP_ACCEPTING, self._leave, listener)
        tell_ready()

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.run_until_complete(self._plane.stop())
        loop.run_until_complete(self._forwarder.stop())
        if isinstance(self._read_from, CopiedStore):
            self._read_from.close()
        if self._takeover is not None:
            self._takeover.close()
        if self._log is not None:
            self._log.stop()

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        await self._app(scope, proto)

    def _leave(self, listener: int) -> None:
        """Another front takes the connections from now on."""
        stop_accepting(listener, self._run_folder)
        self._app.leave()

    def _gauges(self) -> dict[str, float]:
        behind = (
            {"holdfast_pair_behind": float(self._store.is_behind())} if isinstance(self._store, PairedStore) else {}
        )
        return behind | {
            "holdfast_spool_bytes": self._spool.held_bytes,
            "holdfast_streams_open": self._streams.open,
            "holdfast_takeovers_open": self._takeover.open if self._takeover is not None else 0,
            "holdfast_access_log_dropped": self._log.dropped if self._log is not None else 0,
        }
