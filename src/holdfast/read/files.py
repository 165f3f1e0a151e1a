"""Files and their core metadata: by card, verified, never from a digest that was removed.

The card decides whether an index serves a file: its own, or one of its layers'. Small bodies are held in memory and
answered like pages; large ones leave through the server's own file response.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Iterable
from functools import partial

import structlog

from holdfast.clock import Clock
from holdfast.core.errors import Absent, Corrupt, Outcome, Refused, Removed, Unavailable
from holdfast.core.filenames import project_candidates
from holdfast.core.model import Card
from holdfast.read.cache import Cached, PageCache
from holdfast.read.documents import HIT, MISS, file_headers, project_key, with_cache_status
from holdfast.read.file_gate import FileGate, Grant
from holdfast.read.hot import HotEntry, Prepared
from holdfast.read.hot_files import HotFile
from holdfast.read.kept_only import wants_only_kept
from holdfast.read.local_files import LocalFiles
from holdfast.read.policies import Policies
from holdfast.read.pulled_files import PulledFiles, project_of, revalidated
from holdfast.read.ranged import arriving_answer, bytes_answer, file_answer
from holdfast.read.routes import FileRoute, UnhashedFile
from holdfast.read.stack import Stacks
from holdfast.read.workers import Workers
from holdfast.tree import addresses
from holdfast.tree.reader import TreeReader
from holdfast.wire.messages import Headers, Request, Response, StreamBody
from holdfast.wire.tally import Tallies

log = structlog.get_logger(__name__)

SMALL_BYTES_MAX = 64 * 1024  # held in memory: sending such a body from a file costs twice as much as from memory
TRIES = 2  # of a file that is evicted just as it is read
CARDS_MAX = 50_000  # remembered, about 40 MB


class Files:
    """Answers `<index>/packages/<2>/<2>/<60>/<filename>[.metadata]`."""

    def __init__(
        self,
        stacks: Stacks,
        reader: TreeReader,
        cache: PageCache,
        local: LocalFiles,
        pulled: PulledFiles,
        policies: Policies,
        workers: Workers,
        tallies: Tallies,
        clock: Clock,
    ) -> None:
        self._gate = FileGate(reader, policies, pulled, workers, clock)
        self._stacks = stacks
        self._reader = reader
        self._cache = cache
        self._local = local
        self._pulled = pulled
        self._workers = workers
        self._tallies = tallies
        self._clock = clock
        self._cards: OrderedDict[tuple[str, str, str], Card] = OrderedDict()

    async def answer(self, request: Request, route: FileRoute, *, private: bool) -> Response:
        """The file, a part of it, or its metadata. Raises Absent, Removed, Refused, Unavailable, Corrupt."""
        self._demand_not_removed(route.sha256, route.filename)
        card = await self._card(route)
        try:
            return await self._answer(request, route, card, private=private)
        except Absent:
            if card is not None or (card := await self._unheard_of(route)) is None:
                raise
        return await self._answer(request, route, card, private=private)

    async def _answer(self, request: Request, route: FileRoute, card: Card | None, *, private: bool) -> Response:
        if card is None:
            upstreams = self._may_have(route)
            if not self._gate.has_rules(route, upstreams):
                return await self._cold(request, route, upstreams, self._gate.unruled(), private=private)
            card = await self._gate.listed(route, upstreams)
        is_hosted = self._stacks.is_hosted(card.index)
        grant = await self._gate.admit(request, route, card, is_hosted=is_hosted)
        key, digest = _place(route, card, is_hosted=is_hosted)
        project = (card.index, card.project)
        try:
            return await self._stored(request, route, project, key, digest, grant, private=private)
        except Absent:
            if is_hosted:
                raise _missing_bytes(card) from None
        except Corrupt:
            if is_hosted or route.metadata:
                raise
            await self._pulled.drop_damaged(request, card.index, route)
        return await self._cold(request, route, (card.index,), grant, private=private)

    async def unhashed(self, request: Request, route: UnhashedFile, upstream: str, *, private: bool) -> Response:
        """A file of an upstream whose page gives no sha256. Raises as `answer`."""
        grant = await self._gate.admit_unhashed(route, upstream)
        found = await self._pulled.unhashed(request, route, upstream, private=private)
        if isinstance(found, Response):
            await _within_size(found, grant)
            return found
        self._demand_not_removed(found.sha256, route.filename)
        await self._gate.admit_digest(request, route, grant, found.sha256)
        key, etag = addresses.pulled_file(upstream, found.sha256), f'"{found.sha256}"'
        surrogate = project_key(upstream, route.project)
        headers = file_headers(found.sha256, surrogate, metadata=False, private=private, cache=HIT)
        headers = revalidated(headers, private=private)
        try:
            arriving = await self._local.arriving(key, found.sha256)
            if arriving is not None:
                grant.demand_size(arriving.size)
                return arriving_answer(request, headers, etag, arriving)
            file = await self._local.open(key, found.sha256)
        except Absent:
            raise _left(route.filename) from None
        grant.demand_size(file.size)
        return file_answer(request, headers, etag, file.path, file.size)

    def forget_cards(self, project: tuple[str, str]) -> None:
        """The project changed: its files' cards are read again."""
        stale = [key for key, card in self._cards.items() if (key[0], card.project) == project]
        for key in stale:
            del self._cards[key]

    def forget_all_cards(self) -> None:
        self._cards.clear()

    def _demand_not_removed(self, sha256: str, what: str) -> None:
        removal = self._reader.removal(sha256)
        if removal is not None:
            raise Removed(f"{what} was removed: {removal.reason}", legal=removal.legal)

    async def _card(self, route: FileRoute) -> Card | None:
        """The card of the index, else of the first layer that has one; None when nobody has."""
        names = project_candidates(route.filename)
        for owner in (route.index, *self._stacks.layers(route.index)):
            key = (owner, route.sha256, route.filename)
            card = self._cards.get(key)
            if card is None:
                if self._stacks.is_hosted(owner) and not self._has_heard_of(owner, names):
                    continue  # an index that never had the project has no file of it, most likely: see `_unheard_of`
                try:
                    card = await self._workers.in_thread(self._reader.card, *key)
                except Absent:
                    continue
                self._cards[key] = card
                if len(self._cards) > CARDS_MAX:
                    self._cards.popitem(last=False)
            if self._stacks.is_hosted(owner) or self._stacks.asks(owner, card.project):
                return card
        return None

    async def _unheard_of(self, route: FileRoute) -> Card | None:
        """The card of a file whose publication has not been seen here yet: before anybody says that there is none.

        Another machine may just have taken it in, or its journal may be out of reach. Raises Unavailable, Corrupt.
        """
        names = project_candidates(route.filename)
        for owner in self._stacks.hosted(route.index):
            if self._has_heard_of(owner, names):
                continue
            try:
                return await self._workers.in_thread(self._reader.card, owner, route.sha256, route.filename)
            except Absent:
                continue
        return None

    def _has_heard_of(self, index: str, names: Iterable[str]) -> bool:
        return any(self._reader.state().find(index, name) is not None for name in names)

    def _may_have(self, route: FileRoute) -> tuple[str, ...]:
        """The upstreams that may be asked for a file of that name."""
        names = project_candidates(route.filename)
        upstreams = self._stacks.upstreams(route.index)
        return tuple(one for one in upstreams if any(self._stacks.asks(one, name) for name in names))

    async def _cold(
        self, request: Request, route: FileRoute, layers: tuple[str, ...], grant: Grant, *, private: bool
    ) -> Response:
        """What the store lacks is asked of the layers' upstreams."""
        if route.metadata:
            return await self._cold_metadata(request, route, layers, grant, private=private)
        for _ in range(TRIES):
            upstream, found = await self._pulled.file(request, route, layers, private=private)
            if isinstance(found, Response):
                await _within_size(found, grant)
                return found
            key, project = addresses.pulled_file(upstream, route.sha256), (upstream, project_of(route.filename))
            with contextlib.suppress(Outcome):  # pull has written the card: from now on this machine knows it, too
                await self._card(route)
            try:
                return await self._stored(request, route, project, key, route.sha256, grant, private=private)
            except Absent:
                continue  # evicted between pull's word and our look: pull fetches it again
        raise _left(route.filename)

    async def _cold_metadata(
        self, request: Request, route: FileRoute, layers: tuple[str, ...], grant: Grant, *, private: bool
    ) -> Response:
        """Metadata of a file without a card: kept from before, else made by pull. It depends on the digest alone."""
        found = await self._kept_metadata(request, route, layers, grant, private=private)
        if found is None:
            upstream = await self._pulled.metadata(request, route, layers)
            found = await self._kept_metadata(request, route, (upstream,), grant, private=private)
        if found is None:
            raise Unavailable("the metadata left the store while it was read", retry_after_seconds=1)
        return found

    async def _kept_metadata(
        self, request: Request, route: FileRoute, layers: tuple[str, ...], grant: Grant, *, private: bool
    ) -> Response | None:
        for upstream in layers:
            key, project = addresses.pulled_metadata(upstream, route.sha256), (upstream, project_of(route.filename))
            try:
                return await self._stored(request, route, project, key, "", grant, private=private)
            except Absent:
                continue
        return None

    async def _stored(
        self,
        request: Request,
        route: FileRoute,
        project: tuple[str, str],
        key: str,
        digest: str,
        grant: Grant,
        *,
        private: bool,
    ) -> Response:
        """Bytes from the store, held to `digest` unless it is unknown (""). Raises Absent when they are not kept."""
        if key.startswith(addresses.PULLED_PREFIX):
            request.credit.give(project[0], kind="metadata" if route.metadata else "file", what=route.sha256)
        etag = digest or f"{route.sha256}-metadata"
        headers = file_headers(etag, project_key(*project), metadata=route.metadata, private=private, cache=HIT)
        if request.method == "HEAD" and wants_only_kept(request):
            # Whether it is kept, for thousands of files at once: nothing is opened, hashed or copied for the answer.
            kept = await self._workers.in_thread(self._reader.store.head, key)
            grant.demand_size(kept.size)
            return Response(200, [*headers, ("content-length", str(kept.size))])
        body = await self._local.read_small(key, digest, SMALL_BYTES_MAX)
        if body is not None:
            self._demand_not_removed(digest or route.sha256, route.filename)
            grant.demand_size(len(body))
            self._hold(request, route, project, key, headers, body, grant, private=private)
            return bytes_answer(request, with_cache_status(headers, MISS), f'"{etag}"', body)
        arriving = await self._local.arriving(key, digest)
        if arriving is not None:
            self._demand_not_removed(digest or route.sha256, route.filename)
            grant.demand_size(arriving.size)
            return arriving_answer(request, with_cache_status(headers, MISS), f'"{etag}"', arriving)
        file = await self._local.open(key, digest)
        self._demand_not_removed(digest or route.sha256, route.filename)
        grant.demand_size(file.size)
        self._hold_open(request, route, project, key, headers, grant, private=private)
        return file_answer(request, headers, f'"{etag}"', file.path, file.size)

    def _hold_open(
        self,
        request: Request,
        route: FileRoute,
        project: tuple[str, str],
        key: str,
        headers: Headers,
        grant: Grant,
        *,
        private: bool,
    ) -> None:
        """Answer the next request for this large file without a trip through the event loop."""
        if route.as_of is not None or not self._may_hold(project, grant):
            return  # of the addresses of views there is no end
        etag = next(value for name, value in headers if name == "etag")
        tallies = self._tallies.credited(request.credit)
        file = HotFile(request.path, etag, headers, partial(self._local.known, key), tallies)
        entry = HotEntry(route.index if private else "", sha256=route.sha256, file=file)
        entry.until = self._gate.hot_until(grant)
        entry.pulled = request.credit.pulled
        place = ("open", route.index, f"{route.sha256}/{route.filename}" + (".metadata" if route.metadata else ""))
        cached = Cached(place, project, route.sha256, entry, _upstream(key, project))
        self._cache.show(self._cache.put_open(cached), request.path)

    def _hold(
        self,
        request: Request,
        route: FileRoute,
        project: tuple[str, str],
        key: str,
        headers: Headers,
        body: bytes,
        grant: Grant,
        *,
        private: bool,
    ) -> None:
        """Answer the next request for this small body from memory."""
        if route.as_of is not None or not self._may_hold(project, grant):
            return  # of the addresses of views there is no end
        kind = "metadata" if route.metadata else "file"
        tallies = self._tallies.credited(request.credit)
        etag = next(value for name, value in headers if name == "etag")
        parts = HotFile(request.path, etag, headers, body, tallies)
        entry = HotEntry(route.index if private else "", sha256=route.sha256, file=parts)
        entry.until = self._gate.hot_until(grant)
        entry.pulled = request.credit.pulled
        place = (kind, route.index, f"{route.sha256}/{route.filename}")
        cached = self._cache.put(Cached(place, project, route.sha256, entry, _upstream(key, project)))
        prepared = Prepared("file", request.path, Response(200, headers, body), tallies)
        self._cache.add_variant(cached, None, prepared)
        self._cache.show(cached, request.path)

    def _may_hold(self, project: tuple[str, str], grant: Grant) -> bool:
        """False when quarantine or a rule came since the request was admitted: the next one is judged anew."""
        known = self._reader.state().find(*project)
        return self._gate.is_in_force(grant) and (known is None or known.status != "quarantined")


def _place(route: FileRoute, card: Card, *, is_hosted: bool) -> tuple[str, str]:
    """Where the bytes lie, and the digest they must have ("" = unknown). Raises Absent."""
    if not route.metadata:
        return addresses.blob(card.sha256) if is_hosted else addresses.pulled_file(card.index, card.sha256), card.sha256
    if not is_hosted:
        return addresses.pulled_metadata(card.index, card.sha256), card.metadata_sha256
    if not card.has_metadata or not card.metadata_sha256:
        raise Absent(f"{card.filename} has no core metadata")
    return addresses.blob(card.metadata_sha256), card.metadata_sha256


def _upstream(key: str, project: tuple[str, str]) -> str:
    """The upstream the bytes at `key` came from, "" for hosted ones."""
    return project[0] if key.startswith(addresses.PULLED_PREFIX) else ""


async def _within_size(found: Response, grant: Grant) -> None:
    """Hold an arriving file to its size; one that is refused is let go before its first byte.

    Raises Refused, and Unavailable while it is not there to tell its licence.
    """
    told = dict(found.headers)
    total = told.get("content-range", "").rpartition("/")[2] or told.get("content-length", "")
    try:
        if total.isascii() and total.isdigit():
            grant.demand_size(int(total))
        elif grant.is_bounded and found.status != 416:
            raise Unavailable("the size of this file is not told with its parts; ask for the whole of it")
        if grant.unlicensed is not None:
            name = grant.unlicensed.filename
            raise Unavailable(f"the licence of {name} is not known before it is here; ask again", retry_after_seconds=1)
    except (Refused, Unavailable):
        if isinstance(found.body, StreamBody) and (aclose := getattr(found.body.chunks, "aclose", None)) is not None:
            await aclose()
        raise


def _left(filename: str) -> Unavailable:
    return Unavailable(f"{filename} left the store while it was read", retry_after_seconds=1)


def _missing_bytes(card: Card) -> Outcome:
    """A hosted card without bytes: deleted by its owner and gone since, or our trouble."""
    if card.deleted:
        return Removed(f"{card.filename} was deleted by its owner")
    log.error("a published file's bytes are missing", filename=card.filename, sha256=card.sha256)
    return Unavailable(f"the bytes of {card.filename} are missing from the store")
