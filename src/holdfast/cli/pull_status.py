"""What the pull process of this machine says when a command asks it over its socket."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any

SECONDS_MAX = 3.0


def pull_status(path: Path) -> dict[str, Any] | None:
    """The status document, or None when no pull process answers there."""
    found = ask_pull(path, "GET", "/status")
    return found[1] if found is not None and found[0] == 200 else None


def ask_pull(
    path: Path, method: str, target: str, document: object = None, *, seconds_max: float = SECONDS_MAX
) -> tuple[int, dict[str, Any]] | None:
    """Status and document of any request, or None when no pull process answers there."""
    connection = _Connection(str(path), seconds_max)
    try:
        connection.request(method, target, None if document is None else json.dumps(document))
        answer = connection.getresponse()
        found = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return (answer.status, found) if isinstance(found, dict) else None


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, seconds_max: float = SECONDS_MAX) -> None:
        super().__init__("pull", timeout=seconds_max)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
