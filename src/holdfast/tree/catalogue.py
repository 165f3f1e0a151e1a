"""What an index has by classifier, and what is newest in it: derived from records, so that no front reads them all.

`work` writes it from records and core metadata whenever a record changed (control/cataloguing.py); a front reads it
when somebody browses, or follows a feed, and never for an install. It may be lost: it is then made again.

Each is a new object under the serial it was written at; the newest counts. Lists are columns of numbers, as a
hundred thousand projects have millions of classifiers: in that form they need some megabytes, and no decoding.
"""

import re
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from holdfast.core.errors import Absent, Conflict, Corrupt
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.compressed import compress, decompress

CATALOGUE_BYTES_MAX = 256 * 1024 * 1024  # unfolded; 600,000 projects of 20 classifiers need a quarter of it
CLASSIFIERS_MAX = 4000  # different ones told of an index, the most used: there are below a thousand official ones
CLASSIFIER_CHARS_MAX = 200
OF_A_PROJECT_MAX = 200  # classifiers
RELEASES_KEPT = 100  # in the feed of releases, as on the public index
PROJECTS_KEPT = 40  # in the feed of projects, as there
_KEY = re.compile(r"/[0-9]{12,}-[0-9]{4,}\.zst\Z")  # of addresses.catalogue; what else lies there is not ours
KEPT = 2  # objects of one index: whoever reads just now may have chosen the one before
DIGEST_BYTES = 8  # of a record's digest: enough to see that it is another one
_VERSION = 1


class Released(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line of a feed."""

    name: str  # normalised
    display: str
    version: str
    summary: str
    at: int  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Facts:
    """What is told of one project."""

    record: bytes  # how its record's digest begins
    created: int  # seconds since 1970: its first upload ever known
    uploaded: int  # its newest
    classifiers: tuple[str, ...] = ()  # of its newest version


class Catalogue(msgspec.Struct, frozen=True):
    """An index by classifier. Numbers of projects are places in `names`; columns are little-endian."""

    index: str
    names: str = ""  # normalised, sorted, one a line
    records: bytes = b""  # DIGEST_BYTES of each
    created: bytes = b""  # four bytes of each
    uploaded: bytes = b""
    classifiers: tuple[str, ...] = ()  # sorted
    members: tuple[bytes, ...] = ()  # of each classifier the numbers of its projects, ascending
    releases: tuple[Released, ...] = ()  # the newest first
    projects: tuple[Released, ...] = ()
    waiting: int = 0  # projects that were not read yet
    v: int = _VERSION

    def project_names(self) -> list[str]:
        return self.names.split("\n") if self.names else []


def make(
    index: str,
    facts: Mapping[str, Facts],
    releases: Sequence[Released] = (),
    projects: Sequence[Released] = (),
    waiting: int = 0,
) -> Catalogue:
    """The catalogue of these projects."""
    names = sorted(facts)
    members: dict[str, array[int]] = {}
    for number, name in enumerate(names):
        for classifier in facts[name].classifiers:
            members.setdefault(classifier, array("I")).append(number)
    most_used = sorted(members, key=lambda one: (-len(members[one]), one))[:CLASSIFIERS_MAX]
    told = sorted(most_used)
    return Catalogue(
        index,
        "\n".join(names),
        b"".join(facts[name].record for name in names),
        column(facts[name].created for name in names),
        column(facts[name].uploaded for name in names),
        tuple(told),
        tuple(_portable(members[one]) for one in told),
        tuple(releases[:RELEASES_KEPT]),
        tuple(projects[:PROJECTS_KEPT]),
        waiting,
    )


def facts_of(catalogue: Catalogue) -> dict[str, Facts]:
    """What a catalogue says of each project, by name: where its next writer starts from."""
    names = catalogue.project_names()
    told: list[list[str]] = [[] for _ in names]
    for classifier, members in zip(catalogue.classifiers, catalogue.members, strict=True):
        for number in numbers(members):
            told[number].append(classifier)
    records = [catalogue.records[at : at + DIGEST_BYTES] for at in range(0, len(catalogue.records), DIGEST_BYTES)]
    created, uploaded = numbers(catalogue.created), numbers(catalogue.uploaded)
    return {
        name: Facts(records[number], created[number], uploaded[number], tuple(told[number]))
        for number, name in enumerate(names)
    }


def column(values: Iterable[int]) -> bytes:
    """Numbers below 2**32 as they are stored."""
    return _portable(array("I", values))


def numbers(stored: bytes) -> "array[int]":
    """What `column` stored."""
    found = array("I")
    found.frombytes(stored)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def newest_key(store: Store, index: str) -> str:
    """Where the newest one is, "" when there is none. Raises Unavailable."""
    keys = _keys(store, index)
    return keys[-1] if keys else ""


def read_catalogue(store: Store, index: str) -> tuple[str, Catalogue]:
    """The newest and its key. Raises Absent, Unavailable, Corrupt."""
    for _ in range(KEPT + 1):
        key = newest_key(store, index)
        if not key:
            break
        try:
            return key, decode_catalogue(store.get(key), index)
        except Absent:
            continue  # a newer one took its place between two looks
    raise Absent(f"no catalogue of {index} was written yet")


def put_catalogue(store: Store, catalogue: Catalogue, serial: int) -> bool:
    """Store what is known at `serial`, unless somebody who knew more did; True when it wrote. Raises Unavailable."""
    keys = _keys(store, catalogue.index)
    newest = _place(keys[-1]) if keys else (0, -1)
    if newest[0] > serial:
        return False
    number = newest[1] + 1 if newest[0] == serial else 0
    try:
        key = addresses.catalogue(catalogue.index, serial, number)
        store.put(key, encode_catalogue(catalogue), create=True)
    except Conflict:
        return False  # another writer was faster; the next round compares again
    for key in keys[: len(keys) - KEPT + 1]:
        store.delete(key)
    return True


def encode_catalogue(catalogue: Catalogue) -> bytes:
    return compress(msgspec.msgpack.encode(catalogue))


def decode_catalogue(data: bytes, index: str) -> Catalogue:
    """Read a stored catalogue. Raises Corrupt for one that does not hold together."""
    try:
        unfolded = decompress(data, f"the catalogue of {index}", CATALOGUE_BYTES_MAX)
        found = msgspec.msgpack.decode(unfolded, type=Catalogue)
    except msgspec.MsgspecError as error:
        raise Corrupt(f"the catalogue of {index} does not parse: {error}") from error
    count = found.names.count("\n") + 1 if found.names else 0
    columns = {len(found.created), len(found.uploaded), len(found.records) * 4 // DIGEST_BYTES}
    if found.v != _VERSION or found.index != index or columns != {4 * count}:
        raise Corrupt(f"the catalogue of {index} does not hold together")
    if len(found.members) != len(found.classifiers) or not all(_are_places(one, count) for one in found.members):
        raise Corrupt(f"the catalogue of {index} has classifiers of projects that are not in it")
    return found


def _are_places(stored: bytes, count: int) -> bool:
    return len(stored) % 4 == 0 and max(numbers(stored), default=0) < max(count, 1)


def _portable(values: "array[int]") -> bytes:
    assert values.itemsize == 4, values.itemsize
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def _keys(store: Store, index: str) -> list[str]:
    return [info.key for info in store.list(addresses.catalogues(index)) if _KEY.search(info.key)]


def _place(key: str) -> tuple[int, int]:
    serial, _, number = key.rpartition("/")[2].removesuffix(".zst").partition("-")
    return int(serial), int(number)
