"""A writer whose row waits behind others': as long as they move, and no longer."""

import threading
from datetime import UTC, datetime

import pytest
from contract.outbox_contract import Gate, commit_only, in_thread, segments
from instances import Instance

from holdfast.clock import ManualClock
from holdfast.control.publication.drill import Step, UploadStep
from holdfast.control.publication.transaction import NotYetPublished


class WatchedClock(ManualClock):
    """Stands still, or moves with each look of the thread that made it; those are counted."""

    def __init__(self, seconds_for_a_look: float = 0.0) -> None:
        super().__init__(datetime.now(UTC))
        self._watched, self._seconds = threading.current_thread(), seconds_for_a_look
        self.looks, self.looks_count = threading.Semaphore(0), 0

    def monotonic(self) -> float:
        if threading.current_thread() is self._watched:
            self.looks_count += 1
            self.looks.release()
            self.advance(self._seconds)
        return super().monotonic()


def test_a_writer_waits_beyond_its_deadline_while_the_rows_before_its_own_are_published(instance: Instance) -> None:
    """Sixteen writers on a machine that could hardly work any more were told 503, with their files saved."""
    for number in range(3):
        commit_only(instance, "tool", f"1.{number}")
    clock = WatchedClock()
    begun = threading.Event()

    def pause(step: Step | UploadStep) -> None:
        """No row goes on before the writer has looked at the clock once more."""
        begun.set()
        assert step != "claimed" or clock.looks.acquire(timeout=60)

    publisher = instance.another_publisher(pause=pause, clock=clock)
    draining = threading.Thread(target=in_thread, args=(publisher.drain,))
    draining.start()
    assert begun.wait(60)
    publisher.publish_until(3, clock.monotonic())
    draining.join()

    assert [1, 2, 3] == [segment.serial for segment in segments(instance)]


def test_a_writer_is_told_when_no_row_moves_at_its_deadline(instance: Instance) -> None:
    commit_only(instance, "tool", "1.0")
    gate, clock = Gate("claimed"), WatchedClock(seconds_for_a_look=0.5)
    publisher = instance.another_publisher(pause=gate, clock=clock)
    draining = threading.Thread(target=in_thread, args=(publisher.drain,))
    draining.start()
    assert gate.reached.wait(60)
    try:
        with pytest.raises(NotYetPublished):
            publisher.publish_until(1, clock.monotonic())
    finally:
        gate.open.set()
        draining.join()

    assert 12 > clock.looks_count, "it was not told soon"
