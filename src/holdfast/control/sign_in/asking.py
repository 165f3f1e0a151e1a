"""Asking a provider: where it is asked, what for, and what its answer is worth.

Authorisation code flow with PKCE (RFC 7636) and a nonce. What the provider says is read through bounded fetches that go
nowhere else (publishers/fetching.py), its token is verified by its own keys like any identity token, whatever way it
came, and what the token leaves out is asked for at its userinfo address.
"""

import base64
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

import structlog

from holdfast.clock import Clock
from holdfast.config import ProviderConfig, SignIn, is_loopback_host
from holdfast.control.publishers import identity_token
from holdfast.control.publishers.fetching import Fetch, Question, Said, Source
from holdfast.control.publishers.keys import DISCOVERY_BYTES_MAX, DISCOVERY_PATH, Keys
from holdfast.core.errors import Refused, Unavailable
from holdfast.core.tokens import same_digest

log = structlog.get_logger()

ANSWER_BYTES_MAX = 256 * 1024  # of the token and the userinfo address: some list hundreds of groups
SECRET_BYTES_MAX = 4096
FRESH_SECONDS = 3600.0  # for which a discovery document is believed
KEPT_SECONDS_MAX = 7 * 86_400.0  # and while the provider does not show it again
ASK_AGAIN_SECONDS = 30.0


class Ask(Protocol):
    """Sends one question to a provider."""

    def __call__(self, source: Source, question: Question, bytes_max: int) -> Said:
        """Raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What of a discovery document is used (OpenID Connect Discovery 1.0 §3)."""

    authorization: str
    token: str
    userinfo: str  # "" for none
    takes_post: bool  # the client's secret as a field of the form


@dataclass(frozen=True, slots=True)
class Round:
    """One way to the provider and back: what only this browser and we know."""

    redirect_uri: str
    state: str
    nonce: str
    verifier: str


@dataclass(slots=True)
class _Known:
    endpoints: Endpoints | None = None
    fetched: float = float("-inf")
    asked: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)


class Providers:
    """Every provider's addresses and keys. One per process; threads share it."""

    def __init__(self, fetch: Fetch, ask: Ask, clock: Clock) -> None:
        self._fetch = fetch
        self._ask = ask
        self._clock = clock
        self._keys = Keys(fetch, clock)
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def address(self, provider: SignIn, way: Round, *, again: bool) -> str:
        """Where the person goes on. `again`: they are to prove anew who they are. Raises Unavailable."""
        challenge = base64.urlsafe_b64encode(sha256(way.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": way.redirect_uri,
            "scope": " ".join(provider.scopes),
            "state": way.state,
            "nonce": way.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if again:
            query |= {"prompt": "login", "max_age": "0"}
        address = self._endpoints(provider).authorization
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(query)}"

    def claims(self, provider: SignIn, way: Round, code: str, deadline: float) -> Mapping[str, Any]:
        """What the provider says of whoever brought the code. Raises Refused, Unavailable."""
        endpoints = self._endpoints(provider)
        answer = self._redeem(provider, endpoints, way, code)
        text = answer.get("id_token")
        if not isinstance(text, str):
            raise Refused(f"{provider.label} answers without an identity token")
        claims = self._verified(provider, text, way.nonce, deadline)
        wanted = {"email", "email_verified", *([provider.groups_claim] if provider.groups or provider.rights else [])}
        bearer = answer.get("access_token")
        if endpoints.userinfo and isinstance(bearer, str) and not wanted <= set(claims):
            return {**self._userinfo(provider, endpoints.userinfo, bearer, claims), **claims}
        return claims

    def _redeem(self, provider: SignIn, endpoints: Endpoints, way: Round, code: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": way.redirect_uri,
            "code_verifier": way.verifier,
        }
        secret = client_secret(provider)
        authorization = ""
        if secret and not endpoints.takes_post:
            pair = f"{quote(provider.client_id, safe='')}:{quote(secret, safe='')}"  # RFC 6749 §2.3.1
            authorization = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form |= {"client_id": provider.client_id} | ({"client_secret": secret} if secret else {})
        said = self._ask(
            Source(provider.issuer, provider.ca_bundle),
            Question(endpoints.token, urlencode(form).encode(), authorization),
            ANSWER_BYTES_MAX,
        )
        if said.status != 200:
            code = _error(said.body)
            log.warning("a provider redeems no code", provider=provider.name, status=said.status, said=code)
            raise Refused(f"{provider.label} did not confirm your sign-in; please try it again")
        return _object(said.body, provider)

    def _verified(self, provider: SignIn, text: str, nonce: str, deadline: float) -> Mapping[str, Any]:
        try:
            token = identity_token.read(text)
            if token.issuer != provider.issuer:
                raise identity_token.NotTrusted("the token is another issuer's")
            source = ProviderConfig(provider.name, provider.issuer, ca_bundle=provider.ca_bundle)
            key = self._keys.find(source, token.key_id, token.algorithm, deadline)
            if key is None:
                raise identity_token.NotTrusted("the token's key is none of its issuer's")
            audiences = frozenset({provider.client_id})
            verified, _ = identity_token.verify(token, key, audiences, self._clock.now())
            said = verified.claims.get("nonce")
            if not isinstance(said, str) or not said.isascii() or not same_digest(said, nonce):
                raise identity_token.NotTrusted("the token is not of this sign-in (nonce)")
        except identity_token.NotTrusted as error:
            log.warning("a provider's token is not trusted: %s", error, provider=provider.name)
            raise Refused(f"what {provider.label} says about you cannot be trusted: {error}") from error
        return verified.claims

    def _userinfo(self, provider: SignIn, address: str, bearer: str, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """OpenID Connect Core 1.0 §5.3; what is said of anybody else than the token's subject does not count."""
        source = Source(provider.issuer, provider.ca_bundle)
        said = self._ask(source, Question(address, authorization=f"Bearer {bearer}"), ANSWER_BYTES_MAX)
        found = _object(said.body, provider) if said.status == 200 else {}
        if found.get("sub") != claims.get("sub"):
            raise Refused(f"{provider.label} tells nothing about you beyond your name there; please try again")
        return found

    def _endpoints(self, provider: SignIn) -> Endpoints:
        with self._lock:
            known = self._known.setdefault(provider.issuer, _Known())  # there are as many as in the settings
        with known.lock:  # one asks; the others find what it found
            now = self._clock.monotonic()
            if now - known.fetched > FRESH_SECONDS and now - known.asked >= ASK_AGAIN_SECONDS:
                known.asked = now
                self._discover(provider, known)
        if known.endpoints is None or now - known.fetched > KEPT_SECONDS_MAX:
            raise Unavailable(f"{provider.label} cannot be reached right now", retry_after_seconds=30)
        return known.endpoints

    def _discover(self, provider: SignIn, known: _Known) -> None:
        source = Source(provider.issuer, provider.ca_bundle)
        try:
            body = self._fetch(source, provider.issuer.rstrip("/") + DISCOVERY_PATH, DISCOVERY_BYTES_MAX)
            known.endpoints = _read_endpoints(provider, json.loads(body))
            known.fetched = self._clock.monotonic()
        except (Unavailable, ValueError, RecursionError) as error:
            trouble = error.reason if isinstance(error, Unavailable) else "its discovery document is unusable"
            log.warning("a provider cannot be asked where to sign in: %s", trouble, provider=provider.name)


def client_secret(provider: SignIn) -> str:
    """The client's secret, read anew each time, so that a changed one needs no restart. Raises Unavailable."""
    if provider.client_secret_env:
        found = os.environ.get(provider.client_secret_env, "")
        where = f"the variable {provider.client_secret_env}"
    elif provider.client_secret_file:
        where = f"the file {provider.client_secret_file}"
        try:
            with Path(provider.client_secret_file).open("rb") as file:
                found = file.read(SECRET_BYTES_MAX).decode().strip()
        except (OSError, UnicodeDecodeError):
            found = ""
    else:
        return ""
    if not found:
        log.error("the secret for a provider cannot be read", provider=provider.name, where=where)
        raise Unavailable(f"{provider.label} cannot be asked: this instance lacks its secret", retry_after_seconds=60)
    return found


def _read_endpoints(provider: SignIn, found: Any) -> Endpoints:
    """Raises ValueError."""
    if not isinstance(found, dict) or found.get("issuer") != provider.issuer:
        raise ValueError("the discovery document is another issuer's")
    methods = found.get("token_endpoint_auth_methods_supported")
    return Endpoints(
        _address(found.get("authorization_endpoint")),
        _address(found.get("token_endpoint")),
        _address(found["userinfo_endpoint"]) if "userinfo_endpoint" in found else "",
        isinstance(methods, list) and "client_secret_post" in methods,
    )


def _address(value: Any) -> str:
    """An https URL, or one of this machine. Raises ValueError."""
    parts = urlsplit(value) if isinstance(value, str) and value.isprintable() and " " not in value else None
    if parts is None or not parts.hostname or parts.username is not None or parts.fragment:
        raise ValueError("no address")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback_host(parts.hostname)):
        raise ValueError("an address that is not https")
    return str(value)


def _object(body: bytes, provider: SignIn) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unavailable(f"{provider.label} answers something else than JSON", retry_after_seconds=30)
    return found


def _error(body: bytes) -> str:
    """RFC 6749 §5.2's error code, for our log."""
    try:
        found = json.loads(body)
        code = found.get("error") if isinstance(found, dict) else ""
    except (ValueError, RecursionError):
        code = ""
    return code if isinstance(code, str) and len(code) <= 60 and code.isprintable() else ""
