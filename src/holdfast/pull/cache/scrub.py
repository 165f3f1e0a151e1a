"""Hashes kept files again, in key order, a little each day: damage is found before a client finds it.

Where it is shows in the ledger, so a restart goes on there. What is damaged is dropped, and fetched again when wanted.
"""

import hashlib
import time
from collections.abc import Callable, Sequence

import structlog

from holdfast.core.errors import Absent
from holdfast.pull.cache.ledger import Scrubbing
from holdfast.store.port import ObjectInfo, Store
from holdfast.tree import addresses

log = structlog.get_logger()

READ_BYTES = 1024 * 1024
RATE_BYTES = 64 * 1024 * 1024  # per second at most, so that a disk has time for others
SAVED_SECONDS_MAX = 3600.0  # of budget that was not used: a machine that slept does not catch up with a day

Pause = Callable[[float], None]


class Scrub:
    """One pass after another over the kept files of these upstreams. One thread uses it."""

    def __init__(
        self, store: Store, upstreams: Sequence[str], progress: Scrubbing, bytes_daily: int, pause: Pause = time.sleep
    ) -> None:
        """`pause` waits so many seconds between reads."""
        self.progress = progress
        self._store = store
        self._prefixes = sorted(addresses.pulled_files(upstream) for upstream in upstreams)
        self._bytes_daily = bytes_daily
        self._pause = pause
        self._allowance = 0.0
        self._earned_at: float | None = None
        self.rest_of_round = False  # go on to the end of the round, whatever the budget says

    def step(self, now: float) -> bool:
        """Hash the next file if the budget allows; False when there is nothing to do now. Raises Unavailable.

        A file larger than what is left of the budget is hashed on credit.
        """
        self._earn(now)
        if self._allowance <= 0 and not self.rest_of_round:
            return False
        progress = self.progress
        if not progress.round_started:
            progress.round_started, progress.round_bytes = now, 0
        info = self._next()
        if info is None:
            progress.round_ended, progress.round_started, progress.position = now, 0.0, ""
            self.rest_of_round = False
            return False
        self._hash(info)
        progress.position = info.key
        return True

    def _earn(self, now: float) -> None:
        """The day's budget comes evenly."""
        since = now if self._earned_at is None else self._earned_at
        self._earned_at = now
        rate = self._bytes_daily / 86400
        self._allowance = min(self._allowance + (now - since) * rate, SAVED_SECONDS_MAX * rate)

    def _next(self) -> ObjectInfo | None:
        for prefix in self._prefixes:
            position = self.progress.position
            if position.startswith(prefix) or prefix > position:
                after = position if position.startswith(prefix) else ""
                found = next(iter(self._store.list(prefix, after=after)), None)
                if found is not None:
                    return found
        return None

    def _hash(self, info: ObjectInfo) -> None:
        parts = addresses.pulled_parts(info.key)
        if parts is None:
            return
        try:
            found = digest_of(self._store, info.key, self._pause)
        except Absent:
            return  # evicted meanwhile
        progress = self.progress
        progress.files += 1
        progress.bytes += info.size
        progress.round_bytes += info.size
        self._allowance -= info.size
        if found != parts[2]:
            progress.corrupt += 1
            log.error("a kept file of upstream %s is damaged and is dropped", parts[0], sha256=parts[2])
            self._store.delete(info.key)


def digest_of(store: Store, key: str, pause: Pause | None = None) -> str:
    """The sha256 of a stored object, in bounded memory and time slices. Raises Absent, Unavailable."""
    digest, offset = hashlib.sha256(), 0
    while chunk := store.read(key, offset, READ_BYTES):
        digest.update(chunk)
        offset += len(chunk)
        if pause is not None:
            pause(len(chunk) / RATE_BYTES)
    return digest.hexdigest()
