"""The spool: request bodies as files, received in the event loop within limits, before anybody else sees the request.

A slow or endless upload costs a file and a timer here; it never holds a thread of control (measured: four stalled
uploads froze all of Django when the body was read there).
"""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog

from holdfast.config import MIB, Config
from holdfast.core.errors import Outcome, Unavailable
from holdfast.core.form_cut import Cut
from holdfast.core.multipart import MalformedForm, boundary_of
from holdfast.front.arriving import ArrivingBody, content_path, trouble
from holdfast.store.port import DiskFull
from holdfast.wire.messages import HeaderLookup

T = TypeVar("T")
Arrived = Callable[[str, int], None]

log = structlog.get_logger(__name__)

IDLE_SECONDS_MAX = 60.0  # between two chunks
RATE_GRACE_SECONDS = 30.0  # before the minimum rate counts: connections start slowly
WRITE_BYTES = 1 * MIB  # gathered before a thread writes them: a hop for each 16 KB chunk would cost more than the write
FREE_BYTES_MIN = 64 * MIB  # left on the spool's disk; the database and the journal may share it
DRAIN_BYTES_MAX = 8 * MIB  # of a body that is refused: clients that send all of it first can then read the answer
DRAIN_SECONDS_MAX = 10.0


class TooLarge(Outcome):
    """The body is longer than one request may be (413)."""


class TooSlow(Outcome):
    """The body did not arrive in time (408)."""


class ClientGone(Exception):  # noqa: N818 - nobody is left to be answered
    """The client left before its body was whole."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A received body. `name` is the file's name inside the spool folder; "" when there was no body."""

    name: str
    size: int
    ended_at: float  # unix seconds of the last byte
    cut: Cut | None = None  # the uploaded file, when it lies beside the form


def _untold(_name: str, _size: int) -> None:
    """Nobody wants to know."""


class Spool:
    """One worker's use of the spool folder."""

    def __init__(self, config: Config) -> None:
        self._held: dict[str, int] = {}  # name -> bytes, received by this worker and not yet removed
        self._config = config
        self._folder = config.spool_folder
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="spool")

    @property
    def held_bytes(self) -> int:
        """Received by this worker and not yet removed."""
        return sum(list(self._held.values()))  # a copy: threads take names out

    async def receive(
        self, body: AsyncIterator[bytes], headers: HeaderLookup, bytes_max: int = 0, arrived: Arrived = _untold
    ) -> Spooled:
        """Take the whole body, of at most `bytes_max` (0: what an upload may have).

        `arrived` is told of the file in it again and again: its name in the spool folder, how much of it is there.
        Raises TooLarge, TooSlow, Unavailable, ClientGone; then nothing is left behind.
        """
        expected = _length(headers.get("content-length"))
        limit = bytes_max or self._config.upload_bytes_max
        if expected is not None and expected > limit:
            raise TooLarge(f"the request is {expected} bytes long, this index takes at most {limit}")
        if expected == 0:
            return Spooled("", 0, time.time())
        self._demand_space(expected or 0)
        path = self._folder / secrets.token_hex(16)
        try:
            boundary = None if bytes_max else _boundary(headers)
            size, ended_at, cut = await self._write(path, body, limit, boundary, arrived)
            if expected is not None and size != expected:
                raise ClientGone
        except BaseException:
            await self.remove(path.name)
            raise
        if not size:  # HTTP/2 tells neither length nor encoding, so only reading shows that there is no body
            await self.remove(path.name)
            return Spooled("", 0, time.time())
        return Spooled(path.name, size, ended_at, cut)

    async def remove(self, name: str) -> None:
        """Forget a received body."""
        if name:
            await asyncio.shield(self._in_thread(self._unlink, self._folder / name))

    async def drain(self, body: AsyncIterator[bytes]) -> None:
        """Read what a refused client still sends, up to a limit, so that it gets to read the answer."""
        left = DRAIN_BYTES_MAX
        try:
            async with asyncio.timeout(DRAIN_SECONDS_MAX):
                async for chunk in body:
                    left -= len(chunk)
                    if left <= 0:
                        return
        except Exception:  # noqa: BLE001 - whatever a server raises for a client that left or is too slow
            return

    async def _write(
        self, path: Path, body: AsyncIterator[bytes], limit: int, boundary: bytes | None, arrived: Arrived
    ) -> tuple[int, float, Cut | None]:
        """How many bytes came, when the last one did, and what was cut out."""
        arriving = await self._in_thread(ArrivingBody, path, boundary)
        meter = _Meter(self._config.upload_seconds_max, self._config.upload_rate_bytes_min)
        waiting: list[bytes] = []
        size = waiting_bytes = 0
        try:
            async for chunk in meter.chunks(body):
                size += len(chunk)
                if size > limit:
                    raise TooLarge(f"the request is longer than the {limit} bytes this index takes")
                waiting.append(chunk)
                waiting_bytes += len(chunk)
                if waiting_bytes >= WRITE_BYTES:
                    await self._append(path.name, arriving, waiting, waiting_bytes)
                    waiting, waiting_bytes = [], 0
                    arrived(content_path(path).name, arriving.content_bytes)
            ended_at = time.time()
            cut = await self._append(path.name, arriving, waiting, waiting_bytes, last=True)
        finally:
            await asyncio.shield(self._in_thread(arriving.close))
        return size, ended_at, cut

    async def _append(
        self, name: str, arriving: ArrivingBody, chunks: list[bytes], size: int, *, last: bool = False
    ) -> Cut | None:
        self._demand_space(size)
        self._held[name] = self._held.get(name, 0) + size
        write = asyncio.ensure_future(self._in_thread(_take, arriving, chunks, last))
        try:
            return await asyncio.shield(write)
        except asyncio.CancelledError:
            await asyncio.wait((write,))  # closed under the thread, the descriptor's number could be another file's
            raise

    def _demand_space(self, size: int) -> None:
        """Raises Unavailable when the spool's bound leaves no room, DiskFull when the disk does not."""
        if self.held_bytes + size > self._config.spool_bytes_max:
            raise Unavailable("too many uploads are arriving at once", retry_after_seconds=30)
        try:
            status = os.statvfs(self._folder)
        except OSError as error:
            raise trouble(error) from error
        if status.f_bavail * status.f_frsize - size < FREE_BYTES_MIN:
            raise DiskFull("the disk for arriving uploads is full", retry_after_seconds=60)

    def _unlink(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
            content_path(path).unlink(missing_ok=True)  # of most uploads it is in the store by now
        except OSError as error:
            log.warning("a spooled body cannot be removed: %s", error.strerror)
            return
        self._held.pop(path.name, None)

    async def _in_thread(self, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)


class _Meter:
    """The time limits of one body."""

    def __init__(self, seconds_max: float, rate_bytes_min: float) -> None:
        self._began = time.monotonic()
        self._seconds_max = seconds_max
        self._rate_bytes_min = rate_bytes_min

    async def chunks(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The body's chunks. Raises TooSlow, ClientGone."""
        size = 0
        while True:
            left = self._seconds_max - (time.monotonic() - self._began)
            try:
                async with asyncio.timeout(min(IDLE_SECONDS_MAX, max(left, 0.001))):
                    chunk = await anext(body)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise TooSlow("the upload stopped arriving") from None
            except Exception as error:
                raise ClientGone from error
            size += len(chunk)
            spent = time.monotonic() - self._began
            if spent > RATE_GRACE_SECONDS and size < self._rate_bytes_min * spent:
                raise TooSlow(f"the upload arrives at less than {self._rate_bytes_min:g} bytes per second")
            yield chunk


def _take(arriving: ArrivingBody, chunks: list[bytes], last: bool) -> Cut | None:
    arriving.append(chunks)
    return arriving.finish() if last else None


def _boundary(headers: HeaderLookup) -> bytes | None:
    """The boundary of a form, None for any other body: that stays whole, and control says what it is."""
    try:
        return boundary_of(headers.get("content-type") or "")
    except MalformedForm:
        return None


def _length(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 19 else None
