"""Names of projects, indexes and files: the one door between what a client wrote and what the code compares.

`normalize` is PEP 503's rule over ASCII only. Past this door a name is always normalised; code inside never
normalises again.
"""

import re

# PEP 508 / core metadata `Name`, spelt with ASCII classes: `\d` and `\w` would let other scripts through, and
# `$` would let a trailing newline through (hence fullmatch everywhere).
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_RUNS = re.compile(r"[-_.]+")
_INDEX = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_SHA256 = re.compile(r"[0-9a-f]{64}")

NAME_CHARS_MAX = 200  # the longest real project name is below 100; file systems stop at 255 bytes
FILENAME_CHARS_MAX = 240  # ".metadata" and a store's temporary suffix must still fit in 255 bytes

# First path segments that routes own; an index of that name would be unreachable.
RESERVED_INDEX_NAMES = frozenset(
    "simple packages legacy pypi api admin account accounts login logout manage project projects user users org "
    "static assets indexes search browse set-up stats status integrity danger-api healthz readyz metrics upstreams rss "
    "help about - _ "
    # the tree's own folders, beside an index's
    "audit journal journal-chunk checkpoint overrides advisories pin use page-assets person".split()
)


def is_project_name(raw: str) -> bool:
    """True when `raw` is a legal project name in any spelling (PEP 508), ASCII and at most 200 characters."""
    return len(raw) <= NAME_CHARS_MAX and _NAME.fullmatch(raw) is not None


def normalize(raw: str) -> str:
    """The normalised form of a legal project name (PEP 503): lower case, runs of `-_.` become one `-`."""
    return _RUNS.sub("-", raw).lower()


def is_normalized(name: str) -> bool:
    """True when `name` is a legal project name already in its normalised form."""
    return is_project_name(name) and normalize(name) == name


def is_index_name(name: str) -> bool:
    """True when `name` may name an index or an upstream: a DNS-label shape that collides with no route."""
    return _INDEX.fullmatch(name) is not None and name not in RESERVED_INDEX_NAMES


def is_sha256(text: str) -> bool:
    """True when `text` is a sha256 digest in lower-case hex."""
    return _SHA256.fullmatch(text) is not None


def is_filename(text: str) -> bool:
    """True when `text` can stand as one segment of a URL and of a store key: printable ASCII, no separators."""
    return (
        0 < len(text) <= FILENAME_CHARS_MAX
        and text.isascii()
        and text.isprintable()
        and not any(c in "/\\?#%\"'<>&;" for c in text)
        and text not in (".", "..")
        and not text.startswith((".", "-"))
        and text.strip() == text
    )
