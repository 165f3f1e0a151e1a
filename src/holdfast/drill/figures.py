"""How many seconds an answer may take: a promised figure, or beside other work what shows that it did not wait.

`holdfast drill run` and `make bench` judge by figures. Beside other work (the tests, a worker a core) an answer may be
late because the machine is: there it must not have waited for what is broken, nor take many times its figure.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LATE_TIMES_MAX = 10  # beside other work, of a promised figure: more is a defect, on any machine that tests run on
LATE_SECONDS = 1.0  # that much a scheduler may do to the smallest of figures

_are_judged = ContextVar("figures_are_judged", default=True)


@contextmanager
def beside_other_work() -> Iterator[None]:
    """Figures inside may be late (LATE_TIMES_MAX)."""
    before = _are_judged.set(False)
    try:
        yield
    finally:
        _are_judged.reset(before)


def seconds_max(promised: float, waited: float) -> float:
    """`promised`; beside other work some times that, and at most half of what an answer takes that `waited`."""
    if _are_judged.get():
        return promised
    return min(max(promised * LATE_TIMES_MAX, LATE_SECONDS), waited / 2)
