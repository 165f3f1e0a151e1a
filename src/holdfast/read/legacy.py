"""The legacy JSON API: documents of a project or a release, from its record and one file's core metadata."""

from dataclasses import dataclass, replace
from hashlib import sha256

from packaging.metadata import parse_email

from holdfast.clock import Clock
from holdfast.core import legacy_json
from holdfast.core.errors import Absent, Unavailable
from holdfast.core.negotiation import Encoding, Media, choose_encoding
from holdfast.core.policy import Policy, gate_page
from holdfast.read.cache import Cached, PageCache
from holdfast.read.documents import HIT, json_headers, project_key
from holdfast.read.hosted import SMALL_STORED_BYTES
from holdfast.read.hot import HotEntry, Prepared
from holdfast.read.kept_only import demand_may_ask
from holdfast.read.policies import Policies
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
    """Where a project's record lies. `upstream` is "" for a hosted project."""

    index: str
    upstream: str
    name: str
    key: str
    digest: str
    serial: int


class LegacyDocuments:
    """Answers `<index>/pypi/<name>/json` and `<index>/pypi/<name>/<version>/json`."""

    def __init__(
        self,
        reader: TreeReader,
        cache: PageCache,
        pull: Pull,
        workers: Workers,
        admission: Admission,
        policies: Policies,
        public_bases: dict[str, str],
        tallies: Tallies,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._cache = cache
        self._pull = pull
        self._workers = workers
        self._admission = admission
        self._policies = policies
        self._public_bases = public_bases
        self._tallies = tallies
        self._clock = clock

    async def answer(self, request: Request, source: Source, version: str, *, private: bool) -> Response:
        """The document. Raises Absent, Refused, OverBudget, Unavailable, Corrupt."""
        encoding = choose_encoding(request.headers.get("accept-encoding"))
        policy = self._policies.of_project(source.index, source.upstream or None, source.name)
        policy.demand_project()
        key = ("legacy", source.index, f"{source.name}/{version}")
        variant = (Media.JSON, encoding)
        cached = self._cache.get(key)
        if cached is None or not cached.holds(source.digest, policy.version, self._clock.now()):
            entry = HotEntry(source.index if private else "")
            place = (source.index, source.name)
            cached = Cached(key, place, source.digest, entry, source.upstream, policy.version)
        prepared = cached.entry.variants.get(variant)
        if prepared is None:
            removals = len(self._reader.state().removed)
            made = await self._make(request, source, version, encoding, policy)
            surrogate = project_key(source.index, source.name)
            stem = sha256(made.body).hexdigest()[:32]
            headers = json_headers(encoding, stem, source.serial, surrogate, private=private, cache=HIT)
            prepared = Prepared("legacy-json", request.path, Response(200, headers, made.body), self._tallies)
            if len(self._reader.state().removed) == removals:  # else right for this request only
                cached.valid_until = made.valid_until
                self._cache.put(cached)
                self._cache.add_variant(cached, variant, prepared)
        return Response(prepared.status, prepared.headers, prepared.body)

    async def _make(self, request: Request, source: Source, version: str, encoding: Encoding, policy: Policy) -> Made:
        try:
            stored = await self._workers.in_thread(self._reader.store.get, source.key)
        except Absent:
            raise Unavailable(f"the record of {source.name} is missing from the store") from None
        self._admission.admit(request.client, 1.0 + len(stored) / 2048)
        base = self._public_bases[source.index]
        job = Job(stored, source.digest, "json", encoding, base, policy.portable(), self._clock.now())
        run = self._workers.in_helper if len(stored) > SMALL_STORED_BYTES else self._workers.in_thread
        described_by = await run(metadata_file, job, version)
        metadata = await self._metadata(request, source, described_by) if described_by else None
        return await run(document, job, version, metadata)

    async def _metadata(self, request: Request, source: Source, described_by: tuple[str, str, str]) -> bytes | None:
        """The core metadata, or None when it cannot be had: a document without a description beats none."""
        filename, digest, metadata_digest = described_by
        get = self._reader.store.get
        if not source.upstream:
            try:
                found = await self._workers.in_thread(get, addresses.blob(metadata_digest))
            except Absent:
                return None
            return found if len(found) <= METADATA_BYTES_MAX else None
        key = addresses.pulled_metadata(source.upstream, digest)
        try:
            found = await self._workers.in_thread(get, key)
        except Absent:
            demand_may_ask(request, f"the metadata of {filename}")
            try:
                await self._pull.metadata(source.upstream, digest, filename, "")
                found = await self._workers.in_thread(get, key)
            except Absent:
                return None
        return found if len(found) <= METADATA_BYTES_MAX else None


def metadata_file(job: Job, version: str) -> tuple[str, str, str] | None:
    """(filename, sha256, metadata sha256) of the file whose metadata describes the release. Raises Absent, Refused."""
    record = decode_record(job.stored, job.digest)
    gated = gate_page(record, job.policy, now=job.now).record
    file = legacy_json.metadata_source(replace(gated, files=tuple(f for f in gated.files if f.sha256)), version or None)
    return (file.filename, file.sha256, file.metadata_sha256) if file is not None else None


def document(job: Job, version: str, metadata: bytes | None) -> Made:
    """The document in the job's encoding. Raises Absent, Refused, Corrupt."""
    page = gate_page(decode_record(job.stored, job.digest), job.policy, now=job.now)
    gated = page.record
    parsed = parse_email(metadata)[0] if metadata is not None else None
    if version:
        body = legacy_json.release_document(gated, version, parsed, public_base=job.public_base)
    else:
        body = legacy_json.project_document(gated, parsed, public_base=job.public_base)
    return Made(compress_page(body, job.encoding), page.valid_until, page.shows_until)
