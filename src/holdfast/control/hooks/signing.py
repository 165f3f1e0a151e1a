"""How a receiver knows that a delivery is ours and fresh: HMAC-SHA256 over its time and its body.

    X-Holdfast-Signature: t=<Unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>" with the webhook's secret>

A receiver computes the same, compares in constant time, and refuses a time that is minutes away. Secrets are made of a
salt and the instance's secret key file: a stolen database alone signs nothing.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"


def new_salt() -> str:
    """What makes one webhook's secret another's not."""
    return secrets.token_hex(32)


def name_of(key: str) -> str:
    """How a row says which key its secret is made with."""
    return hashlib.sha256(f"webhook key {key}".encode()).hexdigest()[:16]


def secret_for(salt: str, key_name: str, keys: Sequence[str]) -> str | None:
    """The secret; None when the key it was made with is not among those in force any more."""
    key = next((key for key in keys if name_of(key) == key_name), None)
    if key is None:
        return None
    return PREFIX + hmac.new(key.encode(), f"webhook {salt}".encode(), hashlib.sha256).hexdigest()


def signature(secret: str, body: bytes, unix_seconds: int) -> str:
    """The header's value."""
    mac = hmac.new(secret.encode(), f"{unix_seconds}.".encode() + body, hashlib.sha256)
    return f"t={unix_seconds},v1={mac.hexdigest()}"
