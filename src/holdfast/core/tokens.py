"""Tokens: how they are made, recognised, hashed and found in a request. Scopes and storage live elsewhere.

    holdfast_<id: 12>_<secret: 43>_<checksum: 6>        letters and digits

The id finds the token's facts; the prefix and the checksum let secret scanners tell a leaked token from a lookalike
without asking anybody; only the digest is kept at rest. crc32 catches every change of a single character.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

PREFIX = "holdfast_"
HEADER_CHARS_MAX = 1024  # a token is 72 characters; user names and base64 add little

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_CHARS, _SECRET_CHARS, _CHECKSUM_CHARS = 12, 43, 6  # 62**43 > 2**256, 62**6 > 2**32
_SECRET_BYTES = 32
_TOKEN = re.compile(r"holdfast_(?P<id>[0-9A-Za-z]{12})_[0-9A-Za-z]{43}_(?P<checksum>[0-9A-Za-z]{6})")


@dataclass(frozen=True, slots=True)
class MintedToken:
    """A new token. `text` is shown once and never stored."""

    text: str = field(repr=False)
    id: str
    digest: str


@dataclass(frozen=True, slots=True)
class ParsedToken:
    """A text that has a token's shape and checksum; whether it is anybody's token is not known yet."""

    id: str
    digest: str = field(repr=False)


def mint(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> MintedToken:
    """Make a token from 32 random bytes, with a random id."""
    token_id = _base62(int.from_bytes(random_bytes(16)) % 62**_ID_CHARS, _ID_CHARS)
    secret = _base62(int.from_bytes(random_bytes(_SECRET_BYTES)), _SECRET_CHARS)
    body = f"{PREFIX}{token_id}_{secret}"
    text = f"{body}_{checksum(body)}"
    return MintedToken(text, token_id, digest(text))


def parse(text: str) -> ParsedToken | None:
    """Recognise a token by its shape and checksum; None for anything else."""
    match = _TOKEN.fullmatch(text)
    if match is None or match["checksum"] != checksum(text[: -_CHECKSUM_CHARS - 1]):
        return None
    return ParsedToken(match["id"], digest(text))


def digest(text: str) -> str:
    """What is stored of a token: the sha256 of its whole text, hex. 256 random bits need no salt and no stretching."""
    return hashlib.sha256(text.encode()).hexdigest()


def same_digest(one: str, other: str) -> bool:
    """Compare two digests in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def credentials_from(authorization: str | None) -> str | None:
    """The text that may be a token in an `Authorization` header, or None.

    Basic with any user name (`__token__` by convention), a token alone as user name (`https://<token>@host/`),
    Bearer, and the older `token <text>`.
    """
    if authorization is None or len(authorization) > HEADER_CHARS_MAX:
        return None
    scheme, _, rest = authorization.strip().partition(" ")
    rest = rest.strip()
    match scheme.lower():
        case "basic":
            candidate = _basic_secret(rest)
        case "bearer" | "token":
            candidate = rest
        case _:
            return None
    return candidate if candidate and candidate.isascii() and candidate.isprintable() else None


def _basic_secret(encoded: str) -> str:
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return ""
    return password.strip() or (user.strip() if user.strip().startswith(PREFIX) else "")


def checksum(body: str) -> str:
    """The end of a token, from all that stands before it and its underscore."""
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_CHARS)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    assert number == 0, "the width is too small for the number"
    return "".join(reversed(digits))
