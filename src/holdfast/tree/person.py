"""What everybody may know of a person or an organisation: on which projects they have which role.

A document of its own, written from the database's rows whenever they say something else (control/people_pages.py), so
that their pages need no database. Each is a new object under the serial it was written at; the highest one counts.
A tree without any is whole: those pages are then not there yet. An organisation's also keeps, for a database that is
restored, who has a place there, as digests: that is on no page, and a release that does not know it reads past it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal
from urllib.parse import quote

import msgspec
import structlog

from holdfast.core.errors import Absent, Conflict, Corrupt
from holdfast.store.port import Store
from holdfast.tree import addresses

log = structlog.get_logger(__name__)

Kind = Literal["user", "org"]
SEGMENT_CHARS_MAX = 200
DIGEST_CHARS = 20  # 80 bits: no two persons of an organisation meet
KEPT = 2  # objects of one person: whoever reads just now may have chosen the one before


class Part(msgspec.Struct, frozen=True):
    """A project, and what the person is to it. An organisation holds its projects: `role` is "holder"."""

    index: str
    name: str  # normalised
    role: str


class Person(msgspec.Struct, frozen=True):
    """A person or an organisation."""

    name: str
    display: str
    parts: tuple[Part, ...] = ()  # sorted
    v: int = 1
    members: tuple[str, ...] | None = None  # member_digest() of all of an organisation's, sorted; None: not told


def member_digest(organisation: str, user: str) -> str:
    """What stands for somebody's place in an organisation: no list of names for whoever reads the store."""
    return sha256(f"{organisation}/{user}".encode()).hexdigest()[:DIGEST_CHARS]


@dataclass(frozen=True, slots=True)
class Stored:
    """A person as the object under that key has it."""

    key: str
    person: Person


def read_person(store: Store, kind: Kind, name: str) -> Person:
    """The newest word. Raises Absent, Unavailable, Corrupt."""
    for _ in range(KEPT + 1):
        keys = _keys(store, kind, name)
        if not keys:
            raise Absent("nobody of that name has a page here")
        try:
            return _decode(store.get(keys[-1]), name)
        except Absent:
            continue  # a newer one took its place between two looks
    raise Absent("nobody of that name has a page here")


def put_person(store: Store, kind: Kind, person: Person, serial: int) -> str:
    """Store what is known at `serial`, and answer under which key; "" when that, or something newer, is stored already.

    What is damaged is overruled. Raises Unavailable.
    """
    keys = _keys(store, kind, person.name)
    newest = place_of(keys[-1]) if keys else (0, -1)
    if newest[0] > serial:
        return ""  # by somebody who knew more
    if keys and _is_stored(store, keys[-1], person):
        return ""
    number = newest[1] + 1 if newest[0] == serial else 0
    made = addresses.person(kind, _segment(person.name), serial, number)
    try:
        store.put(made, _encode(person), create=True)
    except Conflict:
        return ""  # another writer was faster; the next round compares again
    for key in keys[: len(keys) - KEPT + 1]:
        store.delete(key)
    return made


def everybody(store: Store, kind: Kind, known: Iterable[Stored] = ()) -> Iterator[Stored]:
    """Whoever ever had a document, as last told, without those whose is damaged. What is `known` is not read again.

    Raises Unavailable.
    """
    read = {one.key: one for one in known}
    prefix = addresses.persons(kind)
    newest: dict[str, str] = {}
    for info in store.list(prefix):
        newest[info.key.removeprefix(prefix).partition("/")[0]] = info.key
    for key in newest.values():
        if key in read:
            yield read[key]
            continue
        try:
            yield Stored(key, _decode(store.get(key)))
        except Absent:
            continue  # a newer one took its place: whoever wrote that knows
        except Corrupt as error:
            log.error("a person's document is damaged, and is written again: %s", error.reason, key=key)


def damaged_documents(store: Store) -> list[tuple[str, str]]:
    """(key, what is wrong) of every document that cannot be read, for fsck. Raises Unavailable."""
    found = []
    for info in list(store.list(addresses.PERSON_PREFIX)):
        try:
            _decode(store.get(info.key))
        except Absent:
            continue
        except Corrupt as error:
            found.append((info.key, error.reason))
    return found


def _is_stored(store: Store, key: str, person: Person) -> bool:
    try:
        return _decode(store.get(key), person.name) == person
    except (Absent, Corrupt):
        return False


def _segment(name: str) -> str:
    """A name as one segment of a key, whatever is in it; never `.` or `..`, and no longer than a file's name may be."""
    quoted = f"~{quote(name, safe='')}"
    return quoted if len(quoted) <= SEGMENT_CHARS_MAX else f"~{sha256(name.encode()).hexdigest()}"


def _keys(store: Store, kind: Kind, name: str) -> list[str]:
    return [info.key for info in store.list(f"{addresses.persons(kind)}{_segment(name)}/")]


def place_of(key: str) -> tuple[int, int]:
    """The serial at which a document was true, and its number among those of that serial."""
    serial, _, number = key.rpartition("/")[2].removesuffix(".json").partition("-")
    return int(serial), int(number)


def _encode(person: Person) -> bytes:
    return msgspec.json.encode(person)


def _decode(data: bytes, name: str = "") -> Person:
    try:
        person = msgspec.json.decode(data, type=Person)
    except msgspec.MsgspecError as error:
        raise Corrupt(f"what is stored of {name or 'somebody'} does not parse: {error}") from error
    if name and person.name != name:
        raise Corrupt(f"what is stored of {name} is of {person.name}")
    return person
