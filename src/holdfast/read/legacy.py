"""The legacy JSON API: documents of a project or a release, from its record and one file's core metadata."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from packaging.metadata import parse_email

from holdfast.clock import Clock
from holdfast.core import legacy_json
from holdfast.core.errors import Absent, Unavailable
from holdfast.core.negotiation import Encoding, Media, choose_encoding
from holdfast.read.cache import Cached, PageCache
from holdfast.read.documents import HIT, json_headers, project_key
from holdfast.read.hosted import SMALL_STORED_BYTES
from holdfast.read.hot import HotEntry, Prepared
from holdfast.read.kept_only import demand_may_ask
from holdfast.read.merged import Side, gated, serial_of
from holdfast.read.pull_port import Pull
from holdfast.read.render import Job, Made
from holdfast.read.workers import Workers
from holdfast.tree import addresses
from holdfast.tree.reader import TreeReader
from holdfast.tree.record import decode_record
from holdfast.tree.rendered import compress_page
from holdfast.wire.admission import Admission
from holdfast.wire.messages import Request, Response
from holdfast.wire.tally import Tallies

METADATA_BYTES_MAX = 4 * 1024 * 1024  # of one file; longer descriptions are left out, not cut


@dataclass(frozen=True, slots=True)
class Source:
    """What a project's documents are made from: its record, or those of every side of a merged one."""

    index: str
    name: str
    sides: tuple[Side, ...]
    digest: str  # of all of them, and of the rules in force


class LegacyDocuments:
    """Answers `<index>/pypi/<name>/json` and `<index>/pypi/<name>/<version>/json`."""

    def __init__(
        self,
        reader: TreeReader,
        cache: PageCache,
        pull: Pull,
        workers: Workers,
        admission: Admission,
        public_bases: dict[str, str],
        tallies: Tallies,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._cache = cache
        self._pull = pull
        self._workers = workers
        self._admission = admission
        self._public_bases = public_bases
        self._tallies = tallies
        self._clock = clock

    async def answer(self, request: Request, source: Source, version: str, *, private: bool) -> Response:
        """The document. Raises Absent, Refused, OverBudget, Unavailable, Corrupt."""
        encoding = choose_encoding(request.headers.get("accept-encoding"))
        key = ("legacy", source.index, f"{source.name}/{version}")
        variant = (Media.JSON, encoding)
        cached = self._cache.get(key)
        if cached is None or not cached.holds(source.digest, "", self._clock.now()):
            entry = HotEntry(source.index if private else "")
            place = (source.index, source.name)
            upstream = next((side.upstream for side in source.sides if side.upstream), "")
            cached = Cached(key, place, source.digest, entry, upstream)
        prepared = cached.entry.variants.get(variant)
        if prepared is None:
            removals = len(self._reader.state().removed)
            made = await self._make(request, source, version, encoding)
            surrogate = project_key(source.index, source.name)
            stem = sha256(made.body).hexdigest()[:32]
            headers = json_headers(encoding, stem, serial_of(source.sides), surrogate, private=private, cache=HIT)
            prepared = Prepared("legacy-json", request.path, Response(200, headers, made.body), self._tallies)
            if len(self._reader.state().removed) == removals:  # else right for this request only
                cached.valid_until = made.valid_until
                self._cache.put(cached)
                self._cache.add_variant(cached, variant, prepared)
        return Response(prepared.status, prepared.headers, prepared.body)

    async def _make(self, request: Request, source: Source, version: str, encoding: Encoding) -> Made:
        try:
            stored = [await self._workers.in_thread(self._reader.store.get, side.key) for side in source.sides]
        except Absent:
            raise Unavailable(f"the record of {source.name} is missing from the store") from None
        size = sum(map(len, stored))
        self._admission.admit(request.client, 1.0 + size / 2048)
        base, now = self._public_bases[source.index], self._clock.now()
        jobs = [
            Job(found, side.digest, "json", encoding, base, side.policy.portable(), now)
            for side, found in zip(source.sides, stored, strict=True)
        ]
        run = self._workers.in_helper if size > SMALL_STORED_BYTES else self._workers.in_thread
        described_by = await run(metadata_file, jobs, version)
        metadata = None
        if described_by is not None:
            metadata = await self._metadata(request, source.sides[described_by[0]].upstream, *described_by[1:])
        return await run(document, jobs, version, metadata)

    async def _metadata(
        self, request: Request, upstream: str, filename: str, digest: str, metadata_digest: str
    ) -> bytes | None:
        """The core metadata, or None when it cannot be had: a document without a description beats none."""
        get = self._reader.store.get
        if not upstream:
            try:
                found = await self._workers.in_thread(get, addresses.blob(metadata_digest))
            except Absent:
                return None
            return found if len(found) <= METADATA_BYTES_MAX else None
        key = addresses.pulled_metadata(upstream, digest)
        try:
            found = await self._workers.in_thread(get, key)
        except Absent:
            demand_may_ask(request, f"the metadata of {filename}")
            try:
                await self._pull.metadata(upstream, digest, filename, "")
                found = await self._workers.in_thread(get, key)
            except Absent:
                return None
        return found if len(found) <= METADATA_BYTES_MAX else None


def metadata_file(jobs: Sequence[Job], version: str) -> tuple[int, str, str, str] | None:
    """(number of its job, filename, sha256, metadata sha256) of the file whose metadata describes the release.

    Raises Absent, Refused, Corrupt.
    """
    shown = gated(jobs).record
    hashed = tuple(file for file in shown.files if file.sha256)
    file = legacy_json.metadata_source(replace(shown, files=hashed), version or None)
    if file is None:
        return None
    records = [decode_record(job.stored, job.digest) for job in jobs]
    number = next(n for n, record in enumerate(records) if any(one.filename == file.filename for one in record.files))
    return number, file.filename, file.sha256, file.metadata_sha256


def document(jobs: Sequence[Job], version: str, metadata: bytes | None) -> Made:
    """The document in the first job's encoding. Raises Absent, Refused, Corrupt."""
    page, base = gated(jobs), jobs[0].public_base
    parsed = parse_email(metadata)[0] if metadata is not None else None
    if version:
        body = legacy_json.release_document(page.record, version, parsed, public_base=base)
    else:
        body = legacy_json.project_document(page.record, parsed, public_base=base)
    return Made(compress_page(body, jobs[0].encoding), page.valid_until, page.shows_until)
