"""May a new project take this name? Lower layers are asked through the pull process, never by control itself."""

import http.client
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from holdfast.config import DEFAULT_INDEX, IndexConfig
from holdfast.core.errors import Refused, Unavailable
from holdfast.core.precedence import Creation, Layer, decide_creation, matches_pattern

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
    index: IndexConfig,
    name: str,
    upstreams: UpstreamNames,
    *,
    granted: bool,
    seconds_left: Callable[[], float],
) -> None:
    """Let a new name of `index` pass, or refuse it because a layer below has it. Raises Refused, Unavailable."""
    layers = dict.fromkeys(index.layers, Layer.UNASKED)
    reserved = matches_pattern(name, index.reserved)
    trouble: Unavailable | None = None
    while True:
        decision = decide_creation(reserved=reserved, shadow=granted, layers=list(layers.items()))
        if decision.creation is Creation.ALLOWED:
            return
        if decision.creation is Creation.SHADOWS:
            raise Refused(_shadow_sentence(index.name, name, decision.layer))
        if decision.creation is Creation.UNAVAILABLE:
            raise Unavailable(_unknown_sentence(index.name, name, decision.layer, trouble), retry_after_seconds=10)
        try:
            found = upstreams.exists(decision.layer, name, max(seconds_left(), 0.5))
            layers[decision.layer] = Layer.PRESENT if found else Layer.ABSENT
        except Unavailable as error:
            trouble = error
            layers[decision.layer] = Layer.UNAVAILABLE


def _shadow_sentence(index: str, name: str, layer: str) -> str:
    return (
        f"{name} exists in {layer}, which index {index} passes on: a project of that name here would replace it for"
        f" everyone. If that is meant, an operator allows it with {_command(index, name)}"
    )


def _unknown_sentence(index: str, name: str, layer: str, trouble: Unavailable | None) -> str:
    why = f" ({trouble.reason})" if trouble else ""
    return (
        f"{layer} cannot be asked whether it has {name}{why}, so a new project of that name cannot be created yet;"
        f" try again, or an operator allows it with {_command(index, name)}"
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
