"""When a project is quarantined without waiting for a person, as data. Only reports of malware that wait count."""

from dataclasses import dataclass
from datetime import timedelta

from holdfast.config import IndexConfig


@dataclass(frozen=True, slots=True)
class AutoQuarantine:
    """Enough reports by different people, enough of them by trusted observers, of a project young enough."""

    reports: int
    observers: int
    younger_than: timedelta | None = None

    def holds(self, reports: int, observers: int, age: timedelta) -> bool:
        is_young = self.younger_than is None or age < self.younger_than
        return reports >= self.reports and observers >= self.observers and is_young


# A wrong quarantine of a day-old project hurts few, an old one needs a second pair of eyes; strangers never suffice.
AUTO_QUARANTINE = (
    AutoQuarantine(reports=1, observers=1, younger_than=timedelta(hours=24)),
    AutoQuarantine(reports=2, observers=1),
)


def quarantines_itself(index: IndexConfig | None) -> bool:
    """Where strangers upload. In a private team's index a person decides."""
    return index is not None and index.rules == "public"


def must_quarantine(reports: int, observers: int, age: timedelta) -> bool:
    """Whether any rule holds."""
    return any(rule.holds(reports, observers, age) for rule in AUTO_QUARANTINE)
