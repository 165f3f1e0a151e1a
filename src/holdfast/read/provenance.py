"""The integrity API of PEP 740: the provenance documents of hosted files, from the tree.

A document belongs to its file: it is held back with it, and found the same way, through the page of the project.
Files of upstreams have theirs where their upstream's page says; nothing is passed on.
"""

from holdfast.clock import Clock
from holdfast.core.attestations import DOCUMENT_BYTES_MAX, MEDIA_TYPE
from holdfast.core.errors import Absent, Corrupt, Removed, Unavailable
from holdfast.core.filenames import version_key
from holdfast.core.model import File, Record
from holdfast.core.policy import admit
from holdfast.read.documents import MISS, project_key, provenance_headers
from holdfast.read.hosted import READ_MS, RENDER_MS_PER_BYTE
from holdfast.read.local_files import LocalFiles
from holdfast.read.ownership import InLayer, Merged, Owner
from holdfast.read.policies import Policies
from holdfast.read.routes import ProvenanceRoute
from holdfast.read.workers import Workers
from holdfast.tree import addresses
from holdfast.tree.checkpoint import ProjectEntry
from holdfast.tree.reader import TreeReader
from holdfast.wire.admission import Admission
from holdfast.wire.messages import Request, Response


class Provenance:
    """Answers `<index>/integrity/<name>/<version>/<filename>/provenance`."""

    def __init__(
        self,
        reader: TreeReader,
        local: LocalFiles,
        policies: Policies,
        workers: Workers,
        admission: Admission,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._local = local
        self._policies = policies
        self._workers = workers
        self._admission = admission
        self._clock = clock

    async def answer(self, request: Request, route: ProvenanceRoute, owner: Owner, *, private: bool) -> Response:
        """The document. Raises Absent, Removed, Refused, OverBudget, Unavailable, Corrupt."""
        sides = owner.sides if isinstance(owner, Merged) else (owner,)
        for side in sides:
            if isinstance(side, InLayer):
                continue
            record = await self._record(request, side)
            file = _file_in(record, route)
            if file is not None:
                return await self._document(route, side, record, file, private=private)
        upstreams = [side.upstream for side in sides if isinstance(side, InLayer)]
        if upstreams:
            where = f"provenance of files of {' and '.join(upstreams)} is where the project's page says"
            raise Absent(f"only files hosted here have their provenance here; {where}")
        raise Absent(f"{route.name} {route.version} has no file {route.filename}")

    async def _record(self, request: Request, entry: ProjectEntry) -> Record:
        key = addresses.record(entry.index, entry.name, entry.record)
        try:
            size = (await self._workers.in_thread(self._reader.store.head, key)).size
        except Absent:
            raise Unavailable("the project's record is missing from the store") from None
        self._admission.admit(request.client, READ_MS + size * RENDER_MS_PER_BYTE)
        return await self._workers.in_thread(self._reader.record, entry)

    async def _document(
        self, route: ProvenanceRoute, entry: ProjectEntry, record: Record, file: File, *, private: bool
    ) -> Response:
        policy = self._policies.of_project(route.index, None, entry.name)
        why = record.status_reason
        admit(file, policy, now=self._clock.now(), status=entry.status, status_reason=why, project=entry.name)
        digest = file.provenance_sha256
        if not digest:
            raise Absent(f"{file.filename} has no provenance: it was uploaded without attestations")
        if (removal := self._reader.removal(digest)) is not None:
            raise Removed(f"the provenance of {file.filename} was removed: {removal.reason}", legal=removal.legal)
        try:
            body = await self._local.read_small(addresses.blob(digest), digest, DOCUMENT_BYTES_MAX)
        except Absent:
            raise Unavailable(f"the provenance of {file.filename} is missing from the store") from None
        if body is None:
            raise Corrupt(f"the provenance of {file.filename} is larger than any that is taken")
        surrogate = " ".join(project_key(one, entry.name) for one in dict.fromkeys((route.index, entry.index)))
        return Response(200, provenance_headers(MEDIA_TYPE, digest, surrogate, private=private, cache=MISS), body)


def _file_in(record: Record, route: ProvenanceRoute) -> File | None:
    """The file of that name and version on the project's page, None when it has none."""
    wanted = version_key(route.version)
    found = (file for file in record.files if file.filename == route.filename)
    return next((file for file in found if version_key(file.version) == wanted), None)
