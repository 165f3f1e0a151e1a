"""Cards, and card books: what is known for good about the files of an index or upstream.

A card is one file's facts under its digest. A book is every file an upstream ever listed for one project, so that
a URL handed out years ago still resolves. Both only ever learn; `merge_book` never loses an entry.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from holdfast.core.errors import Corrupt
from holdfast.core.model import Card, MetadataOrigin
from holdfast.tree.compressed import compress, decompress

BOOK_BYTES_MAX = 256 * 1024 * 1024  # uncompressed
_VERSION = 1

Book = tuple[Card, ...]  # sorted by (filename, sha256), one card for each


def encode_card(card: Card) -> bytes:
    """The card's stored bytes; equal cards give equal bytes."""
    return _card_encoder.encode(_wire(card))


def decode_card(data: bytes) -> Card:
    """Read a stored card. Raises Corrupt."""
    try:
        wire = _card_decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise Corrupt(f"a file's card does not parse: {error}") from error
    if wire.v != _VERSION:
        raise Corrupt(f"the card of {wire.filename} has format {wire.v}, this release reads {_VERSION}")
    return _card(wire)


def encode_book(book: Book) -> bytes:
    """The book's stored bytes, whatever the order of its cards."""
    return compress(_book_encoder.encode(_Book([_wire(card) for card in _sorted(book)])))


def decode_book(data: bytes, bytes_max: int = BOOK_BYTES_MAX) -> Book:
    """Read a stored book. Raises Corrupt."""
    try:
        wire = _book_decoder.decode(decompress(data, "a card book", bytes_max))
    except msgspec.MsgspecError as error:
        raise Corrupt(f"a card book does not parse: {error}") from error
    if wire.v != _VERSION:
        raise Corrupt(f"a card book has format {wire.v}, this release reads {_VERSION}")
    return tuple(_card(card) for card in wire.files)


def book_lacks(data: bytes, sha256: str) -> bool:
    """True when the stored book certainly has no file of that digest. Raises Corrupt.

    Costs a tenth of reading the book: made-up digests, which anybody can ask for, must not be dear.
    """
    plain = decompress(data, "a card book", BOOK_BYTES_MAX)
    return plain.endswith(b'"v":%d}' % _VERSION) and sha256.encode() not in plain


def merge_book(old: Book, new: Book) -> Book:
    """The union of both: every file either knows, with the newer facts where both know it."""
    cards = {_key(card): card for card in old}
    for card in new:
        known = cards.get(_key(card))
        cards[_key(card)] = merge_card(known, card) if known else card
    return _sorted(cards.values())


def merge_card(old: Card, new: Card) -> Card:
    """Newer facts win, but what was once known is never forgotten.

    A real upload time stays over one made up by us, and the first made-up one stays over later ones: cooldown by
    age must not restart because an upstream stopped telling.
    """
    assert _key(old) == _key(new), (old.filename, new.filename)
    time, is_ours = _upload_time(old, new)
    metadata_from = new.metadata_from or old.metadata_from
    if new.metadata_sha256 and not new.metadata_from:
        metadata_from = ""  # the upstream tells of it by itself
    has_metadata = new.has_metadata or (old.has_metadata and not new.metadata_sha256)
    return Card(
        index=new.index,
        project=new.project,
        filename=new.filename,
        sha256=new.sha256,
        size=old.size if new.size is None else new.size,
        upload_time=time,
        upload_time_is_ours=is_ours,
        metadata_sha256=new.metadata_sha256 or old.metadata_sha256,
        has_metadata=has_metadata and metadata_from != "none",
        metadata_from=metadata_from,
        provenance_sha256=new.provenance_sha256 or old.provenance_sha256,
        upstream_urls=tuple(dict.fromkeys(new.upstream_urls + old.upstream_urls)),
        deleted=new.deleted,
        provenance_url=new.provenance_url or old.provenance_url,
    )


def _upload_time(old: Card, new: Card) -> tuple[datetime | None, bool]:
    if new.upload_time is not None and not new.upload_time_is_ours:
        return new.upload_time, False
    if old.upload_time is not None:
        return old.upload_time, old.upload_time_is_ours
    return new.upload_time, new.upload_time_is_ours


def _key(card: Card) -> tuple[str, str]:
    return card.filename, card.sha256


def _sorted(cards: Iterable[Card]) -> Book:
    return tuple(sorted(cards, key=_key))


class _Card(msgspec.Struct, frozen=True, omit_defaults=True, rename="kebab", gc=False):
    index: str
    project: str
    filename: str
    sha256: str
    size: int | None = None
    upload_time: datetime | None = None
    upload_time_is_ours: bool = False
    metadata_sha256: str = ""
    has_metadata: bool = False
    metadata_from: MetadataOrigin = ""
    provenance_sha256: str = ""
    upstream_urls: tuple[str, ...] = ()
    deleted: bool = False
    provenance_url: str = ""
    v: int = _VERSION


class _Book(msgspec.Struct, frozen=True):
    files: list[_Card]
    v: int = _VERSION


_card_encoder = msgspec.json.Encoder()
_card_decoder = msgspec.json.Decoder(_Card)
_book_encoder = msgspec.json.Encoder()
_book_decoder = msgspec.json.Decoder(_Book)


def _wire(card: Card) -> _Card:
    return _Card(
        card.index,
        card.project,
        card.filename,
        card.sha256,
        card.size,
        card.upload_time.astimezone(UTC) if card.upload_time else None,
        card.upload_time_is_ours,
        card.metadata_sha256,
        card.has_metadata,
        card.metadata_from,
        card.provenance_sha256,
        card.upstream_urls,
        card.deleted,
        card.provenance_url,
    )


def _card(wire: _Card) -> Card:
    return Card(
        wire.index,
        wire.project,
        wire.filename,
        wire.sha256,
        wire.size,
        wire.upload_time,
        wire.upload_time_is_ours,
        wire.metadata_sha256,
        wire.has_metadata,
        wire.metadata_from,
        wire.provenance_sha256,
        wire.upstream_urls,
        wire.deleted,
        wire.provenance_url,
    )
