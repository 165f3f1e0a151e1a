"""One publisher is stopped at each step and continued later, while another works and sixteen clients upload."""

import json
import os
import threading
import time
from pathlib import Path

from holdfast.drill.checkers import check_contiguous, check_fsck, check_served
from holdfast.drill.corpus import wheel
from holdfast.drill.rig import Rig, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish

SLOW = True
STEPS = ("claimed", "rendered", "record-written", "card-written", "segment-written", "marked")
CLIENTS = 16


def run(say: Say) -> None:
    with Rig(settings=dict(_engine())) as rig:
        publish(rig, "contested", "0.1")
        yanked: set[str] = set()
        for round_number, step in enumerate(STEPS):
            gate = rig.folder / f"gate-{step}"
            os.mkfifo(gate)
            rig.restart({"HOLDFAST_DRILL": "1", "HOLDFAST_DRILL_PAUSE": f"control@{step}:{gate}"})
            acknowledged = _crowd(rig, round_number)
            assert gate.with_name(gate.name + ".reached").exists(), f"no publisher came to {step}"
            yanked |= _yank(rig, f"{round_number + 1}.1", step)
            _continue(gate)
            _wait_for_yanks(rig, yanked, step)
            files = check_served(rig, "contested")
            missing = [name for name in acknowledged if name not in files]
            assert not missing, f"{step}: acknowledged and lost: {missing}"
            check_contiguous(rig.data)
            say(f"{step}: one halted there, {len(acknowledged)} uploads acknowledged and served, no gap, no yank lost")
        check_fsck(rig)


def _engine() -> list[tuple[str, str]]:
    """The same drill runs on PostgreSQL when a database is given."""
    url = os.environ.get("HOLDFAST_DRILL_DATABASE_URL", "")
    return [("HOLDFAST_DATABASE_URL", url)] if url else []


def _yank(rig: Rig, version: str, reason: str) -> set[str]:
    """Yank while the other publisher is halted with what it knew before."""
    rig.run("project", "yank", "contested", version, "--reason", reason)
    return {f"contested-{version}-py3-none-any.whl"}


def _crowd(rig: Rig, round_number: int) -> list[str]:
    """Sixteen clients upload one version each; returns the filenames the server acknowledged."""
    acknowledged: list[str] = []

    def upload(number: int) -> None:
        made = wheel("contested", f"{round_number + 1}.{number + 1}")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = rig.upload(made, timeout=12)
            if answer.status == 200:
                acknowledged.append(made.filename)
                return
            assert answer.status in (0, 503), (answer.status, answer.body[:300])
            time.sleep(0.2)

    crowd = [threading.Thread(target=upload, args=(n,)) for n in range(CLIENTS)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert len(acknowledged) == CLIENTS, f"only {len(acknowledged)} of {CLIENTS} uploads were acknowledged"
    return acknowledged


def _continue(gate: Path) -> None:
    """Let the halted publisher go on with whatever it believed."""
    with gate.open("wb") as halted:
        halted.write(b"go on\n")


def _wait_for_yanks(rig: Rig, wanted: set[str], step: str) -> None:
    wait_until(lambda: _yanked(rig) == wanted, 10, f"{step}: the yanks {wanted}, no more and no less")


def _yanked(rig: Rig) -> set[str]:
    page = rig.get("/simple/contested/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    return {f["filename"] for f in json.loads(page.body)["files"] if f["yanked"]}
