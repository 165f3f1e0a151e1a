"""What is known of a page's files beyond what the page says: digests, sizes, dates and metadata, from book and fetches.

Pure. A page may say less than it did (an upstream's HTML mirror, a plain file server standing in); that takes no fact
away from a file it still lists. What it says otherwise counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

import msgspec
from packaging.version import Version

from holdfast.core.filenames import version_key
from holdfast.core.model import Card, File, MetadataOrigin, Record
from holdfast.pull.credentials import origin_of
from holdfast.pull.listed import Page
from holdfast.tree.card import Book, merge_book

# A wheel this small may be fetched whole for its metadata, which the install that follows needs anyway: below 1 s at
# 10 MB/s. Half of the wheels in use are below 100 KB, nine of ten below 2 MB.
WHOLE_BYTES_MAX = 8 * 1024 * 1024


class Learnt(msgspec.Struct, frozen=True):
    """What a fetch found out about a listed file. `names_digest`: its page gave no sha256, and this is it."""

    filename: str
    sha256: str
    size: int | None = None
    metadata_sha256: str = ""
    metadata_from: MetadataOrigin = ""
    names_digest: bool = False


class Ranging(msgspec.Struct, frozen=True):
    """Origins known to answer requests for parts of files, and those known not to."""

    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()


class Newest(msgspec.Struct, frozen=True):
    """One wheel of a page, and whether the page offers its metadata."""

    filename: str
    sha256: str
    url: str
    has_metadata: bool


def apply_learnt(book: Book, learnt: Sequence[Learnt]) -> Book:
    """The book with what fetches found out."""
    if not learnt:
        return book
    named: dict[str, list[Card]] = {}
    for card in book:
        named.setdefault(card.filename, []).append(card)
    for fact in learnt:
        known = ("", fact.sha256) if fact.names_digest else (fact.sha256,)
        cards = [card for card in named.get(fact.filename, ()) if card.sha256 in known]
        book = merge_book(book, tuple(_with_learnt(card, fact) for card in cards))
    return book


def with_learnt_sha256(files: Iterable[File], learnt: Sequence[Learnt]) -> list[File]:
    """The files of a kept page, where a fetch gave one the digest it was listed without."""
    digests = {fact.filename: fact.sha256 for fact in learnt if fact.names_digest}
    return [
        file if file.sha256 or file.filename not in digests else replace(file, sha256=digests[file.filename])
        for file in files
    ]


def with_learnt_digests(files: tuple[File, ...], old: Record | None, book: Book) -> list[File]:
    """Give files whose page names no sha256 the one that an earlier page or their first verified fetch gave them.

    It holds as long as the digests that the page does give say what they said then. The fetch is held to it.
    """
    if all(file.sha256 for file in files):
        return list(files)
    listed = {file.filename: file for file in old.files} if old else {}
    by_url = {(card.filename, url): card for card in book if card.sha256 for url in card.upstream_urls}
    return [file if file.sha256 else _with_learnt_digest(file, listed, by_url) for file in files]


def says_less(said: tuple[File, ...], old: Record) -> bool:
    """Whether a page without a single sha256 stands where one with sha256 was: it is of another, plainer kind."""
    before = {file.filename for file in old.files if file.sha256}
    return bool(said) and not any(file.sha256 for file in said) and any(file.filename in before for file in said)


def with_kept_facts(files: list[File], old: Record) -> list[File]:
    """The files of a page that says less than the one before, with what that one said of the very same bytes."""
    listed = {(file.filename, file.sha256): file for file in old.files if file.sha256}
    return [_with_kept_facts(file, listed.get((file.filename, file.sha256))) for file in files]


def with_kept_status(page: Page, old: Record) -> Page:
    """The page with the project's status and all else that a plainer kind of page has no words for."""
    if page.status != "active" or page.status_reason:
        return page
    return replace(page, status=old.status, status_reason=old.status_reason, extras=page.extras or old.upstream_extras)


def cards_of(
    upstream: str, name: str, files: list[File], book: Book, old: Record | None, now: datetime, undated: str
) -> Book:
    """The page's files as cards. An undated file gets our date (`now`) as `undated` says; see UpstreamConfig.

    Of an upstream whose existing files are trusted, what the first page lists undated is old and stays so.
    """
    listed = {_key(file): file for file in old.files} if old else {}
    known = {_key(card): card.upload_time for card in book} | {key: file.upload_time for key, file in listed.items()}
    dates_all = undated == "first-seen"
    is_first = not known and not dates_all
    cards = []
    for file in files:
        key = _key(file)
        if file.upload_time is None and key in listed:
            before = listed[key]  # in the book too, unless that was lost
            file = replace(file, upload_time=before.upload_time, upload_time_is_ours=before.upload_time_is_ours)
        is_dated_now = not is_first and (key not in known or (dates_all and known[key] is None))
        cards.append(_card(upstream, name, file, now if is_dated_now else None))
    return tuple(cards)


def with_offers(files: Iterable[File], book: Book, ranging: Ranging) -> Book:
    """The book, where the metadata of these wheels can now be made from ranges of them, or from small wheels whole."""
    cards = {_key(card): card for card in book}
    offers = []
    for file in files:
        card = cards.get(_key(file))
        if card is None or card.has_metadata or card.metadata_from or not _is_wheel(file):
            continue
        origin = _origin(file.upstream_url)
        if origin in ranging.yes or (origin in ranging.no and _is_small(card)):
            offers.append(replace(card, has_metadata=True, metadata_from="wheel"))
    return merge_book(book, tuple(offers)) if offers else book


def with_card_facts(files: Iterable[File], book: Book, ranging: Ranging) -> list[File]:
    """What the book knows longer or better than the page: dates, sizes and metadata."""
    cards = {_key(card): card for card in book}
    complete = []
    for file in files:
        card = cards.get(_key(file))
        if card is None:  # of a page whose book was lost
            complete.append(file)
            continue
        offered = card.has_metadata and _can_be_given(file, card, ranging)
        facts = (card.size, card.upload_time, card.upload_time_is_ours, offered, card.metadata_sha256 * offered)
        said = (file.size, file.upload_time, file.upload_time_is_ours, file.has_metadata, file.metadata_sha256)
        if facts != said:
            file = replace(
                file,
                size=card.size,
                upload_time=card.upload_time,
                upload_time_is_ours=card.upload_time_is_ours,
                has_metadata=offered,
                metadata_sha256=card.metadata_sha256 if offered else "",
            )
        complete.append(file)
    return complete


def newest_wheels(files: Sequence[File], book: Book, ranging: Ranging) -> tuple[Newest | None, Newest | None]:
    """The wheel a resolver asks for first, and the first without metadata at an origin of which nothing is known."""
    none = {_key(card) for card in book if card.metadata_from == "none"}
    judged = {*ranging.yes, *ranging.no}
    wheels = [file for file in files if _is_wheel(file) and not file.yanked and _key(file) not in none]
    lacking = [file for file in wheels if not file.has_metadata and _origin(file.upstream_url) not in judged]
    return _newest(wheels), _newest(lacking)


def _newest(wheels: list[File]) -> Newest | None:
    """Of the newest stable release, else of the newest one, the wheel that suits most machines. Files are in order."""
    if not wheels:
        return None
    last = next((file for file in reversed(wheels) if _is_stable(file)), wheels[-1])
    best = max((file for file in wheels if file.version == last.version), key=_reach)
    return Newest(best.filename, best.sha256, best.upstream_url, best.has_metadata)


def _is_stable(file: File) -> bool:
    version = version_key(file.version)[1]
    return isinstance(version, Version) and not version.is_prerelease


def _reach(file: File) -> int:
    if file.filename.endswith("-none-any.whl"):
        return 2
    return int("manylinux" in file.filename and "x86_64" in file.filename)


def _with_learnt(card: Card, fact: Learnt) -> Card:
    return replace(
        card,
        sha256=fact.sha256,
        size=card.size if fact.size is None else fact.size,
        has_metadata=(card.has_metadata or bool(fact.metadata_sha256)) and fact.metadata_from != "none",
        metadata_sha256=fact.metadata_sha256 or card.metadata_sha256,
        metadata_from=fact.metadata_from or card.metadata_from,
    )


def _with_learnt_digest(file: File, listed: dict[str, File], by_url: dict[tuple[str, str], Card]) -> File:
    before = listed.get(file.filename)
    if before is not None and before.sha256 and _agree(before, file):
        return replace(file, sha256=before.sha256)
    card = by_url.get((file.filename, file.upstream_url))
    return replace(file, sha256=card.sha256) if card is not None and not file.hashes else file


def _agree(before: File, now: File) -> bool:
    """Whether no digest that both give is another. Files keep their bytes, so none in common is no disagreement."""
    known = {**dict(before.hashes), **({"md5": before.md5} if before.md5 else {})}
    return all(known.get(name, value) == value for name, value in now.hashes)


def _with_kept_facts(file: File, before: File | None) -> File:
    if before is None:
        return file
    return replace(
        file,
        requires_python=file.requires_python or before.requires_python,
        yanked=file.yanked or before.yanked,
        yanked_reason=file.yanked_reason or before.yanked_reason,
        provenance_url=file.provenance_url or before.provenance_url,
        md5=file.md5 or before.md5,
        hashes=file.hashes or before.hashes,
    )


def _card(upstream: str, name: str, file: File, ours: datetime | None) -> Card:
    return Card(
        index=upstream,
        project=name,
        filename=file.filename,
        sha256=file.sha256,
        size=file.size,
        upload_time=file.upload_time or ours,
        upload_time_is_ours=file.upload_time_is_ours or (file.upload_time is None and ours is not None),
        metadata_sha256=file.metadata_sha256,
        has_metadata=file.has_metadata,
        provenance_url=file.provenance_url,
        upstream_urls=(file.upstream_url,),
    )


def _can_be_given(file: File, card: Card, ranging: Ranging) -> bool:
    """False for metadata that would have to be made from a large wheel at an origin that came to give no parts."""
    must_be_made = card.metadata_from == "wheel" and not card.metadata_sha256
    return not must_be_made or _is_small(card) or _origin(file.upstream_url) not in ranging.no


def _is_wheel(file: File) -> bool:
    return file.sha256 != "" and file.filename.endswith(".whl")


def _is_small(card: Card) -> bool:
    return card.size is not None and card.size <= WHOLE_BYTES_MAX


def _key(of: File | Card) -> tuple[str, str]:
    return of.filename, of.sha256


def _origin(url: str) -> str:
    """Of thousands of URLs with a handful of hosts, each host is looked at once."""
    end = url.find("/", len("https://"))
    return _origin_of(url[:end] if end > 0 else url)


@lru_cache(maxsize=256)
def _origin_of(base: str) -> str:
    return origin_of(base)
