"""Where slow things run: a few threads for the store, and one helper process for pages too large for the front.

One busy Python thread inside a front costs it nearly all its speed (measured: 53,742 down to 955 requests/s), so what
burns more than about 5 ms of Python goes to the helper, which is nice to everybody else.
"""

import asyncio
import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import structlog

from holdfast.core.errors import Unavailable

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 8  # store reads; they wait for a disk or a network, not for a processor
HELPER_WAITING_MAX = 16  # jobs; at a tenth of a second each, whoever is behind that is better told to come again
HELPER_NICE = 10
_PR_SET_PDEATHSIG = 1


class Helper:
    """One further process, started when it is first needed and again after it died. `what` is what it makes."""

    def __init__(self, what: str, waiting_max: int = HELPER_WAITING_MAX) -> None:
        self._what = what
        self._waiting_max = waiting_max
        self._process: ProcessPoolExecutor | None = None
        self._waiting = 0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run work that spends much Python. Raises Unavailable when too much waits, or when the process died."""
        if self._waiting >= self._waiting_max:
            raise Unavailable(f"too many {self._what} are being made at once", retry_after_seconds=2)
        self._waiting += 1
        process = self._process
        if process is None:
            loop = asyncio.get_running_loop()
            made = await loop.run_in_executor(None, _new_helper)
            process = self._process = self._process or made  # another request may have been faster
        try:
            return await asyncio.wrap_future(process.submit(work, *args, **kwargs))
        except BrokenExecutor as error:
            if self._process is process:
                self._process = None
            log.warning("the helper that makes %s died and is replaced when it is next needed", self._what)
            raise Unavailable(f"the helper that makes {self._what} was restarted", retry_after_seconds=1) from error
        finally:
            self._waiting -= 1

    def stop(self) -> None:
        if self._process is not None:
            self._process.shutdown(wait=False, cancel_futures=True)


class Workers:
    """Threads for the store and a helper, each started when first needed. Who must not wait for others has its own."""

    def __init__(self, name: str = "store") -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=name)
        self._helper = Helper("large pages")

    async def in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking work that spends little Python."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(*args, **kwargs))

    async def in_helper(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run work that spends much Python. Raises Unavailable when too much waits, or when the helper died."""
        return await self._helper.run(work, *args, **kwargs)

    def stop(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._helper.stop()


def die_with_parent(parent: int, signal_number: int = signal.SIGKILL) -> None:
    """Ask the kernel to end this process when `parent` ends, however that comes about (Linux)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0) != 0:
        log.warning("this process cannot be tied to its parent", errno=ctypes.get_errno())
    if os.getppid() != parent:
        os._exit(1)  # it ended between the fork and the request


def _new_helper() -> ProcessPoolExecutor:
    # Spawned, not forked: a fork would copy the server's threads' locks in whatever state they are.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=_become_helper, initargs=(os.getpid(),))


def _become_helper(parent: int) -> None:
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the supervisor to handle
    os.nice(HELPER_NICE)
