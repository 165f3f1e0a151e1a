"""An organisation's OpenID Connect provider on loopback: people sign in at /authorize, codes are redeemed at /token.

Whoever comes to /authorize is the person in `person`, or meets `refusal`. It holds clients to their redirect URI, their
secret and PKCE, as a strict provider does.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from issuer import jwk, listening, rsa_key, signed

from holdfast.config import SignIn

CLIENT_ID, SECRET = "holdfast", "sham secret:with signs"


@dataclass
class PeopleIssuer:
    """What it does may be changed while it runs."""

    url: str = ""
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "1"})  # claims of who signs in there
    token_changes: dict[str, Any] = field(default_factory=dict)  # in its tokens; None leaves a claim out
    userinfo: dict[str, Any] | None = None
    refusal: str = ""  # an error code instead of a code
    secret_methods: tuple[str, ...] = ("client_secret_basic",)
    key: Any = None
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # path -> what is said instead
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def provider(self, secret_file: str = "", **settings: Any) -> SignIn:
        """Its table in the settings."""
        usual: dict[str, Any] = {"label": "Acme", "domains": ("acme.example",), "client_secret_file": secret_file}
        return SignIn(**{"name": "acme", "issuer": self.url, "client_id": CLIENT_ID, **usual, **settings})

    def document(self) -> dict[str, Any]:
        found = {name: f"{self.url}/{path}" for name, path in _PLACES.items()}
        if self.userinfo is None:
            del found["userinfo_endpoint"]
        return {"issuer": self.url, **found, "token_endpoint_auth_methods_supported": list(self.secret_methods)}

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        assert "code" == query["response_type"] and CLIENT_ID == query["client_id"]
        assert "S256" == query["code_challenge_method"] and "openid" in query["scope"].split()
        back = {"state": query["state"], "iss": self.url}
        if self.refusal:
            return f"{query['redirect_uri']}?{urlencode({**back, 'error': self.refusal})}"
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({**back, 'code': code})}"

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """The token for a code, once."""
        query = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if query is None or challenge.rstrip(b"=").decode() != query["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        if form["redirect_uri"] != query["redirect_uri"] or not self._is_client(form, authorization):
            return 401, {"error": "invalid_client"}
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": query["nonce"]}
        if "max_age" in query:
            claims["auth_time"] = now
        claims = {**claims, **self.person, **self.token_changes}
        token = signed({name: value for name, value in claims.items() if value is not None}, self.key)
        return 200, {"access_token": "sham-access", "token_type": "Bearer", "id_token": token}

    def _is_client(self, form: dict[str, str], authorization: str) -> bool:
        if "client_secret_post" in self.secret_methods:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, SECRET)
        name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        return (unquote(name), unquote(secret)) == (CLIENT_ID, SECRET)


_PLACES = {
    "authorization_endpoint": "authorize",
    "token_endpoint": "token",
    "userinfo_endpoint": "userinfo",
    "jwks_uri": "keys",
}


@contextmanager
def running_people_issuer() -> Iterator[PeopleIssuer]:
    """Serve it on loopback."""
    issuer = PeopleIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            issuer.asked.append((parts.path, query))
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", issuer.authorize(query))
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif parts.path == "/userinfo":
                assert "Bearer sham-access" == self.headers["Authorization"]
                self._say(200, issuer.userinfo or {})
            elif parts.path == "/keys":
                self._say(200, {"keys": [jwk(rsa_key(), "one")]})
            else:
                self._say(200, issuer.document())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            issuer.asked.append((self.path, form))
            self._say(*issuer.redeem(form, self.headers.get("Authorization", "")))

        def _say(self, status: int, document: dict[str, Any]) -> None:
            status, body = issuer.answers.get(urlsplit(self.path).path, (status, json.dumps(document).encode()))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with listening(Handler) as issuer.url:
        yield issuer
