"""The breaker's decisions, on a clock that moves only when told."""

from itertools import pairwise

import pytest

from holdfast.clock import ManualClock
from holdfast.wire.breaker import BACKOFF_SECONDS_MAX, FAILURES_MAX, Breaker


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def breaker(clock):
    return Breaker(clock, seed=1)


def fail(breaker, times=FAILURES_MAX, reached=True):
    for number in range(times):
        breaker.failed(f"project-{number}", "it hangs", reached=reached)


def test_failures_about_different_subjects_open_it(breaker):
    fail(breaker, FAILURES_MAX - 1)
    assert breaker.admits

    breaker.failed("one more", "it hangs", reached=True)

    assert ("open", "it hangs") == (breaker.state, breaker.reason)


def test_one_failing_subject_never_opens_it(breaker):
    for _ in range(100):
        breaker.failed("always the same", "status 500", reached=True)

    assert breaker.admits


def test_an_unreachable_source_opens_it_whatever_was_asked(breaker):
    for _ in range(FAILURES_MAX):
        breaker.failed("always the same", "refused", reached=False)

    assert "open" == breaker.state


def test_a_success_in_between_starts_the_count_anew(breaker):
    fail(breaker, FAILURES_MAX - 1)
    breaker.succeeded()
    fail(breaker, FAILURES_MAX - 1)

    assert breaker.admits


def test_a_probe_is_due_a_second_after_it_opened_and_backs_off_to_half_a_minute(breaker, clock):
    fail(breaker)
    waits = []
    for _ in range(10):
        waits.append(breaker.probe_in(wanted=False))
        clock.advance(waits[-1])
        assert 0 == breaker.probe_in(wanted=False)
        breaker.begin_probe()
        breaker.probe_failed("still dead")

    assert 0.75 <= waits[0] <= 1.25
    assert all(later > earlier for earlier, later in pairwise(waits[:5]))
    assert all(BACKOFF_SECONDS_MAX * 0.75 <= wait <= BACKOFF_SECONDS_MAX * 1.25 for wait in waits[5:])


def test_demand_makes_a_probe_due_a_second_after_the_last(breaker, clock):
    fail(breaker)
    for _ in range(6):
        clock.advance(breaker.probe_in(wanted=False))
        breaker.begin_probe()
        breaker.probe_failed("still dead")

    assert breaker.probe_in(wanted=False) > 20
    assert 1.0 == breaker.probe_in(wanted=True)
    clock.advance(1.0)
    assert 0 == breaker.probe_in(wanted=True)


def test_only_one_probe_at_a_time(breaker, clock):
    fail(breaker)
    clock.advance(2)
    breaker.begin_probe()

    assert not breaker.admits
    assert breaker.probe_in(wanted=True) > 0


def test_a_probe_that_succeeds_closes_it(breaker, clock):
    fail(breaker)
    clock.advance(2)
    breaker.begin_probe()

    breaker.succeeded()

    assert ("closed", "") == (breaker.state, breaker.reason)


def test_late_news_of_older_requests_does_not_end_a_probe(breaker, clock):
    fail(breaker)
    clock.advance(2)
    breaker.begin_probe()

    breaker.failed("an old request", "timed out at last", reached=True)

    assert "probing" == breaker.state


def test_an_older_request_that_succeeds_closes_it_and_the_probes_failure_is_ignored(breaker, clock):
    fail(breaker)
    clock.advance(2)
    breaker.begin_probe()
    breaker.succeeded()

    breaker.probe_failed("timed out")

    assert breaker.admits
