"""From the bytes of an upstream's page to the objects to store: a pure function, run inline or in a helper process.

Everything goes in and comes out as bytes, so that a page of ten thousand files costs the event loop nothing but
moving them. Freshness is no content: a page that says the same again keeps its digest, and nothing is written.
"""

import zlib
from dataclasses import replace
from datetime import datetime

import msgspec

from holdfast.core.errors import Corrupt, Unavailable
from holdfast.core.filenames import project_candidates, sort_key
from holdfast.core.freshness import implausible
from holdfast.core.model import File, Record
from holdfast.pull.facts import (
    Learnt,
    Newest,
    Ranging,
    apply_learnt,
    cards_of,
    newest_wheels,
    says_less,
    with_card_facts,
    with_kept_facts,
    with_kept_status,
    with_learnt_digests,
    with_learnt_sha256,
    with_offers,
)
from holdfast.pull.listed import Page
from holdfast.pull.parse import parse_page
from holdfast.tree.card import Book, decode_book, encode_book, encode_card, merge_book
from holdfast.tree.record import decode_record, encode_record
from holdfast.tree.rendered import render_pages

NO_BASE = ""  # a pulled page carries its upstream's absolute URLs and none of ours
STRAY_CARDS_MAX = 200
GZIP_MEMBERS_MAX = 100  # one is usual; the rest of the body is copied for each


class PageJob(msgspec.Struct, frozen=True, tag="page"):
    """A page as it came, and what is known so far. `body` is still encoded as `content_encoding` says."""

    upstream: str
    name: str
    url: str
    body: bytes
    content_encoding: str
    content_type: str
    etag: str
    now: datetime
    bytes_max: int
    persistent: bool = False  # the upstream has insisted on an odd page for so long that it means it
    old_page: bytes | None = None
    old_book: bytes | None = None
    from_mirror: bool = False
    undated: str = "trust-existing"  # UpstreamConfig.undated
    learnt: tuple[Learnt, ...] = ()
    ranging: Ranging = Ranging()


class BuiltPage(msgspec.Struct, frozen=True, tag="page"):
    """What to store. `page` is empty when nothing changed; `book` is empty when it is the same.

    With `refused` the new page must not replace the old one, and nothing else is filled.
    """

    digest: str = ""
    page: bytes = b""
    book: bytes = b""
    book_was_corrupt: bool = False
    rendered: dict[str, bytes] = {}
    stray_cards: dict[str, bytes] = {}  # "<sha256>/<filename>": cards no book lookup by filename would find
    files: int = 0
    skipped: int = 0
    refused: str = ""
    newest: Newest | None = None  # the newest wheel: what a resolver asks for next
    lacking: Newest | None = None  # the newest wheel without metadata at an origin nobody knows enough of


def build_page(job: PageJob) -> BuiltPage:
    """Parse, judge, merge and encode. Raises Unavailable when the answer is no page of this project."""
    body = decoded(job.body, job.content_encoding, job.bytes_max)
    page = parse_page(body, job.content_type, job.url, job.name)
    old = _old_record(job)
    known, book_was_corrupt = _old_book(job)
    book = apply_learnt(known, job.learnt)
    files = with_learnt_digests(page.files, old, book)
    if old is not None and says_less(page.files, old):
        files = with_kept_facts(files, old)
        page = with_kept_status(page, old)
    book = merge_book(book, cards_of(job.upstream, job.name, files, book, old, job.now, job.undated))
    book = with_offers(files, book, job.ranging)
    record = _record(job, page, with_card_facts(files, book, job.ranging))
    if refused := implausible(old, record, persistent=job.persistent) or _lagging(job, old, record):
        return BuiltPage(refused=refused, skipped=page.skipped)
    if old is not None and record == replace(old, fetched_at=record.fetched_at, upstream_etag=job.etag):
        record = old
    built = _built(record, old, book, known, job.ranging)
    return msgspec.structs.replace(built, book_was_corrupt=book_was_corrupt, skipped=page.skipped)


class LearnJob(msgspec.Struct, frozen=True, tag="learn"):
    """A project's page and book, and what was found out since they were written."""

    old_book: bytes
    old_page: bytes | None = None
    learnt: tuple[Learnt, ...] = ()
    ranging: Ranging = Ranging()


def learn(job: LearnJob) -> BuiltPage:
    """The page and the book with all that is known now. Raises Corrupt."""
    known = decode_book(job.old_book)
    book = apply_learnt(known, job.learnt)
    if job.old_page is None:
        return BuiltPage(book=encode_book(book) if book != known else b"")
    old = decode_record(job.old_page, None)
    files = with_learnt_sha256(old.files, job.learnt)
    book = with_offers(files, book, job.ranging)
    return _built(replace(old, files=tuple(with_card_facts(files, book, job.ranging))), old, book, known, job.ranging)


def _built(record: Record, old: Record | None, book: Book, known: Book, ranging: Ranging) -> BuiltPage:
    """The objects to store: of the record unless it is the old one, of the book unless it is what was known."""
    encoded = encode_record(record)
    is_new = record != old
    newest, lacking = newest_wheels(record.files, book, ranging)
    return BuiltPage(
        digest=encoded.digest,
        page=encoded.stored_bytes if is_new else b"",
        book=encode_book(book) if book != known else b"",
        rendered=render_pages(record, NO_BASE) if is_new else {},
        stray_cards=_stray_cards(book) if book != known else {},
        files=len(record.files),
        newest=newest,
        lacking=lacking,
    )


def decoded(body: bytes, encoding: str, bytes_max: int) -> bytes:
    """Undo the content encoding, never unfolding to more than `bytes_max`. Raises Unavailable."""
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise Unavailable(f"the upstream answered with content encoding {encoding[:20]!r}, which was not asked for")
    parts: list[bytes] = []
    size = 0
    try:
        while body:
            if len(parts) == GZIP_MEMBERS_MAX:
                raise Unavailable(f"the upstream's page has more than {GZIP_MEMBERS_MAX} gzip members")
            unfolding = zlib.decompressobj(16 + zlib.MAX_WBITS)
            parts.append(unfolding.decompress(body, bytes_max + 1 - size))
            size += len(parts[-1])
            if size > bytes_max:
                raise Unavailable(f"the upstream's page unfolds to more than {bytes_max} bytes")
            if not unfolding.eof:
                raise Unavailable("the upstream's page is cut off")
            body = unfolding.unused_data
    except zlib.error as error:
        raise Unavailable(f"the upstream's page is not gzip as it claims: {error}") from None
    return b"".join(parts)


def _old_record(job: PageJob) -> Record | None:
    if job.old_page is None:
        return None
    try:
        return decode_record(job.old_page, None)
    except Corrupt:
        return None  # a page is disposable; the new one replaces it


def _old_book(job: PageJob) -> tuple[Book, bool]:
    """The book so far. A broken one is begun anew: every file the upstream still lists stays resolvable."""
    if job.old_book is None:
        return (), False
    try:
        return decode_book(job.old_book), False
    except Corrupt:
        return (), True


def _record(job: PageJob, page: Page, files: list[File]) -> Record:
    return Record(
        index=job.upstream,
        name=job.name,
        display=page.display,
        serial=0,
        files=tuple(sorted(files, key=sort_key)),
        status=page.status,
        status_reason=page.status_reason,
        upstream_serial=page.serial,
        fetched_at=job.now,
        upstream_etag=job.etag,
        upstream_extras=page.extras,
    )


def _lagging(job: PageJob, old: Record | None, new: Record) -> str:
    """Why a mirror's page must not replace the kept one: it may be behind, and trouble must never shorten a list."""
    if not job.from_mirror or old is None:
        return ""
    lost = {(file.filename, file.sha256) for file in old.files} - {(file.filename, file.sha256) for file in new.files}
    return f"the mirror lacks {len(lost)} of the files that are known" if lost else ""


def _stray_cards(book: Book) -> dict[str, bytes]:
    strays = [card for card in book if card.sha256 and card.project not in project_candidates(card.filename)]
    return {f"{card.sha256}/{card.filename}": encode_card(card) for card in strays[:STRAY_CARDS_MAX]}
