"""An in-process ASGI client: no sockets, and it can leave in mid-answer."""

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from holdfast.front.asgi import AsgiApp


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    set_cookies: tuple[str, ...] = ()


class AsgiClient:
    """Requests to one app. `client` is the peer's address the app sees."""

    def __init__(self, app: AsgiApp, client: str = "192.0.2.1") -> None:
        self._app = app
        self._client = client

    async def get(self, target: str, **headers: str) -> Answer:
        return await self.request("GET", target, headers)

    async def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterable[bytes] = b"",
    ) -> Answer:
        """The whole answer. Header names may be written with `_` for `-`. Raises what a broken stream raises."""
        path, _, query = target.partition("?")
        fields = {name.lower().replace("_", "-"): value for name, value in (headers or {}).items()}
        if isinstance(body, bytes) and body:
            fields.setdefault("content-length", str(len(body)))
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in fields.items()],
            "client": (self._client, 12345),
        }
        incoming = _messages(body)
        start: dict[str, Any] = {}
        parts: list[bytes] = []

        async def receive() -> dict[str, Any]:
            return await anext(incoming)

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self._app(scope, receive, send)
        answered = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        cookies = tuple(value.decode("latin-1") for name, value in start["headers"] if name == b"set-cookie")
        return Answer(start["status"], answered, b"".join(parts), cookies)


async def _messages(body: bytes | AsyncIterable[bytes]) -> Any:
    if isinstance(body, bytes):
        yield {"type": "http.request", "body": body, "more_body": False}
    else:
        async for chunk in body:
            yield {"type": "http.request", "body": chunk, "more_body": True}
        yield {"type": "http.request", "body": b"", "more_body": False}
    while True:
        yield {"type": "http.disconnect"}
