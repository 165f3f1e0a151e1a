"""Objects whose keys count: segments, chunks, checkpoints, changes, audit heads, standing. The rest is not ours.

A copy that was cut off, an editor or a tool leaves such objects behind. Nobody who reads a tree may stumble over them.
"""

from collections.abc import Callable, Iterator

from holdfast.store.port import Store
from holdfast.tree import addresses

Address = Callable[[int], str]
DIGITS_MAX = 19  # no counter of ours comes near; int() of more would cost time for nothing
COUNTED: tuple[tuple[str, Address], ...] = (
    (addresses.JOURNAL_PREFIX, addresses.segment),
    (addresses.CHUNK_PREFIX, addresses.chunk),
    (addresses.CHECKPOINT_PREFIX, addresses.checkpoint),
    (addresses.OVERRIDES_PREFIX, addresses.overrides),
    (addresses.AUDIT_PREFIX, addresses.audit_head),
    (addresses.STANDING_PREFIX, addresses.standing),
)


def numbers(store: Store, prefix: str, address: Address, after: str = "") -> Iterator[int]:
    """The numbers of all objects below `prefix` that `address` names, in key order. Raises Unavailable."""
    for info in store.list(prefix, after):
        if (number := _number(info.key, address)) is not None:
            yield number


def strangers(store: Store) -> list[str]:
    """The keys of objects that lie among those that are counted, and are none of them. Raises Unavailable."""
    return [
        info.key for prefix, address in COUNTED for info in store.list(prefix) if _number(info.key, address) is None
    ]


def _number(key: str, address: Address) -> int | None:
    digits = key.rpartition("/")[2].partition(".")[0]
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= DIGITS_MAX):
        return None
    try:
        return int(digits) if address(int(digits)) == key else None
    except AssertionError:  # an address that begins with 1 names nothing for 0
        return None
