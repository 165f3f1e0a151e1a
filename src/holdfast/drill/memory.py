"""What a role's processes hold in memory while something happens, seen from outside."""

import re
import threading
from pathlib import Path

from holdfast.drill.rig import Rig

LOOK_SECONDS = 0.1


class Peak:
    """Use it with `with`: the highest resident memory of a role, and what it was before, in MiB.

    Each process's own high-water mark counts too, so that nothing is missed between two looks.
    """

    def __init__(self, rig: Rig, role: str) -> None:
        self._rig = rig
        self._role = role
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._marked = {pid: _reset_mark(pid) for pid in processes(rig, role)}
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
        # The sum of all growths: at least the true peak, for not all need have been that large at once.
        self.highest = max(self.highest, self.before + sum(_grown(pid, was) for pid, was in self._marked.items()))

    def _watch(self) -> None:
        while not self._done.wait(LOOK_SECONDS):
            self.highest = max(self.highest, memory_mib(self._rig, self._role))


def memory_mib(rig: Rig, role: str) -> float:
    """Resident memory of a role's processes, MiB."""
    return sum(_kib(pid, "smaps_rollup", "Rss") for pid in processes(rig, role)) / 1024


def processes(rig: Rig, role: str) -> list[int]:
    """A role's process and every one below it."""
    pids = [rig.pids()[role]]
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            pids += [int(child) for child in task.read_text().split()]
    return pids


def _reset_mark(pid: int) -> int:
    """Begin a new high-water mark (proc(5), clear_refs); what is resident now, KiB."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        pass  # gone, or not ours: then its mark is the one of its whole life, which is no smaller
    return _kib(pid, "status", "VmRSS")


def _grown(pid: int, was: int) -> float:
    return max(_kib(pid, "status", "VmHWM") - was, 0) / 1024


def _kib(pid: int, file: str, key: str) -> int:
    try:
        found = re.search(rf"^{key}:\s+(\d+)", Path(f"/proc/{pid}/{file}").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0
