"""Whose a name is: asks the hosted index, then its layers, as core/precedence.py decides."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from holdfast.config import Config
from holdfast.core.errors import Absent, Outcome, Unavailable
from holdfast.core.precedence import Action, Hosted, Layer, decide, matches_pattern
from holdfast.tree.checkpoint import ProjectEntry
from holdfast.tree.reader import TreeReader
from holdfast.wire.messages import Request

AskLayer = Callable[[Request, str, str], Awaitable[None]]
"""(request, upstream, name): returns when the upstream has the project; raises Absent or Unavailable."""


@dataclass(frozen=True, slots=True)
class InLayer:
    """The name belongs to this upstream."""

    upstream: str


class Ownership:
    """Finds the owner of a name in an index."""

    def __init__(self, config: Config, reader: TreeReader, ask_layer: AskLayer) -> None:
        self._indexes = {index.name: index for index in config.indexes}
        self._reader = reader
        self._ask_layer = ask_layer

    async def owner(self, request: Request, index: str, name: str) -> ProjectEntry | InLayer:
        """The hosted entry, or the layer that has the project. Raises Absent, Unavailable."""
        entry, hosted, trouble = self._hosted(index, name)
        if entry is not None and hosted is Hosted.PRESENT:
            return entry
        settings = self._indexes[index]
        reserved = bool(settings.reserved) and matches_pattern(name, settings.reserved)
        layers = [(layer, Layer.UNASKED) for layer in settings.layers]
        while True:
            decision = decide(hosted, reserved=reserved, layers=layers)
            match decision.action:
                case Action.SERVE_LAYER:
                    return InLayer(decision.layer)
                case Action.ASK_LAYER:
                    try:
                        await self._ask_layer(request, decision.layer, name)
                        state = Layer.PRESENT
                    except Absent:
                        state = Layer.ABSENT
                    except Unavailable as error:
                        state, trouble = Layer.UNAVAILABLE, error
                    layers = [(layer, state if layer == decision.layer else known) for layer, known in layers]
                case Action.ABSENT:
                    raise Absent(decision.reason)
                case _:
                    raise trouble or Unavailable(decision.reason)

    def _hosted(self, index: str, name: str) -> tuple[ProjectEntry | None, Hosted, Outcome | None]:
        try:
            entry = self._reader.find(index, name)
            if entry is None or (entry.gone and not entry.owned):
                self._reader.demand_free(index, name)
        except Unavailable as error:
            return None, Hosted.UNKNOWABLE, error
        if entry is None:
            return None, Hosted.UNKNOWN, None
        if not entry.gone:
            return entry, Hosted.PRESENT, None
        return entry, Hosted.GONE_OWNED if entry.owned else Hosted.GONE_RELEASED, None
