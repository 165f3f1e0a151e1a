"""When to stop asking a source that does not answer, and when to try it again: decisions only, no I/O.

    closed --(failures)--> open --(probe due)--> probing --(answer)--> closed
                            ^                       |
                            +------(failure)--------+

It opens after `failures_max` failures in a row when they concern that many different subjects, or when none of
them even reached the source: one project that always fails must not cut off all others.
"""

import random
from typing import Literal

from holdfast.clock import Clock

State = Literal["closed", "open", "probing"]

FAILURES_MAX = 3
BACKOFF_SECONDS_MIN = 1.0
BACKOFF_SECONDS_MAX = 30.0


class Breaker:
    """The state of one source. `jitter` draws from [0, 1); it spreads the probes of many machines."""

    def __init__(self, clock: Clock, *, failures_max: int = FAILURES_MAX, seed: int | None = None) -> None:
        self._clock = clock
        self._failures_max = failures_max
        self._random = random.Random(seed)  # noqa: S311 - spreads load, guards nothing
        self.state: State = "closed"
        self.reason = ""
        self.failures = 0
        self._subjects: set[str] = set()
        self._unreached = 0
        self._probes = 0
        self._probe_ended = 0.0
        self._probe_due = 0.0

    @property
    def admits(self) -> bool:
        """True when ordinary requests may go to the source."""
        return self.state == "closed"

    def probe_in(self, *, wanted: bool) -> float:
        """Seconds until a probe may be sent; `wanted` when a client is waiting for the source.

        Without demand probes back off to half a minute. With demand they stay a second apart, so that the first
        request after a recovery sees it.
        """
        if self.state != "open":
            return 0.0 if self.state == "closed" else BACKOFF_SECONDS_MAX
        due = self._probe_due
        if wanted:
            due = min(due, self._probe_ended + BACKOFF_SECONDS_MIN)
        return max(0.0, due - self._clock.monotonic())

    def begin_probe(self) -> None:
        """A probe was sent; until it ends there is no other."""
        assert self.state == "open", self.state
        self.state = "probing"

    def succeeded(self) -> None:
        """The source answered."""
        self.state = "closed"
        self.reason = ""
        self.failures = self._unreached = self._probes = 0
        self._subjects.clear()

    def failed(self, subject: str, reason: str, *, reached: bool) -> None:
        """The source did not answer about `subject`; `reached` when a connection to it existed."""
        if self.state != "closed":
            return  # late news of a request that was sent before it opened
        self.reason = reason
        self.failures += 1
        self._unreached = 0 if reached else self._unreached + 1
        if len(self._subjects) < self._failures_max:
            self._subjects.add(subject)
        if max(len(self._subjects), self._unreached) >= self._failures_max:
            self._open()

    def probe_failed(self, reason: str) -> None:
        """The probe found the source as dead as before."""
        if self.state != "probing":
            return  # an older request succeeded meanwhile
        self.reason = reason
        self._probes += 1
        self._open()

    def _open(self) -> None:
        self.state = "open"
        now = self._clock.monotonic()
        backoff = min(BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_MIN * 2.0**self._probes)
        self._probe_ended = now
        self._probe_due = now + backoff * (0.75 + 0.5 * self._random.random())
