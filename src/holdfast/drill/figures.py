"""Promised figures: what takes seconds is held to one figure, by hand and among tests alike.

By hand (`holdfast drill run`, `make bench`) nothing else runs, and one measurement decides. Among tests another
worker's test may be why an answer is late. Noise only ever makes late, never early: so what is late is measured again,
with the machine to itself, `TIMES_MAX` times in all, and the best counts. A defect is late each time.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")
Alone = Callable[[], AbstractContextManager[None]]

TIMES_MAX = 3  # more would let pass what is late now and then; a scheduler is late that often in a row for nobody

_alone = ContextVar[Alone | None]("alone", default=None)


@contextmanager
def among_tests(alone: Alone) -> Iterator[None]:
    """Other tests may run beside what is measured inside; within `alone()` none does."""
    before = _alone.set(alone)
    try:
        yield
    finally:
        _alone.reset(before)


def measured(measure: Callable[[int], T], is_late: Callable[[T], bool]) -> T:
    """What `measure` found the first time that it was not late, else the last time.

    It is given the number of the turn, from 0, and must begin each in the same state: what one turn has taught the
    subject, another must not profit from.
    """
    found = measure(0)
    alone = _alone.get()
    for turn in range(1, TIMES_MAX):
        if alone is None or not is_late(found):
            break
        with alone():
            found = measure(turn)
    return found


@contextmanager
def undisturbed() -> Iterator[None]:
    """Figures inside are compared with each other: noise in one of them would make the other look good."""
    alone = _alone.get()
    if alone is None:
        yield
        return
    with alone():
        yield


def again(name: str, turn: int) -> str:
    """A name for each turn: what nobody asked for before."""
    return f"{name}-{turn + 1}" if turn else name
