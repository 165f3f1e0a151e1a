"""The supervisor of `holdfast serve`: starts the roles, starts them again when they crash, stops them together.

It knows processes and nothing of packages, databases or HTTP content. The order is the point: installs need the front
and pull only, so those come first, and nothing that happens to control or work ever stops them.
"""

import json
import math
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

import structlog

from holdfast.config import Config
from holdfast.front import child
from holdfast.front.child import Child
from holdfast.upstream_default import replace_file

log = structlog.get_logger(__name__)

FIRST_ROLES = ("front", "pull")  # installs need these
LATER_ROLES = ("control", "work")

BACKOFF_SECONDS_MIN = 0.1
BACKOFF_SECONDS_MAX = 10.0
HEALTHY_SECONDS = 30.0  # a role that ran this long starts with a clean slate
FRONT_SECONDS_MAX = 20.0  # after this, control and work start although the front has not answered
FIRST_FAILURES_MAX = 5  # a front that never answered once ends `serve`: a service manager must see a failure
RELOAD_SECONDS_MAX = 20.0  # for a front with a new certificate to answer
LEAVING_SECONDS = 2.0  # a client's handshake and first request take this long, some round trips around the world
FRONT_STOP_SECONDS_MAX = 5.0  # requests in flight may finish, while control is still there to answer uploads
STOP_SECONDS_MAX = 8.5  # then what is left is killed: a clean stop takes less than 10 s
TICK_SECONDS = 0.05  # while something is awaited
IDLE_SECONDS = 60.0  # signals end the wait early


def backoff_seconds(failures: int) -> float:
    """How long to wait before a start that follows `failures` failed ones."""
    return 0.0 if failures == 0 else min(BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_MIN * 2.0 ** (failures - 1))


class Supervisor:
    """Runs the roles of one configuration until told to stop."""

    def __init__(
        self,
        config: Config,
        commands: Mapping[str, Sequence[str]],
        environ: Mapping[str, str],
        on_ready: Callable[[], None],
        stop_seconds_max: float = STOP_SECONDS_MAX,
        listener: socket.socket | None = None,
    ) -> None:
        """`listener`: where every front accepts; without one, fronts listen for themselves."""
        self._config = config
        self._commands = commands
        self._environ = environ
        self._on_ready = on_ready
        self._stop_seconds_max = stop_seconds_max
        self._running: dict[str, Child] = {}
        self._listener = listener
        self._leaving: dict[Child, float] = {}  # fronts replaced on reload, finishing requests -> when each is ended
        self._failures: dict[str, int] = {}
        self._due: dict[str, float] = {}  # role -> when it may start again
        self._reload: tuple[Child, bytes, float] | None = None  # the next front, its certificate, when it began
        self._is_ready = False
        self._started = time.monotonic()
        self._stop_requested = False
        self._reload_requested = False

    def run(self) -> int:
        """Supervise until SIGTERM or SIGINT; the process's exit code."""
        with self._signals() as wake:
            try:
                for role in FIRST_ROLES:
                    self._start(role)
                while not self._stop_requested and not self._hopeless():
                    _wait(wake, self._wait_seconds())
                    self._collect()
                    self._start_due()
                    self._advance()
                    self._advance_reload()
            finally:
                self._stop()
        return 0 if self._stop_requested else 1

    # Starting and restarting

    def _start(self, role: str) -> None:
        self._running[role] = self._begin_front() if role == "front" else self._begin(role)
        self._due.pop(role, None)
        self._write_pids()

    def _begin(self, role: str) -> Child:
        return child.start(role, self._commands[role], self._environ)

    def _begin_front(self) -> Child:
        if self._listener is None:
            return self._begin("front")
        return child.start_front(self._commands["front"], self._environ, self._listener.fileno())

    def _collect(self) -> None:
        """Notice ended roles, clear away what they left, and set when they start again."""
        for role, running in list(self._running.items()):
            if not running.ended():
                continue
            running.kill_group()
            del self._running[role]
            healthy = time.monotonic() - running.started >= HEALTHY_SECONDS
            self._failures[role] = 1 if healthy else self._failures.get(role, 0) + 1
            pause = backoff_seconds(self._failures[role])
            self._due[role] = time.monotonic() + pause
            log.error("%s ended with %s; starting it again in %.1f s", role, running.describe_end(), pause, failed=role)
            self._write_pids()
        for leaving, due in list(self._leaving.items()):
            if leaving.ended():
                leaving.kill_group()
                leaving.forget_ready()
                del self._leaving[leaving]
            elif time.monotonic() >= due:
                leaving.terminate()
                self._leaving[leaving] = math.inf

    def _start_due(self) -> None:
        for role, due in list(self._due.items()):
            if time.monotonic() >= due:
                self._start(role)

    def _advance(self) -> None:
        """Once the front answers (or takes too long), the rest starts."""
        if self._is_ready or "front" not in self._running:
            return
        if child.answers(self._config, self._running["front"]):
            self._is_ready = True
            self._start_later_roles()
            self._on_ready()
        elif time.monotonic() - self._started > FRONT_SECONDS_MAX and not self._later_roles_started():
            log.error("the front has not answered for %d s; starting the other roles", FRONT_SECONDS_MAX)
            self._start_later_roles()

    def _later_roles_started(self) -> bool:
        return any(role in self._running or role in self._due for role in LATER_ROLES)

    def _start_later_roles(self) -> None:
        if not self._later_roles_started():
            for role in LATER_ROLES:
                self._start(role)

    def _hopeless(self) -> bool:
        """True when the front has failed again and again without answering once."""
        hopeless = not self._is_ready and self._failures.get("front", 0) >= FIRST_FAILURES_MAX
        if hopeless:
            log.error("the front ended %d times before it answered once; giving up", FIRST_FAILURES_MAX)
        return hopeless

    # A new certificate

    def _advance_reload(self) -> None:
        """On SIGHUP: a second front with the new certificate takes over only after a probe went through it."""
        if self._reload_requested:
            self._reload_requested = False
            self._begin_reload()
        if self._reload is None:
            return
        fresh, certificate, began = self._reload
        if fresh.ended() or time.monotonic() - began > RELOAD_SECONDS_MAX:
            reason = fresh.describe_end() if fresh.ended() else f"it did not answer within {RELOAD_SECONDS_MAX:.0f} s"
            log.error(
                "the front with the new certificate %s failed (%s); the old one goes on serving",
                self._config.tls_cert,
                reason,
            )
            fresh.kill_group()
            fresh.process.wait()
            fresh.forget_ready()
            self._reload = None
        elif child.presents(self._config, fresh, certificate):
            self._reload = None
            if old := self._running.get("front"):
                self._part_with(old)
            self._running["front"] = fresh
            self._due.pop("front", None)
            self._write_pids()
            log.info("the front now presents the certificate in %s", self._config.tls_cert)

    def _part_with(self, old: Child) -> None:
        """End a front whose place is taken. One that shares its socket finishes what clients have just begun first."""
        if self._listener is None:
            old.terminate()
            self._leaving[old] = math.inf
        else:
            old.leave()
            self._leaving[old] = time.monotonic() + LEAVING_SECONDS

    def _begin_reload(self) -> None:
        if not self._config.tls_cert:
            log.warning("SIGHUP reloads the TLS certificate, and none is configured (HOLDFAST_TLS_CERT)")
            return
        if self._reload is not None:
            log.warning("SIGHUP ignored: a reload is under way")
            return
        try:
            certificate = child.first_certificate(self._config.tls_cert, self._config.tls_key)
        except (OSError, ValueError) as error:
            log.error(
                "the certificate %s with key %s cannot be used (%s); the old one stays",
                self._config.tls_cert,
                self._config.tls_key,
                error,
            )
            return
        fresh = self._begin_front()
        self._reload = (fresh, certificate, time.monotonic())

    # Stopping

    def _stop(self) -> None:
        """Front first: its last requests still find control. Then the rest, then whatever resists."""
        began = time.monotonic()
        fronts = [c for c in (self._running.pop("front", None), self._reload and self._reload[0]) if c]
        fronts += self._leaving
        _end(fronts, began + FRONT_STOP_SECONDS_MAX)
        others = list(self._running.values())
        _end(others, began + self._stop_seconds_max)
        for leftover in (*fronts, *others):
            leftover.kill_group()
            leftover.process.wait()
            leftover.forget_ready()
        self._running.clear()
        self._config.pids_file.unlink(missing_ok=True)

    # Around

    def _write_pids(self) -> None:
        pids = {"supervisor": os.getpid()} | {role: running.pid for role, running in self._running.items()}
        try:
            replace_file(self._config.pids_file, json.dumps(pids) + "\n")
        except OSError as error:  # a full disk must not take the supervisor down: the file only informs
            log.warning("cannot write %s: %s", self._config.pids_file, error)

    def _wait_seconds(self) -> float:
        if not self._is_ready or self._reload or self._reload_requested:
            return TICK_SECONDS
        next_due = min([*self._due.values(), *self._leaving.values(), time.monotonic() + IDLE_SECONDS])
        return max(0.0, next_due - time.monotonic())

    @contextmanager
    def _signals(self) -> Iterator[socket.socket]:
        """Handle the supervisor's signals; the yielded socket becomes readable with each."""
        wake, notify = socket.socketpair()
        wake.setblocking(False)
        notify.setblocking(False)
        handlers = {
            signal.SIGTERM: self._request_stop,
            signal.SIGINT: self._request_stop,
            signal.SIGHUP: self._request_reload,
            signal.SIGCHLD: _note_only,
        }
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        before_fd = signal.set_wakeup_fd(notify.fileno(), warn_on_full_buffer=False)
        try:
            yield wake
        finally:
            signal.set_wakeup_fd(before_fd)
            for number, handler in before.items():
                signal.signal(number, handler)
            wake.close()
            notify.close()

    def _request_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_requested = True

    def _request_reload(self, _number: int, _frame: FrameType | None) -> None:
        self._reload_requested = True


def _note_only(_number: int, _frame: FrameType | None) -> None:
    """SIGCHLD: waking up is all it has to do."""


def _wait(wake: socket.socket, seconds: float) -> None:
    """Until a signal comes or `seconds` pass."""
    if select.select([wake], [], [], seconds)[0]:
        try:
            wake.recv(4096)
        except BlockingIOError:
            pass


def _end(children: Sequence[Child], deadline: float) -> None:
    """Ask children to end and wait for them until `deadline` (monotonic)."""
    for running in children:
        running.terminate()
    while any(not running.ended() for running in children) and time.monotonic() < deadline:
        time.sleep(TICK_SECONDS)
