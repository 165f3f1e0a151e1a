"""One host of an upstream: its breaker, and the probing task that lives while the breaker is open."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from holdfast.clock import Clock
from holdfast.core.errors import Unavailable
from holdfast.wire.breaker import Breaker

PATIENCE_SECONDS = 0.25  # how long a request waits for a probe: enough for a source that just came back

Probe = Callable[[str], Awaitable[None]]  # asks for a URL; raises Unavailable when the source is still dead


class Source:
    """Decides whether requests may go to one origin. `probe` is called with the URL that failed last."""

    def __init__(self, label: str, clock: Clock, probe: Probe) -> None:
        self.label = label
        self.breaker = Breaker(clock)
        self._probe = probe
        self._failed_url = ""
        self._wanted = asyncio.Event()
        self._closed = asyncio.Event()
        self._closed.set()
        self._task: asyncio.Task[None] | None = None

    async def admit(self, *, patient: bool = True) -> None:
        """Return when a request may be sent. Raises Unavailable when it may not: within PATIENCE_SECONDS, or at once.

        An open breaker is told that somebody waits; if that makes a probe due, the request waits for its outcome,
        so that the first request after a recovery is answered and not refused. Who is not `patient` does not wait.
        """
        if self.breaker.admits:
            return
        self._wanted.set()
        probe_is_near = self.breaker.state == "probing" or self.breaker.probe_in(wanted=True) < PATIENCE_SECONDS
        if patient and probe_is_near:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), PATIENCE_SECONDS)
        if not self.breaker.admits:
            raise Unavailable(f"{self.label} is not answering: {self.breaker.reason}", retry_after_seconds=2)

    def succeeded(self) -> None:
        """The source answered."""
        self.breaker.succeeded()
        self._closed.set()

    def failed(self, url: str, subject: str, reason: str, *, reached: bool) -> None:
        """The source did not answer about `subject`."""
        self.breaker.failed(subject, reason, reached=reached)
        if self.breaker.admits:
            return
        self._failed_url = url
        self._closed.clear()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._probe_until_closed())

    async def stop(self) -> None:
        """End the probing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _probe_until_closed(self) -> None:
        while not self.breaker.admits:
            wanted = self._wanted.is_set()
            wait = self.breaker.probe_in(wanted=wanted)
            if wait > 0:
                news = self._closed if wanted else self._wanted
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), wait)
                continue
            self._wanted.clear()
            self.breaker.begin_probe()
            try:
                await self._probe(self._failed_url)
            except Unavailable as error:
                self.breaker.probe_failed(error.reason)
            else:
                self.succeeded()
