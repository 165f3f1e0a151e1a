"""Control dies at each step of an upload, bytes stored and not listed too: whole or absent, the retry succeeds."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from holdfast.control.publication.drill import Step, UploadStep
from holdfast.drill.checkers import check_contiguous, check_fsck, check_served, listed
from holdfast.drill.clients import pip_install
from holdfast.drill.corpus import wheel
from holdfast.drill.publishers import as_token, twine_upload
from holdfast.drill.rig import Rig, wait_until
from holdfast.drill.scenario import Say

SLOW = True  # each death is followed by a rest of the supervisor
STEPS: tuple[str, ...] = (*get_args(UploadStep), *get_args(Step))
RESTS = 4  # deaths in a row, after which the supervisor's rest is longer than a restart


def run(say: Say) -> None:
    with TemporaryDirectory(prefix="holdfast-drill-") as folder:
        settings = {"HOLDFAST_DRILL": "1", "HOLDFAST_DRILL_STEPS": folder}
        with Rig(settings=settings) as rig:
            rig.token()
            for number, step in enumerate(STEPS):
                if number % RESTS == RESTS - 1:
                    rig.restart({})
                    rig.wait_for_control()
                _die_at(rig, Path(folder), number, step)
            say(f"died at {', '.join(STEPS)}: fsck clean each time, the same twine upload then ends with 0")
            check_contiguous(rig.data)
            check_fsck(rig)


def _die_at(rig: Rig, orders: Path, number: int, step: str) -> None:
    made = wheel(f"half-{number}", "1.0", filler_bytes=100_000)
    order = orders / f"control@{step}"
    order.write_text("die")
    old = rig.pids()["control"]
    answer = rig.upload(made, timeout=30)
    assert Path(f"{order}.done").exists(), f"control did not come to {step}"
    assert answer.status in (0, 200, 502, 503), (step, answer.status, answer.body[:300])
    found = listed(rig, made.project)
    assert found in ({}, {made.filename: made.sha256}), (step, found)
    if answer.status == 200:  # the front asked again once control was back, as it does for a request without an answer
        assert found, f"{step}: acknowledged and not listed"
    check_fsck(rig)
    rig.wait_respawn("control", old, 30)
    done = twine_upload(f"{rig.url}/legacy/", [made], rig.folder, as_token(rig.token()))
    assert done.returncode == 0, f"{step}: {done.stdout[-1500:]}{done.stderr[-1500:]}"
    wait_until(lambda: made.filename in check_served(rig, made.project), 5, f"{step}: {made.filename} listed")
    installed = pip_install(f"{rig.url}/simple/", f"{made.project}==1.0", rig.folder)
    assert installed.returncode == 0, installed.stderr[-1500:]
