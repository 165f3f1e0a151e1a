"""Async tests without a plugin."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import ParamSpec

P = ParamSpec("P")
SECONDS_MAX = 60


def plays(scenario: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run an async test to its end, or fail it when it hangs."""

    @functools.wraps(scenario)
    def test(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(scenario(*args, **kwargs), SECONDS_MAX))

    return test
