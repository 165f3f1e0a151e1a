"""What is held to a promised figure: once by hand; among tests again, with the machine to itself, when it was late."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from holdfast.drill.figures import TIMES_MAX, again, among_tests, measured, undisturbed

MAX = 1.0


class Machine:
    """Answers take these seconds, one after the other; `log` tells what was measured, and what meanwhile."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = iter(seconds)
        self.log: list[str] = []

    @contextmanager
    def alone(self) -> Iterator[None]:
        self.log.append("alone")
        yield
        self.log.append("together")

    def measure(self, turn: int) -> float:
        self.log.append(f"turn {turn}")
        return next(self._seconds)


def is_late(seconds: float) -> bool:
    return seconds > MAX


def test_by_hand_one_measurement_decides() -> None:
    machine = Machine(9.0, 0.1)

    assert measured(machine.measure, is_late) == 9.0
    assert machine.log == ["turn 0"]


@pytest.mark.parametrize(
    ("seconds", "expected"), [((0.1,), 0.1), ((9.0, 0.2), 0.2), ((9.0, 9.0, 0.3), 0.3)], ids=["once", "twice", "thrice"]
)
def test_among_tests_what_is_late_is_measured_again_alone(seconds: tuple[float, ...], expected: float) -> None:
    machine = Machine(*seconds, 7.0)

    with among_tests(machine.alone):
        found = measured(machine.measure, is_late)

    assert found == expected
    turns = [["alone", f"turn {turn}", "together"] for turn in range(1, len(seconds))]
    assert machine.log == ["turn 0", *(word for turn in turns for word in turn)]


def test_what_is_late_each_time_stays_late() -> None:
    machine = Machine(*[9.0] * TIMES_MAX, 0.1)

    with among_tests(machine.alone):
        assert measured(machine.measure, is_late) == 9.0
    assert machine.log.count("alone") == TIMES_MAX - 1


def test_what_is_compared_is_measured_alone_from_the_first_time() -> None:
    machine = Machine(0.1, 0.1)

    with undisturbed():
        machine.measure(0)
    with among_tests(machine.alone), undisturbed():
        machine.measure(1)

    assert machine.log == ["turn 0", "alone", "turn 1", "together"]


def test_each_turn_has_names_of_its_own() -> None:
    assert ["far", "far-2", "far-3"] == [again("far", turn) for turn in range(TIMES_MAX)]
