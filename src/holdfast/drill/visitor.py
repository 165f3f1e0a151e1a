"""A browser without script against a running instance: cookies, the token of forms, and an address behind a proxy."""

import http.client
import re
from http.cookies import SimpleCookie
from urllib.parse import urlencode

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
SECONDS_MAX = 30.0


class Visitor:
    """One browser. `address` is what the proxy in front says it comes from."""

    def __init__(self, port: int, address: str) -> None:
        self._port = port
        self.address = address
        self.cookies: dict[str, str] = {}
        self._form_token = ""

    def copy(self, address: str) -> "Visitor":
        """Another browser with the same open form: what a program that tries passwords does."""
        made = Visitor(self._port, address)
        made.cookies, made._form_token = dict(self.cookies), self._form_token
        return made

    def get(self, path: str) -> tuple[int, str]:
        """(status, text) of a page, redirects followed."""
        return self._ask("GET", path, b"")

    def send(self, path: str, **fields: str) -> tuple[int, str]:
        """(status, text) after a form of the page that was opened last."""
        return self._ask("POST", path, urlencode({"csrfmiddlewaretoken": self._form_token, **fields}).encode())

    def is_signed_in(self) -> bool:
        """Whether the instance knows who this is."""
        return '"user": null' not in self._ask("GET", "/_/me", b"")[1]

    def _ask(self, method: str, path: str, body: bytes) -> tuple[int, str]:
        for _ in range(5):
            status, text, location = self._once(method, path, body)
            if not location:
                break
            method, path, body = "GET", location, b""
        if found := _TOKEN.search(text):
            self._form_token = found[1]
        return status, text

    def _once(self, method: str, path: str, body: bytes) -> tuple[int, str, str]:
        headers = {"X-Forwarded-For": self.address, "Origin": f"http://127.0.0.1:{self._port}"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=SECONDS_MAX)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            for line in answer.headers.get_all("set-cookie", []):
                self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line.strip()).items()}
            text = answer.read().decode("utf-8", "replace")
            return answer.status, text, answer.headers.get("location", "") if answer.status in (302, 303) else ""
        finally:
            connection.close()
