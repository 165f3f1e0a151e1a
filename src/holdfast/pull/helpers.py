"""The pool of helper processes, so that no large page ever holds up the event loop."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress

from holdfast.core.errors import Corrupt, Unavailable
from holdfast.pull.build import BuiltPage, LearnJob, PageJob, decoded
from holdfast.pull.helper import (
    LENGTH_BYTES,
    BookJob,
    Failed,
    FoundCard,
    Job,
    Result,
    decode_result,
    encode,
    perform,
)
from holdfast.pull.wheel_metadata import WheelJob, WheelRead

JOB_SECONDS_MAX = 60.0
JOBS_PER_HELPER_MAX = 500  # then it is replaced: memory that a huge page fragmented goes back
INLINE_BYTES_MAX = 10 * 1024  # compressed: some 50 files of a page, its record and its book; 4 ms of work
COMPRESSION = 5  # what compression makes of an index page, roughly
HTML_WEIGHT = 3  # HTML takes so much longer to read than JSON of the same size, and hostile HTML ten times as long
WAITING_MAX = 64


class Helpers:
    """At most `count` processes, started when first needed. A helper that dies or hangs costs one job."""

    def __init__(self, count: int = 2) -> None:
        self.jobs = 0
        self.waiting = 0
        self._idle: list[_Helper] = []
        self._slots = asyncio.Semaphore(count)

    async def start(self) -> None:
        """Have one helper ready before the first large page waits for it. Raises Unavailable."""
        self._idle.append(await _Helper.start())

    async def build_page(self, job: PageJob) -> BuiltPage:
        """Build a page here or in a helper, by its size. Raises Unavailable."""
        weight = 1 if "json" in job.content_type.lower() else HTML_WEIGHT
        size = _packed_bytes(job) * weight + len(job.old_page or b"") + len(job.old_book or b"")
        result = _judged(perform(job)) if size <= INLINE_BYTES_MAX else await self._perform(job)
        assert isinstance(result, BuiltPage), result
        return result

    async def find_card(self, job: BookJob) -> FoundCard:
        """Search a book here or in a helper, by its size. Raises Corrupt, Unavailable."""
        result = (
            _judged(perform(job))
            if len(job.book) + len(job.page or b"") <= INLINE_BYTES_MAX
            else await self._perform(job)
        )
        assert isinstance(result, FoundCard), result
        return result

    async def learn(self, job: LearnJob) -> BuiltPage:
        """Fill in what was found out. Raises Corrupt, Unavailable."""
        size = len(job.old_page or b"") + len(job.old_book)
        result = _judged(perform(job)) if size <= INLINE_BYTES_MAX else await self._perform(job)
        assert isinstance(result, BuiltPage), result
        return result

    async def read_wheel(self, job: WheelJob) -> WheelRead:
        """Look for a wheel's METADATA, in a helper always: a small archive may unpack to much. Raises Unavailable."""
        result = _judged(await self._perform(job))
        assert isinstance(result, WheelRead), result
        return result

    def pids(self) -> list[int]:
        """The idle helpers' process ids."""
        return [helper.pid for helper in self._idle]

    async def close(self) -> None:
        """End the helpers."""
        for helper in self._idle:
            await helper.stop()
        self._idle.clear()

    async def _perform(self, job: Job) -> Result:
        if self.waiting >= WAITING_MAX:
            raise Unavailable("too many large pages wait to be read", retry_after_seconds=2)
        self.waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self.waiting -= 1
        try:
            self.jobs += 1
            while self._idle:
                try:
                    return _judged(await self._with(self._idle.pop(), job))
                except _DiedError:
                    continue  # it was killed while idle, perhaps: another one, or a new one, does the job
            return _judged(await self._with(await _Helper.start(), job))
        except (_DiedError, TimeoutError) as error:
            raise Unavailable("a page could not be read: the helper process died or hung") from error
        finally:
            self._slots.release()

    async def _with(self, helper: "_Helper", job: Job) -> Result:
        """Let that helper do it, and keep the helper if it is still good. Raises _DiedError, TimeoutError."""
        try:
            async with asyncio.timeout(JOB_SECONDS_MAX):
                result = await helper.perform(job)
        except (OSError, asyncio.IncompleteReadError) as error:
            await helper.stop()
            if isinstance(error, TimeoutError):
                raise
            raise _DiedError from error
        except BaseException:
            await helper.stop()
            raise
        if helper.jobs < JOBS_PER_HELPER_MAX:
            self._idle.append(helper)
        else:
            await helper.stop()
        return result


def _packed_bytes(job: PageJob) -> int:
    """The body's size, compressed as pages usually are. What claims to unfold to much more is believed to be large."""
    if not job.content_encoding:
        return len(job.body) // COMPRESSION
    try:
        unfolded = len(decoded(job.body, job.content_encoding, INLINE_BYTES_MAX * COMPRESSION * 2))
    except Unavailable:
        return INLINE_BYTES_MAX + 1  # too much, or no such encoding: the helper finds out which
    return max(len(job.body), unfolded // COMPRESSION)


class _DiedError(Exception):
    """A helper ended before its job did."""


class _Helper:
    """One process and its two pipes."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None and process.stdout is not None
        self.jobs = 0
        self._process = process
        self._input = process.stdin
        self._output = process.stdout

    @property
    def pid(self) -> int:
        return self._process.pid

    @classmethod
    async def start(cls) -> "_Helper":
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "holdfast.pull.helper", stdin=PIPE, stdout=PIPE, limit=1024 * 1024
            )
        except OSError as error:
            raise Unavailable(f"no helper process can be started ({error.strerror})") from error
        return cls(process)

    async def perform(self, job: Job) -> Result:
        self.jobs += 1
        frame = encode(job)
        self._input.write(len(frame).to_bytes(LENGTH_BYTES, "big"))
        self._input.write(frame)
        await self._input.drain()
        length = int.from_bytes(await self._output.readexactly(LENGTH_BYTES), "big")
        return decode_result(await self._output.readexactly(length))

    async def stop(self) -> None:
        """End the process; a killed helper leaves nothing behind, it holds no state."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


def _judged(result: Result) -> Result:
    """The result, or the outcome it stands for."""
    if isinstance(result, Failed):
        raise Corrupt(result.reason) if result.corrupt else Unavailable(result.reason)
    return result
