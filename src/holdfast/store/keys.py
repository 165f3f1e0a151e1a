"""The shape of a store key, checked at every adapter's door: a bad key is our own mistake, so it is a ValueError."""

import re

OWN_PREFIX = ".holdfast-"  # the local store's marker and temporary files; never a key's segment
KEY_CHARS_MAX = 1024  # the limit of S3

# Printable ASCII without "/", neither "." nor "..", at most what a file system takes for one name.
_SEGMENT = r"(?!\.\.?(?:/|\Z))(?!\.holdfast-)[ -.0-~]{1,255}"
_KEY = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*")


def is_key(name: str) -> bool:
    """Whether `name` is `/`-joined segments of printable ASCII that no file system misreads."""
    return len(name) <= KEY_CHARS_MAX and _KEY.fullmatch(name) is not None


def check_key(key: str) -> None:
    """Raise ValueError unless `key` is one."""
    if not is_key(key):
        raise ValueError(f"not a store key: {key[:100]!r}")


def check_prefix(prefix: str) -> None:
    """Raise ValueError unless `prefix` could begin a key; the empty prefix begins them all."""
    if prefix:
        check_key(prefix.removesuffix("/"))
