"""A denial and an advisory beat warm caches within two seconds, with upstream, pull and the database dead.

What was allowed before goes on, and taking a denial back brings the files back from what is kept.
"""

import json
import os
import signal
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from holdfast.drill.checkers import listed
from holdfast.drill.corpus import Wheel, chain
from holdfast.drill.faults import UPSTREAM_MODES
from holdfast.drill.figures import TIMES_MAX, again, measured
from holdfast.drill.rig import HUNG_SECONDS, Rig, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish, warm, world

IN_FORCE_SECONDS_MAX = 2.0  # from the change in the store to every door of a front


def run(say: Say) -> None:
    chains = [chain(again("dep", turn), 4) for turn in range(TIMES_MAX)]
    with world([made for one in chains for made in one]) as w:
        publish(w.rig, "hosted", "1.0")
        paths = warm(w.rig, "hosted", *(made.project for made in w.upstream.wheels))
        wait_until(lambda: all(_is_kept(w.rig, path) for path in paths), HUNG_SECONDS, "everything kept")
        denied, malware, spared, wide = chains[0]
        w.proxy.set(UPSTREAM_MODES["refused"])
        stopped = w.rig.kill("pull", signal.SIGSTOP)
        for file in w.rig.database_files():
            file.rename(file.with_name("gone-" + file.name))
        try:
            seconds = _in_force(w.rig, _deny, [one[0] for one in chains])
            say(f"denied, in force at every door after {seconds:.2f} s")
            seconds = _in_force(w.rig, _import, [one[1] for one in chains])
            say(f"known malware, refused at every door after {seconds:.2f} s")
            seconds = _in_force(w.rig, _deny_project, [one[3] for one in chains], page_status=403)
            say(f"a whole project denied after {seconds:.2f} s")
            for path in (f"/simple/{spared.project}/", _path(spared), _path(spared) + ".metadata", "/simple/hosted/"):
                answer = w.rig.get(path)
                assert answer.status == 200, (path, answer.status, answer.body[:300])
            assert json.loads(w.rig.get(_path(denied)).body)["detail"].endswith("INC-7; choose another version")
            w.rig.run("policy", "undeny", f"{denied.project}==1.0")
            wait_until(lambda: w.rig.get(_path(denied)).status == 200, HUNG_SECONDS, "the denial taken back")
            assert denied.filename in listed(w.rig, denied.project)
            assert [w.rig.get(_path(made)).status for made in (malware, wide)] == [403, 403]
            say("taken back: served again from what is kept; the malware stays out")
        finally:
            os.kill(stopped, signal.SIGCONT)


def _is_kept(rig: Rig, path: str) -> bool:
    return rig.get(path, headers={"Cache-Control": "only-if-cached"}).status == 200


def _deny(rig: Rig, made: Wheel) -> None:
    rig.run("policy", "deny", f"{made.project}==1.0", "--reason", "INC-7")


def _deny_project(rig: Rig, made: Wheel) -> None:
    rig.run("policy", "deny", made.project, "--reason", "INC-8")


def _import(rig: Rig, made: Wheel) -> None:
    rig.run("policy", "advisories", "import", str(_dump(made, rig.folder)))


def _in_force(rig: Rig, decide: Callable[[Rig, Wheel], None], victims: list[Wheel], page_status: int = 200) -> float:
    """Seconds from the decision's being in the store until page, file and metadata all obey it; one victim a turn."""

    def measure(turn: int) -> float:
        decide(rig, victims[turn])
        written = max(path.stat().st_mtime for path in (rig.data / "store" / "v1" / "overrides").iterdir())
        wait_until(partial(_obeyed, rig, victims[turn], page_status), HUNG_SECONDS, f"{victims[turn].filename} refused")
        return time.time() - written

    seconds = measured(measure, lambda found: found >= IN_FORCE_SECONDS_MAX)
    assert seconds < IN_FORCE_SECONDS_MAX, f"{victims[0].filename} was refused after {seconds:.2f} s only"
    return seconds


def _obeyed(rig: Rig, made: Wheel, page_status: int) -> bool:
    found = rig.get(f"/simple/{made.project}/")
    files = [rig.get(_path(made) + suffix).status for suffix in ("", ".metadata")]
    return files == [403, 403] and found.status == page_status and made.filename.encode() not in found.body


def _dump(made: Wheel, folder: Path) -> Path:
    """An OSV dump that knows the wheel's version as malware."""
    dump = Path(tempfile.mkdtemp(dir=folder))
    package = {"ecosystem": "PyPI", "name": made.project}
    advisory = {
        "id": "MAL-2026-1",
        "modified": "2026-06-01T00:00:00Z",
        "summary": "steals tokens",
        "affected": [{"package": package, "versions": [made.version]}],
    }
    (dump / "MAL-2026-1.json").write_text(json.dumps(advisory))
    return dump


def _path(made: Wheel) -> str:
    return f"/packages/{made.sha256[:2]}/{made.sha256[2:4]}/{made.sha256[4:]}/{made.filename}"
