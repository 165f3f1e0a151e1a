"""The session with one upstream: connections, time, credentials, redirects and the breaker, for every request to it.

Everything that leaves here is an answer with a good status, or one of the outcomes. Our credential goes to the
origin it was given for and nowhere else, and no URL that carries one is ever part of a message.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import aiohttp
import structlog
import yarl

from holdfast import __version__
from holdfast.clock import Clock
from holdfast.config import UpstreamConfig
from holdfast.core.errors import Absent, Unavailable
from holdfast.core.model import Card
from holdfast.core.precedence import matches_pattern
from holdfast.pull.connecting import Connecting, forbidden, open_socket
from holdfast.pull.credentials import Credentials, SettingError, origin_of, without_userinfo
from holdfast.pull.gate import Gate
from holdfast.pull.source import Source
from holdfast.pull.status import Counters, Health
from holdfast.pull.switches import Switches

log = structlog.get_logger()

REDIRECTS_MAX = 5
SOURCES_MAX = 64  # file hosts of one upstream that get a breaker of their own; the rest share one
PROBE_SECONDS = 3.0
CONNECT_SECONDS = 4.0
RETRY_AFTER_SECONDS_MAX = (
    5  # of what an upstream asks for: pip sleeps that long before each of its five further attempts
)
READ_BUFFER_BYTES = 1024 * 1024
WAITING_PER_CONNECTION = 8
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GOOD = frozenset({200, 206, 304, 416})

# The URLs at which mirrors have the very bytes of a card, looked up as they are asked for; (card, via).
Elsewhere = Callable[[Card, str], AsyncIterator[str]]


class Upstream:
    """One upstream index and its mirrors. Use `get` inside a running loop; `close` ends connections and probes."""

    def __init__(self, config: UpstreamConfig, instance: str, clock: Clock, switches: Switches | None = None) -> None:
        """Without `switches` nobody can switch it off."""
        self.config = config
        self.name = config.name
        self.label = label_of(config.name)
        self.health = Health(Counters())
        self.url = without_userinfo(config.url)
        self.mirrors = tuple(without_userinfo(mirror) for mirror in config.mirrors)
        self.elsewhere: Elsewhere | None = None  # set once the parts that read mirrors' pages are there
        pages = max(1, config.connections_max // 2)
        files = max(1, config.connections_max - pages)
        self.page_gate = Gate(f"pages of {self.label}", pages, pages * WAITING_PER_CONNECTION)
        self.file_gate = Gate(f"files of {self.label}", files, files * WAITING_PER_CONNECTION)
        self._instance = instance
        self.clock = clock
        self._switches = switches
        self._credentials = Credentials(config)
        self._connecting = Connecting(config)
        self._origin = origin_of(config.url)
        self._mirror_origins = {origin_of(mirror) for mirror in config.mirrors} - {self._origin}
        self._sources: dict[str, Source] = {}
        self._session: aiohttp.ClientSession | None = None

    @property
    def counters(self) -> Counters:
        return self.health.counters

    def check_settings(self) -> None:
        """Log every setting that names something unusable: an error for a person, and for this upstream alone."""
        for check in (self._credentials.check, self._connecting.check):
            try:
                check()
            except SettingError as error:
                log.error("%s cannot be asked: its %s", self.label, error, upstream=self.name)

    def serves(self, project: str) -> bool:
        """Whether `only` and `except` let this upstream be asked for the project."""
        only, except_ = self.config.only, self.config.except_
        return (not only or matches_pattern(project, only)) and not matches_pattern(project, except_)

    @asynccontextmanager
    async def get(
        self,
        url: str,
        subject: str,
        *,
        headers: Mapping[str, str],
        seconds: float,
        via: str = "",
        patient: bool = True,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """GET `url`; yields the response once its headers are there, at most `seconds` after the call.

        Statuses are 200, 206, 304 or 416. The end of the block counts as the source's success, an error of the
        connection inside it as its failure. Who has another source to go to is not `patient`: an open breaker then
        refuses at once. Raises Absent (404, 410), Unavailable.
        """
        self._demand_on()
        source = self._source(origin_of(url))
        await source.admit(patient=patient)
        response: aiohttp.ClientResponse | None = None
        try:
            async with asyncio.timeout(seconds):
                response = await self._follow(url, {**headers, **self._via(via)})
            self._judge(response, subject)
            yield response
        except Absent:
            self._succeeded(source)
            raise
        except SettingError as error:
            # Ours to put right: it says nothing about the source.
            reason = self._reason(url, error, subject, seconds)
            self.health.failed(self.clock.now(), reason)
            raise Unavailable(reason, retry_after_seconds=RETRY_AFTER_SECONDS_MAX) from error
        except (aiohttp.ClientError, TimeoutError, OSError, _TroubleError) as error:
            reason = self._reason(url, error, subject, seconds)
            source.failed(url, subject, reason, reached=not isinstance(error, aiohttp.ClientConnectorError))
            self.health.failed(self.clock.now(), reason)
            wait = error.retry_after_seconds if isinstance(error, _TroubleError) else 5
            raise Unavailable(reason, retry_after_seconds=wait) from error
        else:
            self._succeeded(source)
        finally:
            if response is not None:
                _let_go(response)

    def alive(self, url: str) -> None:
        """Body bytes of `url` arrive: its source answers, however long the rest takes."""
        self._succeeded(self._source(origin_of(url)))

    def snapshot(self) -> dict[str, object]:
        """What `/status` tells about this upstream."""
        switch = self._switches.off(self.name) if self._switches is not None else None
        return {
            "name": self.name,
            "url": self.url,
            "mirrors": [{"url": url, "breaker": self._state_of(origin_of(url))} for url in self.mirrors],
            "off": int(switch is not None),
            "off_until": switch and switch.until and switch.until.isoformat(),
            "off_by": switch and switch.by,
            "off_reason": switch and switch.reason,
            "breaker": self._source(self._origin).breaker.state,
            "breaker_open": int(not self._source(self._origin).breaker.admits),
            "sources": {
                origin: {"breaker": source.breaker.state, "reason": source.breaker.reason}
                for origin, source in self._sources.items()
            },
            "pages_in_flight": self.page_gate.held,
            "files_in_flight": self.file_gate.held,
            "pages_waiting": self.page_gate.waiting,
            "files_waiting": self.file_gate.waiting,
            **self.health.snapshot(self.clock.now()),
        }

    async def close(self) -> None:
        """End probes and connections."""
        for source in self._sources.values():
            await source.stop()
        if self._session is not None:
            await self._session.close()

    async def _follow(self, url: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """The first answer that is no redirect."""
        for _ in range(REDIRECTS_MAX + 1):
            response = await self._send(url, headers)
            location = response.headers.get("Location")
            if response.status not in _REDIRECTS or location is None:
                return response
            response.close()
            url = _next_hop(url, location)
        raise _TroubleError("redirects in circles")

    async def _send(self, url: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        credential = self._credentials.header(url)
        response = await self._send_once(url, headers, credential)
        if response.status == 401 and (changed := self._credentials.header_after_refusal(url)) != credential:
            response.close()  # the password was replaced while we asked
            response = await self._send_once(url, headers, changed)
        return response

    async def _send_once(self, url: str, headers: Mapping[str, str], credential: str) -> aiohttp.ClientResponse:
        if credential:
            headers = {**headers, "Authorization": credential}
        if why := forbidden(urlsplit(url).hostname or ""):
            raise _TroubleError(f"cannot be reached ({why})")
        context, proxy = self._connecting.tls(url), self._connecting.proxy(url)
        self._demand_on()
        self.counters.requests += 1
        try:
            address = yarl.URL(url, encoded=True)  # one that was signed, or holds %2B, must go out as it came
            return await self._open_session().get(
                address, headers=headers, proxy=proxy, ssl=context, allow_redirects=False
            )
        except aiohttp.ClientConnectorError:
            raise  # one about a certificate is a ValueError as well
        except ValueError:  # aiohttp's InvalidURL is one too
            raise _TroubleError("names an address that cannot be asked") from None

    def _judge(self, response: aiohttp.ClientResponse, subject: str) -> None:
        status = response.status
        if status in _GOOD:
            return
        if status in (404, 410):
            raise Absent(f"{self.label} has no {subject}")
        if status in (401, 403):
            raise _TroubleError(f"refuses us with status {status}; check its credentials")
        if status == 407:
            raise _TroubleError("cannot be asked: its proxy wants credentials (407)")
        raise _TroubleError(f"answers with status {status}", _retry_after(response, self.clock))

    def _reason(self, url: str, error: BaseException, subject: str, seconds: float) -> str:
        said = _said(error, seconds)
        mirror = f" (mirror {urlsplit(url).hostname})" if origin_of(url) in self._mirror_origins else ""
        return f"{self.label}{mirror} {said} (asked for {subject})"

    def _demand_on(self) -> None:
        if self._switches is not None:
            self._switches.demand_on(self.name, self.label)

    def _succeeded(self, source: Source) -> None:
        source.succeeded()
        self.health.succeeded(self.clock.now())

    def _via(self, via: str) -> dict[str, str]:
        """Every instance on the way, so that a chain of instances notices when it bites its tail."""
        chain = [part for part in (*via.split(","), self._instance) if part]
        return {"X-Holdfast-Via": ",".join(chain)} if chain else {}

    def _source(self, origin: str) -> Source:
        if origin not in self._sources and len(self._sources) >= SOURCES_MAX:
            origin = "others"
        if origin not in self._sources:
            self._sources[origin] = Source(f"{self.label} ({origin})", self.clock, self._probe)
        return self._sources[origin]

    def _state_of(self, origin: str) -> str:
        source = self._sources.get(origin)
        return source.breaker.state if source is not None else "closed"

    async def _probe(self, url: str) -> None:
        """Ask once more for what failed. Any answer but an error of the server's shows that it is back."""
        self._demand_on()
        seconds = min(PROBE_SECONDS, self.config.page_budget_seconds)
        try:
            async with asyncio.timeout(seconds):
                response = await self._follow(url, {"Range": "bytes=0-0", **self._via("")})
                response.close()
                if response.status != 404:
                    self._judge(response, "a probe")
        except Absent:
            return
        except (aiohttp.ClientError, TimeoutError, OSError, SettingError, _TroubleError) as error:
            raise Unavailable(self._reason(url, error, "a probe", seconds)) from error

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # The gates bound the connections; a limit here would queue where no breaker can see it.
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=30, socket_factory=open_socket),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"holdfast/{__version__}"},
                auto_decompress=False,
                read_bufsize=READ_BUFFER_BYTES,
            )
        return self._session


class _TroubleError(Exception):
    """An answer that tells of trouble at the upstream; the text continues 'upstream NAME ...'."""

    def __init__(self, said: str, retry_after_seconds: int = 5) -> None:
        super().__init__(said)
        self.retry_after_seconds = retry_after_seconds


def label_of(name: str) -> str:
    """The upstream in a sentence. The only one is often called just that."""
    return name if name == "upstream" else f"upstream {name}"


def _said(error: BaseException, seconds: float) -> str:
    """What happened, without any URL: aiohttp's own texts may carry one."""
    if isinstance(error, _TroubleError):
        return str(error)
    if isinstance(error, SettingError):
        return f"cannot be asked: its {error}"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"cannot be reached: its proxy refuses with status {error.status}"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"cannot be reached: its proxy does not answer ({error.os_error.strerror or 'no connection'})"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"shows a certificate that cannot be trusted ({error.certificate_error.__class__.__name__})"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot be reached ({error.os_error.strerror or error.os_error.__class__.__name__})"
    if isinstance(error, TimeoutError):
        return f"did not answer within {seconds:g} s"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "broke off in the middle of its answer"
    return f"broke the connection ({error.__class__.__name__})"


def _next_hop(url: str, location: str) -> str:
    try:
        found = urlsplit(urljoin(url, location))
        _ = found.port  # read now, so that nobody else is surprised by one that is no number
    except ValueError:
        raise _TroubleError("redirects to something that is no address") from None
    if found.scheme not in ("http", "https") or not found.hostname:
        raise _TroubleError("redirects to something that is no HTTP address")
    if url.startswith("https:") and found.scheme == "http":
        raise _TroubleError("redirects from HTTPS to plain HTTP")
    return without_userinfo(found._replace(fragment="").geturl())


def _retry_after(response: aiohttp.ClientResponse, clock: Clock) -> int:
    text = response.headers.get("Retry-After", "")
    try:
        wait = timedelta(seconds=int(text)) if text.isdecimal() else parsedate_to_datetime(text) - clock.now()
    except (TypeError, ValueError, OverflowError):
        return 5
    return max(1, min(RETRY_AFTER_SECONDS_MAX, int(wait.total_seconds())))


def _let_go(response: aiohttp.ClientResponse) -> None:
    """Give the connection back when the body was read to its end, else close it."""
    if response.content.at_eof():
        response.release()
    else:
        response.close()
