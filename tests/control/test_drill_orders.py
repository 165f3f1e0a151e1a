"""What a drill may order at a step: nothing without HOLDFAST_DRILL=1, a defect while the order lies there, a death."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.control.publication.drill import Broken, no_pause, pause_from_environment


def test_an_installation_without_drills_knows_no_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOLDFAST_DRILL", raising=False)
    monkeypatch.setenv("HOLDFAST_DRILL_STEPS", str(tmp_path))

    assert no_pause is pause_from_environment("control")


def test_a_step_raises_for_as_long_as_it_is_ordered_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_DRILL", "1")
    monkeypatch.setenv("HOLDFAST_DRILL_STEPS", str(tmp_path))
    order = tmp_path / "control@judged"
    order.write_text("raise")
    pause, other = pause_from_environment("control"), pause_from_environment("work")

    for _ in range(2):
        with pytest.raises(Broken):
            pause("judged")
    pause("declared")
    other("judged")
    order.unlink()
    pause("judged")


def test_an_order_to_die_ends_the_role_once_and_at_once(tmp_path: Path) -> None:
    (tmp_path / "control@judged").write_text("die")
    program = "from holdfast.control.publication.drill import pause_from_environment as p; p('control')('judged')"
    environ = os.environ | {"HOLDFAST_DRILL": "1", "HOLDFAST_DRILL_STEPS": str(tmp_path)}
    ended = [
        subprocess.run([sys.executable, "-c", program], env=environ, start_new_session=True, timeout=20).returncode
        for _ in range(2)
    ]

    assert [-signal.SIGKILL, 0] == ended
    assert ["control@judged.done"] == [path.name for path in tmp_path.iterdir()]


def test_a_trace_has_each_step_that_a_role_came_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = tmp_path / "trace"
    monkeypatch.setenv("HOLDFAST_DRILL", "1")
    monkeypatch.setenv("HOLDFAST_DRILL_TRACE", str(trace))
    control, work = pause_from_environment("control"), pause_from_environment("work")

    control("judged")
    work("claimed")
    control("declared")

    assert "control@judged\nwork@claimed\ncontrol@declared\n" == trace.read_text()
