"""What a project's page is made from: records of every side, and the core metadata of one file."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

from holdfast.clock import Clock
from holdfast.core.errors import Absent, Corrupt, NotKept, Outcome, Unavailable
from holdfast.read.kept_only import demand_may_ask
from holdfast.read.legacy import METADATA_BYTES_MAX
from holdfast.read.merged import MergedPages, Side
from holdfast.read.ownership import Merged, Ownership
from holdfast.read.people import helper
from holdfast.read.people.helper import PagesHelper
from holdfast.read.people.jobs import Origin, Painted, Wanted
from holdfast.read.pull_port import Pull
from holdfast.read.pulled import PulledPages
from holdfast.read.render import Job
from holdfast.read.workers import Workers
from holdfast.tree import addresses
from holdfast.tree.reader import TreeReader
from holdfast.wire.messages import Request

ASK_SECONDS = 4.0  # for an upstream's core metadata: then the page says that it could not be had
TROUBLE_SECONDS = 60  # before an upstream is asked again for what it did not give
PROVENANCE_BYTES_MAX = 512 * 1024
STORED_BYTES_MAX = 32 * 1024 * 1024  # compressed; the largest record known is a twentieth of it


@dataclass(frozen=True, slots=True)
class Gathered:
    """The sides of a project now, and a name for all of what they say."""

    sides: tuple[Side, ...]
    origins: tuple[Origin, ...]
    digest: str


class ProjectSources:
    """Reads what pages of projects are made from."""

    def __init__(
        self,
        reader: TreeReader,
        ownership: Ownership,
        merged: MergedPages,
        pulled: PulledPages,
        pull: Pull,
        workers: Workers,
        pages_helper: PagesHelper,
        public_bases: dict[str, str],
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._ownership = ownership
        self._merged = merged
        self._pulled = pulled
        self._pull = pull
        self._workers = workers
        self._helper = pages_helper
        self._public_bases = public_bases
        self._clock = clock

    async def gather(self, request: Request, index: str, name: str) -> Gathered:
        """Whose the name is, and what there is of it. Raises Absent, Refused, Unavailable."""
        owner = await self._ownership.owner(request, index, name)
        merged = owner if isinstance(owner, Merged) else Merged((owner,))
        sides = self._merged.sides(request, index, name, merged)
        origins = tuple(self._origin(side, name) for side in sides)
        told = [origin.seen.isoformat(timespec="minutes") for origin in origins if origin.seen is not None]
        return Gathered(sides, origins, " ".join([self._merged.digest(sides), *told]))

    async def gather_again(
        self, request: Request, index: str, name: str, before: Gathered, trouble: Corrupt | Unavailable
    ) -> Gathered:
        """As `gather`, with every upstream's page read anew. Raises `trouble` where only hosted records are meant."""
        upstreams = [side.upstream for side in before.sides if side.upstream]
        if not upstreams:
            raise trouble
        for upstream in upstreams:
            await self._pulled.look_again(request, upstream, name, trouble)
        return await self.gather(request, index, name)

    async def jobs(self, index: str, name: str, gathered: Gathered) -> tuple[Job, ...]:
        """The records with their rules. Raises Unavailable, Corrupt."""
        stored = [await self._workers.in_thread(self._stored, side.key, name) for side in gathered.sides]
        base, now = self._public_bases[index], self._clock.now()
        return tuple(
            Job(found, side.digest, "html", "", base, side.policy.portable(), now)
            for side, found in zip(gathered.sides, stored, strict=True)
        )

    async def wanted(self, jobs: tuple[Job, ...], version: str) -> Wanted:
        """What else has to be read. Raises Absent, Refused, Removed, Unavailable, Corrupt."""
        return await self._helper.do(helper.look, jobs, version)

    async def metadata(self, request: Request, gathered: Gathered, wanted: Wanted) -> tuple[bytes | None, str]:
        """The core metadata, or None and why it cannot be had. Never raises an Outcome: the page says what it knows."""
        if not wanted.filename:
            return None, ""
        upstream = gathered.sides[wanted.side].upstream
        try:
            found = await self._read_metadata(request, upstream, wanted)
        except NotKept:
            return None, "its metadata is not kept here"
        except TimeoutError:
            return None, f"{upstream} did not give its metadata in time"
        except Outcome as error:
            return None, error.reason
        if len(found) > METADATA_BYTES_MAX:
            return None, "its metadata is larger than a page can show"
        return found, ""

    def until_next_try(self, painted: Painted, trouble: str) -> Painted:
        """The page, kept for a moment only while something of it could not be had."""
        if not trouble:
            return painted
        again = self._clock.now() + timedelta(seconds=TROUBLE_SECONDS)
        return replace(painted, valid_until=min(painted.valid_until or again, again))

    async def provenance(self, wanted: Wanted) -> tuple[bytes, ...]:
        """The provenance documents kept here; without those that cannot be read, a link is only not marked."""
        found = []
        for digest in wanted.provenance:
            if self._reader.removal(digest) is not None:
                continue
            try:
                found.append(await self._workers.in_thread(self._reader.store.get, addresses.blob(digest)))
            except Outcome:
                continue
        return tuple(document for document in found if len(document) <= PROVENANCE_BYTES_MAX)

    def _origin(self, side: Side, name: str) -> Origin:
        if not side.upstream:
            return Origin()
        return Origin(side.upstream, self._pulled.facts(side.upstream, name).fetched_at)

    def _stored(self, key: str, name: str) -> bytes:
        try:
            if self._reader.store.head(key).size > STORED_BYTES_MAX:
                raise Unavailable(f"the record of {name} is too large for a page")
            return self._reader.store.get(key)
        except Absent:
            raise Unavailable(f"the record of {name} is missing from the store") from None

    async def _read_metadata(self, request: Request, upstream: str, wanted: Wanted) -> bytes:
        get = self._reader.store.get
        if not upstream:
            try:
                return await self._workers.in_thread(get, addresses.blob(wanted.metadata_sha256))
            except Absent:
                raise Unavailable("its metadata is missing from the store") from None
        key = addresses.pulled_metadata(upstream, wanted.sha256)
        try:
            return await self._workers.in_thread(get, key)
        except Absent:
            demand_may_ask(request, f"the metadata of {wanted.filename}")
        async with asyncio.timeout(ASK_SECONDS):
            try:
                await self._pull.metadata(upstream, wanted.sha256, wanted.filename, "")
            except Absent:
                raise Unavailable(f"{upstream} has none for {wanted.filename}") from None
        try:
            return await self._workers.in_thread(get, key)
        except Absent:
            raise Unavailable("it left the store while it was read") from None
