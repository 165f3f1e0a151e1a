"""Budgets of expensive work: one client cannot spend everybody's."""

import pytest

from holdfast.clock import ManualClock
from holdfast.wire.admission import Admission, OverBudget


def budgets(clock, **limits) -> Admission:
    return Admission(clock, **({"total_ms_per_second": 100, "client_ms_per_second": 40, "burst_seconds": 1} | limits))


def refused(admission, client, cost) -> tuple[bool, int]:
    with pytest.raises(OverBudget) as error:
        admission.admit(client, cost)
    return error.value.mine, error.value.retry_after_seconds


def test_a_client_over_its_share_is_refused_alone():
    admission = budgets(ManualClock())
    admission.admit("alice", 40)

    assert (True, 1) == refused(admission, "alice", 10)
    admission.admit("bob", 10)


def test_the_common_budget_refuses_everybody_and_charges_nobody():
    clock = ManualClock()
    admission = budgets(clock)
    for client in ("alice", "bob"):
        admission.admit(client, 40)

    assert (False, 1) == refused(admission, "charlie", 30)
    clock.advance(0.2)
    admission.admit("charlie", 30)


def test_budget_flows_back_with_time_up_to_its_burst():
    clock = ManualClock()
    admission = budgets(clock)
    admission.admit("alice", 40)
    clock.advance(3600)

    admission.admit("alice", 40)
    assert (True, 2) == refused(admission, "alice", 400)


def test_work_larger_than_any_burst_passes_when_nothing_was_spent():
    admission = budgets(ManualClock())

    admission.admit("alice", 4000)
    assert (True, 100) == refused(admission, "alice", 1)


def test_the_longest_unseen_client_is_forgotten_first():
    admission = budgets(ManualClock(), clients_max=2, total_ms_per_second=1000)
    for client in ("alice", "bob", "alice", "charlie"):
        admission.admit(client, 20)

    assert (True, 2) == refused(admission, "alice", 40)
    admission.admit("bob", 40)
