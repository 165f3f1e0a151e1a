"""Control is killed in the middle of promotions: a release arrives whole or not at all; the second run completes it."""

import json
import os
import random
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from holdfast.drill.checkers import check_contiguous, check_fsck, check_served
from holdfast.drill.corpus import Wheel, wheel
from holdfast.drill.rig import Answer, Rig, fetch, wait_until
from holdfast.drill.scenario import Say

SLOW = True  # each kill is followed by a rest of the supervisor
FILES = 4  # of each release: half of them would show
KILLS = 6
STEP = "record-written"  # committed, half published, and nothing of it visible yet
JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


def run(say: Say) -> None:
    chance = random.Random(int(os.environ.get("HOLDFAST_DRILL_SEED", "1")))
    with TemporaryDirectory(prefix="holdfast-drill-") as folder:
        settings = Path(folder) / "holdfast.toml"
        settings.write_text("[index.main]\n\n[index.stable]\n")
        gate = Path(folder) / "gate"
        os.mkfifo(gate)
        halting = {"HOLDFAST_DRILL": "1", "HOLDFAST_DRILL_PAUSE": f"control@{STEP}:{gate}"}
        with Rig(settings={"HOLDFAST_CONFIG": str(settings)}) as rig:
            token = rig.run("token", "create", "promoter", "--index", "main", "--index", "stable").stdout.strip()
            releases = [_release(rig, f"1.{number}") for number in range(KILLS + 1)]
            with _watching(rig, releases):
                for release in releases[1:]:
                    _kill_at_random(rig, token, release, chance)
                say(f"{KILLS} kills at random moments: each release whole or absent, whole after the second run")
                rig.restart(halting)
                _kill_half_published(rig, token, releases[0], Path(f"{gate}.reached"))
                say(f"killed at {STEP}: finished without anybody's doing, and the second run finds it there")
            check_served(rig, "tool")
            check_contiguous(rig.data)
            check_fsck(rig)


def _release(rig: Rig, version: str) -> list[Wheel]:
    """A release of several files in the index `main`."""
    made = wheel("tool", version)
    stem = made.filename.removesuffix("py3-none-any.whl")
    files = [replace(made, filename=f"{stem}{build}-py3-none-any.whl") for build in range(1, FILES + 1)]
    for file in files:
        answer = rig.upload(file)
        assert answer.status == 200, (answer.status, answer.body[:500])
    return files


def _kill_at_random(rig: Rig, token: str, release: list[Wheel], chance: random.Random) -> None:
    promotion = threading.Thread(target=_promote, args=(rig, token, release[0].version))
    promotion.start()
    time.sleep(chance.uniform(0.0, 0.04))
    old = rig.kill("control", signal.SIGKILL)
    rig.wait_respawn("control", old, 30)
    promotion.join()
    _promote_again(rig, token, release)


def _kill_half_published(rig: Rig, token: str, release: list[Wheel], reached: Path) -> None:
    promotion = threading.Thread(target=_promote, args=(rig, token, release[0].version))
    promotion.start()
    wait_until(reached.exists, 20, f"control at {STEP}")
    assert not _there(rig, release), "a promotion is visible before its journal segment is written"
    rig.kill("control", signal.SIGKILL)
    promotion.join()
    wait_until(lambda: _there(rig, release) == _names(release), 30, "the promotion being finished by work")
    assert _promote_again(rig, token, release)["existing"] is True


def _promote(rig: Rig, token: str, version: str) -> Answer:
    return fetch(
        f"{rig.url}/api/projects/main/tool/releases/{version}/promote",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        data=b'{"to": "stable"}',
        timeout=30,
    )


def _promote_again(rig: Rig, token: str, release: list[Wheel]) -> dict[str, object]:
    """The second run, as a person makes it once control is back."""
    answers: list[Answer] = []

    def done() -> bool:
        answers.append(_promote(rig, token, release[0].version))
        assert answers[-1].status in (0, 200, 202, 502, 503), (answers[-1].status, answers[-1].body[:500])
        return answers[-1].status == 200

    wait_until(done, 60, f"a second promotion of {release[0].version}")
    assert _there(rig, release) == _names(release), f"{release[0].version} is acknowledged and not there"
    found: dict[str, object] = json.loads(answers[-1].body)
    return found


class _watching:  # noqa: N801 - a context manager, read as a verb
    """Reads the page all the while: never is there a part of a release on it."""

    def __init__(self, rig: Rig, releases: list[list[Wheel]]) -> None:
        self._rig, self._releases = rig, releases
        self._over = threading.Event()
        self._halves: list[set[str]] = []
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        assert not self._halves, f"half a release was served: {self._halves[:3]}"

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            listed = _listed(self._rig)
            for release in self._releases:
                if listed & _names(release) not in (set(), _names(release)):
                    self._halves.append(listed & _names(release))


def _listed(rig: Rig) -> set[str]:
    page = rig.get("/stable/simple/tool/", headers=JSON)
    assert page.status in (0, 200, 404, 503), (page.status, page.body[:300])
    return {file["filename"] for file in json.loads(page.body)["files"]} if page.status == 200 else set()


def _there(rig: Rig, release: list[Wheel]) -> set[str]:
    return _listed(rig) & _names(release)


def _names(release: list[Wheel]) -> set[str]:
    return {file.filename for file in release}
