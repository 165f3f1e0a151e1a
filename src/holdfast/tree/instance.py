"""The instance document: which instance a tree belongs to. Written once, compared for ever.

A tree whose document is missing is not an empty index: it is a store that was never set up, or the wrong folder.
"""

from datetime import datetime

import msgspec

from holdfast.core.errors import Absent, Conflict, Corrupt, Unavailable
from holdfast.store.port import Store
from holdfast.tree import addresses

TREE_FORMAT = 1


class InstanceDocument(msgspec.Struct, frozen=True, rename="kebab"):
    """The one identity a tree and its database share."""

    instance: str
    format: int
    created: datetime  # aware UTC


def create_instance(store: Store, document: InstanceDocument) -> None:
    """Make an empty store this instance's tree; again with the same id is fine. Raises Conflict, Unavailable."""
    try:
        store.put(addresses.INSTANCE, msgspec.json.encode(document), create=True)
    except Conflict:
        found = read_instance(store)
        if found.instance != document.instance:
            raise Conflict(f"the store already holds the tree of instance {found.instance}") from None


def write_instance(store: Store, document: InstanceDocument) -> None:
    """Put a lost or damaged document back; who calls it knows whose tree it is. Raises Unavailable."""
    store.put(addresses.INSTANCE, msgspec.json.encode(document))


def read_instance(store: Store) -> InstanceDocument:
    """The tree's identity. Raises Unavailable when there is none, Corrupt when it is not readable by this release."""
    try:
        data = store.get(addresses.INSTANCE)
    except Absent:
        raise Unavailable(
            "the store holds no published tree: it is empty, or it is the wrong one; where its instance document alone"
            " is lost, `holdfast fsck --repair` writes it again"
        ) from None
    try:
        document = msgspec.json.decode(data, type=InstanceDocument)
    except msgspec.MsgspecError as error:
        raise Corrupt(
            f"the tree's instance document does not parse: {error}; `holdfast fsck --repair` writes it again"
        ) from error
    if document.format > TREE_FORMAT:
        raise Corrupt(f"the tree has format {document.format}, this release reads up to {TREE_FORMAT}")
    return document
