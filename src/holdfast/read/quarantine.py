"""Why a project is in quarantine, for the refusal of its files. The journal tells that it is, the record tells why."""

from collections import OrderedDict

from holdfast.core.errors import Corrupt, Unavailable
from holdfast.read.workers import Workers
from holdfast.tree.checkpoint import ProjectEntry
from holdfast.tree.reader import TreeReader

KEPT_MAX = 1000  # reasons remembered, so that a client that asks again and again costs no reading


class QuarantineReasons:
    """The reasons of one process, by the record they are in: a record never changes."""

    def __init__(self, reader: TreeReader, workers: Workers) -> None:
        self._reader = reader
        self._workers = workers
        self._kept: OrderedDict[tuple[str, str, str], str] = OrderedDict()

    async def of(self, entry: ProjectEntry) -> str:
        """The reason; "" without one, or while it cannot be read: the refusal stands without it."""
        key = (entry.index, entry.name, entry.record)
        found = self._kept.get(key)
        if found is None:
            try:
                found = (await self._workers.in_thread(self._reader.record, entry)).status_reason
            except (Unavailable, Corrupt):
                return ""
            self._kept[key] = found
            if len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return found
