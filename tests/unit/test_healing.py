"""How often the two stores of a pair are looked at."""

import pytest

from holdfast.control.healing import ROUND_SECONDS, WAITING_SECONDS_MAX, rest_after
from holdfast.store.convergence import Converged


@pytest.mark.parametrize(
    ("done", "rested", "rest"),
    [
        (Converged(), 32.0, ROUND_SECONDS),
        (Converged(healed=1), 1.0, ROUND_SECONDS),
        (Converged(healed=1, waiting=1), 32.0, ROUND_SECONDS),
        (Converged(waiting=1), 1.0, 2.0),
        (Converged(waiting=1), 50.0, WAITING_SECONDS_MAX),
    ],
)
def test_what_cannot_be_healed_is_looked_at_less_and_less_often(done: Converged, rested: float, rest: float) -> None:
    assert rest == rest_after(done, rested)
