"""Reminding operators of kill switches that have been in force for long, or are about to end by themselves.

A switch that everybody forgot keeps people out for no reason; one that ends unseen lets the flood in again (r15, r26).
Each reminder is a warning in the log, and goes to whatever else was asked to tell administrators.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from holdfast.clock import Clock
from holdfast.control.switches import Switches
from holdfast.tree.switches import Switch

log = structlog.get_logger()

LONG = timedelta(hours=24)  # told when a switch has been in force for this long, and again as often
ENDING = timedelta(hours=1)  # told this long before the end: time for a person to look and to extend it
BY_HAND = "holdfast switch extend {name}, or let it end"

BACKLOG = timedelta(hours=1)  # a report of malware that nobody has looked at for this long is told each time
TellAdministrators = Callable[[str], None]


class SwitchReminders:
    """Reminds once for each occasion, for as long as the process lives."""

    def __init__(self, switches: Switches, clock: Clock, tell: TellAdministrators | None = None) -> None:
        self._switches = switches
        self._clock = clock
        self._tell = tell
        self._told: set[tuple[str, str, str]] = set()

    def remind(self) -> int:
        """Tell what is due; answers how many reminders. Raises Unavailable when the switches were never readable."""
        now = self._clock.now()
        due = {
            (one.capability, one.scope, occasion): sentence
            for one in self._switches.in_force()
            for occasion, sentence in _occasions(one, now)
        }
        new = [key for key in due if key not in self._told]
        for key in new:
            log.warning("kill switch: %s", due[key], capability=key[0], scope=key[1])
            if self._tell is not None:
                self._tell(due[key])
        self._told = set(due)  # what is no longer due may become so again: after an extension, say
        return len(new)


def _occasions(one: Switch, now: datetime) -> list[tuple[str, str]]:
    """(occasion, sentence) of what there is to say now; an occasion names itself the same until it is over."""
    found = []
    times = int(one.age_seconds(now) // LONG.total_seconds())
    if times:
        hours = int(one.age_seconds(now) // 3600)
        found.append((f"long {one.at} {times}", f"{one.sentence()} It has been in force for {hours} hours."))
    if one.until is not None and one.until - now <= ENDING:
        name = one.capability if one.scope == "*" else f"{one.capability} --scope {one.scope}"
        found.append((f"ending {one.until}", f"{one.sentence()} It ends by itself then: {BY_HAND.format(name=name)}."))
    return found


def warn_of_backlog(clock: Clock) -> float:
    """Warn while reports wait too long (r19: more reports than moderators); answers the oldest one's age in seconds."""
    from holdfast.control.moderation.reports import backlog

    waiting, oldest = backlog(clock.now())
    if oldest >= BACKLOG.total_seconds():
        log.warning("%s reports wait for a verdict, the oldest for %s minutes", waiting, int(oldest // 60))
    return oldest
