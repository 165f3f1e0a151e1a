"""Control whose parts cannot be opened answers that it is unavailable, whatever is the matter, and looks again."""

import errno
import os
import threading

import pytest

from holdfast.clock import ManualClock
from holdfast.control.parts import LOOK_AGAIN_SECONDS, WRONG_AGAIN_SECONDS, Opening, Parts
from holdfast.core.errors import Corrupt, Outcome, Unavailable


@pytest.mark.parametrize(
    ("trouble", "again", "told"),
    [
        (Unavailable("the database is away"), LOOK_AGAIN_SECONDS, "the database is away"),
        (Corrupt("of a newer release"), LOOK_AGAIN_SECONDS, "stored data fails its check: of a newer release"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), WRONG_AGAIN_SECONDS, "see the log"),
        (RuntimeError("a migration is broken"), WRONG_AGAIN_SECONDS, "see the log"),
    ],
)
def test_whatever_keeps_control_from_opening_is_told_as_unavailable(
    trouble: Exception, again: float, told: str
) -> None:
    clock, looks = ManualClock(), []

    def fail() -> Parts:
        looks.append(clock.monotonic())
        raise trouble

    opening = Opening(fail, clock)
    for seconds in (0.0, again * 0.9, again * 0.2):
        clock.advance(seconds)
        with pytest.raises(Unavailable, match=told) as refused:
            opening.parts()
        assert isinstance(refused.value, Outcome)

    assert 2 == len(looks)


def test_while_one_request_opens_the_others_wait_for_a_moment_only() -> None:
    """It may be bringing the database to this release, for minutes: every thread would be taken, health's too."""
    opened, is_opening = threading.Event(), threading.Event()

    def take_long() -> Parts:
        is_opening.set()
        assert opened.wait(20)
        raise Unavailable("the database is away")

    opening = Opening(take_long, ManualClock(), patience_seconds=0.05)

    def ask() -> None:
        with pytest.raises(Unavailable, match="the database is away"):
            opening.parts()

    first = threading.Thread(target=ask)
    first.start()
    assert is_opening.wait(20)
    try:
        with pytest.raises(Unavailable, match="is being opened"):
            opening.parts()
    finally:
        opened.set()
        first.join(20)
