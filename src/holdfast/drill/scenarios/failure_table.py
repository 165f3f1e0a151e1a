"""Every row of the failure table holds: what is known is served at once, the unknown is 503, nothing wrong is kept."""

from holdfast.drill.failure_stage import FRESHNESS_SECONDS, Stage, Subject, prepare
from holdfast.drill.failures import play_all
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish, world


def run(say: Say) -> None:
    with world([], {"HOLDFAST_UPSTREAM_FRESHNESS_SECONDS": f"{FRESHNESS_SECONDS:g}s"}) as w:
        prepare(w.upstream)
        publish(w.rig, "hosted", "1.0")
        simple = f"{w.rig.url}/simple/"
        found = play_all(Stage(Subject("Holdfast", simple, f"{simple}hosted/"), w.upstream, w.proxy), say)
    bad = {name: cell.text for name, cell in found.items() if not cell.good}
    assert not bad, bad
