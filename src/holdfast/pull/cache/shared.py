"""What other machines over the same store used: each writes down its own use by day, and reads the others' to evict.

A store in the data folder belongs to one machine, which then writes nothing.
"""

from datetime import UTC, datetime, timedelta

import structlog

from holdfast.core.errors import Absent, Corrupt
from holdfast.pull.cache.inventory import Inventory, Object, decode_uses, encode_uses
from holdfast.store.port import Store
from holdfast.tree import addresses

log = structlog.get_logger()

WRITE_SECONDS = 900.0  # what a machine used is known to the others a quarter of an hour later
DAYS_KEPT = 45


class SharedUse:
    """The use of this machine and of the others. One thread owns it."""

    def __init__(self, store: Store, machine: str) -> None:
        self._store = store
        self._machine = machine
        self._day = ""
        self._mine: dict[Object, int] = {}
        self._is_written = True
        self._seen: dict[str, str] = {}  # key -> version, of what was read

    def note(self, key: Object, minute: int, now: datetime) -> None:
        """This machine used the object. Raises Unavailable when yesterday's use cannot be put away."""
        self._turn_to(_day(now))
        if self._mine.get(key) != minute:
            self._mine[key] = minute
            self._is_written = False

    def write(self, now: datetime) -> None:
        """Let the others know, if there is anything new. Raises Unavailable."""
        if not self._is_written:
            self._turn_to(_day(now))
            self._store.put(addresses.use(self._machine, self._day), encode_uses(self._mine))
            self._is_written = True

    def read(self, inventory: Inventory, now: datetime) -> None:
        """Take over what the others used, and forget what is old. Raises Unavailable."""
        oldest, this_minute = _day(now - timedelta(days=DAYS_KEPT)), int(now.timestamp()) // 60
        for info in self._store.list(addresses.USE_PREFIX):
            machine, _, tail = info.key.removeprefix(addresses.USE_PREFIX).partition("/")
            if tail.partition(".")[0] < oldest:
                self._store.delete(info.key)
            elif machine != self._machine and self._seen.get(info.key) != info.version:
                for key, minute in self._uses(info.key):
                    inventory.touch(key, min(minute, this_minute))  # their clock may run ahead
                self._seen[info.key] = info.version

    def _turn_to(self, day: str) -> None:
        if day == self._day:
            return
        if not self._is_written:
            self._store.put(addresses.use(self._machine, self._day), encode_uses(self._mine))
        # After a restart in the middle of a day: what the run before wrote of it.
        self._mine, self._day = dict(self._uses(addresses.use(self._machine, day))), day
        self._is_written = True

    def _uses(self, key: str) -> list[tuple[Object, int]]:
        try:
            return list(decode_uses(self._store.get(key)))
        except Absent:
            return []
        except Corrupt as error:
            log.error("what a machine used cannot be read: %s", error.reason, key=key)
            return []


def _day(now: datetime) -> str:
    return now.astimezone(UTC).date().isoformat()
