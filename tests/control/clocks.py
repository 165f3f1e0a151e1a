"""A clock that runs like the machine's and can be set forward."""

from datetime import datetime, timedelta

from holdfast.clock import SystemClock


class ForwardClock(SystemClock):
    """Where threads and retries wait for real, time must pass by itself, too."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._ahead)

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds
