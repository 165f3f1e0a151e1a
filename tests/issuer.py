"""An issuer of identity tokens on loopback: real keys, real HTTP, and every way to sign a bad token."""

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from holdfast.config import ProviderConfig

AUDIENCE = "https://packages.example"
GITHUB = {
    "repository": "Acme/Widgets",
    "repository_owner": "Acme",
    "repository_id": "22",
    "repository_owner_id": "11",
    "job_workflow_ref": "Acme/Widgets/.github/workflows/release.yml@refs/heads/main",
    "workflow_ref": "Acme/Widgets/.github/workflows/release.yml@refs/heads/main",
    "ref": "refs/heads/main",
    "sha": "a" * 40,
    "run_id": "9000",
    "event_name": "push",
    "sub": "repo:Acme/Widgets:ref:refs/heads/main",
}
WIDGETS = {"owner": "acme", "repository": "widgets", "workflow": "release.yml"}


@cache
def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key, made once per process and number."""
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def ed_key(number: int = 0) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def jwk(key: Any, kid: str, **more: Any) -> dict[str, Any]:
    """The public half."""
    for kind, algorithm in (
        (rsa.RSAPrivateKey, RSAAlgorithm),
        (ec.EllipticCurvePrivateKey, ECAlgorithm),
        (ed25519.Ed25519PrivateKey, OKPAlgorithm),
    ):
        if isinstance(key, kind):
            return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", **more}
    raise AssertionError(key)


def public_pem(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@dataclass
class Issuer:
    """What it publishes may be changed while it runs."""

    url: str = "https://issuer.example"
    keys: list[dict[str, Any]] = field(default_factory=lambda: [jwk(rsa_key(), "one"), jwk(ec_key(), "two")])
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # path -> what is said instead
    asked: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def claims(self, base: Mapping[str, Any] = GITHUB, **changes: Any) -> dict[str, Any]:
        """A good token's claims; what is changed to None is left out."""
        now = int(time.time())
        found = {
            "iss": self.url,
            "aud": AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "jti": secrets.token_hex(8),
            **base,
            **changes,
        }
        return {name: value for name, value in found.items() if value is not None}

    def token(self, base: Mapping[str, Any] = GITHUB, **changes: Any) -> str:
        """A good token, but for the changes."""
        return signed(self.claims(base, **changes))

    def provider(self, kind: Any = "github", name: str = "ci", **more: Any) -> ProviderConfig:
        return ProviderConfig(name, self.url, kind, **more)


def signed(claims: Any, key: Any = None, algorithm: str = "RS256", kid: str | None = "one", **header: Any) -> str:
    """A token by any key."""
    head = {"kid": kid, **header} if kid is not None else header
    return jwt.encode(claims, key or rsa_key(), algorithm=algorithm, headers=head)


def by_hand(header: Any, claims: Any, signature: bytes = b"") -> str:
    """A token of whatever parts."""
    return ".".join(
        _b64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, claims)
    ) + ("." + _b64(signature))


def mac_with_public_key(claims: Any, key: Any) -> str:
    """The oldest trick: HS256 keyed with the issuer's public key."""
    body = by_hand({"alg": "HS256", "kid": "one", "typ": "JWT"}, claims).rpartition(".")[0]
    return f"{body}.{_b64(hmac.digest(public_pem(key), body.encode(), hashlib.sha256))}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextmanager
def running_issuer(certificate: tuple[str, str] | None = None) -> Iterator[Issuer]:
    """Serve discovery document and keys on loopback; over TLS with that certificate and key."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with issuer.lock:
                issuer.asked.append(self.path)
                status, body = issuer.answers.get(self.path) or (200, _document(issuer, self.path))
            self.send_response(status)
            if status in (301, 302, 307):
                self.send_header("Location", f"{issuer.url}/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with listening(Handler, certificate) as issuer.url:
        yield issuer


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], certificate: tuple[str, str] | None = None) -> Iterator[str]:
    """The URL of a server on loopback, one thread a request; over TLS with that certificate and key."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _document(issuer: Issuer, path: str) -> bytes:
    if path == "/keys":
        return json.dumps({"keys": issuer.keys}).encode()
    return json.dumps({"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"}).encode()
