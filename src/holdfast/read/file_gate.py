"""The gate at a file's own address: judges files by their cards before a byte leaves, kept and cold ones alike.

Whatever brought the client here (a page, a lock file, a cache), the verdict is that of the page, plus what only the
file's own metadata or its bytes tell: licences, and a size the page did not give.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from holdfast.clock import Clock
from holdfast.core.errors import Absent, Refused, Removed
from holdfast.core.filenames import parse_filename
from holdfast.core.licences import declared_licences, denied_licence
from holdfast.core.model import Card
from holdfast.core.policy import Policy, Verdict, admit, judge
from holdfast.core.rules import Rules
from holdfast.read.books import Books
from holdfast.read.policies import Policies
from holdfast.read.pulled_files import PulledFiles
from holdfast.read.quarantine import QuarantineReasons
from holdfast.read.routes import FileRoute, UnhashedFile
from holdfast.read.workers import Workers
from holdfast.tree import addresses
from holdfast.tree.card import merge_card
from holdfast.tree.reader import TreeReader
from holdfast.wire.messages import Request

LICENCES_MAX = 20_000  # files whose licences are remembered, about 5 MB, and 100 KB for one made to be large


@dataclass(frozen=True, slots=True)
class Grant:
    """A file was admitted: under which state of the rules, until when, and what of it is still to be judged."""

    generation: int
    until: datetime | None = None  # None = as long as the rules stay
    unsized: tuple[Rules, Card] | None = None  # its size
    unlicensed: Card | None = None  # its licence, which cannot be found out without a digest

    @property
    def is_bounded(self) -> bool:
        """True when the size is still to be judged, and a rule says how large it may be."""
        return self.unsized is not None and self.unsized[0].file_bytes_max > 0

    def demand_size(self, size: int) -> None:
        """Hold a file whose page gave no size to the size it turned out to have. Raises Refused."""
        if self.unsized is None:
            return
        rules, card = self.unsized
        why = rules.oversize(card.filename, size, version_of(card))
        if why:
            raise Refused(why)


class FileGate:
    """Judges files of one front."""

    def __init__(
        self, reader: TreeReader, policies: Policies, pulled: PulledFiles, workers: Workers, clock: Clock
    ) -> None:
        self._reader = reader
        self._policies = policies
        self._pulled = pulled
        self._workers = workers
        self._clock = clock
        self._books = Books(reader.store, workers)
        self._reasons = QuarantineReasons(reader, workers)
        self._licences: OrderedDict[tuple[str, str], tuple[str, ...]] = OrderedDict()

    def unruled(self) -> Grant:
        """What files are given out under where `has_rules` was False."""
        return Grant(self._policies.generation)

    def is_in_force(self, grant: Grant) -> bool:
        """False when a rule changed since: then the next request is judged anew, and not answered from memory."""
        return grant.generation == self._policies.generation

    def hot_until(self, grant: Grant) -> float:
        """Until when the file may be answered from memory, in monotonic seconds; 0 = for good."""
        if grant.until is None:
            return 0.0
        return self._clock.monotonic() + (grant.until - self._clock.now()).total_seconds()

    def has_rules(self, route: FileRoute, upstreams: Sequence[str]) -> bool:
        """True when a file of these upstreams cannot be given out before it was judged."""
        return any(self._policies.of(route.index, upstream, route.as_of).has_rules for upstream in upstreams)

    async def listed(self, route: FileRoute, upstreams: Sequence[str]) -> Card:
        """The card of a file that is not kept. Raises Absent when no page ever listed it, Unavailable, Corrupt."""
        for upstream in upstreams:
            card = await self._books.find(upstream, route.sha256, route.filename)
            if card is not None:
                return card
        raise Absent("this index has no such file")

    async def admit(self, request: Request, route: FileRoute, card: Card, *, is_hosted: bool) -> Grant:
        """Let the file, or its metadata, be given out. Raises Removed, Refused, Absent, Unavailable."""
        generation = self._policies.generation
        if route.metadata and card.metadata_sha256:
            removal = self._reader.removal(card.metadata_sha256)
            if removal is not None:
                raise Removed(f"the metadata of {card.filename} was removed: {removal.reason}", legal=removal.legal)
        if is_hosted:
            policy = self._policies.of(route.index, None, route.as_of)
            entry = self._reader.state().find(card.index, card.project)
            status = entry.status if entry is not None else "active"
            is_hidden = entry is not None and not entry.gone and status == "quarantined"
            why = await self._reasons.of(entry) if entry is not None and is_hidden else ""
            found = admit(card, policy, now=self._clock.now(), status=status, status_reason=why)
            return Grant(generation, found.until)
        policy = self._policies.of_project(route.index, card.index, card.project, route.as_of)
        verdict = await self._verdict(card, policy)
        if verdict.outcome is not None:
            raise verdict.outcome
        await self._demand_licence(request, route, card, policy)
        is_sized = policy.rules is None or card.size is not None or route.metadata
        return Grant(generation, verdict.until, None if is_sized or policy.rules is None else (policy.rules, card))

    async def admit_unhashed(self, route: UnhashedFile, upstream: str) -> Grant:
        """As `admit`, for a file that has no digest: everything ever listed under its name must be admissible."""
        generation = self._policies.generation
        policy = self._policies.of_project(route.index, upstream, route.project, route.as_of)
        if not policy.has_rules:
            return Grant(generation)
        policy.demand_project()
        cards = await self._books.named(upstream, route.project, route.filename)
        if not cards:
            raise Absent("this index has no such file")
        for card in cards:
            admit(card, policy, now=self._clock.now())
        unlicensed = cards[0] if policy.rules is not None and policy.rules.licenses_denied else None
        return Grant(generation, None, (policy.rules, cards[0]) if policy.rules is not None else None, unlicensed)

    async def admit_digest(self, request: Request, route: UnhashedFile, grant: Grant, sha256: str) -> None:
        """Hold a file that had no digest to what is known of it now that it has one. Raises Refused, Unavailable."""
        if grant.unlicensed is None:
            return
        card = replace(grant.unlicensed, sha256=sha256)
        policy = self._policies.of_project(route.index, card.index, card.project, route.as_of)
        hashed = FileRoute(route.index, sha256, route.filename, metadata=False, as_of=route.as_of)
        await self._demand_licence(request, hashed, card, policy)

    async def _verdict(self, card: Card, policy: Policy) -> Verdict:
        """A card written when the file was fetched may know less than its book has learnt since."""
        verdict = judge(card, policy, now=self._clock.now())
        if isinstance(verdict.outcome, Refused) and not _is_full(card):
            listed = await self._books.find(card.index, card.sha256, card.filename)
            if listed is not None and listed != card:
                return judge(merge_card(card, listed), policy, now=self._clock.now())
        return verdict

    async def _demand_licence(self, request: Request, route: FileRoute, card: Card, policy: Policy) -> None:
        rules = policy.rules
        if rules is None or not rules.licenses_denied:
            return
        found = denied_licence(await self._declared(request, route, card), rules.licenses_denied)
        if found:
            raise Refused(
                f"{card.project} {version_of(card)} declares the licence {found[:80]!r}, "
                f"which index {route.index} does not take (its setting `licenses_denied`)"
            )

    async def _declared(self, request: Request, route: FileRoute, card: Card) -> tuple[str, ...]:
        """What the file's core metadata says; a file that has none says nothing. Raises Unavailable, Corrupt."""
        key = (card.index, card.sha256)
        known = self._licences.get(key)
        if known is not None:
            return known
        address = addresses.pulled_metadata(*key)
        try:
            try:
                metadata = await self._workers.in_thread(self._reader.store.get, address)
            except Absent:
                await self._pulled.metadata(request, replace(route, metadata=True), (card.index,))
                metadata = await self._workers.in_thread(self._reader.store.get, address)
        except Absent:
            return ()
        found = self._licences[key] = await self._workers.in_thread(declared_licences, metadata)
        if len(self._licences) > LICENCES_MAX:
            self._licences.popitem(last=False)
        return found


def version_of(card: Card) -> str:
    """The version its filename tells, "" where it has none."""
    return parse_filename(card.filename, card.project).version


def _is_full(card: Card) -> bool:
    """True when no page could tell more of what rules ask for."""
    has_provenance = bool(card.provenance_sha256 or card.provenance_url)
    return card.upload_time is not None and not card.upload_time_is_ours and has_provenance
