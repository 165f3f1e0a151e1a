"""Places at work, and the write lock of SQLite, go from thread to thread in the order in which they came."""

import threading
import time

from holdfast.control.turns import Turns


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
