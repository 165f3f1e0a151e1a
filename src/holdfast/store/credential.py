"""A bucket's credential: told apart without being told, and proven with an object nobody has seen before."""

import secrets
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from holdfast.core.errors import Unavailable
from holdfast.store.port import Store

FINGERPRINT_CHARS = 12  # of hex: tells two credentials apart, and says nothing of either
PROBE_BYTES = 32

# What the client library reads a credential from, by the scheme of the store's URL (docs of obstore, "Authentication").
_VARIABLES = {
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    "gs": (
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_PATH",
        "GOOGLE_SERVICE_ACCOUNT_KEY",
        "GOOGLE_APPLICATION_CREDENTIALS",
    ),
    "az": (
        "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_SAS_KEY",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
    ),
}


def fingerprint(url: str, environ: Mapping[str, str]) -> str:
    """A short digest of the credential that `environ` holds for the bucket's provider; "" when it holds none.

    Without one, the machine's own role is what opens the bucket. A variable that names a file stands for its content.
    """
    values = [_content(environ.get(name, "")) for name in _VARIABLES[url.partition("://")[0]]]
    if not any(values):
        return ""
    return sha256(b"holdfast store credential\0" + b"\0".join(values)).hexdigest()[:FINGERPRINT_CHARS]


def prove(store: Store, key: str) -> None:
    """Put a fresh random object, read it back, delete it. Raises StoreRefuses, Unavailable."""
    data = secrets.token_bytes(PROBE_BYTES)
    store.put(key, data)
    if store.get(key) != data:
        raise Unavailable("the store gives back other bytes than were put there")
    store.delete(key)


def _content(value: str) -> bytes:
    try:
        return Path(value).read_bytes() if value.startswith("/") else value.encode()
    except OSError:
        return value.encode()
