"""Tells pull what was served of each upstream: counted answers, and which kept objects were used.

Pull keeps the statistics and evicts by use, but most answers never reach it. Counters are sampled each second and sent
in batches; while pull is dead they are held, bounded, and sent later. Nothing here is waited for by an answer.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable

import structlog

from holdfast.clock import Clock
from holdfast.core.errors import Outcome, Unavailable
from holdfast.read.hot import HotEntry
from holdfast.read.kept_only import wants_only_kept
from holdfast.wire.client import Neighbour, read_whole
from holdfast.wire.messages import FileBody, Request, Response
from holdfast.wire.tally import Tallies

log = structlog.get_logger(__name__)

SAMPLE_SECONDS = 1.0  # a period without an upstream is told to the second
COLLECT_SECONDS = 10.0  # between two looks at which entries of the hot table were used
SEND_SECONDS_MAX = 2.0
STOP_SECONDS = 0.5  # for the last batch when the front ends
SAMPLES_MAX = 5_000  # held while pull is dead; then seconds are put together to minutes, then the oldest go
USED_MAX = 10_000  # objects of one batch: 0.7 MB. The rest waits for the next
USED_HELD_MAX = 100_000
ENTRIES_PER_STEP = 2_000  # looked at without a pause: 0.2 ms

Sample = tuple[float, str, str, int, int]  # Unix seconds, upstream, how it was served, answers, body bytes


class Usage:
    """The counters of one front and the task that tells them."""

    def __init__(
        self,
        tallies: Tallies,
        upstreams: tuple[str, ...],
        entries: Callable[[], list[HotEntry]],
        pull: Neighbour,
        clock: Clock,
    ) -> None:
        """`entries` lists what the front holds in memory."""
        self._tallies = tallies
        self._upstreams = frozenset(upstreams)
        self._entries = entries
        self._pull = pull
        self._clock = clock
        self._told: dict[tuple[str, str], tuple[int, int]] = {}
        self._samples: list[Sample] = []
        self._used: dict[tuple[str, str, str], None] = {}
        self._collect_at = clock.monotonic() + COLLECT_SECONDS
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0  # samples and uses that could not be held any longer

    def start(self) -> None:
        """Begin to tell, if there is anything to tell of."""
        if self._upstreams:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Tell the rest, if pull takes it at once."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self.tell(collect=True)

    def count(self, route: str, request: Request, response: Response) -> None:
        """Count an answer that took more than a look into the hot table."""
        credit, status = request.credit, response.status
        if credit.upstream not in self._upstreams or wants_only_kept(request):  # a look at what is kept is no use
            self._tallies.of(route, status, "cold")[0] += 1
            return
        served = credit.outcome(status)
        tally = self._tallies.under(credit.upstream, served).of(route, status, "cold")
        tally[0] += 1
        tally[1] += 0 if request.method == "HEAD" else body_bytes(response)
        if credit.pulled is not None and status < 400:
            self._note(credit.pulled)

    async def tell(self, *, collect: bool = False) -> None:
        """Sample the counters and send what has gathered; `collect` first looks for what was used."""
        self._sample()
        if collect or self._clock.monotonic() >= self._collect_at:
            self._collect_at = self._clock.monotonic() + COLLECT_SECONDS
            await self._collect()
        if self._samples or self._used:
            await self._send()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            try:
                await self.tell()
            except Exception:
                log.exception("the use of what is kept could not be told")

    def _sample(self) -> None:
        """What was counted since the last look, a second ago."""
        at = round(self._clock.now().timestamp(), 3)
        for key, (answers, size) in self._tallies.by_upstream().items():
            before = self._told.get(key, (0, 0))
            if answers != before[0]:
                self._samples.append((at, *key, answers - before[0], size - before[1]))
                self._told[key] = (answers, size)
        if len(self._samples) > SAMPLES_MAX:
            self._samples = by_minute(self._samples)
            self.dropped += max(0, len(self._samples) - SAMPLES_MAX)
            del self._samples[:-SAMPLES_MAX]

    async def _collect(self) -> None:
        """Take the marks of use back from the hot table, in steps that delay no answer."""
        entries = self._entries()
        for start in range(0, len(entries), ENTRIES_PER_STEP):
            for entry in entries[start : start + ENTRIES_PER_STEP]:
                if entry.pulled is not None and entry.used & HotEntry.NOTED:
                    entry.used &= ~HotEntry.NOTED
                    self._note(entry.pulled)
            await asyncio.sleep(0)

    def _note(self, pulled: tuple[str, str, str]) -> None:
        if len(self._used) < USED_HELD_MAX:
            self._used[pulled] = None
        elif pulled not in self._used:
            self.dropped += 1

    async def _send(self) -> None:
        """One bounded batch; what pull did not take is sent again with the next."""
        samples = self._samples[:SAMPLES_MAX]
        used = list(self._used)[:USED_MAX]
        batch = json.dumps({"samples": samples, "used": used}, separators=(",", ":")).encode()
        try:
            async with self._pull.request("POST", "/usage", data=batch, seconds_max=SEND_SECONDS_MAX) as response:
                await read_whole(response, "pull", SEND_SECONDS_MAX)
                if response.status >= 500:
                    raise Unavailable("pull cannot take what was used")
        except Outcome:
            return
        self._samples = self._samples[len(samples) :]
        for pulled in used:
            self._used.pop(pulled, None)


def by_minute(samples: list[Sample]) -> list[Sample]:
    """The same numbers, told to the minute."""
    found: dict[tuple[float, str, str], tuple[int, int]] = {}
    for at, upstream, served, answers, size in samples:
        key = (at - at % 60, upstream, served)
        before = found.get(key, (0, 0))
        found[key] = (before[0] + answers, before[1] + size)
    return [(*key, *numbers) for key, numbers in sorted(found.items())]


def body_bytes(response: Response) -> int:
    """How many body bytes the answer has; a stream tells by its header."""
    if isinstance(response.body, bytes):
        return len(response.body)
    if isinstance(response.body, FileBody):
        return response.body.length
    return next((int(value) for name, value in response.headers if name == "content-length" and value.isdigit()), 0)
