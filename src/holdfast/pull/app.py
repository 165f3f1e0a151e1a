"""The routes of the pull socket: translate requests to calls, and outcomes to statuses."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from aiohttp import web

from holdfast.clock import Clock
from holdfast.core.errors import Absent, Corrupt, Outcome, Refused, Removed, Unavailable
from holdfast.core.filenames import project_candidates
from holdfast.core.names import is_filename, is_normalized, is_sha256
from holdfast.pull.ranges import wanted_part
from holdfast.pull.sending import Parts, describe, pass_on, send_part, send_whole, via_of
from holdfast.store.port import DiskFull

log = structlog.get_logger()

Answer = Awaitable[web.StreamResponse]


class App:
    """The handlers. `parts` by upstream name, `hit_rate` by it too, 0 to 1 or None."""

    def __init__(
        self,
        parts: Mapping[str, Parts],
        clock: Clock,
        more_status: Callable[[], dict[str, object]],
        hit_rate: Callable[[str], float | None],
    ) -> None:
        self._parts = parts
        self._clock = clock
        self._more_status = more_status
        self._hit_rate = hit_rate
        self._started = clock.now()

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(middlewares=[_outcomes_to_statuses], client_max_size=1024)
        app.router.add_get("/page/{upstream}/{name}", self.page)
        app.router.add_get("/exists/{upstream}/{name}", self.exists)
        app.router.add_get("/file/{upstream}/{sha256}/{filename}", self.file)
        app.router.add_post("/check/{upstream}/{sha256}", self.check)
        app.router.add_get("/unhashed/{upstream}/{project}/{filename}", self.unhashed)
        app.router.add_get("/metadata/{upstream}/{sha256}/{filename}", self.metadata)
        app.router.add_get("/status", self.status)
        return app

    async def page(self, request: web.Request) -> web.StreamResponse:
        parts, name = self._of(request), _name(request, "name")
        _demand_served(parts, name)
        max_age = _seconds(request.query.get("max_age"), parts.upstream.config.freshness_seconds)
        found = await parts.pages.ensure(name, max_age, via_of(request))
        return web.json_response(
            {"digest": found.digest, "fetched_at": found.fetched_at.isoformat(), "stale": found.stale}
        )

    async def exists(self, request: web.Request) -> web.StreamResponse:
        parts, name = self._of(request), _name(request, "name")
        if not parts.upstream.serves(name):
            return web.json_response({"exists": False})
        return web.json_response({"exists": await parts.pages.exists(name, via_of(request))})

    async def metadata(self, request: web.Request) -> web.StreamResponse:
        parts, (sha256, filename) = self._of(request), _file(request)
        await _demand_served_file(parts, sha256, filename)
        return web.json_response({"size": await parts.metadata.ensure(sha256, filename, via_of(request))})

    async def check(self, request: web.Request) -> web.StreamResponse:
        """A front found a kept file damaged."""
        sha256 = request.match_info["sha256"]
        if not is_sha256(sha256):
            raise Absent("no file has such a digest")
        return web.json_response({"good": await self._of(request).files.check(sha256)})

    async def file(self, request: web.Request) -> web.StreamResponse:
        parts, (sha256, filename) = self._of(request), _file(request)
        await _demand_served_file(parts, sha256, filename)
        part = wanted_part(request.headers.get("Range", ""), request.headers.get("If-Range", ""), etag=f'"{sha256}"')
        if request.method == "HEAD":
            return await describe(request, parts, sha256, filename)
        try:
            if part is not None:
                answer = await send_part(request, parts, sha256, filename, part)
                if answer is not None:
                    return answer
            opened = await parts.files.open(sha256, filename, via_of(request))
        except DiskFull:
            return await pass_on(request, parts, sha256, filename)
        return await send_whole(request, parts, opened)

    async def unhashed(self, request: web.Request) -> web.StreamResponse:
        parts, project = self._of(request), _name(request, "project")
        filename = request.match_info["filename"]
        if not is_filename(filename):
            raise Absent("no file has such a name")
        _demand_served(parts, project)
        return await send_whole(request, parts, await parts.files.open_unhashed(project, filename, via_of(request)))

    async def status(self, _request: web.Request) -> web.StreamResponse:
        uptime = (self._clock.now() - self._started).total_seconds()
        upstreams = [
            {**p.upstream.snapshot(), "hit_rate": self._hit_rate(name), "files_arriving": len(p.files.growing)}
            for name, p in self._parts.items()
        ]
        return web.json_response({"uptime_seconds": uptime, "upstreams": upstreams, **self._more_status()})

    def _of(self, request: web.Request) -> Parts:
        parts = self._parts.get(request.match_info["upstream"])
        if parts is None:
            # The asking process may know a configuration that this one has not read yet.
            raise Unavailable("this instance does not know that upstream")
        return parts


def _name(request: web.Request, part: str) -> str:
    name = request.match_info[part]
    if not is_normalized(name):
        raise Absent("no project has such a name")
    return name


def _demand_served(parts: Parts, project: str) -> None:
    if not parts.upstream.serves(project):
        raise Absent(f"{parts.upstream.label} is not asked for {project}: its `only` and `except` say so")


async def _demand_served_file(parts: Parts, sha256: str, filename: str) -> None:
    """As for the project. A wheel's name says whose it is; for any other file its card does."""
    if not (parts.upstream.config.only or parts.upstream.config.except_):
        return
    candidates = project_candidates(filename)
    if len(candidates) != 1 or not parts.upstream.serves(candidates[0]):
        _demand_served(parts, (await parts.files.cards.of(sha256, filename)).project)


def _file(request: web.Request) -> tuple[str, str]:
    sha256, filename = request.match_info["sha256"], request.match_info["filename"]
    if not is_sha256(sha256) or not is_filename(filename):
        raise Absent("no file has such a name")
    return sha256, filename


def _seconds(text: str | None, default: float) -> float:
    try:
        return max(0.0, float(text)) if text else default
    except ValueError:
        return default


@web.middleware
async def _outcomes_to_statuses(request: web.Request, handler: Callable[[web.Request], Answer]) -> web.StreamResponse:
    try:
        return await handler(request)
    except Outcome as error:
        return _refusal(error)
    except (web.HTTPException, asyncio.CancelledError):
        raise
    except Exception:
        log.exception("a request to %s failed", request.path)
        return _refusal(Unavailable("the pull process met a defect of its own; its log tells more"))


def _refusal(error: Outcome) -> web.Response:
    outcome, status = next(((word, code) for kind, word, code in OUTCOMES if isinstance(error, kind)), OUTCOMES[-1][1:])
    facts: dict[str, object] = {"outcome": outcome, "reason": error.reason}
    if isinstance(error, Removed) and error.legal:
        status = 451
    headers = {}
    if status == 503:
        facts["retry_after"] = error.retry_after_seconds if isinstance(error, Unavailable) else 5
        headers["Retry-After"] = str(facts["retry_after"])
    return web.json_response(facts, status=status, headers=headers)


OUTCOMES: tuple[tuple[type[Outcome], str, int], ...] = (
    (Absent, "absent", 404),
    (Removed, "removed", 410),
    (Refused, "refused", 403),
    (Corrupt, "corrupt", 502),
    (Unavailable, "unavailable", 503),
)
