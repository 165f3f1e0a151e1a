"""What a drill does to control and work at their named steps: halt, die or raise there.

In a real process only when HOLDFAST_DRILL=1. HOLDFAST_DRILL_PAUSE=role@step:fifo makes that role's first arrival at
that step leave the file `<fifo>.reached` and wait until somebody opens the fifo for writing.
HOLDFAST_DRILL_STEPS=FOLDER makes a role look, at each step, for an order: a file `<role>@<step>` there that says `die`
(kill -9 of the whole role; once, the file becomes `<role>@<step>.done`) or `raise` (a defect, for as long as the file
is there). HOLDFAST_DRILL_TRACE=FILE has every role add a line `<role>@<step>` to that file as it comes to a step, so
that whoever kills it knows where it was. Without any of them a step costs one call of an empty function.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Literal

Step = Literal["claimed", "rendered", "record-written", "card-written", "segment-written", "marked"]  # of a publisher
UploadStep = Literal["authenticated", "judged", "declared", "metadata-stored", "bytes-stored"]  # before a publisher's
Pause = Callable[[Step | UploadStep], None]


class Broken(Exception):  # noqa: N818 - no outcome on purpose: it plays a defect
    """What a bad release does at this step."""


def no_pause(step: Step | UploadStep) -> None:
    """Go on."""


def pause_from_environment(role: str) -> Pause:
    """What this process, which plays `role`, was told to do at its steps."""
    if os.environ.get("HOLDFAST_DRILL") != "1":
        return no_pause
    if folder := os.environ.get("HOLDFAST_DRILL_STEPS"):
        return _ordered(role, Path(folder))
    if file := os.environ.get("HOLDFAST_DRILL_TRACE"):
        return _traced(role, Path(file))
    wanted_role, _, wanted = os.environ.get("HOLDFAST_DRILL_PAUSE", "").partition("@")
    if wanted_role != role or ":" not in wanted:
        return no_pause
    name, fifo = wanted.split(":", 1)
    return _halting(name, fifo)


def _halting(name: str, fifo: str) -> Pause:
    waited: list[str] = []

    def pause(step: Step | UploadStep) -> None:
        if step == name and not waited:
            waited.append(step)
            Path(f"{fifo}.reached").touch()
            with open(fifo, "rb") as gate:  # blocks until a writer opens it
                gate.read()

    return pause


def _ordered(role: str, folder: Path) -> Pause:
    def pause(step: Step | UploadStep) -> None:
        order = folder / f"{role}@{step}"
        try:
            said = order.read_text().strip()
        except FileNotFoundError:
            return
        if said == "raise":
            raise Broken(f"this release is broken at the step {step}")
        if said == "die":
            order.rename(f"{order}.done")
            os.killpg(os.getpgrp(), signal.SIGKILL)  # a role is its own process group, its server process included

    return pause


def _traced(role: str, file: Path) -> Pause:
    def pause(step: Step | UploadStep) -> None:
        with file.open("ab", buffering=0) as trace:  # one write, so what is killed here leaves a whole line or none
            trace.write(f"{role}@{step}\n".encode())

    return pause
