"""Stopping a publisher at a named step, for tests and drills.

In a real process only when HOLDFAST_DRILL=1: HOLDFAST_DRILL_PAUSE=role@step:fifo makes that role's first arrival at
that step leave the file `<fifo>.reached` and wait until somebody opens the fifo for writing. Without it a step costs
one call of an empty function.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

Step = Literal["claimed", "rendered", "record-written", "card-written", "segment-written", "marked"]
Pause = Callable[[Step], None]


def no_pause(step: Step) -> None:
    """Go on."""


def pause_from_environment(role: str) -> Pause:
    """What this process, which plays `role`, was told to do at its steps."""
    wanted_role, _, wanted = os.environ.get("HOLDFAST_DRILL_PAUSE", "").partition("@")
    if os.environ.get("HOLDFAST_DRILL") != "1" or wanted_role != role or ":" not in wanted:
        return no_pause
    name, fifo = wanted.split(":", 1)
    waited: list[Step] = []

    def pause(step: Step) -> None:
        if step == name and not waited:
            waited.append(step)
            Path(f"{fifo}.reached").touch()
            with open(fifo, "rb") as gate:  # blocks until a writer opens it
                gate.read()

    return pause
