"""Fifty kill -9 at random moments of uploads: fsck is clean after each, each file whole or absent, a retry succeeds.

HOLDFAST_DRILL_KILLS is another number of them, HOLDFAST_DRILL_SEED another draw of moments.
"""

import os
import random
import signal
import threading
import time

from holdfast.drill.checkers import check_contiguous, check_fsck, check_served
from holdfast.drill.corpus import Wheel, wheel
from holdfast.drill.rig import Answer, Rig, wait_until
from holdfast.drill.scenario import Say

INCIDENTS = ()
SLOW = True
KILLS = 50
MOMENT_SECONDS_MAX = 0.08  # an upload of these sizes is over by then


def run(say: Say) -> None:
    seed = int(os.environ.get("HOLDFAST_DRILL_SEED", "1"))
    kills = int(os.environ.get("HOLDFAST_DRILL_KILLS", str(KILLS)))
    chance = random.Random(seed)
    say(f"seed {seed}, {kills} kills")
    with Rig() as rig:
        rig.token()
        cut = 0
        for number in range(kills):
            made = wheel(f"victim-{number % 5}", f"1.{number}", filler_bytes=chance.choice((0, 100_000, 2_000_000)))
            answers: list[Answer] = []
            upload = threading.Thread(target=lambda m=made, a=answers: a.append(rig.upload(m, timeout=30)))
            upload.start()
            time.sleep(chance.uniform(0.0, MOMENT_SECONDS_MAX))
            role = chance.choice(("control", "control", "work", "front"))
            try:
                old = rig.kill(role, signal.SIGKILL)
                rig.wait_respawn(role, old, 30)
            except ProcessLookupError:
                pass  # it was between two lives already
            upload.join()
            cut += answers[0].status != 200
            _wait_for_front(rig)
            check_served(rig, made.project)
            check_fsck(rig)
            retry = _retry(rig, made)
            assert retry == 200, (number, retry)
            assert made.filename in check_served(rig, made.project), f"{made.filename} was acknowledged and is missing"
            if (number + 1) % 50 == 0:
                say(f"{number + 1} kills, {cut} uploads cut off so far, fsck clean after each")
        say(f"{kills} kills, {cut} uploads cut off, all there after one more try, fsck clean each time")
        check_contiguous(rig.data)
        check_fsck(rig)


def _wait_for_front(rig: Rig) -> None:
    wait_until(lambda: rig.get("/healthz", timeout=2).status == 200, 20, "the front answering again")


def _retry(rig: Rig, made: Wheel) -> int:
    deadline = time.monotonic() + 60
    while True:
        answer = rig.upload(made, timeout=30)
        if answer.status == 200 or time.monotonic() > deadline:
            return answer.status
        assert answer.status in (0, 502, 503), (answer.status, answer.body[:500])
        time.sleep(0.3)
