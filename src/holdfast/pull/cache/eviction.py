"""What leaves when there is too much: the least recently used files and metadata, never what is pinned.

Pages leave last and only when nobody used them for a month: without its page a project cannot be resolved while its
upstream is down, and pages are small. Cards and card books are not here at all: URLs given out stay resolvable.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from holdfast.pull.cache.inventory import Inventory, Object

EVICT_TO = 0.95  # of the bound, so that each round is worth its walk
PAGE_UNUSED_MINUTES = 30 * 24 * 60


@dataclass(frozen=True, slots=True)
class Victim:
    """An object that may leave, as it was when it was chosen."""

    key: Object
    size: int
    minute: int  # of its last use


def choose(inventory: Inventory, pinned: Collection[Object], bytes_to_free: int, now_minute: int) -> list[Victim]:
    """The least recently used objects of at least that many bytes together, or as many as may leave.

    Two walks instead of a sort: a sort of a million entries would hold the interpreter for a second.
    """
    if bytes_to_free <= 0:
        return []
    by_minute: dict[int, int] = {}
    for key, size, minute in inventory.walk():
        if key[1] != "page" and key not in pinned:
            by_minute[minute] = by_minute.get(minute, 0) + size
    last, reached = -1, 0
    for minute in sorted(by_minute):
        if reached >= bytes_to_free:
            break
        last, reached = minute, reached + by_minute[minute]
    found = sorted(_not_after(inventory, pinned, last), key=lambda victim: (victim.minute, victim.key))
    if reached < bytes_to_free:
        found += _old_pages(inventory, pinned, now_minute - PAGE_UNUSED_MINUTES)
    return list(_enough(found, bytes_to_free))


def unused_since(inventory: Inventory, pinned: Collection[Object], minute: int) -> list[Victim]:
    """Files and metadata that nobody used after that minute."""
    return sorted(_not_after(inventory, pinned, minute), key=lambda victim: (victim.minute, victim.key))


def of_keys(inventory: Inventory, pinned: Collection[Object], keys: Collection[Object]) -> list[Victim]:
    """Those of the objects that are there and may leave."""
    found = []
    for key in keys:
        size, minute = inventory.size(key), inventory.used(key)
        if size is not None and minute is not None and key not in pinned:
            found.append(Victim(key, size, minute))
    return found


def still_unused(inventory: Inventory, pinned: Collection[Object]) -> Callable[[Victim], bool]:
    """Whether a victim is as it was chosen: somebody may have come for it, or pinned it, meanwhile."""
    return lambda victim: victim.key not in pinned and inventory.used(victim.key) == victim.minute


def _not_after(inventory: Inventory, pinned: Collection[Object], minute: int) -> Iterator[Victim]:
    for key, size, used in inventory.walk():
        if used <= minute and key[1] != "page" and key not in pinned:
            yield Victim(key, size, used)


def _old_pages(inventory: Inventory, pinned: Collection[Object], minute: int) -> list[Victim]:
    found = [
        Victim(key, size, used)
        for key, size, used in inventory.walk()
        if used <= minute and key[1] == "page" and key not in pinned
    ]
    return sorted(found, key=lambda victim: (victim.minute, victim.key))


def _enough(found: list[Victim], bytes_to_free: int) -> Iterator[Victim]:
    for victim in found:
        if bytes_to_free <= 0:
            return
        yield victim
        bytes_to_free -= victim.size
