"""Something the work role does every so often. What fails rests, longer each time, and says so once, not once a try."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from holdfast.core.errors import Outcome

log = structlog.get_logger()

REST_SECONDS_MAX = 10.0  # an outage that ends is noticed within this, or within the task's own rhythm


@dataclass(slots=True)
class Task:
    """Something done every so often, resting after failures."""

    name: str
    every_seconds: float
    run: Callable[[], object]
    due: float = float("-inf")  # monotonic
    failures: int = 0
    said: str = field(default="")

    def run_when_due(self, now: float) -> bool:
        """Run the task if it is time; False when it failed."""
        if now < self.due:
            return True
        try:
            self.run()
        except Outcome as error:
            self._rest(now, error.reason)
            return False
        except Exception as error:  # noqa: BLE001 - upkeep must go on with its other tasks
            self._rest(now, f"{type(error).__name__}: {error}", exc_info=error)
            return False
        if self.failures:
            log.info("%s works again", self.name)
        self.failures, self.said, self.due = 0, "", now + self.every_seconds
        return True

    def _rest(self, now: float, reason: str, **facts: Any) -> None:
        self.failures += 1
        self.due = now + min(
            self.every_seconds * 2 ** min(self.failures - 1, 10), max(REST_SECONDS_MAX, self.every_seconds)
        )
        if reason != self.said:
            log.warning("%s waits: %s", self.name, reason, **facts)
            self.said = reason
