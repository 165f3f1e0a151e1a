"""fsck's look at the tree's instance document, and its repair: only where nothing else can have been there.

Marker and database know its content. A store without it may as well be the wrong one, so the journal must say, too,
whose it is before anything is written.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Protocol

import msgspec

from holdfast.config import Config
from holdfast.control.database import DatabaseUnavailable, database_guard
from holdfast.control.instance import Marker, has_rows, read_marker
from holdfast.control.publication.models import Instance
from holdfast.control.publication.transaction import current_serial
from holdfast.core.errors import Absent, Corrupt, Outcome
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.chunk import read_chunk
from holdfast.tree.instance import TREE_FORMAT, InstanceDocument, read_instance, write_instance
from holdfast.tree.journal import read_segment
from holdfast.tree.numbered import numbers

WITNESSES_MAX = 20  # newest segments and chunks looked at; damaged ones say nothing


class Findings(Protocol):
    """Where findings go."""

    def finding(self, text: str) -> None: ...

    def repair(self, text: str) -> None: ...


def check_identity(config: Config, store: Store, report: Findings, *, repair: bool) -> bool:
    """Tell of a lost or damaged document, or write it again. False when the tree cannot be read on.

    Raises NotInitialised without a marker, Corrupt for a tree of a newer release, Unavailable.
    """
    wrong = _wrong_with(store)
    if not wrong:
        return True
    marker = read_marker(config)
    if refusal := _refusal(config, store, marker):
        report.finding(f"{addresses.INSTANCE} {wrong}, and is not written again: {refusal}")
        return False
    if not repair:
        report.finding(f"{addresses.INSTANCE} {wrong}: `holdfast fsck --repair` writes it again")
        return False
    write_instance(store, _document(marker))
    report.repair(f"wrote {addresses.INSTANCE} again, which {wrong}")
    return True


def _wrong_with(store: Store) -> str:
    try:
        msgspec.json.decode(store.get(addresses.INSTANCE), type=InstanceDocument)
    except Absent:
        return "is missing"
    except (msgspec.MsgspecError, Corrupt):
        return "is damaged"
    read_instance(store)  # a newer format is no damage
    return ""


def _refusal(config: Config, store: Store, marker: Marker) -> str:
    """Why nobody can be sure whose tree it was, and the next step; "" when marker, database and journal agree."""
    try:
        known, is_used = _of_database(config)
    except Outcome as error:
        document = msgspec.json.encode(_document(marker)).decode()
        return (
            f"the database cannot say whose tree it is ({error.reason}). Bring the database back first, or put the"
            f" document back from a copy of the store; when you are sure of the store, it is {document}"
        )
    if known != marker.instance:
        return (
            f"{config.marker} says instance {marker.instance}, the database {known}: one of them is another instance's;"
            " put the right one in its place"
        )
    witness = next(_witnesses(store), "")
    if witness != marker.instance and (witness or is_used):
        said = f"of instance {witness}" if witness else "empty"
        return (
            f"the journal there is {said}, not of {marker.instance}; put the right store in its place (HOLDFAST_STORE)"
        )
    return ""


def _document(marker: Marker) -> InstanceDocument:
    return InstanceDocument(marker.instance, TREE_FORMAT, marker.created)


def _of_database(config: Config) -> tuple[str, bool]:
    """Its instance, and whether anything was ever published from it. Raises DatabaseUnavailable."""
    if not has_rows(config):
        raise DatabaseUnavailable("there is none")
    is_used = current_serial() > 0
    with database_guard():
        return Instance.objects.values_list("instance", flat=True).filter(pk=1).first() or "none", is_used


def _witnesses(store: Store) -> Iterator[str]:
    """The instances that the newest readable pieces of the journal name, newest first."""
    segments = sorted(numbers(store, addresses.JOURNAL_PREFIX, addresses.segment), reverse=True)
    for serial in islice(segments, WITNESSES_MAX):
        try:
            yield read_segment(store, serial).instance
        except (Absent, Corrupt):
            continue
    chunks = sorted(numbers(store, addresses.CHUNK_PREFIX, addresses.chunk), reverse=True)
    for number in islice(chunks, WITNESSES_MAX):
        try:
            yield read_chunk(store, number).segments[-1].instance
        except (Absent, Corrupt):
            continue
