"""Warm pages of an upstream against hosted pages of the same files: one instance, turn about, in the same minute."""

import statistics

from bench.measure import Sample, wrk
from bench.reads import GZIP
from holdfast.drill.corpus import wheel
from holdfast.drill.rig import Rig
from holdfast.drill.steps import world

FILES = 20
ROUNDS = 7
SECONDS = 3


def run() -> list[str]:
    """One row a freshness: pulled pages that need no look at the upstream, and ones that are refreshed behind."""
    lines = [
        "| warm pulled page, gzip | hosted /s | pulled /s | of hosted | p99 ms hosted, pulled |",
        "|---|---|---|---|---|",
    ]
    return [*lines, _row("fresh (10 min)", "10m"), _row("refreshed each second", "1s")]


def _row(name: str, freshness: str) -> str:
    wheels = [wheel("pulled", f"1.{number}") for number in range(FILES)]
    with world(wheels, {"HOLDFAST_UPSTREAM_FRESHNESS_SECONDS": freshness}) as w:
        for one in (wheel("hosted", f"1.{number}") for number in range(FILES)):
            assert w.rig.upload(one).status == 200
        assert w.rig.get("/simple/pulled/").status == 200
        pairs = [(_measure(w.rig, "hosted"), _measure(w.rig, "pulled")) for _ in range(ROUNDS)]
    ratio = statistics.median(pulled.rate / hosted.rate for hosted, pulled in pairs)
    hosted, pulled = ([pair[side] for pair in pairs] for side in (0, 1))
    rates = " | ".join(f"{statistics.median(sample.rate for sample in side):,.0f}" for side in (hosted, pulled))
    tails = ", ".join(f"{statistics.median(sample.p99_ms for sample in side):.2f}" for side in (hosted, pulled))
    return f"| {name} | {rates} | {ratio:.2f} | {tails} |"


def _measure(rig: Rig, project: str) -> Sample:
    sample = wrk(f"{rig.url}/simple/{project}/", rig.supervisor, headers=GZIP, seconds=SECONDS)
    assert sample.requests and not sample.errors, sample
    return sample
