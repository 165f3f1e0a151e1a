"""The secret in a preview's address: how it is made, recognised and compared.

    <index root>/@preview/<43 characters>/simple/

Whoever knows the address may read, like the holder of a key. The tree stores what a token opens under its digest, so
that neither the store nor a listing of it gives an address away.
"""

import hashlib
import hmac
import re
import secrets

SEGMENT = "@preview"  # of a URL; no index or date is spelt so
_TOKEN_BYTES = 32  # 256 random bits; PEP 694 asks for "unguessable", 128 would do
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def mint() -> str:
    """A new token, in letters that every URL takes as they are."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def is_token(text: str) -> bool:
    """True for the shape of a token; whether it opens anything is not known yet."""
    return _TOKEN.fullmatch(text) is not None


def digest(token: str) -> str:
    """What is stored of a token: sha256, hex. 256 random bits need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def same_digest(one: str, other: str) -> bool:
    """Compare two digests in constant time."""
    return hmac.compare_digest(one, other)
