"""Control's front door in process: the WSGI application over a whole instance, asked the way a front asks it."""

import base64
import io
import json
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from instances import UPLOADER, Instance, Scopes, operator, soon

from holdfast.clock import SystemClock
from holdfast.config import IndexConfig, UpstreamConfig
from holdfast.control.accounts.actions import create_token
from holdfast.control.parts import Opening, Parts
from holdfast.control.wsgi import application
from holdfast.core.digests import Digests
from holdfast.core.errors import Unavailable
from holdfast.core.form_cut import Cut, Cutter
from holdfast.core.multipart import boundary_of


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes
    set_cookies: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class FakeUpstreams:
    """Upstreams with a fixed list of projects, which can be cut off."""

    def __init__(self, *projects: str, down: bool = False) -> None:
        self.projects = set(projects)
        self.down = down
        self.asked: list[str] = []

    def exists(self, upstream: str, name: str, timeout_seconds: float) -> bool:
        self.asked.append(f"{upstream}/{name}")
        if self.down:
            raise Unavailable("the pull process is not running")
        return f"{upstream}/{name}" in self.projects


class Door:
    """One instance's control application. Bodies go through the spool folder, as a front leaves them there."""

    def __init__(self, instance: Instance, *, hold_seconds: float = 2.0, **changes: Any) -> None:
        config = replace(changes.pop("config", instance.config), hold_seconds=hold_seconds)
        made: dict[str, Any] = {"clock": SystemClock(), "store": instance.store, "upstreams": FakeUpstreams()}
        made["publisher"] = instance.publisher
        self.parts = Parts(config=config, **(made | changes))
        self.instance = instance
        self._app = application(Opening(lambda: self.parts, self.parts.clock), 8, config)

    @property
    def origin(self) -> str:
        """What a browser on one of our pages says as its Origin."""
        parts = urlsplit(self.parts.config.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    def layered(self, *layers: str, reserved: Iterable[str] = ()) -> "Door":
        """The same, with layers under the default index."""
        return self.among(IndexConfig("main", layers=layers, reserved=tuple(reserved)))

    def among(self, *indexes: IndexConfig, upstreams: Iterable[UpstreamConfig] = ()) -> "Door":
        """The same, with these indexes and upstreams."""
        config = replace(self.parts.config, indexes=indexes, upstreams=tuple(upstreams))
        self.parts = replace(self.parts, config=config)
        return self

    def token(self, user: str = "alice", scopes: Scopes = UPLOADER) -> str:
        """A token's text for a user."""
        return create_token(self.instance.publisher, "test", user, scopes, None, operator(), deadline=soon()).text

    def upload(
        self, body: tuple[str, bytes], token: str = "", path: str = "/legacy/", accept: str = "*/*", **headers: str
    ) -> Answered:
        """POST a form (Content-Type, body)."""
        named = {"Content-Type": body[0], "Accept": accept, **basic(token), **headers}
        return self.request("POST", path, body[1], named)

    def api(self, method: str, path: str, token: str, document: Any = None) -> Answered:
        """Ask the management API."""
        body = b"" if document is None else json.dumps(document).encode()
        return self.request(method, f"/api/{path}", body, {"Authorization": f"Bearer {token}"})

    def request(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answered:
        """One request, its body spooled first and the spool file removed afterwards."""
        spooled = self.parts.config.spool_folder / secrets.token_hex(8)
        spooled.write_bytes(body)
        given = {
            "X-Holdfast-Spool": spooled.name,
            "X-Holdfast-Client": "192.0.2.1",
            "X-Holdfast-Request": "request-1",
            "X-Holdfast-Body-End": str(time.time()),
            **(headers or {}),
        }
        try:
            return self._ask(method, target, given)
        finally:
            spooled.unlink()

    def _ask(self, method: str, target: str, headers: Mapping[str, str]) -> Answered:
        path, _, query = target.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "ignored.example",
            "SERVER_PORT": "80",
            "wsgi.input": io.BytesIO(),
            "wsgi.url_scheme": "http",
        }
        for name, value in headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        told: list[Any] = []
        chunks = self._app(environ, lambda status, found, exc_info=None: told.extend((status, found)))
        body = b"".join(chunks)
        found = [(name.lower(), value) for name, value in told[1]]
        cookies = tuple(value for name, value in found if name == "set-cookie")
        return Answered(int(told[0].split()[0]), dict(found), body, cookies)


def basic(token: str, user: str = "__token__") -> dict[str, str]:
    """An Authorization header, or none for an empty token."""
    if not token:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()}


def spooled(folder: Path, content_type: str, body: bytes) -> Cut:
    """What a front leaves of an upload in the spool: the form's file `form`, and the content's beside it."""
    cutter, form, content = Cutter(boundary_of(content_type)), b"", b""
    for where, piece in (*cutter.feed(body), *cutter.end()):
        form, content = (form, content + piece) if where == "content" else (form + piece, content)
    digests = Digests()
    digests.update(content)
    assert cutter.at is not None
    (folder / "form").write_bytes(form)
    (folder / "form.content").write_bytes(content)
    return Cut("form.content", cutter.at, digests.finish())
