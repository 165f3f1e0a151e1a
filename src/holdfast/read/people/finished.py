"""Finished pages for people, bounded apart from installers' pages: a crawler of these never pushes out those."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from holdfast.core.negotiation import Encoding
from holdfast.read.people.jobs import Painted

BYTES_MAX = 16 * 1024 * 1024  # some two thousand pages as they are sent
OVERHEAD_BYTES = 600

Key = tuple[str, str, Encoding]  # the page's index, its address below it, its encoding


@dataclass(frozen=True, slots=True)
class _Kept:
    digest: str  # names everything the page was made from
    painted: Painted


class FinishedPages:
    """Pages by address; the longest unused leave first."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self.bytes = 0
        self._bytes_max = bytes_max
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()

    def get(self, key: Key, digest: str, now: datetime) -> Painted | None:
        """The page, if it was made from just that and still holds."""
        kept = self._kept.get(key)
        if kept is None or kept.digest != digest:
            return None
        if kept.painted.valid_until is not None and now >= kept.painted.valid_until:
            return None
        self._kept.move_to_end(key)
        return kept.painted

    def put(self, key: Key, digest: str, painted: Painted) -> None:
        """Keep the page in place of an older one."""
        self._drop(key)
        self._kept[key] = _Kept(digest, painted)
        self.bytes += len(painted.body) + OVERHEAD_BYTES
        while self.bytes > self._bytes_max and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.bytes -= len(kept.painted.body) + OVERHEAD_BYTES
