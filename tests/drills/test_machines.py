"""Several machines over one bucket and one database: either may die, and the bucket may be a black hole for a while."""

import os
import threading
import time
from collections import Counter
from contextlib import nullcontext

from drills.machines import kill_machine, two_machines

from holdfast.drill.corpus import chain, wheel
from holdfast.drill.figures import beside_other_work, seconds_max
from holdfast.drill.rig import Rig, wait_until
from holdfast.drill.steps import publish, warm
from holdfast.store.copied import ALONE_SECONDS

SEEN_SECONDS_MAX = 10.0  # the other machine looks once a second; the rest is for a machine with much else to do
WARM_SECONDS_MAX = 1.5  # while it has not been noticed yet that the bucket is dead
COLD_SECONDS_MAX = 8.0
BACK_SECONDS_MAX = 3.0
# Ten minutes when asked for, and then held to figures; the shorter one shows the same states beside other tests.
BLACK_HOLE_SECONDS = float(os.environ.get("DRILL_BLACK_HOLE_SECONDS", "8"))
figures = nullcontext if "DRILL_BLACK_HOLE_SECONDS" in os.environ else beside_other_work
NEVER_SECONDS = 60.0  # what takes half of it waits for the bucket


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


def wait_seen(rig: Rig, path: str) -> None:
    wait_until(lambda: rig.get(path).status == 200, SEEN_SECONDS_MAX, f"{path} on the other machine")


def wait_kept(rig: Rig, paths: list[str]) -> None:
    """What is given while it arrives is kept a moment later."""
    for path in paths:
        wait_until(lambda path=path: "; hit" in rig.get(path).headers["cache-status"], 15, f"{path} from the store")


def test_a_machine_dies_and_nobody_notices() -> None:
    cold = [wheel("late", "1.0")]
    with two_machines([*chain("dep", 3), *cold]) as m:
        publish(m.one, "mine", "1.0")
        wait_seen(m.other, "/simple/mine/")
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
    with two_machines([*chain("dep", 2), big, wheel("late", "1.0")]) as m:
        publish(m.one, "mine", "1.0")
        assert m.one.upload(wheel("hosted-big", "1.0", filler_bytes=20 * 1024 * 1024)).status == 200
        wait_seen(m.other, "/simple/hosted-big/")
        publish(m.one, "unread", "1.0")
        paths = warm(m.other, "mine", "hosted-big", "dep-0", "dep-1", "big")
        unread = "/simple/unread/"
        wait_kept(m.other, paths)

        m.bucket.black_hole()
        since = time.monotonic()
        colds = []
        with Readers(m.other, paths) as readers:
            while time.monotonic() - since < BLACK_HOLE_SECONDS or len(colds) < 4:
                colds += [m.other.get(unread), m.other.get("/simple/late/")]
        m.bucket.recover()

        assert {200} == set(readers.statuses), readers.failed
        assert {503} == {answer.status for answer in colds}, Counter(answer.status for answer in colds)
        assert colds[-1].headers["retry-after"]
        with figures():
            _hold_to_figures(m.other, readers, [answer.seconds for answer in colds], [unread, "/simple/late/"])
        publish(m.other, "mine", "2.0")
        assert b"mine-2.0" in m.other.get("/simple/mine/").body


def _hold_to_figures(rig: Rig, readers: Readers, cold_seconds: list[float], back: list[str]) -> None:
    """Warm answers do not wait for the bucket, cold ones not for long, and what was cold is there once it is back."""
    waited = ALONE_SECONDS * 2  # a cold answer waits for the bucket so long at least; half of it: it did not
    assert readers.slowest < seconds_max(WARM_SECONDS_MAX, waited), f"a warm answer took {readers.slowest:.1f} s"
    assert max(cold_seconds) < seconds_max(COLD_SECONDS_MAX, NEVER_SECONDS), cold_seconds
    for path in back:
        within = seconds_max(BACK_SECONDS_MAX, NEVER_SECONDS)
        wait_until(lambda path=path: rig.get(path).status == 200, within, f"{path} after recovery")
