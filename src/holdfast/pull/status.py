"""What pull counts per upstream, as `/status` shows it: plain integers, no time series."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from holdfast.pull.cache.ledger import HOUR, Counts


@dataclass(slots=True)
class Counters:
    """Since this process started. Bytes are body bytes received from the upstream."""

    requests: int = 0  # HTTP requests sent to the upstream, redirect hops included
    bytes: int = 0
    page_hits: int = 0  # answered from the store without asking
    page_fetches: int = 0
    page_unchanged: int = 0  # 304, or the same content again
    stale_served: int = 0  # an old page stood in for a failed refresh
    absent_served: int = 0
    refused_by_plausibility: int = 0
    files_skipped: int = 0  # entries of upstream pages that could not be read
    file_hits: int = 0
    file_fetches: int = 0
    file_resumes: int = 0
    file_failures: int = 0
    ranges_relayed: int = 0
    metadata_fetches: int = 0
    corrupt: int = 0  # bytes that failed their digest


@dataclass(slots=True)
class Health:
    """How one upstream is doing."""

    counters: Counters
    last_success: datetime | None = None
    last_failure: datetime | None = None
    last_failure_reason: str = ""

    def succeeded(self, now: datetime) -> None:
        self.last_success = now

    def failed(self, now: datetime, reason: str) -> None:
        self.last_failure = now
        self.last_failure_reason = reason

    def snapshot(self, now: datetime) -> dict[str, object]:
        """JSON-ready facts, numbers on the top level for metrics; an age is None before the first answer."""
        age = None if self.last_success is None else round((now - self.last_success).total_seconds(), 3)
        return {
            "last_success": self.last_success and self.last_success.isoformat(),
            "last_success_age_seconds": age,
            "last_failure": self.last_failure and self.last_failure.isoformat(),
            "last_failure_reason": self.last_failure_reason,
            **asdict(self.counters),
        }


def hit_rate(hours: Mapping[int, Counts], now: datetime) -> float | None:
    """Of what fronts served of one upstream in the last day, how much was kept, 0 to 1; None when nothing was asked."""
    this_hour = int(now.timestamp()) // HOUR
    found = [hours.get(hour, {}) for hour in range(this_hour - 24, this_hour + 1)]
    answers = {way: sum(counts.get(way, (0, 0))[0] for counts in found) for way in ("hit", "stale", "miss")}
    asked = sum(answers.values())
    return round((answers["hit"] + answers["stale"]) / asked, 4) if asked else None
