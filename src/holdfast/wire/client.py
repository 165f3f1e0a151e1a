"""HTTP/1.1 to a neighbour process over its unix socket: bounded, never waiting longer than told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import yarl

from holdfast.core.errors import Unavailable

READ_BUFFER_BYTES = 256 * 1024  # per connection; with 100 cold downloads that is 25 MB
RECONNECT_SECONDS = 0.05
ANSWER_BYTES_MAX = 1024 * 1024  # of an answer that is read whole


class Neighbour:
    """One process behind a socket. `requests_max` are under way at once; whoever comes then is told to come again.

    A process that is just being started (again) is waited for, `patience_seconds` at most.
    """

    def __init__(self, name: str, socket: Path, requests_max: int, patience_seconds: float = 0.0) -> None:
        self.name = name
        self._patience_seconds = patience_seconds
        self._down_since: float | None = None
        self._socket = str(socket)
        self._requests_max = requests_max
        self.under_way = 0
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def request(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        seconds_max: float | None,
        data: bytes | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send and give the answer with its body unread. `seconds_max` bounds the time to its head; None: the caller.

        Raises Unavailable when the neighbour cannot be reached, is too busy, or too slow. What fails inside the
        `async with` passes as it is. The target is sent as given: percent-encode it first.
        """
        if self.under_way >= self._requests_max:
            raise Unavailable(f"too many requests wait for the {self.name} process", retry_after_seconds=2)
        self.under_way += 1
        try:
            response = await self._send(method, target, headers, seconds_max, data)
            try:
                yield response
            finally:
                # Never `release`: an answer that was not read to its end must not go back into the pool.
                response.close()
        finally:
            self.under_way -= 1

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(
        self, method: str, target: str, headers: Mapping[str, str] | None, seconds_max: float | None, data: bytes | None
    ) -> aiohttp.ClientResponse:
        url = yarl.URL(f"http://{self.name}.invalid{target}", encoded=True)  # the name is never looked up
        try:
            async with asyncio.timeout(seconds_max):
                while True:
                    try:
                        response = await self._connected().request(
                            method, url, headers=headers, data=data, allow_redirects=False, timeout=_NO_TIMEOUT
                        )
                    except aiohttp.ClientConnectorError:  # nothing was sent yet, so nothing is done twice
                        if not self._is_worth_waiting():
                            raise
                        await asyncio.sleep(RECONNECT_SECONDS)
                    else:
                        self._down_since = None
                        return response
        except TimeoutError:
            raise Unavailable(f"the {self.name} process did not answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"the {self.name} process does not answer") from error

    def _is_worth_waiting(self) -> bool:
        """True in the first moments of not being reachable: later requests are not made to wait for the dead."""
        now = asyncio.get_running_loop().time()
        if self._down_since is None:
            self._down_since = now
        return now < self._down_since + self._patience_seconds

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(self._socket, limit=0, keepalive_timeout=15),
                auto_decompress=False,
                read_bufsize=READ_BUFFER_BYTES,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        return self._session


class OwnedChunks:
    """Chunks with something to give back at their end, however they end: read out, failed, or never begun.

    An asynchronous generator does not do for that: closing one that was never begun runs none of its code.
    """

    def __init__(self, chunks: AsyncIterator[bytes], give_back: Callable[[], Awaitable[object]]) -> None:
        self._chunks = chunks
        self._give_back: Callable[[], Awaitable[object]] | None = give_back

    def __aiter__(self) -> "OwnedChunks":
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Give back what is held; again is fine."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            await give_back()


class Unreachable(Unavailable):
    """No connection, or it broke before an answer: the process is down or starting."""


_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=None, sock_read=None)


async def read_whole(response: aiohttp.ClientResponse, name: str, seconds_max: float) -> bytes:
    """The answer's body, of at most ANSWER_BYTES_MAX. Raises Unavailable."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds_max):
            async for part in response.content.iter_any():
                size += len(part)
                if size > ANSWER_BYTES_MAX:
                    raise Unavailable(f"the {name} process sent too long an answer")
                parts.append(part)
    except TimeoutError:
        raise Unavailable(f"the {name} process did not finish its answer in time") from None
    except (aiohttp.ClientError, OSError) as error:
        raise Unavailable(f"the {name} process broke off its answer") from error
    return b"".join(parts)
