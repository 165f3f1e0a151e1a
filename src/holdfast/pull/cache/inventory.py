"""Every object under `pulled/` with its size and the minute of its last use, in memory (about 190 bytes for each).

One thread owns it. It is written down now and then, and held against a listing of the store: what the listing knows is
what is there, what is written down is only how lately it was used.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from holdfast.core.errors import Corrupt
from holdfast.tree.compressed import compress, decompress

Object = tuple[str, str, str]  # upstream, kind ("file", "metadata", "page"), digest or name
Group = tuple[str, str]  # upstream, kind
_What = str | bytes  # a digest as bytes, or a name

SIZE_BITS = 38  # 256 GiB; with the minute above them a number of 64 bits lasts until 2097
_SIZE_MASK = (1 << SIZE_BITS) - 1
DOCUMENT_BYTES_MAX = 1024 * 1024 * 1024


@dataclass(slots=True)
class Sum:
    """Objects and their bytes."""

    objects: int = 0
    bytes: int = 0

    def add(self, size: int, objects: int = 1) -> None:
        self.objects += objects
        self.bytes += size


class Inventory:
    """Objects by upstream and kind. Minutes are those since the epoch."""

    def __init__(self) -> None:
        self._groups: dict[Group, dict[_What, int]] = {}
        self._sums: dict[Group, Sum] = {}
        self._came: set[Object] | None = None  # since a listing began; None while there is none
        self._went: set[Object] = set()

    def note(self, key: Object, size: int, minute: int) -> None:
        """The object was written."""
        group, what = _place(key)
        entries, total = self._groups.setdefault(group, {}), self._sums.setdefault(group, Sum())
        before = entries.get(what)
        if before is not None:
            total.add(-(before & _SIZE_MASK), -1)
        entries[what] = _packed(size, minute)
        total.add(min(size, _SIZE_MASK))
        if self._came is not None:
            self._came.add(key)
            self._went.discard(key)

    def forget(self, key: Object) -> None:
        """The object is gone."""
        group, what = _place(key)
        before = self._groups.get(group, {}).pop(what, None)
        if before is not None:
            self._sums[group].add(-(before & _SIZE_MASK), -1)
        if self._came is not None:
            self._came.discard(key)
            self._went.add(key)

    def touch(self, key: Object, minute: int) -> None:
        """The object was used then. One that is not known is not there."""
        group, what = _place(key)
        entries = self._groups.get(group)
        before = entries.get(what) if entries is not None else None
        if entries is not None and before is not None and minute > before >> SIZE_BITS:
            entries[what] = _packed(before & _SIZE_MASK, minute)

    def used(self, key: Object) -> int | None:
        """The minute of its last use; None for an object that is not there."""
        group, what = _place(key)
        found = self._groups.get(group, {}).get(what)
        return None if found is None else found >> SIZE_BITS

    def size(self, key: Object) -> int | None:
        """Its bytes; None for an object that is not there."""
        group, what = _place(key)
        found = self._groups.get(group, {}).get(what)
        return None if found is None else found & _SIZE_MASK

    def sums(self) -> dict[Group, Sum]:
        """What there is, by upstream and kind."""
        return {group: Sum(total.objects, total.bytes) for group, total in self._sums.items()}

    @property
    def size_bytes(self) -> int:
        return sum(total.bytes for total in self._sums.values())

    @property
    def objects(self) -> int:
        return sum(total.objects for total in self._sums.values())

    def walk(self) -> Iterator[tuple[Object, int, int]]:
        """Every object with its size and minute. Nothing may be changed meanwhile."""
        for (upstream, kind), entries in self._groups.items():
            for what, packed in entries.items():
                name = what.hex() if isinstance(what, bytes) else what
                yield (upstream, kind, name), packed & _SIZE_MASK, packed >> SIZE_BITS

    def begin_listing(self) -> None:
        """From now on, note what comes and goes: the listing may have passed it already."""
        self._came, self._went = set(), set()

    def end_listing(self, found: "Inventory") -> None:
        """Take over what the store has; known uses stay, and so does what came or went meanwhile."""
        came, went = self._came or set(), self._went
        self._came, self._went = None, set()
        for key in came:
            size, minute = self.size(key), self.used(key)
            if size is not None and minute is not None:
                found.note(key, size, minute)
        for key in went:
            found.forget(key)
        for group, entries in found._groups.items():
            known = self._groups.get(group, {})
            for what, packed in entries.items():
                before = known.get(what)
                if before is not None:
                    entries[what] = _packed(packed & _SIZE_MASK, before >> SIZE_BITS)
        self._groups, self._sums = found._groups, found._sums

    def encode(self) -> bytes:
        """The whole as one document."""
        parts = [
            _Part(upstream, kind, _joined(kind, entries), array("Q", entries.values()).tobytes())
            for (upstream, kind), entries in self._groups.items()
        ]
        return compress(_encoder.encode(parts))

    @classmethod
    def decode(cls, data: bytes) -> "Inventory":
        """Read `encode`'s document. Raises Corrupt."""
        made = cls()
        try:
            for part in _decoder.decode(decompress(data, "the inventory", DOCUMENT_BYTES_MAX)):
                numbers = array("Q", part.numbers)
                entries: dict[_What, int] = dict(zip(_apart(part.kind, part.names), numbers, strict=True))
                made._groups[part.upstream, part.kind] = entries
                total = sum(number & _SIZE_MASK for number in numbers)
                made._sums[part.upstream, part.kind] = Sum(len(entries), total)
        except (msgspec.MsgspecError, ValueError) as error:
            raise Corrupt(f"the inventory does not parse: {error}") from error
        return made


class _Part(msgspec.Struct, frozen=True, array_like=True):
    upstream: str
    kind: str
    names: bytes  # digests of 32 bytes, or names with a line end behind each
    numbers: bytes  # 8 bytes for each, of this machine's order


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[_Part])


def encode_uses(uses: Mapping[Object, int]) -> bytes:
    """Objects with the minute of their use, in the same form; sizes are left out."""
    made = Inventory()
    for key, minute in uses.items():
        made.note(key, 0, minute)
    return made.encode()


def decode_uses(data: bytes) -> Iterable[tuple[Object, int]]:
    """Read them. Raises Corrupt."""
    return [(key, minute) for key, _, minute in Inventory.decode(data).walk()]


def _packed(size: int, minute: int) -> int:
    return (minute << SIZE_BITS) | min(size, _SIZE_MASK)


def _place(key: Object) -> tuple[Group, _What]:
    upstream, kind, what = key
    return (upstream, kind), what if kind == "page" else bytes.fromhex(what)


def _joined(kind: str, entries: Mapping[_What, int]) -> bytes:
    if kind == "page":
        return "".join(f"{name}\n" for name in entries if isinstance(name, str)).encode()
    return b"".join(what for what in entries if isinstance(what, bytes))


def _apart(kind: str, names: bytes) -> list[_What]:
    if kind == "page":
        return list(names.decode().splitlines())
    return [names[start : start + 32] for start in range(0, len(names), 32)]
