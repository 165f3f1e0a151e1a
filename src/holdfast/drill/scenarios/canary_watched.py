"""The monitor that publishes and installs says what it found, and leaves nothing listed."""

import json
from functools import partial

from holdfast.drill.checkers import check_contiguous, check_fsck
from holdfast.drill.rig import Rig, fetch, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish, warm

SLOW = True  # it waits for looks, which are a minute apart
SETTINGS = 'canary_every = "1m"\n\n[index.main]\n\n[index.canary]\nprivate = true\n'
LOOK_SECONDS_MAX = 180.0


def run(say: Say) -> None:
    with Rig() as rig:
        publish(rig, "known", "1.0")
        paths = warm(rig, "known")
        settings = rig.folder / "holdfast.toml"
        settings.write_text(SETTINGS)
        rig.restart({"HOLDFAST_CONFIG": str(settings)})
        wait_until(partial(_found, rig, True), LOOK_SECONDS_MAX, "a look that found all well")
        assert 'holdfast_monitor_ok{monitor="canary.publish"} 1' in rig.get("/metrics").body.decode()
        say("a canary was published and installed, and the metrics say so")

        rig.run("switch", "off", "uploads", "--reason", "a flood")
        wait_until(partial(_found, rig, None), LOOK_SECONDS_MAX, "a look that was not made")
        assert "holdfast_monitor_ok" not in rig.get("/metrics").body.decode()
        rig.run("switch", "on", "uploads")
        wait_until(partial(_found, rig, True), LOOK_SECONDS_MAX, "another look")
        say("it is neither well nor ill while an operator has switched uploads off")

        reader = rig.run("token", "create", "reader", "--read-index", "canary").stdout.strip()
        page = fetch(f"{rig.url}/canary/simple/", headers={"Authorization": f"Bearer {reader}"})
        assert (page.status, b"holdfast-monitor" in page.body) == (200, False), page
        assert {200} == {rig.get(path).status for path in paths}
        say("nothing of it is listed")
        check_contiguous(rig.data)
        check_fsck(rig)


def _found(rig: Rig, wanted: bool | None) -> bool:
    try:
        found = json.loads((rig.data / "monitors.json").read_text())["canary.publish"]
    except FileNotFoundError:
        return False
    return bool(found["ok"] is wanted)
