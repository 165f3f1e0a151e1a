"""How `make test` spreads over cores: a worker for each, files in turn, never two lanes that measure time at once.

A test marked `alone` holds single answers to milliseconds: it waits for the other workers' tests, and they for it.

`-n auto` asks for it (the Makefile does); without it, with `-s` and with `--pdb` everything runs in one process.
"""

import fcntl
import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lanes import BUDGET_SECONDS, TESTS, lane_of
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

WORKERS_MAX = 4  # each has its own PostgreSQL, S3 and Django, and what is timed must not wait for a fifth
# They start many programs and hold them to seconds: while one of their files runs, the other workers do something else.
APART = ("drills", "clients", "browser", "cli")


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One worker a core; none when a person looks on, for a worker's terminal is not theirs."""
    if config.option.capture == "no":
        return 0
    return min(len(os.sched_getaffinity(0)), WORKERS_MAX)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Whole files, so that what a file's tests share is made once."""
    config.option.loadscopereorder = False  # the order is ours
    return LaneScheduling(config, log)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their argument: what is packed may hold the time, and all workers must find the same ids."""
    if isinstance(val, bytes) and not (val.isascii() and val.decode().isprintable()):
        return argname
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a worker, what must not meet comes first and the long lanes before the short: then no worker ends late."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _place(lane_of(item.path)))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """The first process, which outlives its workers, gives them all one folder for their turns."""
    if not hasattr(node.config, "_turns"):
        node.config._turns = tempfile.TemporaryDirectory(prefix="holdfast-turns-")
        node.config.add_cleanup(node.config._turns.cleanup)
    node.workerinput["turns"] = node.config._turns.name


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """In a worker, a test marked `alone` meets no other: neither a test nor the set-up of one."""
    worker = getattr(item.config, "workerinput", None)
    if worker is None:
        return (yield)
    with _turn(Path(worker["turns"]), alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextmanager
def _turn(folder: Path, *, alone: bool) -> Iterator[None]:
    """The floor for one test: shared, or for it alone. Who waits holds the gate, so that nobody slips in before."""
    with (folder / "gate").open("w") as gate, (folder / "floor").open("w") as floor:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(floor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(
                floor, fcntl.LOCK_UN
            )  # not left to closing: a process forked meanwhile may have the file open for longer


class LaneScheduling(LoadScopeScheduling):
    """Hands files to workers in order; a lane of APART only while no other worker is in one."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]

    def _assign_work_unit(self, node: WorkerController) -> None:
        if any(self._is_apart(other) for other in self.nodes if other is not node):
            together = next((file for file in self.workqueue if not _is_apart(file)), None)
            if together is not None:
                self.workqueue.move_to_end(together, last=False)
        super()._assign_work_unit(node)

    def _is_apart(self, node: WorkerController) -> bool:
        unfinished = (file for file, tests in self.assigned_work[node].items() if not all(tests.values()))
        return any(_is_apart(file) for file in unfinished)


def _is_apart(file: str) -> bool:
    return lane_of(TESTS.parent / file) in APART


def _place(lane: str) -> tuple[bool, int]:
    return lane not in APART, -BUDGET_SECONDS.get(lane, 0)
