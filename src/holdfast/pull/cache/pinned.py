"""Which objects the pins keep. If that cannot be known, nobody may evict."""

from collections.abc import Iterator, Sequence

from holdfast.core.errors import Absent
from holdfast.core.filenames import parse_filename, version_key
from holdfast.core.model import Card
from holdfast.pull.cache.inventory import Object
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.card import Book, decode_book
from holdfast.tree.pins import Pin, pins_version, read_pins


class Pinned:
    """The pinned objects, resolved again when a pin or a card book of a pinned project changed. One thread owns it."""

    def __init__(self, store: Store, upstreams: Sequence[str]) -> None:
        self.objects: frozenset[Object] = frozenset()
        self.pins = 0
        self._store = store
        self._upstreams = tuple(upstreams)
        self._pins: list[Pin] = []
        self._version: object = None
        self._books: dict[tuple[str, str], str] = {}  # (upstream, project) -> version of its book

    def look(self) -> None:
        """Take in what changed. Raises Unavailable, Corrupt; what was known stays."""
        version = pins_version(self._store)
        if version != self._version:
            self._pins = read_pins(self._store)
        books = {place: self._book_version(*place) for place in self._places()}
        if version != self._version or books != self._books:
            self.objects = frozenset(key for pin in self._pins for key in self._kept_by(pin))
            self._version, self._books, self.pins = version, books, len(self._pins)

    def files_of(self, upstream: str, project: str, versions: Sequence[str] = ()) -> list[str]:
        """The digests of every file the upstream ever listed for these versions. Raises Unavailable, Corrupt."""
        return [card.sha256 for card in self._book(upstream, project) if card.sha256 and _is_of(card, versions)]

    def _places(self) -> Iterator[tuple[str, str]]:
        for pin in self._pins:
            for pinned in pin.projects:
                for upstream in self._upstreams_of(pin):
                    yield upstream, pinned.project

    def _kept_by(self, pin: Pin) -> Iterator[Object]:
        for upstream in self._upstreams_of(pin):
            digests = list(pin.sha256)
            for project in pin.pages:
                yield upstream, "page", project
            for pinned in pin.projects:
                yield upstream, "page", pinned.project
                digests += self.files_of(upstream, pinned.project, pinned.versions)
            for digest in digests:
                yield upstream, "file", digest
                yield upstream, "metadata", digest

    def _upstreams_of(self, pin: Pin) -> tuple[str, ...]:
        return (pin.upstream,) if pin.upstream else self._upstreams

    def _book(self, upstream: str, project: str) -> Book:
        try:
            return decode_book(self._store.get(addresses.card_book(upstream, project)))
        except Absent:
            return ()

    def _book_version(self, upstream: str, project: str) -> str:
        try:
            return self._store.head(addresses.card_book(upstream, project)).version
        except Absent:
            return ""


def _is_of(card: Card, versions: Sequence[str]) -> bool:
    if not versions:
        return True
    version = version_key(parse_filename(card.filename, card.project).version)
    return any(version == version_key(wanted) for wanted in versions)  # 1 is 1.0
