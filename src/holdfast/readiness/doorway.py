"""A door on loopback between an installer and an index. Adds the token, and `only-if-cached` if nothing may be fetched.

What goes through is noted, so that what is made ready is what the installer really asked for. The address holds a
secret: nobody else on this machine can use the token that is added.
"""

import secrets
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from holdfast.readiness.index import ONLY_KEPT, Index, no_answer, said

_PASSED_IN = ("Accept", "Accept-Encoding", "Range", "If-None-Match", "User-Agent")
_PASSED_BACK = (
    "Content-Type",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "ETag",
    "Accept-Ranges",
    "Location",
)
_CHUNK = 256 * 1024


@dataclass(slots=True)
class Doorway:
    """Use as an async context manager; `simple_url` is what the installer is given."""

    index: Index
    only_kept: bool
    asked: dict[str, int] = field(default_factory=dict)  # path below the root -> the last status
    troubles: dict[str, str] = field(default_factory=dict)  # path -> why it was not answered, unless it is just absent
    fetched: set[str] = field(default_factory=set)  # files that were not kept before they came through here
    _secret: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    _runner: web.AppRunner | None = None
    _port: int = 0

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get(f"/{self._secret}/{{path:.*}}", self._pass)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._port}/{self._secret}"

    @property
    def simple_url(self) -> str:
        return f"{self.root}/simple/"

    def path_of(self, url: str) -> str | None:
        """The path below the index's root of a URL that came through here, else None."""
        prefix = self.root + "/"
        return url.removeprefix(prefix).partition("#")[0] if url.startswith(prefix) else None

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path.removeprefix(f"/{self._secret}/")
        headers = {name: request.headers[name] for name in _PASSED_IN if name in request.headers}
        headers |= ONLY_KEPT if self.only_kept else {}
        if not self.only_kept and path.startswith("packages/") and (await self.index.look(path)).status == 504:
            self.fetched.add(path)
        try:
            async with self.index.session.request(
                request.method, self.index.url(path), headers=headers, allow_redirects=False
            ) as answer:
                self.asked[path] = answer.status
                if answer.status >= 400 and answer.status != 404:
                    self.troubles[path] = await said(answer)
                    return web.Response(status=answer.status, text=self.troubles[path])
                return await _relay(request, answer)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.asked[path] = 0
            self.troubles[path] = no_answer(self.index.root, error)
            return web.Response(status=504, text=self.troubles[path])  # which pip does not try again


async def _relay(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """The answer as it came. A body that breaks off breaks the connection: a short file must not look whole."""
    headers = {name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers}
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    if request.method != "HEAD":
        try:
            async for chunk in answer.content.iter_chunked(_CHUNK):
                await response.write(chunk)
        except (aiohttp.ClientError, OSError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()
            raise
    await response.write_eof()
    return response
