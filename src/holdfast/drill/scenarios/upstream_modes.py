"""However the upstream fails, warm pages answer at once and unseen ones say 503, never 404 and never a short list."""

import time

from holdfast.drill.checkers import listed
from holdfast.drill.corpus import chain, wheel
from holdfast.drill.faults import NO_FAULT, UPSTREAM_MODES
from holdfast.drill.figures import seconds_max
from holdfast.drill.rig import wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import World, publish, warm, world

PAGE_BUDGET_SECONDS = 3.0  # half the default: two modes use it up, and show the same
WARM_SECONDS_MAX = 0.050
UNSEEN_SECONDS_MAX = 12.0  # pip gives up after 15
MODES = ("refused", "hung", "slow", "503", "maintenance", "truncated", "reset", "flapping")


def run(say: Say) -> None:
    unseen = [wheel(f"unseen-{mode}", "1.0") for mode in MODES]
    settings = {
        "HOLDFAST_UPSTREAM_FRESHNESS_SECONDS": "1s",
        "HOLDFAST_UPSTREAM_PAGE_BUDGET_SECONDS": f"{PAGE_BUDGET_SECONDS:g}s",
    }
    with world([*chain("dep", 3), *unseen], settings) as w:
        publish(w.rig, "hosted", "1.0")
        paths = warm(w.rig, "hosted", "dep-0", "dep-1", "dep-2")
        page = listed(w.rig, "dep-0")
        for mode in MODES:
            w.proxy.set(UPSTREAM_MODES[mode])
            slowest = 0.0
            for _ in range(5):
                for path in paths:
                    answer = w.rig.get(path)
                    assert answer.status == 200, (mode, path, answer.status, answer.body[:300])
                    slowest = max(slowest, answer.seconds)
            assert listed(w.rig, "dep-0") == page, f"{mode}: the warm page changed"
            answer = w.rig.get(f"/simple/unseen-{mode}/")
            if mode != "flapping":
                assert answer.status == 503, (mode, answer.status, answer.body[:300])
                assert "retry-after" in answer.headers, (mode, answer.headers)
            assert answer.status in (200, 503), (mode, answer.status)
            assert answer.seconds < seconds_max(UNSEEN_SECONDS_MAX, 40), (
                f"{mode}: unseen page took {answer.seconds:.1f} s"
            )
            say(
                f"{mode}: slowest warm answer {slowest * 1000:.1f} ms, unseen {answer.status} in {answer.seconds:.2f} s"
            )
            assert slowest < seconds_max(WARM_SECONDS_MAX, PAGE_BUDGET_SECONDS), (
                f"{mode}: a warm answer took {slowest * 1000:.0f} ms"
            )
            w.proxy.set(NO_FAULT)
            recovered = _first_good(w, f"/simple/unseen-{mode}/")
            say(f"{mode}: recovered {recovered:.1f} s after the upstream did")


def _first_good(w: World, path: str) -> float:
    started = time.monotonic()
    wait_until(lambda: w.rig.get(path).status == 200, 40, f"{path} after recovery")
    return time.monotonic() - started
