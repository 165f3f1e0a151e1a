"""What JSON and HTML pages have in common: the page, its files, and how a file's facts are read leniently."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import msgspec

from holdfast.core.errors import Unavailable
from holdfast.core.filenames import parse_filename
from holdfast.core.model import STATUSES, File, Status, parse_time
from holdfast.core.names import is_sha256
from holdfast.pull.credentials import without_userinfo

TEXT_CHARS_MAX = 1024  # a requires-python or a yank reason longer than this is noise or an attack
_SAFE = "!#$%&'()*+,/:;=?@[]~"  # everything a URL may hold already; only spaces, quotes and non-ASCII get quoted
# What nearly every file URL looks like: nothing to join, quote or cut off. Parsing it takes fifteen times as long.
_PLAIN_URL = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,4})?/[A-Za-z0-9._~/+-]+")


@dataclass(frozen=True, slots=True)
class Page:
    """A project page as the upstream gave it. `skipped` counts the files that could not be read."""

    display: str
    files: tuple[File, ...]
    skipped: int = 0
    status: Status = "active"
    status_reason: str = ""
    serial: int | None = None
    extras: tuple[tuple[str, str], ...] = ()


class Files:
    """Collects files; the first of several with one name counts."""

    def __init__(self) -> None:
        self._by_name: dict[str, File] = {}
        self.skipped = 0

    def add(self, file: File | None) -> None:
        if file is None or file.filename in self._by_name:
            self.skipped += 1
        else:
            self._by_name[file.filename] = file

    def files(self) -> tuple[File, ...]:
        return tuple(self._by_name.values())


def listed_file(
    filename: str,
    project: str,
    address: str,
    hashes: Mapping[str, str],
    *,
    size: int | None = None,
    upload_time: str = "",
    requires_python: str = "",
    yanked: bool = False,
    yanked_reason: str = "",
    has_metadata: bool = False,
    metadata_sha256: str = "",
    provenance_url: str = "",
) -> File | None:
    """The file at `address`, or None where that is ''."""
    if not address:
        return None
    sha256 = hashes.get("sha256", "")
    sha256 = sha256 if is_sha256(sha256) else ""
    told = parse_filename(filename, project)
    return File(
        filename=filename,
        sha256=sha256,
        size=size,
        version=told.version,
        packagetype=told.packagetype,
        python_version=told.python_version,
        upload_time=_time(upload_time),
        requires_python=requires_python,
        yanked=yanked,
        yanked_reason=yanked_reason if yanked else "",
        has_metadata=has_metadata,
        metadata_sha256=metadata_sha256 if is_sha256(metadata_sha256) else "",
        provenance_url=provenance_url if provenance_url.startswith("https://") else "",
        md5=hashes.get("md5", "") if _is_digest("md5", hashes.get("md5", "")) else "",
        hashes=() if sha256 else tuple(sorted(_usable(hashes.items()))),
        upstream_url=address,
    )


def absolute(base: str, link: str) -> str:
    """Where the link leads, as it can be asked for (http or https, no user name, no fragment), else ''."""
    if _PLAIN_URL.fullmatch(link):
        return link
    try:
        parts = urlsplit(urljoin(base, link.strip()))
        port_is_legal = parts.port is None or parts.port >= 0
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_legal:
        return ""
    return quote(without_userinfo(urlunsplit(parts._replace(fragment=""))), safe=_SAFE)


def _time(text: str) -> datetime | None:
    try:
        return parse_time(text) if text else None
    except ValueError:
        return None


def _usable(hashes: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The digests that can be verified here later."""
    return [(name, value) for name, value in hashes if name != "sha256" and _is_digest(name, value)]


def _is_digest(algorithm: str, value: str) -> bool:
    if algorithm not in hashlib.algorithms_guaranteed or algorithm.startswith("shake"):
        return False
    length = hashlib.new(algorithm, usedforsecurity=False).digest_size * 2
    return len(value) == length and all(c in "0123456789abcdef" for c in value)


def check_api_version(version: object, name: str) -> None:
    """PEP 629: an unknown major version must not be read."""
    if isinstance(version, str) and version.partition(".")[0] != "1":
        raise Unavailable(f"the upstream's page for {name} has api-version {version[:20]!r}; this reads version 1")


def extras_of(fields: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """The fields that are passed through as they are (PEP 708: rejected, but still on the wire), as JSON text."""
    return tuple(
        (key, msgspec.json.encode(value, order="deterministic").decode()) for key, value in fields.items() if value
    )


def status_of(table: Mapping[str, object]) -> tuple[Status, str]:
    """PEP 792; an unknown status reads as active, as the PEP asks."""
    found: Status = next((s for s in STATUSES if s == table.get("status")), "active")
    return found, text_of(table.get("reason"))


def text_of(value: object) -> str:
    """A one-line text of bounded length, or nothing."""
    return value if isinstance(value, str) and len(value) <= TEXT_CHARS_MAX and value.isprintable() else ""
