"""Cold files of upstreams: asked of the pull process, and streamed as they arrive."""

from collections.abc import Sequence

from holdfast.core.errors import Absent
from holdfast.core.names import normalize
from holdfast.core.simple_json import url_segment
from holdfast.read.answers import problem
from holdfast.read.documents import MISS, file_headers, project_key
from holdfast.read.kept_only import demand_may_ask
from holdfast.read.loops import via_of
from holdfast.read.pull_port import Arriving, Kept, Pull
from holdfast.read.routes import FileRoute, UnhashedFile
from holdfast.wire.messages import Headers, Request, Response, StreamBody
from holdfast.wire.tally import HIT as HELD
from holdfast.wire.tally import MISS as MISSED


class PulledFiles:
    """Asks for what is not in the store. What is kept is served by files.py, like everything in the store."""

    def __init__(self, pull: Pull) -> None:
        self._pull = pull

    async def metadata(self, request: Request, route: FileRoute, layers: Sequence[str]) -> str:
        """Have the metadata in the store; answers which upstream gave it. Raises Absent, Unavailable and the like."""
        demand_may_ask(request, f"the metadata of {route.filename}")
        for upstream in layers:
            request.credit.give(upstream, MISSED)
            try:
                await self._pull.metadata(upstream, route.sha256, route.filename, via_of(request))
            except Absent:
                continue
            return upstream
        raise Absent("this index has no such file")

    async def drop_damaged(self, request: Request, upstream: str, route: FileRoute) -> None:
        """A kept file failed its check: pull looks for itself, and fetches it again when next asked."""
        demand_may_ask(request, f"an undamaged {route.filename}")
        await self._pull.check(upstream, route.sha256)

    async def file(
        self, request: Request, route: FileRoute, layers: Sequence[str], *, private: bool
    ) -> tuple[str, Kept | Response]:
        """The upstream that has the file, and the file: kept in the store meanwhile, or an answer that streams it."""
        for upstream in layers:
            try:
                target = f"/file/{upstream}/{route.sha256}/{url_segment(route.filename)}"
                found = await self._ask(request, target, upstream, "HEAD" if request.method == "HEAD" else "GET")
            except Absent:
                continue
            if isinstance(found, Kept):
                return upstream, found
            surrogate = project_key(upstream, project_of(route.filename))
            headers = file_headers(route.sha256, surrogate, metadata=False, private=private, cache=MISS)
            return upstream, await _answer(found, headers)
        raise Absent("this index has no such file")

    async def unhashed(self, request: Request, route: UnhashedFile, upstream: str, *, private: bool) -> Kept | Response:
        """A file whose page gave no digest. Its address says nothing about its bytes, so caches must ask again."""
        # GET also for a HEAD: only the body of pull's answer tells the digest of a kept file.
        found = await self._ask(
            request, f"/unhashed/{upstream}/{route.project}/{url_segment(route.filename)}", upstream, "GET"
        )
        if isinstance(found, Kept):
            return found
        headers = file_headers("", project_key(upstream, route.project), metadata=False, private=private, cache=MISS)
        return await _answer(found, revalidated(headers, private=private))

    async def _ask(self, request: Request, target: str, upstream: str, method: str) -> Kept | Arriving:
        demand_may_ask(request, target.rpartition("/")[2])
        get = request.headers.get
        request.credit.give(upstream, MISSED)
        found = await self._pull.file(method, target, upstream, get("range"), get("if-range"), via_of(request))
        if isinstance(found, Kept):
            request.credit.served = HELD
        return found


async def _answer(found: Arriving, headers: Headers) -> Response:
    """The file or its part, or that there is no such part: an error, which nobody may keep for a year."""
    if found.status != 416:
        return streamed(found, headers)
    await found.close()
    return problem(416, "the range lies outside the file", *found.headers)


def streamed(found: Arriving, headers: Headers) -> Response:
    """The arriving file as an answer; whoever sends it must break the connection when its chunks raise."""
    described = [*headers, *found.headers, ("content-length", str(found.length))]
    return Response(found.status, described, StreamBody(found.chunks))


def revalidated(headers: Headers, *, private: bool) -> Headers:
    """Headers of a file under an address that does not name its bytes: no empty tag, no long freshness."""
    kept = [(name, value) for name, value in headers if name != "cache-control" and (name, value) != ("etag", '""')]
    return [*kept, ("cache-control", "private, no-cache" if private else "no-cache")]


def project_of(filename: str) -> str:
    """The project a filename most likely belongs to: only for surrogate keys, never for a decision."""
    stem = filename.split("-", 1)[0] if filename.endswith(".whl") else filename.rsplit("-", 1)[0]
    return normalize(stem)
