"""Where an upload is at a moment, and moments to break it at: from its first byte to its answer, no stage left out.

What the client has sent says how far the front is; after that, the steps that control wrote down as it came to them
(`HOLDFAST_DRILL_TRACE`).
"""

import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import get_args

from holdfast.control.publication.drill import Step, UploadStep
from holdfast.drill.corpus import Wheel
from holdfast.drill.rig import Answer, Rig, wait_until
from holdfast.front.herald import STEP_BYTES

CONNECTING, ARRIVING, HANDED_OVER, ANSWERED = "connecting", "body arriving", "body with the front", "answered"
READ_AHEAD = "body arriving and read ahead"  # of an upload that is large enough (front/herald.py)
STAGES: tuple[str, ...] = (CONNECTING, ARRIVING, READ_AHEAD, HANDED_OVER, *get_args(UploadStep), *get_args(Step))
LOOK_SECONDS = 0.0002  # between two looks for a stage: most take longer
STAGE_SECONDS = 0.001  # after a stage was seen to begin: a moment within it, or at the beginning of the next
REACH_SECONDS_MAX = 20.0  # for a stage to begin, on a machine that does much else


class WatchedUpload:
    """One upload on a thread of its own, which can be asked how far it is. Needs the trace of a rig to itself."""

    def __init__(self, rig: Rig, made: Wheel, trace: Path) -> None:
        self._trace = trace
        self._sent, self._size = 0, 0
        self._answer: Answer | None = None
        is_large = len(made.content) > STEP_BYTES
        self.stages = [stage for stage in STAGES if is_large or stage != READ_AHEAD]  # those it comes to
        trace.write_bytes(b"")
        self._thread = threading.Thread(target=self._send, args=(rig, made))
        self._thread.start()

    def stage(self) -> str:
        """One of STAGES, or ANSWERED."""
        if self._answer is not None:
            return ANSWERED
        steps = [line for line in self._trace.read_text().splitlines() if line.startswith("control@")]
        if steps:
            return steps[-1].removeprefix("control@")
        if not self._sent:
            return CONNECTING
        if self._sent == self._size:
            return HANDED_OVER
        return ARRIVING if self._sent <= STEP_BYTES else READ_AHEAD

    def wait_for(self, stage: str) -> None:
        """Until that stage or a later one begins."""
        later = {*STAGES[STAGES.index(stage) :], ANSWERED}
        deadline = time.monotonic() + REACH_SECONDS_MAX
        while self.stage() not in later and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)

    def answer(self) -> Answer:
        """What it ended with."""
        self._thread.join()
        assert self._answer is not None
        return self._answer

    def _send(self, rig: Rig, made: Wheel) -> None:
        self._answer = rig.upload(made, timeout=30, watch=self._note)

    def _note(self, sent: int, size: int) -> None:
        self._sent, self._size = sent, size


class Moments:
    """Draws moments: every other one at any time of an upload, the rest in the stage that was hit least so far."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._drawn = 0
        self.hits: Counter[str] = Counter()

    def wait(self, upload: WatchedUpload, usual_seconds: float) -> None:
        """Until a moment of that upload, which usually takes `usual_seconds`."""
        self._drawn += 1
        if self._drawn % 2:
            time.sleep(self._chance.uniform(0.0, usual_seconds))
            return
        fewest = min(self.hits[stage] for stage in upload.stages)
        upload.wait_for(self._chance.choice([stage for stage in upload.stages if self.hits[stage] == fewest]))
        time.sleep(self._chance.uniform(0.0, STAGE_SECONDS))

    def missed(self) -> list[str]:
        """Stages that nothing hit."""
        return [stage for stage in STAGES if not self.hits[stage]]

    def told(self) -> str:
        """How often each stage was hit, in order."""
        return ", ".join(f"{stage} {self.hits[stage]}" for stage in (*STAGES, ANSWERED))


def usual_seconds(rig: Rig, made: list[Wheel]) -> float:
    """How long an upload like these takes when nothing breaks it; the first only warms up."""
    rig.wait_for_control()
    answers: list[Answer] = []
    for one in made:
        wait_until(lambda one=one: _sent(rig, one, answers), 60, f"{one.filename} uploaded")  # type: ignore[misc]
    return max(answer.seconds for answer in answers[1:])


def _sent(rig: Rig, made: Wheel, answers: list[Answer]) -> bool:
    answers.append(rig.upload(made, timeout=30))
    return answers[-1].status == 200
