"""Whose a name is: asks the hosted index, then its layers, as core/precedence.py decides."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from holdfast.core.errors import Absent, Outcome, Unavailable
from holdfast.core.precedence import Action, Hosted, Layer, decide, standing
from holdfast.read.stack import Stacks
from holdfast.tree.checkpoint import ProjectEntry
from holdfast.tree.reader import OutOfReach, TreeReader
from holdfast.wire.messages import Request

AskLayer = Callable[[Request, str, str], Awaitable[None]]
"""(request, upstream, name): returns when the upstream has the project; raises Absent or Unavailable."""


FOUND_MAX = 50_000  # names remembered as an upstream's, about 10 MB


@dataclass(frozen=True, slots=True)
class InLayer:
    """The name belongs to this upstream."""

    upstream: str


@dataclass(frozen=True, slots=True)
class Merged:
    """The name is one whose files come from several sides: these have it, the upper one first."""

    sides: tuple[ProjectEntry | InLayer, ...]


Owner = ProjectEntry | InLayer | Merged


class Ownership:
    """Finds the owner of a name in an index."""

    def __init__(self, stacks: Stacks, reader: TreeReader, ask_layer: AskLayer) -> None:
        self._stacks = stacks
        self._reader = reader
        self._ask_layer = ask_layer
        self._found: OrderedDict[tuple[str, str], InLayer] = OrderedDict()  # by index and name

    async def owner(self, request: Request, index: str, name: str) -> Owner:
        """The entry of the index or of a hosted layer, the upstream that has the project, or the sides of a merged one.

        While the journal is out of reach, a name that was found with an upstream before is its own still: its page is
        old then, like every page that is served while something is broken. A name never asked for is Unavailable.
        Raises Absent, Unavailable.
        """
        if self._stacks.merges(index, name):
            return await self._merged(request, index, name)
        try:
            found = await self._decided(request, index, name)
        except OutOfReach:
            before = self._found.get((index, name))
            if before is None or self._is_taken(index, name, before.upstream):
                raise
            await self._ask_layer(request, before.upstream, name)
            return before
        if isinstance(found, InLayer):
            self._found[index, name] = found
            if len(self._found) > FOUND_MAX:
                self._found.popitem(last=False)
        return found

    def _is_taken(self, index: str, name: str, upstream: str) -> bool:
        """True when an index above the upstream is known to have the name, or to have had it."""
        state = self._reader.state()
        for layer in (index, *self._stacks.layers(index)):
            if layer == upstream:
                return False
            entry = state.find(layer, name) if self._stacks.is_hosted(layer) else None
            if (layer, name) in state.held or (entry is not None and (entry.owned or not entry.gone)):
                return True
            if self._stacks.is_hosted(layer) and self._stacks.reserves(layer, name):
                return True
        return True

    async def _decided(self, request: Request, index: str, name: str) -> ProjectEntry | InLayer:
        entry, hosted, trouble = self._hosted(index, name)
        if entry is not None and hosted is Hosted.PRESENT:
            return entry
        reserved = self._stacks.reserves(index, name)
        layers = {layer: self._unasked(layer, name) for layer in self._stacks.layers(index)}
        found: dict[str, ProjectEntry] = {}
        while True:
            decision = decide(hosted, reserved=reserved, layers=tuple(layers.items()))
            layer = decision.layer
            match decision.action:
                case Action.SERVE_LAYER:
                    return found.get(layer) or InLayer(layer)
                case Action.ASK_LAYER if self._stacks.is_hosted(layer):
                    below, state, trouble = self._hosted(layer, name)
                    layers[layer] = standing(state, reserved=self._stacks.reserves(layer, name))
                    if below is not None and state is Hosted.PRESENT:
                        found[layer] = below
                case Action.ASK_LAYER:
                    try:
                        await self._ask_layer(request, layer, name)
                        layers[layer] = Layer.PRESENT
                    except Absent:
                        layers[layer] = Layer.ABSENT
                    except Unavailable as error:
                        layers[layer], trouble = Layer.UNAVAILABLE, error
                case Action.ABSENT:
                    raise Absent(decision.reason)
                case _:
                    raise trouble or Unavailable(decision.reason)

    async def _merged(self, request: Request, index: str, name: str) -> Merged:
        """Every side that has the project. One that cannot tell makes all of it Unavailable: never a short list."""
        sides: list[ProjectEntry | InLayer] = []
        for layer in (index, *self._stacks.layers(index)):
            if self._stacks.is_hosted(layer):
                entry, state, trouble = self._hosted(layer, name)
                if trouble is not None:
                    raise trouble
                if entry is not None and state is Hosted.PRESENT:
                    sides.append(entry)
            elif self._stacks.asks(layer, name):
                try:
                    await self._ask_layer(request, layer, name)
                except Absent:
                    continue
                sides.append(InLayer(layer))
        if not sides:
            raise Absent("neither this index nor a layer of it has such a project")
        return Merged(tuple(sides))

    def _unasked(self, layer: str, name: str) -> Layer:
        if self._stacks.is_hosted(layer) or self._stacks.asks(layer, name):
            return Layer.UNASKED
        return Layer.ABSENT

    def _hosted(self, index: str, name: str) -> tuple[ProjectEntry | None, Hosted, Outcome | None]:
        try:
            entry = self._reader.find(index, name)
            if entry is None or entry.gone:
                self._reader.demand_free(index, name)
        except Unavailable as error:
            return None, Hosted.UNKNOWABLE, error
        if entry is None:
            return None, Hosted.UNKNOWN, None
        if not entry.gone:
            return entry, Hosted.PRESENT, None
        return entry, Hosted.GONE_OWNED if entry.owned else Hosted.GONE_RELEASED, None
