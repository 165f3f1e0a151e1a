"""Which upstreams operators have switched off, as pull follows it.

An upstream that is off behaves as one that is down: nothing leaves for it, what is kept is served, the rest is
Unavailable with a reason that names the switch. Before the decisions could be read once, none is believed to be on.
"""

from datetime import UTC, datetime

import structlog

from holdfast.clock import Clock
from holdfast.core.errors import Corrupt, Unavailable
from holdfast.store.port import Store
from holdfast.tree.overrides import OverridesReader, UpstreamOff

log = structlog.get_logger()

RETRY_SECONDS_MAX = 5  # what a client is told at most: pip sleeps that long before each of its five further attempts


class Switches:
    """The switches of every upstream. `look` belongs in a thread, the rest in the event loop."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._reader = OverridesReader(store)
        self._clock = clock
        self._is_known = False
        self.trouble = ""

    def look(self) -> None:
        """Take in what is new, and log what changed. What was known stays in force while nothing can be read."""
        before = self._reader.current
        try:
            changed = self._reader.look()
        except (Unavailable, Corrupt) as error:
            if error.reason != self.trouble:
                log.warning("the operators' switches cannot be read: %s", error.reason)
            self.trouble = error.reason
            return
        self._is_known, self.trouble = True, ""
        after = self._reader.current
        if changed and before.upstreams_off != after.upstreams_off:
            names = ", ".join(switch.upstream for switch in after.upstreams_off if self.off(switch.upstream))
            log.info("upstreams switched off now: %s", names or "none")

    def off(self, upstream: str) -> UpstreamOff | None:
        """The switch that keeps the upstream off at this moment, or None."""
        return self._reader.current.off(upstream, self._clock.now())

    def demand_on(self, upstream: str, label: str) -> None:
        """Raises Unavailable when the upstream is off, or when that cannot be known."""
        if not self._is_known:
            raise Unavailable(f"it cannot be read whether {label} is switched off: {self.trouble or 'not yet'}")
        switch = self.off(upstream)
        if switch is not None:
            raise Unavailable(_told(switch, label), retry_after_seconds=_retry_after(switch, self._clock.now()))


def _told(switch: UpstreamOff, label: str) -> str:
    until = f"until {switch.until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if switch.until else "until switched on again"
    why = f": {switch.reason}" if switch.reason else ""
    return f"{label} was switched off by {switch.by or 'an operator'} {until}{why}"


def _retry_after(switch: UpstreamOff, now: datetime) -> int:
    if switch.until is None:
        return RETRY_SECONDS_MAX
    return max(1, min(RETRY_SECONDS_MAX, int((switch.until - now).total_seconds()) + 1))
