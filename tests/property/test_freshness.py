"""Freshness is monotone in time, and neither trouble nor age ever takes a kept page away."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.freshness import Step, next_step

START = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = st.integers(0, 10**7)


@given(SECONDS, st.integers(1, 10**6), st.booleans())
def test_a_kept_page_is_always_served(age, target, admits):
    step = next_step(
        now=START + timedelta(seconds=age), fetched_at=START, freshness_seconds=target, source_admits=admits
    )

    assert step in (Step.SERVE, Step.SERVE_AND_REFRESH)


@given(SECONDS, SECONDS, st.integers(1, 10**6))
def test_once_due_a_page_stays_due_until_it_is_refreshed(one, other, target):
    earlier, later = sorted((one, other))
    steps = [
        next_step(now=START + timedelta(seconds=age), fetched_at=START, freshness_seconds=target, source_admits=True)
        for age in (earlier, later)
    ]

    assert not (steps[0] is Step.SERVE_AND_REFRESH and steps[1] is Step.SERVE)


@given(st.integers(-(10**7), 10**7), st.integers(1, 10**6))
def test_a_page_older_than_its_target_is_never_served_without_a_refresh(age, target):
    """Whatever the clock says, a moment in the future included."""
    step = next_step(now=START + timedelta(seconds=age), fetched_at=START, freshness_seconds=target, source_admits=True)

    assert (step is Step.SERVE) == (-5 <= age < target)
