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
from holdfast.core.model import Card, File, Record
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


def build_page(job: PageJob) -> BuiltPage:
    """Parse, judge, merge and encode. Raises Unavailable when the answer is no page of this project."""
    body = decoded(job.body, job.content_encoding, job.bytes_max)
    page = parse_page(body, job.content_type, job.url, job.name)
    old = _old_record(job)
    book, book_was_corrupt = _old_book(job)
    files = _with_learnt_digests(page.files, old, book)
    merged = merge_book(book, _cards(job, files, book, is_first=not book and old is None))
    record = _record(job, page, _with_card_facts(files, merged))
    if refused := implausible(old, record, persistent=job.persistent) or _lagging(job, old, record):
        return BuiltPage(refused=refused, skipped=page.skipped)
    unchanged = old is not None and record == replace(old, fetched_at=record.fetched_at, upstream_etag=job.etag)
    if unchanged:
        assert old is not None
        record = old
    encoded = encode_record(record)
    return BuiltPage(
        digest=encoded.digest,
        page=b"" if unchanged else encoded.stored_bytes,
        book=encode_book(merged) if merged != book else b"",
        book_was_corrupt=book_was_corrupt,
        rendered={} if unchanged else render_pages(record, NO_BASE),
        stray_cards=_stray_cards(merged) if merged != book else {},
        files=len(files),
        skipped=page.skipped,
    )


class LearnJob(msgspec.Struct, frozen=True, tag="learn"):
    """A file whose page named no sha256 was fetched and has this one: tell its page and its book."""

    filename: str
    sha256: str
    size: int
    old_book: bytes
    old_page: bytes | None = None


def learn_digest(job: LearnJob) -> BuiltPage:
    """The page and the book with the digest filled in. Raises Corrupt."""
    book = decode_book(job.old_book)
    nameless = [card for card in book if card.filename == job.filename and not card.sha256]
    merged = merge_book(book, tuple(replace(card, sha256=job.sha256, size=job.size) for card in nameless))
    built = BuiltPage(book=encode_book(merged) if merged != book else b"")
    if job.old_page is None:
        return built
    old = decode_record(job.old_page, None)
    files = tuple(
        replace(file, sha256=job.sha256, size=job.size) if file.filename == job.filename and not file.sha256 else file
        for file in old.files
    )
    record = replace(old, files=files)
    encoded = encode_record(record)
    return msgspec.structs.replace(
        built, digest=encoded.digest, page=encoded.stored_bytes, rendered=render_pages(record, NO_BASE)
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


def _with_learnt_digests(files: tuple[File, ...], old: Record | None, book: Book) -> list[File]:
    """Give files whose page names no sha256 the one that their first verified fetch gave them.

    It holds as long as the page's other digests say what they said then; without any, as long as the URL is the same.
    """
    if all(file.sha256 for file in files):
        return list(files)
    listed = {file.filename: file for file in old.files} if old else {}
    by_url = {(card.filename, url): card for card in book if card.sha256 for url in card.upstream_urls}
    return [file if file.sha256 else _with_learnt_digest(file, listed, by_url) for file in files]


def _with_learnt_digest(file: File, listed: dict[str, File], by_url: dict[tuple[str, str], Card]) -> File:
    before = listed.get(file.filename)
    if before is not None and before.sha256 and before.hashes == file.hashes and file.hashes:
        return replace(file, sha256=before.sha256)
    card = by_url.get((file.filename, file.upstream_url))
    return replace(file, sha256=card.sha256) if card is not None and not file.hashes else file


def _cards(job: PageJob, files: list[File], book: Book, *, is_first: bool) -> Book:
    """The page's files as cards. What the first page ever seen lists undated is old; later arrivals get our date."""
    known = {(card.filename, card.sha256) for card in book}
    dated_now = {
        file.filename
        for file in files
        if file.upload_time is None and not is_first and (file.filename, file.sha256) not in known
    }
    return tuple(
        Card(
            index=job.upstream,
            project=job.name,
            filename=file.filename,
            sha256=file.sha256,
            size=file.size,
            upload_time=job.now if file.filename in dated_now else file.upload_time,
            upload_time_is_ours=file.filename in dated_now,
            metadata_sha256=file.metadata_sha256,
            has_metadata=file.has_metadata,
            upstream_urls=(file.upstream_url,),
        )
        for file in files
    )


def _with_card_facts(files: list[File], book: Book) -> list[File]:
    """What the book knows longer or better than the page: dates and sizes."""
    cards = {(card.filename, card.sha256): card for card in book}
    complete = []
    for file in files:
        card = cards[file.filename, file.sha256]
        known = (card.size, card.upload_time, card.upload_time_is_ours)
        if known != (file.size, file.upload_time, file.upload_time_is_ours):
            file = replace(
                file, size=card.size, upload_time=card.upload_time, upload_time_is_ours=card.upload_time_is_ours
            )
        complete.append(file)
    return complete


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
