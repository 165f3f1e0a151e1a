"""What a role's processes hold in memory while something happens, seen from outside."""

import re
import threading
from pathlib import Path

from holdfast.drill.rig import Rig

LOOK_SECONDS = 0.1


class Peak:
    """Use it with `with`: the highest resident memory of a role, and what it was before, in MiB."""

    def __init__(self, rig: Rig, role: str) -> None:
        self._rig = rig
        self._role = role
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self.before = self.highest = memory_mib(rig, role)

    @property
    def growth(self) -> float:
        return self.highest - self.before

    def __enter__(self) -> "Peak":
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._done.wait(LOOK_SECONDS):
            self.highest = max(self.highest, memory_mib(self._rig, self._role))


def memory_mib(rig: Rig, role: str) -> float:
    """Resident memory of a role's processes, MiB."""
    pids = [rig.pids()[role]]
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            pids += [int(child) for child in task.read_text().split()]
    total = 0
    for pid in pids:
        try:
            found = re.search(r"Rss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text())
        except OSError:
            continue
        total += int(found[1]) if found else 0
    return total / 1024
