"""A denial and an advisory beat warm caches within two seconds, with upstream, pull and the database dead.

What was allowed before goes on, and taking a denial back brings the files back from what is kept.
"""

import json
import os
import signal
import tempfile
import time
from pathlib import Path

from holdfast.drill.checkers import listed
from holdfast.drill.corpus import Wheel, chain
from holdfast.drill.faults import UPSTREAM_MODES
from holdfast.drill.figures import seconds_max
from holdfast.drill.rig import Rig, wait_until
from holdfast.drill.scenario import Say
from holdfast.drill.steps import publish, warm, world

IN_FORCE_SECONDS_MAX = 2.0  # from the change in the store to every door of a front
GIVEN_UP_SECONDS = 30.0  # what does not hold by then never does


def run(say: Say) -> None:
    with world(chain("dep", 4)) as w:
        publish(w.rig, "hosted", "1.0")
        paths = warm(w.rig, "hosted", "dep-0", "dep-1", "dep-2", "dep-3")
        wait_until(lambda: all(_is_kept(w.rig, path) for path in paths), GIVEN_UP_SECONDS, "everything kept")
        denied, malware, spared, wide = w.upstream.wheels
        w.proxy.set(UPSTREAM_MODES["refused"])
        stopped = w.rig.kill("pull", signal.SIGSTOP)
        for file in w.rig.database_files():
            file.rename(file.with_name("gone-" + file.name))
        try:
            w.rig.run("policy", "deny", f"{denied.project}==1.0", "--reason", "INC-7")
            say(f"denied, in force at every door after {_in_force(w.rig, denied):.2f} s")
            w.rig.run("policy", "advisories", "import", str(_dump(malware, w.rig.folder)))
            say(f"known malware, refused at every door after {_in_force(w.rig, malware):.2f} s")
            w.rig.run("policy", "deny", f"{wide.project[:-1]}3", "--reason", "INC-8")
            seconds = _in_force(w.rig, wide, page_status=403)
            say(f"a whole project denied after {seconds:.2f} s")
            for path in (f"/simple/{spared.project}/", _path(spared), _path(spared) + ".metadata", "/simple/hosted/"):
                answer = w.rig.get(path)
                assert answer.status == 200, (path, answer.status, answer.body[:300])
            assert json.loads(w.rig.get(_path(denied)).body)["detail"].endswith("INC-7; choose another version")
            w.rig.run("policy", "undeny", f"{denied.project}==1.0")
            wait_until(lambda: w.rig.get(_path(denied)).status == 200, GIVEN_UP_SECONDS, "the denial taken back")
            assert denied.filename in listed(w.rig, denied.project)
            assert w.rig.get(_path(malware)).status == 403
            say("taken back: served again from what is kept; the malware stays out")
        finally:
            os.kill(stopped, signal.SIGCONT)


def _is_kept(rig: Rig, path: str) -> bool:
    return rig.get(path, headers={"Cache-Control": "only-if-cached"}).status == 200


def _in_force(rig: Rig, made: Wheel, page_status: int = 200) -> float:
    """Seconds from the newest change in the store until page, file and metadata all obey it."""
    written = max(path.stat().st_mtime for path in (rig.data / "store" / "v1" / "overrides").iterdir())
    page = f"/simple/{made.project}/"

    def obeyed() -> bool:
        found = rig.get(page)
        files = [rig.get(_path(made) + suffix).status for suffix in ("", ".metadata")]
        return files == [403, 403] and found.status == page_status and made.filename.encode() not in found.body

    wait_until(obeyed, GIVEN_UP_SECONDS, f"{made.filename} refused")
    seconds = time.time() - written
    assert seconds < seconds_max(IN_FORCE_SECONDS_MAX, 2 * GIVEN_UP_SECONDS), (
        f"{made.filename} was refused after {seconds:.2f} s only"
    )
    return seconds


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
