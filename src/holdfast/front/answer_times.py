"""How long control may take to answer what a front has handed over.

Control looks through all of it at once, on the same cores and the same disk. So its promised rate is one for all the
bytes that lie with it: of sixteen clients each may wait for all sixteen files, also whoever came first. A front's
spool bounds what can lie there, and with it how long anybody waits for a control that hangs.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from holdfast.config import MIB
from holdfast.core.errors import Unavailable

ANSWER_SECONDS_MAX = 60.0  # control holds a blinking database 8 s; big archives take longer to look through
ANSWER_BYTES_PER_SECOND = 16 * MIB  # what control copies, hashes and stores at least, on a slow disk or a far bucket
AGAIN_SECONDS = 30  # an instance that was too slow is not helped by the same bytes coming again at once


class AnswerTimes:
    """What lies with control, and until when each of it is waited for."""

    def __init__(
        self, seconds_max: float = ANSWER_SECONDS_MAX, bytes_per_second: float = ANSWER_BYTES_PER_SECOND
    ) -> None:
        self._seconds_max = seconds_max
        self._bytes_per_second = bytes_per_second
        self._waiting: set[asyncio.Timeout] = set()
        self._bytes = 0  # handed over and not answered

    @asynccontextmanager
    async def bounded(self, size: int) -> AsyncIterator[asyncio.Timeout]:
        """Wait inside for the answer to a body of `size` bytes. Raises Unavailable when it takes too long."""
        seconds = size / self._bytes_per_second
        for other in self._waiting:
            if not other.expired() and (until := other.when()) is not None:
                other.reschedule(until + seconds)
        self._bytes += size
        began = asyncio.get_running_loop().time()
        timer = asyncio.timeout(self._seconds_max + self._bytes / self._bytes_per_second)
        try:
            async with timer:
                self._waiting.add(timer)
                try:
                    yield timer
                finally:
                    self._waiting.discard(timer)
        except TimeoutError:
            if not timer.expired():
                raise
            waited = asyncio.get_running_loop().time() - began
            raise Unavailable(
                f"control did not answer within {waited:.0f} s, and may still carry it out; an upload can be sent"
                " again as it is",
                retry_after_seconds=AGAIN_SECONDS,
            ) from None
        finally:
            self._bytes -= size
