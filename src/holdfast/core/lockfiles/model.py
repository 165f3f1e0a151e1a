"""The values of a lock file, whatever tool wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from holdfast.core.names import is_filename, is_project_name, is_sha256, normalize


class BadLock(ValueError):  # noqa: N818 - a verdict about somebody's file, not a defect of ours
    """The text is not what its name says; the message names the line or the entry."""


@dataclass(frozen=True, slots=True)
class LockedFile:
    """One file a lock names. `project` is normalised; what the lock does not tell is "" or None."""

    project: str
    version: str  # as written
    filename: str
    sha256: str
    url: str  # where the tool fetches it from; "" = wherever its index says
    size: int | None = None
    index: str = ""  # the Simple API base it was locked from, if the lock tells


@dataclass(frozen=True, slots=True)
class LockedRequirement:
    """A requirement without files of its own: `text` is what an installer would be given."""

    text: str  # a PEP 508 requirement, marker included, hashes not
    project: str  # normalised
    version: str = ""  # of an exact pin (`==`, `===`), else ""
    sha256s: tuple[str, ...] = ()  # digests it may have
    marker: str = ""
    index: str = ""


@dataclass(frozen=True, slots=True)
class Lock:
    """What one file names."""

    kind: str
    files: tuple[LockedFile, ...] = ()
    requirements: tuple[LockedRequirement, ...] = ()
    direct: tuple[str, ...] = ()  # what comes from no index: `name @ url`, repositories, folders; as written
    includes: tuple[str, ...] = ()  # `-r` of a requirements file, relative to it
    constraints: tuple[str, ...] = ()  # `-c`, likewise
    indexes: tuple[str, ...] = ()  # Simple API bases the file itself asks for (`--index-url`, `--extra-index-url`)

    @property
    def is_exact(self) -> bool:
        """True when every requirement is pinned with a digest, so that nothing is left to resolve."""
        return not self.includes and all(r.version and r.sha256s for r in self.requirements)


def locked_file(
    entry: Mapping[str, Any], where: str, *, project: str, version: str, filename: str = "", index: str = ""
) -> LockedFile:
    """A file's table as lock files write it: `url`, `file` or `name`, `hash` or `hashes`, `size`. Raises BadLock."""
    url = text_of(entry, "url", where, default="")
    named = filename or next((text_of(entry, key, where) for key in ("file", "filename", "name") if key in entry), "")
    named = named or unquote(urlsplit(url or text_of(entry, "path", where, default="")).path.rpartition("/")[2])
    if not is_filename(named):
        raise BadLock(f"{where}: {named[:100]!r} is no filename")
    size = entry.get("size")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise BadLock(f"{where}: size {size!r} is no number of bytes")
    return LockedFile(project, version, named, _sha256_of(entry, where), url.partition("#")[0], size, index)


def project_of(entry: Mapping[str, Any], where: str) -> str:
    """The entry's `name`, normalised. Raises BadLock."""
    raw = text_of(entry, "name", where)
    if not is_project_name(raw):
        raise BadLock(f"{where}: {raw[:100]!r} is no project name")
    return normalize(raw)


def text_of(entry: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    """The entry's text under `key`. Raises BadLock when it is something else, or missing without a default."""
    value = entry.get(key, default)
    if not isinstance(value, str):
        raise BadLock(f"{where}: {key!r} is {'missing' if value is None else 'no text'}")
    return value


def table_of(value: object, where: str) -> Mapping[str, Any]:
    """`value`, which must be a table. Raises BadLock."""
    if not isinstance(value, dict):
        raise BadLock(f"{where} is no table")
    return value


def list_of(value: object, where: str) -> list[Mapping[str, Any]]:
    """`value`, which must be a list of tables. Raises BadLock."""
    if not isinstance(value, list):
        raise BadLock(f"{where} is no list")
    return [table_of(one, f"{where}, entry {number}") for number, one in enumerate(value, 1)]


def sha256s_of(hashes: list[str], where: str) -> tuple[str, ...]:
    """The digests among `sha256:<hex>` texts; other algorithms are left out. Raises BadLock."""
    found = []
    for one in hashes:
        algorithm, _, digest = one.partition(":")
        if algorithm == "sha256":
            if not is_sha256(digest.lower()):
                raise BadLock(f"{where}: {one[:100]!r} is no sha256 digest")
            found.append(digest.lower())
    return tuple(found)


def _sha256_of(entry: Mapping[str, Any], where: str) -> str:
    if "hashes" in entry:
        digest = table_of(entry["hashes"], f"{where}: 'hashes'").get("sha256", "")
        written = [f"sha256:{digest}"] if digest else []
    else:
        told = text_of(entry, "hash", where, default="")
        written = [told] if told else []
    return next(iter(sha256s_of(written, where)), "")
