"""An identity token (RFC 7519) read with suspicion: cheap checks first, then the signature, then every claim.

Only signatures with a public key count, and only by the algorithm that goes with the key's own type: neither `none`
nor a MAC keyed with a public key gets as far as a library. Time is the Clock's.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from holdfast.control.publishers.key_set import Key

TOKEN_CHARS_MAX = 16 * 1024  # GitHub's are about 2,000 characters, GitLab's 2,500
NAME_CHARS_MAX = 500  # of an issuer, an audience, a key id, a jti
LEEWAY_SECONDS = 30  # two clocks, both kept by NTP
LIFETIME_SECONDS_MAX = 24 * 3600  # GitLab's live as long as a job may; GitHub's five minutes
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")


class NotTrusted(Exception):  # noqa: N818 - a verdict on what a client sent
    """The token proves nothing. The text says why, in words that repeat nothing of it."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a token says of itself: good for finding the key, and for nothing else."""

    text: str = field(repr=False)
    algorithm: str
    key_id: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Verified:
    """The claims of a token whose signature, issuer, audience and times hold."""

    claims: Mapping[str, Any] = field(repr=False)
    one_time_key: str  # sha256, hex
    expires: datetime


def read(text: str) -> Unverified:
    """The token's own word on who signed it and how. Raises NotTrusted."""
    if len(text) > TOKEN_CHARS_MAX:
        raise NotTrusted(f"the token is longer than {TOKEN_CHARS_MAX} characters")
    parts = text.split(".")
    if len(parts) != 3 or not all(parts) or not text.isascii():
        raise NotTrusted("the token is not a signed JSON Web Token")
    header, claims = _json(parts[0]), _json(parts[1])
    algorithm, key_id, issuer = header.get("alg"), header.get("kid", ""), claims.get("iss")
    if algorithm not in ALGORITHMS:
        raise NotTrusted(f"the token is not signed by one of {', '.join(ALGORITHMS)}")
    if "crit" in header or "b64" in header:
        raise NotTrusted("the token's header demands extensions that are not known here")
    if not isinstance(key_id, str) or len(key_id) > NAME_CHARS_MAX:
        raise NotTrusted("the token's key id is none")
    if not isinstance(issuer, str) or not 0 < len(issuer) <= NAME_CHARS_MAX:
        raise NotTrusted("the token names no issuer")
    return Unverified(text, algorithm, key_id, issuer)


def verify(token: Unverified, key: Key, audiences: frozenset[str], now: datetime) -> tuple[Verified, str]:
    """Hold the token to the key and to the time; the claims, and which of the audiences it was made for.

    Raises NotTrusted.
    """
    if token.algorithm not in key.algorithms:
        raise NotTrusted("the token's signature is of another kind than its key")
    try:
        payload = jwt.api_jws.decode(token.text, key.public, algorithms=[token.algorithm])
    except jwt.exceptions.PyJWTError as error:
        raise NotTrusted("the token's signature does not hold") from error
    claims = _object(payload)
    if claims.get("iss") != token.issuer:
        raise NotTrusted("the token names two issuers")
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    if not isinstance(audience, str) or audience not in audiences:
        raise NotTrusted("the token was made for another audience; ask for the one that /_/oidc/audience tells")
    expires = _check_times(claims, now)
    return Verified(claims, _one_time_key(token, claims), expires), audience


def _check_times(claims: Mapping[str, Any], now: datetime) -> datetime:
    """When the token ends. Raises NotTrusted."""
    issued, expires = _moment(claims, "iat"), _moment(claims, "exp")
    if expires + timedelta(seconds=LEEWAY_SECONDS) <= now:
        raise NotTrusted("the token has expired")
    begins = max(issued, _moment(claims, "nbf")) if "nbf" in claims else issued
    if begins - timedelta(seconds=LEEWAY_SECONDS) > now:
        raise NotTrusted("the token is not valid yet")
    if not timedelta(0) < expires - issued <= timedelta(seconds=LIFETIME_SECONDS_MAX):
        raise NotTrusted(f"the token's lifetime is not between 0 and {LIFETIME_SECONDS_MAX} seconds")
    return expires


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotTrusted(f"the token has no {name}")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise NotTrusted(f"the token's {name} lies outside the calendar") from None


def _one_time_key(token: Unverified, claims: Mapping[str, Any]) -> str:
    """By the token's own id; without one by what was signed, since a signature can often be written in two ways."""
    known = claims.get("jti")
    if known is not None and not (isinstance(known, str) and 0 < len(known) <= NAME_CHARS_MAX):
        raise NotTrusted("the token's jti is none")
    what = f"jti {known}" if known is not None else f"signed {_signed_bytes(token.text).hex()}"
    return hashlib.sha256(f"{token.issuer}\n{what}".encode()).hexdigest()


def _signed_bytes(text: str) -> bytes:
    """The digest of header and claims, decoded: base64 has spellings, too."""
    header, claims, _ = text.split(".")
    return hashlib.sha256(_decoded(header) + b"." + _decoded(claims)).digest()


def _json(part: str) -> dict[str, Any]:
    return _object(_decoded(part))


def _object(raw: bytes) -> dict[str, Any]:
    """A JSON object; a key that comes twice is read in two ways by two parsers. Raises NotTrusted."""
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NotTrusted("the token is not a signed JSON Web Token")
    return found


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part.encode() + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise NotTrusted("the token is not a signed JSON Web Token") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
