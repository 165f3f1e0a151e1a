"""Views as of a date: `/<index>/@<date>/simple/` shows what had been uploaded before that moment, and no later file.

A date is the start of that day in UTC, so that a view never gains a file while its day goes on. Yanks, removals,
quarantine and policy are today's: a view makes resolution reproducible, it does not bring back what was taken away.
"""

import re
from datetime import UTC, datetime

from holdfast.core.errors import Absent

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)  # one spelling: each is a page to make

SPELLING = "a date is written 2026-11-01 (its first moment, UTC) or 2026-11-01T12:00:00Z"


def parse_moment(text: str) -> datetime | None:
    """The moment a view's name stands for, or None when it is none."""
    try:
        if _DATE.fullmatch(text):
            return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        if _INSTANT.fullmatch(text):
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:  # the thirtieth of February
        pass
    return None


def demand_past(as_of: datetime, now: datetime) -> None:
    """Only what is over can be looked back on: a later moment's view would go on changing. Raises Absent."""
    if as_of > now:
        raise Absent(f"{as_of:%Y-%m-%dT%H:%M:%SZ} has not come yet: a view shows the index as of a moment in the past")
