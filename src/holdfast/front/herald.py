"""Telling control of a large file while it arrives, so that control can look into it meanwhile.

Nothing waits for these notices and nothing depends on them: one that fails is followed by the next, and without any
control reads the file when it is whole.
"""

import asyncio

import structlog

from holdfast.config import MIB, Config
from holdfast.core.errors import Unavailable
from holdfast.wire.client import Neighbour
from holdfast.wire.messages import Request

log = structlog.get_logger(__name__)

STEP_BYTES = 32 * MIB  # from one notice to the next; less than that is read in a tenth of a second at the end
NOTICES_MAX = 64  # under way at once
SECONDS_MAX = 2.0  # for an answer, after which the next notice is as good
_NOT_AGAIN = (401, 403, 404, 405)  # the token is not in force, or control is of a release that knows no notices
_ONLY_PRINTABLE = dict.fromkeys((*range(32), 127))


class Heralds:
    """One worker's way of telling, beside its requests."""

    def __init__(self, config: Config) -> None:
        self._control = Neighbour("control", config.control_socket, NOTICES_MAX)
        self._telling: set[asyncio.Task[None]] = set()

    def of(self, request: Request) -> "Herald":
        """Whoever tells of this request's file."""
        return Herald(self, request)

    def start(self, herald: "Herald", name: str) -> asyncio.Task[None]:
        """Tell in the background."""
        task = asyncio.create_task(herald.say(self._control, name))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
        return task

    @property
    def telling(self) -> int:
        """Notices under way."""
        return len(self._telling)

    async def stop(self) -> None:
        """End what is under way."""
        for task in list(self._telling):
            task.cancel()
        await self._control.close()


class Herald:
    """Tells of one arriving file."""

    def __init__(self, heralds: Heralds, request: Request) -> None:
        self._heralds = heralds
        self.headers = {
            "authorization": (request.headers.get("authorization") or "").translate(_ONLY_PRINTABLE),
            "content-length": "0",
            "x-holdfast-client": request.client,
        }
        self._told_bytes = 0
        self._is_wanted = bool(self.headers["authorization"])
        self._last: asyncio.Task[None] | None = None

    def arrived(self, name: str, size: int) -> None:
        """So many bytes of the file are in the spool under that name. Returns at once."""
        if not self._is_wanted or size - self._told_bytes < STEP_BYTES:
            return
        if self._last is None or self._last.done():
            self._told_bytes = size
            self._last = self._heralds.start(self, name)

    async def say(self, control: Neighbour, name: str) -> None:
        """One notice. Never raises."""
        headers = {**self.headers, "x-holdfast-spool": name}
        try:
            async with control.request("POST", "/-/arriving", headers=headers, seconds_max=SECONDS_MAX) as answer:
                self._is_wanted = answer.status not in _NOT_AGAIN
        except Unavailable as error:
            log.debug("control was not told of an arriving file: %s", error.reason)
