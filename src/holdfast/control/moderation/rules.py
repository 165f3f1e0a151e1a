"""When a project is quarantined without waiting for a person, as data. Only reports of malware that wait count."""

from dataclasses import dataclass
from datetime import timedelta

from holdfast.config import AutoQuarantine, IndexConfig

_DAY = 86_400

# Where strangers upload. A wrong quarantine of a day-old project hurts few; an older one needs a second pair of eyes;
# what many rely on (old, or with many releases) waits for a person: hiding it by mistake is an outage for them all.
PUBLIC = (
    AutoQuarantine(reports=1, observers=1, age_seconds=_DAY),
    AutoQuarantine(reports=2, observers=1, age_seconds=365 * _DAY, releases_max=50),
)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A project as the rules look at it: its reports of malware that wait, those by observers, and how big it is."""

    reports: int
    observers: int
    age: timedelta
    releases: int = 0
    size: int = 0  # bytes of listed files


def rules_of(index: IndexConfig) -> tuple[AutoQuarantine, ...]:
    """The rules in force. In a private team's index a person decides, unless the operator says otherwise."""
    if index.auto_quarantine is not None:
        return index.auto_quarantine
    return PUBLIC if index.rules == "public" else ()


def must_quarantine(rules: tuple[AutoQuarantine, ...], found: Suspect) -> bool:
    """Whether any rule holds."""
    return any(_holds(rule, found) for rule in rules)


def _holds(rule: AutoQuarantine, found: Suspect) -> bool:
    return (
        found.reports >= rule.reports
        and found.observers >= rule.observers
        and (not rule.age_seconds or found.age.total_seconds() < rule.age_seconds)
        and (not rule.releases_max or found.releases <= rule.releases_max)
        and (not rule.bytes_max or found.size <= rule.bytes_max)
    )
