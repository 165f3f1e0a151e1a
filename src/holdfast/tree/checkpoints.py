"""The checkpoints of a store: which there are, which is the newest that can be read.

The pointer object is only a hint for readers that look whether a checkpoint passed them by: it saves a listing. The
truth is what lies under the checkpoint prefix.
"""

import mmap
from pathlib import Path

from holdfast.core.errors import Absent, Corrupt
from holdfast.store.port import Store
from holdfast.tree import addresses
from holdfast.tree.checkpoint import Checkpoint
from holdfast.tree.numbered import numbers


def newest_checkpoint(store: Store, instance: str) -> Checkpoint | None:
    """The newest readable checkpoint, or None without one. Raises Unavailable; Corrupt for another instance's."""
    for serial in reversed(checkpoint_serials(store)):
        try:
            found = open_checkpoint(store, serial)
        except (Absent, Corrupt):  # an older one and more of the journal say the same
            continue
        if found.instance != instance:
            raise Corrupt(f"checkpoint {serial} was written by instance {found.instance}, not {instance}")
        return found
    return None


def checkpoint_serials(store: Store) -> list[int]:
    """The serials of all stored checkpoints, oldest first. Raises Unavailable."""
    return list(numbers(store, addresses.CHECKPOINT_PREFIX, addresses.checkpoint))


def read_pointer(store: Store) -> int | None:
    """The serial the pointer names; None when it is missing or unreadable. Raises Unavailable."""
    try:
        text = store.get(addresses.CHECKPOINT_POINTER).strip()
    except Absent:
        return None
    return int(text) if text.isdigit() and len(text) < 20 else None


def open_checkpoint(store: Store, serial: int) -> Checkpoint:
    """Open a stored checkpoint, mapped where it is a local file. Raises Absent, Unavailable, Corrupt."""
    key = addresses.checkpoint(serial)
    path = store.local_path(key)
    data = store.get(key) if path is None else _map(store, key, path)
    found = Checkpoint(data)
    if found.serial != serial:
        raise Corrupt(f"checkpoint {serial} carries serial {found.serial}")
    return found


def _map(store: Store, key: str, path: Path) -> bytes | mmap.mmap:
    size = store.head(key).size  # the store tells Absent from Unavailable
    if size == 0:
        raise Corrupt(f"{key} is empty")
    try:
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    except OSError:  # deleted meanwhile, or a file system that cannot map: the store finds the right words
        return store.get(key)
