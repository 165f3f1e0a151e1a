"""Shared work: one run per key, and nobody's leaving ends it."""

import asyncio

import pytest

from holdfast.core.errors import Absent, Unavailable
from holdfast.wire.single_flight import SingleFlight


def test_waiters_of_one_key_share_one_run():
    async def scenario():
        flights, runs, started, go = SingleFlight(), [], asyncio.Event(), asyncio.Event()

        async def work():
            runs.append(1)
            started.set()
            await go.wait()
            return "done"

        waiters = [asyncio.create_task(flights.run("key", work)) for _ in range(100)]
        await started.wait()
        go.set()
        return await asyncio.gather(*waiters), len(runs), len(flights)

    assert (["done"] * 100, 1, 0) == asyncio.run(scenario())


def test_a_waiter_that_leaves_cancels_nothing():
    async def scenario():
        flights, started, go, ends = SingleFlight(), asyncio.Event(), asyncio.Event(), []

        async def work():
            started.set()
            await go.wait()
            ends.append("whole")
            return "done"

        leaver = asyncio.create_task(flights.run("key", work))
        stayer = asyncio.create_task(flights.run("key", work))
        await started.wait()
        leaver.cancel()
        go.set()
        return await stayer, ends

    assert ("done", ["whole"]) == asyncio.run(scenario())


def test_an_outcome_reaches_every_waiter_and_is_not_remembered():
    async def scenario():
        flights = SingleFlight()

        async def absent():
            raise Absent("no such thing")

        async def present():
            return "there"

        first = await asyncio.gather(*(flights.run("key", absent) for _ in range(3)), return_exceptions=True)
        return [type(error) for error in first], await flights.run("key", present)

    assert ([Absent] * 3, "there") == asyncio.run(scenario())


def test_more_keys_than_the_bound_are_unavailable():
    async def scenario():
        flights = SingleFlight(flights_max=1)
        started = asyncio.Event()

        async def work():
            started.set()
            await asyncio.Event().wait()

        first = asyncio.create_task(flights.run("one", work))
        await started.wait()
        with pytest.raises(Unavailable):
            await flights.run("two", work)
        first.cancel()
        await flights.drain()

    asyncio.run(scenario())
