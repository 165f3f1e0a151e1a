"""Fifty kill -9 at random moments of uploads: fsck is clean after each, each file whole or absent, a retry succeeds.

HOLDFAST_DRILL_KILLS is another number of them, HOLDFAST_DRILL_SEED another draw of moments. What is killed is one
role, or everything at once. Wheels and sdists are uploaded, some of them large enough to be read while they arrive.
Most of the time goes into interpreters starting: every kill is followed by a start, and by a whole `fsck --deep`, which
runs while the start is under way.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from holdfast.drill.checkers import check_contiguous, check_fsck, check_served
from holdfast.drill.corpus import Wheel, wheel
from holdfast.drill.giant_packed import GiantDeflatedWheel, GiantSdist, held
from holdfast.drill.moments import Moments, WatchedUpload, usual_seconds
from holdfast.drill.rig import Rig, wait_until
from holdfast.drill.scenario import Say

INCIDENTS = ()
SLOW = True
KILLS = 50
FULL_KILLS = 200  # so many hit every stage of an upload, or the moments are not random enough
Make = Callable[[str, str], Wheel]  # of a project's name and a version
KINDS: Mapping[str, Make] = {
    "wheel of 1 KB": wheel,
    "wheel of 100 KB": lambda project, version: wheel(project, version, filler_bytes=100_000),
    "wheel of 2 MB": lambda project, version: wheel(project, version, filler_bytes=2_000_000),
    "sdist of 1 KB": lambda project, version: held(GiantSdist(project, version, 0)),
    "sdist of 2 MB": lambda project, version: held(GiantSdist(project, version, 2_000_000)),
    "wheel of 48 MB": lambda project, version: held(GiantDeflatedWheel(project, version, 48_000_000)),
    "sdist of 48 MB": lambda project, version: held(GiantSdist(project, version, 48_000_000)),
}
# The large ones are a ninth: every check reads all that was ever uploaded.
SHARES = (2, 2, 3, 2, 3, 0.5, 1)
PROJECTS = 5  # one after the other: each has uploads that were cut off and such that came after them
EVERYTHING = "everything"
ROLES = ("control", "control", "work", "front", EVERYTHING)
RESTS_MAX = 3  # a role that dies again and again is started later and later; a new supervisor does not know of it


def run(say: Say) -> None:
    seed = int(os.environ.get("HOLDFAST_DRILL_SEED", "1"))
    kills = int(os.environ.get("HOLDFAST_DRILL_KILLS", str(KILLS)))
    say(f"seed {seed}, {kills} kills")
    with TemporaryDirectory(prefix="holdfast-drill-") as folder:
        trace = Path(folder) / "trace"
        with Rig(settings={"HOLDFAST_DRILL": "1", "HOLDFAST_DRILL_TRACE": str(trace)}) as rig:
            _Drill(rig, trace, random.Random(seed), say).run(kills)


class _Drill:
    def __init__(self, rig: Rig, trace: Path, chance: random.Random, say: Say) -> None:
        self._rig, self._trace, self._chance, self._say = rig, trace, chance, say
        self._moments = Moments(chance)
        self._killed: Counter[str] = Counter()
        self._uploaded: Counter[str] = Counter()
        self._cut = 0

    def run(self, kills: int) -> None:
        rig, started = self._rig, time.monotonic()
        rig.token()
        usual = {
            kind: usual_seconds(rig, [make(f"victim{n}", f"0.{number}") for n in range(3)])
            for number, (kind, make) in enumerate(KINDS.items())
        }
        victims = _victims(self._chance)
        with ThreadPoolExecutor(1) as beside:
            for number, what in zip(range(1, kills + 1), _doomed(self._chance), strict=False):
                kind, made = next(victims)
                self._uploaded[kind] += 1
                self._break(made, usual[kind], what)
                checked = beside.submit(check_fsck, rig)
                wait_until(lambda: rig.get("/healthz", timeout=2).status == 200, 60, "the front answering again")
                check_served(rig, made.project)
                checked.result()
                retry = _retry(rig, made)
                assert retry == 200, (number, retry)
                assert made.filename in check_served(rig, made.project), f"{made.filename} is acknowledged and missing"
                if number % 50 == 0:
                    self._say(f"{number} kills, {self._cut} uploads cut off so far, {time.monotonic() - started:.0f} s")
        self._say(f"{kills} kills, {self._cut} uploads cut off, all there after one more try, fsck clean each time")
        self._say("killed: " + ", ".join(f"{what} {times}" for what, times in sorted(self._killed.items())))
        self._say("uploaded: " + ", ".join(f"{times} x {kind}" for kind, times in sorted(self._uploaded.items())))
        self._say(f"where uploads were: {self._moments.told()}")
        check_contiguous(rig.data)
        check_fsck(rig)
        assert kills < FULL_KILLS or not self._moments.missed(), f"never hit: {self._moments.missed()}"

    def _break(self, made: Wheel, usual: float, what: str) -> None:
        """Kill `what` at a moment of the upload of `made`, and have it started again."""
        upload = WatchedUpload(self._rig, made, self._trace)
        self._moments.wait(upload, usual)
        self._killed[what] += 1
        old = 0
        if what == EVERYTHING:
            self._rig.kill_everything()
        else:
            old = _kill(self._rig, what)
        self._moments.hits[upload.stage()] += 1
        if what == EVERYTHING:
            self._rig.start(wait=False)
        elif old:
            self._rig.wait_respawn(what, old, 30)
        self._cut += upload.answer().status != 200


def _victims(chance: random.Random) -> Iterator[tuple[str, Wheel]]:
    """The kind and the file to upload next, for ever."""
    for number in count():
        (kind,) = chance.choices(list(KINDS), SHARES)
        yield kind, KINDS[kind](f"victim{number % PROJECTS}", f"1.{number}")


def _doomed(chance: random.Random) -> Iterator[str]:
    """What to kill next, for ever."""
    since: Counter[str] = Counter()
    while True:
        what = chance.choice(ROLES)
        if since[what] == RESTS_MAX:
            what = EVERYTHING
        since[what] += 1
        if what == EVERYTHING:
            since.clear()
        yield what


def _kill(rig: Rig, role: str) -> int:
    """kill -9 of that role; its process id, 0 when it was between two lives."""
    try:
        return rig.kill(role, signal.SIGKILL)
    except ProcessLookupError:
        return 0


def _retry(rig: Rig, made: Wheel) -> int:
    deadline = time.monotonic() + 60
    while True:
        answer = rig.upload(made, timeout=30)
        if answer.status == 200 or time.monotonic() > deadline:
            return answer.status
        assert answer.status in (0, 502, 503), (answer.status, answer.body[:500])
        time.sleep(0.3)
