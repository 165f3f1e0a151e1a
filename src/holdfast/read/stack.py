"""What lies under each index: hosted indexes and upstreams, in order, and what may be asked of each.

A layer is what that index itself hosts: the layers of a layer are never followed.
"""

from dataclasses import replace

from holdfast.config import Config
from holdfast.core.precedence import is_asked_for, matches_pattern
from holdfast.tree.reader import TreeReader


class Stacks:
    """The layers of every index, as configured."""

    def __init__(self, config: Config, reader: TreeReader) -> None:
        self._indexes = {index.name: index for index in config.indexes}
        self._upstreams = {upstream.name: upstream for upstream in config.upstreams}
        self._over = {
            layer: tuple(index.name for index in config.indexes if layer in index.layers)
            for layer in (*self._indexes, *self._upstreams)
        }
        self._reader = reader
        self.taken = 0  # how often reserved patterns were reloaded

    def take(self, config: Config) -> bool:
        """Take in reserved patterns that were reloaded; True when any differs. Nothing else here changes by that."""
        fresh = {index.name: index for index in config.indexes}
        if all(fresh[name].reserved == index.reserved for name, index in self._indexes.items()):
            return False
        self.taken += 1
        self._indexes = {name: replace(index, reserved=fresh[name].reserved) for name, index in self._indexes.items()}
        return True

    def is_hosted(self, layer: str) -> bool:
        """True for an index of this instance, False for an upstream."""
        return layer in self._indexes

    def layers(self, index: str) -> tuple[str, ...]:
        """Everything under the index, in order."""
        return self._indexes[index].layers

    def hosted(self, index: str) -> tuple[str, ...]:
        """The index and the hosted ones under it, in order."""
        return (index, *(layer for layer in self.layers(index) if self.is_hosted(layer)))

    def upstreams(self, index: str) -> tuple[str, ...]:
        """The upstreams under the index, in order."""
        return tuple(layer for layer in self.layers(index) if not self.is_hosted(layer))

    def over(self, layer: str) -> tuple[str, ...]:
        """The indexes that have this index or upstream among their layers."""
        return self._over.get(layer, ())

    def reserves(self, index: str, name: str) -> bool:
        """True when the name fits one of the index's reserved patterns."""
        patterns = self._indexes[index].reserved
        return bool(patterns) and matches_pattern(name, patterns)

    def merges(self, index: str, name: str) -> bool:
        """True when the index shows the name's files together with its layers'."""
        names = self._indexes[index].merge
        return bool(names) and matches_pattern(name, names)

    def asks(self, upstream: str, name: str) -> bool:
        """True when the upstream may be asked for the normalised name; else it counts as without it."""
        settings = self._upstreams[upstream]
        return is_asked_for(name, only=settings.only, except_=settings.except_)

    def is_taken_above(self, index: str, layer: str, name: str) -> bool:
        """True when the index, or a hosted one above `layer` in its stack, has the name by now, or keeps it.

        Raises Unavailable before the tree was read.
        """
        if layer == index:
            return False
        layers = self.layers(index)
        above = layers[: layers.index(layer)]
        return any(self._keeps(one, name) for one in (index, *filter(self.is_hosted, above)))

    def _keeps(self, index: str, name: str) -> bool:
        state = self._reader.state()
        entry = state.find(index, name)
        has_it = (index, name) in state.held or (entry is not None and (entry.owned or not entry.gone))
        return has_it or self.reserves(index, name)
