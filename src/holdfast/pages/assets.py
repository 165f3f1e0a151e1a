"""Styles, script and pictures of the pages, each under a name that has its content's hash in it.

`assets/<stem>.<hash>.<suffix>` never changes its bytes, so it is cached for a year, and a page keeps its looks
whichever release answers for its assets: those of other releases are kept in the store (tree/addresses.py).
"""

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).with_name("assets")
HASH_LENGTH = 16  # hex digits: nobody but us makes the names, so this is about accidents only
MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_NAME = re.compile(rf"[a-z0-9-]{{1,40}}\.[0-9a-f]{{{HASH_LENGTH}}}\.({'|'.join(MEDIA_TYPES)})")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served. `name` is the hashed one."""

    name: str
    media_type: str
    body: bytes


def is_asset_name(name: str) -> bool:
    """Whether any release could have made that name."""
    return _NAME.fullmatch(name) is not None


def media_type_of(name: str) -> str:
    """The media type of an asset's name."""
    return MEDIA_TYPES[name.rpartition(".")[2]]


def asset_path(name: str) -> str:
    """The address below the root of an asset by its plain name: `holdfast.css`."""
    return f"assets/{_by_plain_name()[name].name}"


@cache
def assets() -> dict[str, Asset]:
    """Every asset of this release by its hashed name."""
    return {asset.name: asset for asset in _by_plain_name().values()}


@cache
def _by_plain_name() -> dict[str, Asset]:
    files = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.is_file()}
    files["holdfast.css"] = b"\n".join(path.read_bytes() for path in sorted((FOLDER / "css").glob("*.css")))
    return {name: _asset(name, body) for name, body in files.items()}


def _asset(plain_name: str, body: bytes) -> Asset:
    stem, _, suffix = plain_name.rpartition(".")
    name = f"{stem}.{sha256(body).hexdigest()[:HASH_LENGTH]}.{suffix}"
    return Asset(name, MEDIA_TYPES[suffix], body)
