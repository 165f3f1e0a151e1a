"""Places at work go from thread to thread in the order in which they came, or to who needs one for the least."""

import threading
import time

from processes import wait_for

from holdfast.control.turns import LeastFirst, Turns


def in_line(turns: Turns, place: int, seen: list[int], seconds: float = 20) -> threading.Thread:
    """A thread that waits for its turn, and notes its place; it waits when this returns."""

    def work() -> None:
        if turns.enter(seconds):
            seen.append(place)
            turns.leave()

    before = turns.waiting()
    thread = threading.Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 20
    while turns.waiting() == before:
        assert time.monotonic() < deadline, "the thread does not wait"
    return thread


def test_turns_come_in_the_order_of_asking():
    turns, seen = Turns(), []
    assert turns.enter(0)

    threads = [in_line(turns, place, seen) for place in range(5)]
    turns.leave()
    for thread in threads:
        thread.join(20)

    assert [0, 1, 2, 3, 4] == seen
    assert turns.enter(0)


def test_as_many_as_there_are_places_come_in_at_once():
    turns = Turns(2)

    assert [True, True, False] == [turns.enter(0) for _ in range(3)]


def test_whoever_gives_up_is_passed_over():
    turns, seen = Turns(), []
    assert turns.enter(0)

    first = in_line(turns, 1, seen)
    assert not turns.enter(0.01)
    last = in_line(turns, 3, seen)
    turns.leave()
    first.join(20)
    last.join(20)

    assert ([1, 3], 0) == (seen, turns.waiting())


def started(turns: LeastFirst, left: int, seen: list[int]) -> threading.Thread:
    """A thread that waits with so much left, and notes it when it was its turn; it waits when this returns."""

    def work() -> None:
        turns.enter(left)
        seen.append(left)
        turns.leave()

    waiting = turns.waiting()
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    wait_for(lambda: turns.waiting() > waiting, "the thread waits")
    return thread


def test_who_has_least_left_is_next_and_among_equals_who_came_first():
    turns, seen = LeastFirst(1), []
    turns.enter(40)

    threads = [started(turns, left, seen) for left in (30, 10, 20, 10)]
    turns.leave()
    for thread in threads:
        thread.join(20)

    assert ([10, 10, 20, 30], 0) == (seen, turns.waiting())


def test_a_place_is_kept_until_somebody_has_less_left_and_then_lent():
    turns, seen = LeastFirst(1), []
    turns.enter(40)
    small, large = started(turns, 10, seen), started(turns, 20, seen)

    turns.go_on(5)
    kept = list(seen)
    turns.go_on(15)
    lent = list(seen)
    turns.leave()
    small.join(20)
    large.join(20)

    assert ([], [10], [10, 20]) == (kept, lent, seen)


def test_there_are_so_many_places_and_each_is_given_back():
    turns, seen = LeastFirst(2), []
    turns.enter(1)
    turns.enter(1)
    third = started(turns, 1, seen)

    turns.leave()
    third.join(20)
    turns.enter(1)

    assert [1] == seen
