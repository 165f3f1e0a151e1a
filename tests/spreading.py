"""How `make test` spreads over cores: a worker for each, files in turn, never two lanes that measure time at once.

A test marked `alone` meets no other worker's: it waits for theirs, and they for it. Most tests that hold something to a
figure need that only when a first measurement was late (`figures`), or for the moment in which they measure.

`-n auto` asks for it (the Makefile does); without it, with `-s` and with `--pdb` everything runs in one process.
"""

import fcntl
import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
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
    with _Floor(Path(worker["turns"])) as floor:
        item.stash[FLOOR] = floor
        with floor.alone() if item.get_closest_marker("alone") is not None else nullcontext():
            return (yield)


@pytest.fixture
def alone(request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[None]]:
    """Within `alone()` no other worker's test runs."""
    floor = request.node.stash.get(FLOOR, None)
    return nullcontext if floor is None else floor.alone


@pytest.fixture
def figures(alone: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """What is late beside other workers' tests is measured again without them (holdfast/drill/figures.py)."""
    from holdfast.drill.figures import among_tests

    with among_tests(alone):
        yield


class _Floor:
    """Where tests of all workers run: shared, or had by one alone. Who waits holds the gate: nobody slips in before."""

    def __init__(self, folder: Path) -> None:
        self._gate, self._floor = (folder / "gate").open("w"), (folder / "floor").open("w")
        self._is_alone = False

    def __enter__(self) -> "_Floor":
        with self._wait_at_gate():
            fcntl.flock(self._floor, fcntl.LOCK_SH)
        return self

    def __exit__(self, *_: object) -> None:
        # Not left to closing: a process that was forked meanwhile may have the file open for longer.
        fcntl.flock(self._floor, fcntl.LOCK_UN)
        self._floor.close()
        self._gate.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The floor for whoever shares it, until the end of the block."""
        if self._is_alone:
            yield
            return
        fcntl.flock(self._floor, fcntl.LOCK_UN)  # two who wait for the other one to leave would wait for ever
        with self._wait_at_gate():
            fcntl.flock(self._floor, fcntl.LOCK_EX)
        self._is_alone = True
        try:
            yield
        finally:
            self._is_alone = False
            fcntl.flock(self._floor, fcntl.LOCK_SH)

    @contextmanager
    def _wait_at_gate(self) -> Iterator[None]:
        fcntl.flock(self._gate, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._gate, fcntl.LOCK_UN)


FLOOR = pytest.StashKey[_Floor]()


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
