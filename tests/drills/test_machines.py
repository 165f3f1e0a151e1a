"""Several machines over one bucket and one database: either may die, and the bucket may be a black hole for a while."""

import os
import threading
import time
from collections import Counter
from dataclasses import dataclass

import pytest
from drills.machines import Machines, kill_machine, two_machines

from holdfast.drill.corpus import chain, wheel
from holdfast.drill.figures import TIMES_MAX, again, measured
from holdfast.drill.rig import HUNG_SECONDS, Answer, Rig, wait_until
from holdfast.drill.steps import publish, warm

pytestmark = pytest.mark.usefixtures("figures")

SEEN_SECONDS_MAX = 4.0  # the other machine looks once a second
WARM_SECONDS_MAX = 1.5  # while it has not been noticed yet that the bucket is dead
COLD_SECONDS_MAX = 8.0
BACK_SECONDS_MAX = 3.0
# Ten minutes when asked for; the shorter one shows the same states.
BLACK_HOLE_SECONDS = float(os.environ.get("DRILL_BLACK_HOLE_SECONDS", "8"))


class Readers:
    """Ask one machine for these paths, over and over, and count the answers."""

    def __init__(self, rig: Rig, paths: list[str]) -> None:
        self.statuses: Counter[int] = Counter()
        self.failed: Counter[str] = Counter()  # by path and reason
        self.slowest = 0.0
        self._rig = rig
        self._paths = paths
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Readers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.is_set():
            for path in self._paths:
                answer = self._rig.get(path)
                self.statuses[answer.status] += 1
                if answer.status != 200:
                    self.failed[f"{path}: {answer.body[:300]!r}"] += 1
                self.slowest = max(self.slowest, answer.seconds)


def seconds_until_served(rig: Rig, path: str) -> float:
    began = time.monotonic()
    wait_until(lambda: rig.get(path).status == 200, HUNG_SECONDS, path)
    return time.monotonic() - began


def publish_and_see(m: Machines, project: str) -> float:
    """Seconds until the other machine serves what this one publishes."""
    publish(m.one, project, "1.0")
    return seconds_until_served(m.other, f"/simple/{project}/")


def wait_kept(rig: Rig, paths: list[str]) -> None:
    """What is given while it arrives is kept a moment later."""
    for path in paths:
        wait_until(lambda path=path: "; hit" in rig.get(path).headers["cache-status"], HUNG_SECONDS, path)


def test_a_machine_dies_and_nobody_notices() -> None:
    cold = [wheel("late", "1.0")]
    with two_machines([*chain("dep", 3), *cold]) as m:
        seen = measured(lambda turn: publish_and_see(m, again("mine", turn)), lambda found: found >= SEEN_SECONDS_MAX)
        assert seen < SEEN_SECONDS_MAX
        warm(m.one, "dep-0", "dep-1", "dep-2")
        files_fetched = {path: count for path, count in m.upstream.requests.items() if path.endswith(".whl")}
        paths = warm(m.other, "mine", "dep-0", "dep-1", "dep-2")
        assert files_fetched == {p: n for p, n in m.upstream.requests.items() if p.endswith(".whl")}, (
            "what one machine fetched, the other has"
        )

        with Readers(m.other, paths) as readers:
            kill_machine(m.one)
            publish(m.other, "mine", "2.0")
            warm(m.other, "late")
        assert {200} == set(readers.statuses), readers.failed
        assert b"mine-2.0" in m.other.get("/simple/mine/").body

        m.one.start()
        assert b"mine-2.0" in m.one.get("/simple/mine/").body


def test_a_bucket_that_swallows_everything_costs_only_what_is_cold() -> None:
    big = wheel("big", "1.0", filler_bytes=20 * 1024 * 1024)
    late = [wheel(again("late", turn), "1.0") for turn in range(TIMES_MAX)]
    with two_machines([*chain("dep", 2), big, *late]) as m:
        publish(m.one, "mine", "1.0")
        assert m.one.upload(wheel("hosted-big", "1.0", filler_bytes=20 * 1024 * 1024)).status == 200
        seconds_until_served(m.other, "/simple/hosted-big/")
        for turn in range(TIMES_MAX):
            publish(m.one, again("unread", turn), "1.0")
        paths = warm(m.other, "mine", "hosted-big", "dep-0", "dep-1", "big")
        wait_kept(m.other, paths)

        found = measured(lambda turn: black_hole(m, turn, paths), lambda took: took.is_late)

        assert not found.is_late, found
        publish(m.other, "mine", "2.0")
        assert b"mine-2.0" in m.other.get("/simple/mine/").body


@dataclass(frozen=True)
class Took:
    """The slowest around a black hole, seconds: warm and cold answers in it, and until what was cold is served."""

    warm: float
    cold: float
    back: float

    @property
    def is_late(self) -> bool:
        return self.warm >= WARM_SECONDS_MAX or self.cold >= COLD_SECONDS_MAX or self.back >= BACK_SECONDS_MAX


def black_hole(m: Machines, turn: int, paths: list[str]) -> Took:
    """Read warm paths, and two that are cold, from a machine whose bucket swallows everything, and let it come back."""
    cold = [f"/simple/{again(name, turn)}/" for name in ("unread", "late")]
    m.bucket.black_hole()
    since = time.monotonic()
    colds: list[Answer] = []
    with Readers(m.other, paths) as readers:
        while time.monotonic() - since < BLACK_HOLE_SECONDS or len(colds) < 4:
            colds += [m.other.get(path) for path in cold]
    m.bucket.recover()

    assert {200} == set(readers.statuses), readers.failed
    assert {503} == {answer.status for answer in colds}, Counter(answer.status for answer in colds)
    assert colds[-1].headers["retry-after"]
    back = max(seconds_until_served(m.other, path) for path in cold)
    return Took(readers.slowest, max(answer.seconds for answer in colds), back)
