"""Until when a front waits for control's answers: the promised rate is one for all that lies with control."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from read.plays import plays

from holdfast.config import MIB
from holdfast.core.errors import Unavailable
from holdfast.front.answer_times import AnswerTimes

BODY = 160 * MIB  # ten seconds at the promised rate


@plays
async def test_control_gets_longer_for_larger_bodies():
    """Ten gigabytes are copied, hashed and synced before control can answer; a front that gives up answers 503."""
    watched = Watched()
    for size, seconds in ((0, 60), (10 * 1024 * MIB, 700)):
        async with AnswerTimes().bounded(size) as timer:
            assert watched.allows(timer, seconds)


@plays
async def test_of_sixteen_at_once_each_may_wait_for_all_of_them():
    """Control works on all of them at the same time: the first is answered when the last is nearly done."""
    times, watched = AnswerTimes(), Watched()
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(times.bounded(BODY))
        alone = first.when()
        for _ in range(14):
            await stack.enter_async_context(times.bounded(BODY))
        last = await stack.enter_async_context(times.bounded(BODY))

        assert 150 == pytest.approx(first.when() - alone)
        assert first.when() <= last.when()
        assert watched.allows(last, 60 + 160)


@plays
async def test_what_was_answered_is_waited_for_no_more():
    times, watched = AnswerTimes(), Watched()
    async with times.bounded(BODY):
        pass
    async with times.bounded(0) as timer:
        assert watched.allows(timer, 60)


@plays
async def test_one_that_is_given_up_is_told_so_and_counts_no_more():
    times = AnswerTimes(seconds_max=0.0)
    with pytest.raises(Unavailable, match="sent again as it is") as refused:
        async with times.bounded(0):
            await asyncio.Event().wait()

    assert 30 == refused.value.retry_after_seconds
    watched = Watched()
    async with times.bounded(BODY) as timer:
        assert watched.allows(timer, 10)


@plays
async def test_somebody_elses_timeout_passes_as_it_is():
    with pytest.raises(TimeoutError, match="another"):
        async with AnswerTimes().bounded(0):
            raise TimeoutError("another")


class Watched:
    """What a timer allows, between two looks at the loop's clock: no machine is too slow for that."""

    def __init__(self) -> None:
        self._began = asyncio.get_running_loop().time()

    def allows(self, timer: asyncio.Timeout, seconds: float) -> bool:
        now = asyncio.get_running_loop().time()
        return self._began + seconds - 0.001 <= timer.when() <= now + seconds + 0.001
