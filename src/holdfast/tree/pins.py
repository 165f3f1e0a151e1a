"""Pins: what operators want kept of upstreams, whatever is evicted. One object per pin, in the tree.

A pin names projects (some versions, or all) or the very files of a lock. It keeps what is there; it fetches nothing.
"""

import re
from datetime import datetime
from pathlib import Path

import msgspec

from holdfast.core.errors import Absent, Corrupt
from holdfast.core.names import is_filename, is_normalized, is_sha256
from holdfast.store.port import Store
from holdfast.tree import addresses

NAME_CHARS_MAX = 200
_FILE_CHARS_MAX = 100  # of a name that comes from a file


class PinnedProject(msgspec.Struct, frozen=True):
    """A project's page, and its files of these versions (normalised PEP 440); () = of every version."""

    project: str  # normalised
    versions: tuple[str, ...] = ()


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """One pin. `upstream` "" = whichever has it."""

    name: str
    projects: tuple[PinnedProject, ...] = ()
    pages: tuple[str, ...] = ()  # projects whose page stays, besides
    sha256: tuple[str, ...] = ()  # of files
    upstream: str = ""
    by: str = ""
    at: datetime


def put_pin(store: Store, pin: Pin) -> None:
    """Put the pin in force, in place of an older one of its name. Raises Unavailable."""
    assert is_pin_name(pin.name), pin.name
    assert all(map(is_normalized, (*pin.pages, *(p.project for p in pin.projects)))), pin
    assert all(map(is_sha256, pin.sha256)), pin
    store.put(addresses.pin(pin.name), _encoder.encode(pin))


def drop_pin(store: Store, name: str) -> bool:
    """Take the pin back; False when there is none of that name. Raises Unavailable."""
    try:
        store.head(addresses.pin(name))
    except Absent:
        return False
    store.delete(addresses.pin(name))
    return True


def read_pins(store: Store) -> list[Pin]:
    """Every pin, by name. Raises Unavailable, Corrupt: an unknown pin must not read as none."""
    found = []
    for info in store.list(addresses.PIN_PREFIX):
        try:
            found.append(_decoder.decode(store.get(info.key)))
        except Absent:
            continue  # taken back at this moment
        except msgspec.MsgspecError as error:
            raise Corrupt(f"the pin {info.key} does not parse: {error}") from error
    return found


def pins_version(store: Store) -> tuple[tuple[str, str], ...]:
    """Changes whenever a pin does. Raises Unavailable."""
    return tuple((info.key, info.version) for info in store.list(addresses.PIN_PREFIX))


def is_pin_name(name: str) -> bool:
    """Whether a pin may be called that: as a file may."""
    return is_filename(name) and len(name) <= NAME_CHARS_MAX


def pin_name_of(file: Path) -> str:
    """The file's folder and its name, so that two projects' requirements.txt are two pins."""
    folder = file.absolute().parent.name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{folder}-{file.name}").strip("-.")[:_FILE_CHARS_MAX] or "file"


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Pin)
