"""What the pull process of this machine says of its upstreams, asked over its socket."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any

SECONDS_MAX = 3.0


def pull_status(path: Path) -> dict[str, Any] | None:
    """The status document, or None when no pull process answers there."""
    connection = _Connection(str(path))
    try:
        connection.request("GET", "/status")
        answer = connection.getresponse()
        found = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return found if answer.status == 200 and isinstance(found, dict) else None


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("pull", timeout=SECONDS_MAX)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS_MAX)
        self.sock.connect(self._path)
