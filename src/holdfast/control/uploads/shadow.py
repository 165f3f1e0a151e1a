"""May a new project take this name, or would it cover one that readers get from a layer below?

Whoever shows the index counts: the index itself, and each index that has it among its layers. Hosted layers are
looked up in the database, upstreams are asked through the pull process, never by control itself.
"""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from holdfast.config import DEFAULT_INDEX, Config, IndexConfig
from holdfast.core.errors import Refused, Unavailable
from holdfast.core.precedence import Creation, Layer, decide_creation, is_asked_for, matches_pattern

ANSWER_BYTES_MAX = 64 * 1024


class UpstreamNames(Protocol):
    """Knows whether an upstream has a project."""

    def exists(self, upstream: str, name: str, timeout_seconds: float) -> bool:
        """Raises Unavailable when nobody can say in that time."""


class PullNames:
    """Asks the pull process over its socket. One connection per question: questions are rare (new projects)."""

    def __init__(self, pull_socket: Path) -> None:
        self._socket = pull_socket

    def exists(self, upstream: str, name: str, timeout_seconds: float) -> bool:
        connection = _UnixConnection(self._socket, timeout_seconds)
        try:
            connection.request("GET", f"/exists/{quote(upstream, safe='')}/{quote(name, safe='')}")
            response = connection.getresponse()
            body = response.read(ANSWER_BYTES_MAX)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"the pull process cannot be asked about {upstream}: {type(error).__name__}") from error
        finally:
            connection.close()
        return _read_answer(response.status, body, upstream)


def check_shadow(
    config: Config,
    index: IndexConfig,
    name: str,
    upstreams: UpstreamNames,
    *,
    owns: Callable[[str, str], bool],
    granted: bool,
    seconds_left: Callable[[], float],
) -> None:
    """Let a new name of `index` pass, or refuse it because a layer below has it. Raises Refused, Unavailable.

    `owns(index, name)` says whether a hosted index owns a name, listed or not.
    """
    viewers = viewers_by_layer(config, index, name)
    layers = dict.fromkeys(viewers, Layer.UNASKED)
    reserved = matches_pattern(name, index.reserved)
    trouble: Unavailable | None = None
    while True:
        decision = decide_creation(reserved=reserved, shadow=granted, layers=list(layers.items()))
        layer = decision.layer
        if decision.creation is Creation.ALLOWED:
            return
        if decision.creation is Creation.SHADOWS:
            has = "exists in" if layers[layer] is Layer.PRESENT else "belongs to"
            raise Refused(_shadow_sentence(index.name, name, f"{has} {layer}", viewers[layer]))
        if decision.creation is Creation.UNAVAILABLE:
            raise Unavailable(_unknown_sentence(index.name, name, layer, trouble), retry_after_seconds=10)
        try:
            hosted = config.index(layer)
            if hosted is None:
                found = upstreams.exists(layer, name, max(seconds_left(), 0.5))
                layers[layer] = Layer.PRESENT if found else Layer.ABSENT
            else:
                found = matches_pattern(name, hosted.reserved) or owns(layer, name)
                layers[layer] = Layer.CLAIMED if found else Layer.ABSENT
        except Unavailable as error:
            trouble = error
            layers[layer] = Layer.UNAVAILABLE


def viewers_by_layer(config: Config, index: IndexConfig, name: str) -> dict[str, str]:
    """The layers whose project a new one of `index` could cover, hosted ones first, each with an index it is seen in.

    An index that merges the name or reserves it does not count: there both are listed, or the layer never is. Nor
    does an upstream that is not asked for such names.
    """
    found: dict[str, str] = {}
    for viewer in (index, *(other for other in config.indexes if index.name in other.layers)):
        if matches_pattern(name, viewer.merge) or matches_pattern(name, viewer.reserved):
            continue
        for layer in _layers_below(index, viewer):
            if _may_have(config, layer, name):
                found.setdefault(layer, viewer.name)
    return dict(sorted(found.items(), key=lambda item: config.index(item[0]) is None))


def _layers_below(index: IndexConfig, viewer: IndexConfig) -> Iterator[str]:
    """What `viewer` asks after `index`; an index itself comes before all its layers."""
    below = viewer.name == index.name
    for layer in viewer.layers:
        if below and layer != index.name:
            yield layer
        below = below or layer == index.name


def _may_have(config: Config, layer: str, name: str) -> bool:
    upstream = config.upstream(layer)
    return upstream is None or is_asked_for(name, only=upstream.only, except_=upstream.except_)


def _shadow_sentence(index: str, name: str, whose: str, viewer: str) -> str:
    return (
        f"{name} {whose}, which index {viewer} passes on: a project of that name in index {index} would"
        f" replace it for everyone. If that is meant, an operator allows it with {_command(index, name)}"
    )


def _unknown_sentence(index: str, name: str, layer: str, trouble: Unavailable | None) -> str:
    why = f" ({trouble.reason})" if trouble else ""
    return (
        f"{layer} cannot be asked whether it has {name}{why}, so a new project of that name cannot be created in"
        f" index {index} yet; try again, or an operator allows it with {_command(index, name)}"
    )


def _command(index: str, name: str) -> str:
    return f"`holdfast project shadow {name}{'' if index == DEFAULT_INDEX else f' --index {index}'}`"


def _read_answer(status: int, body: bytes, upstream: str) -> bool:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if status == 200 and isinstance(answer, dict) and isinstance(answer.get("exists"), bool):
        return bool(answer["exists"])
    reason = answer.get("reason") if isinstance(answer, dict) else None
    raise Unavailable(str(reason)[:200] if reason else f"{upstream} gave no usable answer")


class _UnixConnection(http.client.HTTPConnection):
    """HTTP/1.1 over a Unix socket."""

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        super().__init__("localhost", timeout=timeout_seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
