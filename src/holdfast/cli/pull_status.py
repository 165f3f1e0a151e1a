"""What the pull process of this machine says when a command asks it over its socket."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from holdfast.core.errors import Unavailable

SECONDS_MAX = 3.0


def pull_status(path: Path) -> dict[str, Any] | None:
    """The status document, or None when no pull process runs here. Raises Unavailable like `ask_pull`."""
    found = ask_pull(path, "GET", "/status")
    if found is not None and found[0] != 200:
        raise _no_answer(f"status {found[0]}")
    return found[1] if found is not None else None


def ask_pull(
    path: Path, method: str, target: str, document: object = None, *, seconds_max: float = SECONDS_MAX
) -> tuple[int, dict[str, Any]] | None:
    """Status and document of any request, or None when no pull process runs here: nobody listens at the socket.

    Raises Unavailable when one runs and gives no answer in that time: what it does meanwhile is not known, so that
    nothing may be done in its place.
    """
    connection = _Connection(str(path), seconds_max)
    try:
        try:
            connection.connect()
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        connection.request(method, target, None if document is None else json.dumps(document))
        answer = connection.getresponse()
        found = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _no_answer(getattr(error, "strerror", None) or type(error).__name__) from error
    finally:
        connection.close()
    if not isinstance(found, dict):
        raise _no_answer("no document")
    return answer.status, found


def _no_answer(why: str) -> Unavailable:
    return Unavailable(f"the pull process of this machine runs and gives no answer ({why}); its log may say why")


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, seconds_max: float = SECONDS_MAX) -> None:
        super().__init__("pull", timeout=seconds_max)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
