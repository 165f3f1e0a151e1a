"""What was made of each item of a list, kept until the next list: of ten thousand files of a project one is new.

Only for what is a pure function of the item and its place: remembering makes a list faster, and never another one.
"""

from collections.abc import Callable, Hashable, Sequence
from sys import getsizeof
from typing import Generic, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


class Remembered(Generic[Item, Made]):
    """`make`, of a list of items and the words of their place, which is asked for new items alone.

    Knows the items of the last list and no others. Items are told apart by what they are, or with `is_same=True` by
    being the very same object, which costs no look into them. One thread at a time.
    """

    def __init__(self, make: Callable[..., list[Made]], *, is_same: bool = False) -> None:
        self._make = make
        self._is_same = is_same
        self._place: tuple[str, ...] = ()
        self._items: Sequence[Item] = ()  # held, so that no other object has the identity of one of them
        self._known: dict[Hashable, Made] = {}
        self.bytes_made = 0  # what is remembered takes in memory, without the items

    def __call__(self, items: Sequence[Item], *place: str) -> list[Made]:
        """One for each item, in their order. Raises what `make` raises; then all stays as it was."""
        keys: Sequence[Hashable] = list(map(id, items)) if self._is_same else items
        known, bytes_made = (self._known, self.bytes_made) if place == self._place else ({}, 0)
        new = {key: item for key, item in zip(keys, items, strict=True) if key not in known}
        if new:
            made_new = self._make(list(new.values()), *place)
            known = known | dict(zip(new, made_new, strict=True))
            bytes_made += sum(map(getsizeof, made_new))
        made = list(map(known.__getitem__, keys))
        if len(known) > len(items):  # some are gone
            known = dict(zip(keys, made, strict=True))
            bytes_made = sum(map(getsizeof, made))
        self._place, self._items, self._known, self.bytes_made = place, items, known, bytes_made
        return made

    def __len__(self) -> int:
        return len(self._known)
