"""However the upstream fails, warm pages answer at once and unseen ones say 503, never 404 and never a short list."""

import time
from dataclasses import dataclass
from functools import partial

from holdfast.drill.checkers import listed
from holdfast.drill.corpus import chain, wheel
from holdfast.drill.faults import NO_FAULT, UPSTREAM_MODES
from holdfast.drill.figures import TIMES_MAX, again, measured
from holdfast.drill.rig import HUNG_SECONDS, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import World, publish, warm, world

FRESHNESS_SECONDS = 1.0
PAGE_BUDGET_SECONDS = 3.0  # half the default: two modes use it up, and show the same
WARM_SECONDS_MAX = 0.050
UNSEEN_SECONDS_MAX = 12.0  # pip gives up after 15
MODES = ("refused", "hung", "slow", "503", "maintenance", "truncated", "reset", "flapping")
SEEN = ("hosted", "dep-0", "dep-1", "dep-2")


@dataclass(frozen=True, slots=True)
class Answers:
    """Seconds of the slowest warm answer and of the unseen page, and its status."""

    warm_seconds: float
    unseen_seconds: float
    unseen_status: int

    @property
    def are_late(self) -> bool:
        return self.warm_seconds >= WARM_SECONDS_MAX or self.unseen_seconds >= UNSEEN_SECONDS_MAX


def run(say: Say) -> None:
    unseen = [wheel(again(f"unseen-{mode}", turn), "1.0") for mode in MODES for turn in range(TIMES_MAX)]
    settings = {
        "HOLDFAST_UPSTREAM_FRESHNESS_SECONDS": f"{FRESHNESS_SECONDS:g}s",
        "HOLDFAST_UPSTREAM_PAGE_BUDGET_SECONDS": f"{PAGE_BUDGET_SECONDS:g}s",
    }
    with world([*chain("dep", 3), *unseen], settings) as w:
        publish(w.rig, "hosted", "1.0")
        paths = warm(w.rig, *SEEN)
        page = listed(w.rig, "dep-0")
        for mode in MODES:
            found = measured(partial(_ask, w, mode, paths, page, say), lambda one: one.are_late)
            assert found.unseen_seconds < UNSEEN_SECONDS_MAX, f"{mode}: unseen page took {found.unseen_seconds:.1f} s"
            assert found.warm_seconds < WARM_SECONDS_MAX, (
                f"{mode}: a warm answer took {found.warm_seconds * 1000:.0f} ms"
            )


def _ask(w: World, mode: str, paths: list[str], page: dict[str, str], say: Say, turn: int) -> Answers:
    """What is answered while the upstream fails like this; wrong answers end the drill."""
    if turn:  # as before the first: pages that the upstream was well for, and that have grown old
        warm(w.rig, *SEEN)
        time.sleep(FRESHNESS_SECONDS * 1.3)
    w.proxy.set(UPSTREAM_MODES[mode])
    slowest = 0.0
    for _ in range(5):
        for path in paths:
            answer = w.rig.get(path)
            assert answer.status == 200, (mode, path, answer.status, answer.body[:300])
            slowest = max(slowest, answer.seconds)
    assert listed(w.rig, "dep-0") == page, f"{mode}: the warm page changed"
    unseen = f"/simple/{again(f'unseen-{mode}', turn)}/"
    answer = w.rig.get(unseen)
    if mode != "flapping":
        assert answer.status == 503, (mode, answer.status, answer.body[:300])
        assert "retry-after" in answer.headers, (mode, answer.headers)
    assert answer.status in (200, 503), (mode, answer.status)
    say(f"{mode}: slowest warm answer {slowest * 1000:.1f} ms, unseen {answer.status} in {answer.seconds:.2f} s")
    w.proxy.set(NO_FAULT)
    say(f"{mode}: recovered {_first_good(w, unseen):.1f} s after the upstream did")
    return Answers(slowest, answer.seconds, answer.status)


def _first_good(w: World, path: str) -> float:
    started = time.monotonic()
    wait_until(lambda: w.rig.get(path).status == 200, HUNG_SECONDS, f"{path} after recovery")
    return time.monotonic() - started
