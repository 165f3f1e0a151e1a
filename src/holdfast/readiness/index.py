"""One index of a Holdfast as a client sees it: pages, files, and what is kept there without anything being fetched."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urljoin, urlsplit

import aiohttp

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
ONLY_KEPT = {"Cache-Control": "only-if-cached"}
CONNECTIONS_MAX = 32
CONNECT_SECONDS = 10.0
STALL_SECONDS = 90.0  # without one byte; Holdfast itself gives up on its source well before
TRIES = 3
TRY_AGAIN_SECONDS = 1.0
PAGE_BYTES_MAX = 512 * 1024 * 1024
DETAIL_CHARS_MAX = 300
_CHUNK = 256 * 1024


class Trouble(Exception):  # noqa: N818 - one thing that could not be had; the others go on
    """Why something could not be had, in one sentence; `status` is 0 when there was no answer."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file as the project's page tells it. `path` is below the index's root."""

    filename: str
    path: str
    sha256: str
    size: int | None
    has_metadata: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a HEAD told: 200 and a size, or another status and why."""

    status: int
    size: int | None
    reason: str = ""


class Index:
    """Use as an async context manager. `root` is the index's root URL, without a trailing slash."""

    def __init__(
        self, root: str, token: str = "", certificate: str = "", pause_seconds: float = TRY_AGAIN_SECONDS
    ) -> None:
        """`certificate` is a PEM file to trust besides the system's: the instance's own, when it is at hand."""
        self._pause_seconds = pause_seconds
        self.root = root
        self._token = token
        self._certificate = certificate

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX, ssl=_trust(self._certificate))
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=STALL_SECONDS)
        headers = {"User-Agent": "holdfast-warm"}
        if self._token:
            headers["Authorization"] = "Basic " + base64.b64encode(f"__token__:{self._token}".encode()).decode()
        # The person's proxy settings are honoured for other machines; NO_PROXY and loopback are aiohttp's business.
        self.session = aiohttp.ClientSession(
            connector=connector, timeout=timeout, headers=headers, auto_decompress=False, trust_env=not self._is_here()
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    def url(self, path: str) -> str:
        """The absolute URL of a path below the root."""
        return f"{self.root}/{path}"

    async def page(self, project: str, *, only_kept: bool) -> list[PageFile]:
        """The project's files. Raises Trouble."""
        path = page_path(project)
        body = await self._body(path, {"Accept": JSON_TYPE, "Accept-Encoding": "identity"}, only_kept=only_kept)
        try:
            return [self._page_file(path, entry) for entry in json.loads(body)["files"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Trouble(f"the page of {project} does not parse; is {self.root} a Simple API?") from error

    async def look(self, path: str) -> Found:
        """Whether it is kept there: nothing is fetched for the answer."""
        try:
            async with self.session.head(self.url(path), headers=ONLY_KEPT) as answer:
                reason = "" if answer.status == 200 else _status_text(answer.status)
                return Found(answer.status, answer.content_length, reason)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return Found(0, None, no_answer(self.root, error))

    async def fetch(self, path: str, arrived: Callable[[int], None], into: Path | None = None) -> None:
        """Read a body to its end; `arrived` is told its bytes as they come, less a broken try's. Raises Trouble."""
        for attempt in range(TRIES):
            count = 0
            try:
                async with self._asked(path, {"Accept-Encoding": "identity"}, only_kept=False) as answer:
                    with (into or Path("/dev/null")).open("wb") as file:
                        async for chunk in answer.content.iter_chunked(_CHUNK):
                            count += len(chunk)
                            arrived(len(chunk))
                            file.write(chunk)
                return
            except (Trouble, aiohttp.ClientError, OSError, TimeoutError) as error:
                arrived(-count)
                is_passing = not isinstance(error, Trouble) or error.status in (0, 503)
                if attempt == TRIES - 1 or not is_passing:
                    raise error if isinstance(error, Trouble) else Trouble(no_answer(self.root, error)) from error
            await asyncio.sleep(self._pause_seconds)

    async def kept(self, path: str, into: Path) -> None:
        """Copy a kept body into a local file. Raises Trouble when it is not kept."""
        async with self._asked(path, {"Accept-Encoding": "identity"}, only_kept=True) as answer:
            with into.open("wb") as file:
                async for chunk in answer.content.iter_chunked(_CHUNK):
                    file.write(chunk)

    def is_ours(self, url: str) -> bool:
        """True for an absolute URL below this index's host: what is fetched from there, Holdfast answers."""
        try:
            mine, other = urlsplit(self.root), urlsplit(url)
            return _host(mine.hostname, mine.port, mine.scheme) == _host(other.hostname, other.port, other.scheme)
        except ValueError:  # a lock may hold anything: `https://[half`, `https://host:port`
            return False

    def _is_here(self) -> bool:
        return _host(urlsplit(self.root).hostname, 0, "")[0] == "loopback"

    def _page_file(self, path: str, entry: Any) -> PageFile:
        url = urljoin(self.url(path), entry["url"]).partition("#")[0]
        size = entry.get("size")
        described = entry.get("core-metadata", entry.get("data-dist-info-metadata", False))
        below = url.removeprefix(self.root + "/")
        return PageFile(
            str(entry["filename"]),
            below,
            str(entry.get("hashes", {}).get("sha256", "")),
            size if isinstance(size, int) else None,
            bool(described),
        )

    async def _body(self, path: str, headers: dict[str, str], *, only_kept: bool) -> bytes:
        for attempt in range(TRIES):
            try:
                async with self._asked(path, headers, only_kept=only_kept) as answer:
                    return await _whole(answer)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                if attempt == TRIES - 1:
                    raise Trouble(no_answer(self.root, error)) from error
            except Trouble as error:
                if attempt == TRIES - 1 or error.status != 503:
                    raise
            await asyncio.sleep(self._pause_seconds)
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def _asked(
        self, path: str, headers: dict[str, str], *, only_kept: bool
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A 200. Raises Trouble with what the server said."""
        async with self.session.get(self.url(path), headers={**headers, **(ONLY_KEPT if only_kept else {})}) as answer:
            if answer.status != 200:
                raise Trouble(await said(answer), answer.status)
            yield answer


def page_path(project: str) -> str:
    """The path of a project's page below the index's root."""
    return f"simple/{project}/"


def file_path(sha256: str, filename: str) -> str:
    """The path of a file below the index's root, by its digest: pages are not needed to know it."""
    return f"packages/{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}/{quote(filename)}"


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    length = 0
    async for chunk in answer.content.iter_chunked(_CHUNK):
        length += len(chunk)
        if length > PAGE_BYTES_MAX:
            raise Trouble(f"the page is larger than {PAGE_BYTES_MAX} bytes")
        parts.append(chunk)
    return b"".join(parts)


def _trust(certificate: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if certificate:
        context.load_verify_locations(certificate)
        # Our own certificate stands for itself, also where its authority is not in the system's store.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _host(host: str | None, port: int | None, scheme: str) -> tuple[str, int]:
    name = (host or "").lower()
    is_loopback = name in ("localhost", "::1") or name.startswith("127.")
    return "loopback" if is_loopback else name, port or {"https": 443, "http": 80}.get(scheme, 0)


async def said(answer: aiohttp.ClientResponse) -> str:
    """The problem's own sentence, which names the next step better than we could."""
    if answer.status in (401, 504):
        return _status_text(answer.status)
    try:
        told = json.loads(await _whole(answer))
        return str(told["detail"])[:DETAIL_CHARS_MAX]
    except (ValueError, KeyError, TypeError, aiohttp.ClientError, OSError):
        return _status_text(answer.status)


def _status_text(status: int) -> str:
    return {
        401: "a token is needed (--token-file)",
        403: "refused by a policy",
        404: "there is no such thing here",
        410: "removed",
        504: "not kept here",
    }.get(status, f"answered {status}")


def no_answer(root: str, error: Exception) -> str:
    """One sentence for a connection that came to nothing."""
    return f"{urlsplit(root).netloc} does not answer ({type(error).__name__}: {error})"[:DETAIL_CHARS_MAX]
