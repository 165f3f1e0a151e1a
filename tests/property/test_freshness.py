"""Freshness is monotone in time: a page that is due stays due, whatever the clock says."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.freshness import is_fresh

START = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = st.integers(0, 10**7)


@given(SECONDS, SECONDS, st.integers(1, 10**6))
def test_once_due_a_page_stays_due_until_it_is_refreshed(one, other, target):
    earlier, later = (is_fresh(START, START + timedelta(seconds=age), target) for age in sorted((one, other)))

    assert earlier or not later


@given(st.integers(-(10**7), 10**7), st.integers(1, 10**6))
def test_a_page_older_than_its_target_is_due(age, target):
    """A moment in the future included."""
    assert is_fresh(START, START + timedelta(seconds=age), target) == (-5 <= age < target)
