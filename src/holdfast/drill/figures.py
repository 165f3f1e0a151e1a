"""How many seconds an answer may take: a promised figure, or beside other work what shows that it did not wait.

`holdfast drill run` and `make bench` judge by figures. Beside other work (the tests, a worker a core) the machine may
be late by any amount: there a drill asks for the cause alone, that an answer did not wait for what is broken.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_are_judged = ContextVar("figures_are_judged", default=True)


@contextmanager
def beside_other_work() -> Iterator[None]:
    """Nothing inside is held to a promised figure."""
    before = _are_judged.set(False)
    try:
        yield
    finally:
        _are_judged.reset(before)


def seconds_max(promised: float, waited: float) -> float:
    """`promised`, or, beside other work, half of what an answer takes that `waited` for what is broken."""
    return promised if _are_judged.get() else waited / 2
