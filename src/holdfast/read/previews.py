"""Previews of staged releases: the index as it would be with one session's files, for whoever knows the address.

    <index root>/@preview/<token>/simple/       packages/

Only the session's own project and files are answered here; everything else below the address is the index's ordinary
answer, so that dependencies resolve. Nothing of a preview is held in memory or shown in any list, each request looks
whether the session lives, and a private index goes on asking for its own token.
"""

from dataclasses import replace

from holdfast.clock import Clock
from holdfast.core import preview_token
from holdfast.core.errors import Absent, Removed, Unavailable
from holdfast.core.model import File
from holdfast.core.policy import admit
from holdfast.read.documents import MISS, file_headers, page_headers, project_key
from holdfast.read.files import SMALL_BYTES_MAX
from holdfast.read.hosted import READ_MS, RENDER_MS_PER_BYTE, SMALL_STORED_BYTES, shape_of
from holdfast.read.hot import Variant
from holdfast.read.local_files import LocalFiles
from holdfast.read.merged import MergedPages, Side, render_merged
from holdfast.read.ownership import Merged, Ownership
from holdfast.read.policies import Policies
from holdfast.read.quarantine import QuarantineReasons
from holdfast.read.ranged import arriving_answer, bytes_answer, file_answer
from holdfast.read.render import Job
from holdfast.read.routes import FileRoute, PreviewRoute
from holdfast.read.stack import Stacks
from holdfast.read.workers import Workers
from holdfast.tree import addresses
from holdfast.tree.previews import Preview, read_preview
from holdfast.tree.reader import TreeReader
from holdfast.wire.admission import Admission
from holdfast.wire.messages import Headers, Request, Response

OVER = "there is no such preview: the release was published, canceled or given up, or the address was cut in copying"
# The address is a secret: no cache may keep what lies below it, and no page there may pass it on.
_SECRET: Headers = [
    ("cache-control", "private, no-store"),
    ("cdn-cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
]
_REPLACED = frozenset({"cache-control", "cdn-cache-control", "surrogate-key"})


class Previews:
    """Answers what a session adds to its index."""

    def __init__(
        self,
        reader: TreeReader,
        local: LocalFiles,
        merged: MergedPages,
        ownership: Ownership,
        stacks: Stacks,
        policies: Policies,
        admission: Admission,
        public_bases: dict[str, str],
        workers: Workers,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._local = local
        self._merged = merged
        self._ownership = ownership
        self._stacks = stacks
        self._policies = policies
        self._admission = admission
        self._public_bases = public_bases
        self._workers = workers
        self._clock = clock
        self._reasons = QuarantineReasons(reader, workers)

    async def find(self, route: PreviewRoute) -> Preview:
        """What the token shows. Raises Absent for a token that shows nothing in that index, Unavailable, Corrupt."""
        digest = preview_token.digest(route.token)
        try:
            found = await self._workers.in_thread(read_preview, self._reader.store, digest)
        except Absent:
            raise Absent(OVER) from None
        if found.index != route.index or found.expires <= self._clock.now():
            raise Absent(OVER)
        return found

    async def page(self, request: Request, preview: Preview, variant: Variant, *, private: bool) -> Response:
        """The project's page with the staged files on it. Raises Refused, OverBudget, Unavailable, Corrupt."""
        index, name = preview.index, preview.name
        sides = await self._sides(request, index, name)
        entry = self._reader.find(index, name)
        stored = [await self._workers.in_thread(self._stored, side.key) for side in sides]
        policy = self._policies.of_project(index, None, name, None)
        if entry is None or entry.status != "quarantined":  # else its page is all there is, and it is empty
            stored.append(preview.record)
            sides = (*sides, Side("", "", preview.record_sha256, 0, policy))
        size = sum(map(len, stored))
        self._admission.admit(request.client, READ_MS * len(sides) + size * RENDER_MS_PER_BYTE)
        shape, base, now = shape_of(variant[0]), self._public_bases[index], self._clock.now()
        jobs = [
            Job(found, side.digest, shape, variant[1], base, side.policy.portable(), now)
            for side, found in zip(sides, stored, strict=True)
        ]
        run = self._workers.in_helper if size > SMALL_STORED_BYTES else self._workers.in_thread
        made = await run(render_merged, jobs)
        serial = max(side.serial for side in sides)
        headers = page_headers(*variant, made.tag, serial, project_key(index, name), private=private, cache=MISS)
        return Response(200, headers, made.body)

    async def file(self, request: Request, preview: Preview, route: FileRoute, *, private: bool) -> Response | None:
        """A staged file or its core metadata; None when the session has no such file.

        Raises Removed, Refused, Unavailable, Corrupt.
        """
        staged = await self._workers.in_thread(preview.staged)
        wanted = (route.sha256, route.filename)
        file = next((one for one in staged.files if (one.sha256, one.filename) == wanted), None)
        if file is None:
            return None
        await self._demand_free(preview, file)
        digest = file.sha256
        if route.metadata:
            if not file.has_metadata:
                raise Absent(f"{file.filename} has no core metadata")
            digest = file.metadata_sha256
        headers = file_headers(digest, "", metadata=route.metadata, private=private, cache=MISS)
        try:
            answer = await self._bytes(request, addresses.blob(digest), digest, headers)
        except Absent:
            raise Unavailable(f"the staged bytes of {file.filename} are missing from the store") from None
        await self._demand_free(preview, file)  # a removal may have come while they were opened
        return answer

    async def _bytes(self, request: Request, key: str, digest: str, headers: Headers) -> Response:
        etag = f'"{digest}"'
        body = await self._local.read_small(key, digest, SMALL_BYTES_MAX)
        if body is not None:
            return bytes_answer(request, headers, etag, body)
        arriving = await self._local.arriving(key, digest)
        if arriving is not None:
            return arriving_answer(request, headers, etag, arriving)
        found = await self._local.open(key, digest)
        return file_answer(request, headers, etag, found.path, found.size)

    async def _sides(self, request: Request, index: str, name: str) -> tuple[Side, ...]:
        """What the page shows besides: what the index itself lists, and for a merged name its layers' files too.

        Nothing of a layer otherwise: once the release is published the name is the index's own.
        """
        if self._stacks.merges(index, name):
            try:
                owner = await self._ownership.owner(request, index, name)
            except Absent:
                return ()
            return self._merged.sides(request, index, name, owner if isinstance(owner, Merged) else Merged((owner,)))
        entry = self._reader.find(index, name)
        if entry is None or entry.gone:
            return ()
        return self._merged.sides(request, index, name, Merged((entry,)))

    async def _demand_free(self, preview: Preview, file: File) -> None:
        """Raises Removed, or Refused while the project is quarantined."""
        entry = self._reader.find(preview.index, preview.name)
        policy = self._policies.of_project(preview.index, None, preview.name)
        status = entry.status if entry is not None and not entry.gone else "active"
        why = await self._reasons.of(entry) if entry is not None and status == "quarantined" else ""
        admit(file, policy, now=self._clock.now(), status=status, status_reason=why, project=preview.name)
        for digest in filter(None, (file.sha256, file.metadata_sha256)):
            if (removal := self._reader.removal(digest)) is not None:
                raise Removed(f"{file.filename} was removed: {removal.reason}", legal=removal.legal)

    def _stored(self, key: str) -> bytes:
        try:
            return self._reader.store.get(key)
        except Absent:
            raise Unavailable("the project's record is missing from the store") from None


def kept_secret(response: Response) -> Response:
    """The answer with what every answer below a preview's address says of keeping it."""
    kept = [field for field in response.headers if field[0] not in _REPLACED]
    return replace(response, headers=[*kept, *_SECRET])


def ordinary(request: Request, token: str) -> Request:
    """The same request at the index's own address, so that nothing is remembered under the preview's."""
    return replace(request, path=request.path.replace(f"/{preview_token.SEGMENT}/{token}/", "/", 1))
