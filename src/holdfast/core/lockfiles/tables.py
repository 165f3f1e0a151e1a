"""Lock files that are tables: uv.lock, poetry.lock, pdm.lock, Pipfile.lock and the standard pylock.toml (PEP 751).

Each reader takes what names files and leaves the rest: a newer format with more in it stays readable.
"""

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from holdfast.core.lockfiles.model import (
    BadLock,
    Lock,
    LockedFile,
    LockedRequirement,
    list_of,
    locked_file,
    project_of,
    sha256s_of,
    table_of,
    text_of,
)
from holdfast.core.lockfiles.requirements import exact_version


def parse_uv(text: str) -> Lock:
    """uv.lock: a file's `url` is where uv fetches it from, whatever index is configured later. Raises BadLock."""
    files: list[LockedFile] = []
    direct: list[str] = []
    for entry in list_of(_toml(text).get("package", []), "[[package]]"):
        where, project, version = _named(entry)
        source = table_of(entry.get("source", {}), f"{where}: 'source'")
        if "registry" not in source:
            if not source.keys() & {"editable", "virtual"}:  # the project itself and its workspace
                direct += [f"{project} @ {value}" for value in source.values() if isinstance(value, str)][:1]
            continue
        index = text_of(source, "registry", where)
        for found in _files_of(entry, where, ("sdist", "wheels")):
            files.append(locked_file(found, where, project=project, version=version, index=index))
    return Lock("uv", _distinct(files), direct=tuple(direct))


def parse_poetry(text: str) -> Lock:
    """poetry.lock: names files without addresses; a package's `source` is there unless it is poetry's default one."""
    files: list[LockedFile] = []
    direct: list[str] = []
    document = _toml(text)
    older = table_of(table_of(document.get("metadata", {}), "[metadata]").get("files", {}), "[metadata.files]")
    for entry in list_of(document.get("package", []), "[[package]]"):
        where, project, version = _named(entry)
        source = table_of(entry.get("source", {}), f"{where}: 'source'")
        if source.get("type", "legacy") != "legacy":
            direct.append(f"{project} @ {text_of(source, 'url', where)}")
            continue
        index = text_of(source, "url", where, default="")
        listed = entry.get("files", older.get(text_of(entry, "name", where), []))  # [metadata.files] until lock 1.1
        for found in list_of(listed, f"{where}: 'files'"):
            files.append(locked_file(found, where, project=project, version=version, index=index))
    return Lock("poetry", _distinct(files), direct=tuple(direct))


def parse_pdm(text: str) -> Lock:
    """pdm.lock: names files, with addresses when it was locked with `static_urls`. Raises BadLock."""
    files: list[LockedFile] = []
    direct: list[str] = []
    for entry in list_of(_toml(text).get("package", []), "[[package]]"):
        where, project, version = _named(entry)
        elsewhere = [text_of(entry, key, where) for key in ("git", "hg", "svn", "url", "path") if key in entry]
        if elsewhere:
            direct.append(f"{project} @ {elsewhere[0]}")
            continue
        for found in list_of(entry.get("files", []), f"{where}: 'files'"):
            files.append(locked_file(found, where, project=project, version=version))
    return Lock("pdm", _distinct(files), direct=tuple(direct))


def parse_pipfile(text: str) -> Lock:
    """Pipfile.lock: exact pins with digests and the index each comes from, but no filenames. Raises BadLock."""
    try:
        document = table_of(json.loads(text), "the document")
    except ValueError as error:
        raise BadLock(f"it is no JSON: {error}") from error
    meta = table_of(document.get("_meta", {}), "'_meta'")
    indexes: dict[str, str] = {}
    for source in list_of(meta.get("sources", []), "'_meta.sources'"):
        name = text_of(source, "name", "'_meta.sources'", default="")
        indexes[name] = text_of(source, "url", f"source {name!r}")
    first = next(iter(indexes.values()), "")
    requirements: list[LockedRequirement] = []
    direct: list[str] = []
    for section, entries in document.items():
        if section == "_meta":
            continue
        for name, raw in table_of(entries, f"section {section!r}").items():
            entry = table_of(raw, f"{section}.{name}")
            if "version" not in entry:
                direct.append(f"{name} @ {next((str(entry[k]) for k in ('git', 'file', 'path') if k in entry), '?')}")
                continue
            index = indexes.get(text_of(entry, "index", name, default=""), first)
            requirements.append(_pipfile_entry(name, entry, f"{section}.{name}", index))
    return Lock("pipfile", (), tuple(dict.fromkeys(requirements)), tuple(direct), indexes=tuple(indexes.values()))


def parse_pylock(text: str) -> Lock:
    """pylock.toml (PEP 751, packaging.python.org/specifications/pylock-toml). Raises BadLock."""
    document = _toml(text)
    told = text_of(document, "lock-version", "the document")
    if told.partition(".")[0] != "1":
        raise BadLock(f"lock-version {told[:20]!r} is not known here; 1.x is")
    files: list[LockedFile] = []
    direct: list[str] = []
    for entry in list_of(document.get("packages", []), "[[packages]]"):
        where, project, version = _named(entry)
        for kind in ("vcs", "directory", "archive"):
            if kind in entry:
                source = table_of(entry[kind], f"{where}: {kind!r}")
                direct.append(f"{project} @ {source.get('url') or source.get('path') or kind}")
        index = text_of(entry, "index", where, default="")
        for found in _files_of(entry, where, ("sdist", "wheels")):
            files.append(locked_file(found, where, project=project, version=version, index=index))
    return Lock("pylock", _distinct(files), direct=tuple(direct))


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:  # it names line and column
        raise BadLock(f"it is no TOML: {error}") from error


def _named(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    """What errors call the entry, its project and its version."""
    project = project_of(entry, "a package")
    version = text_of(entry, "version", f"package {project}", default="")
    return f"package {project} {version}".rstrip(), project, version


def _files_of(entry: Mapping[str, Any], where: str, keys: tuple[str, ...]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for key in keys:
        value = entry.get(key, [])
        found += (
            list_of(value, f"{where}: {key!r}") if isinstance(value, list) else [table_of(value, f"{where}: {key!r}")]
        )
    return found


def _pipfile_entry(name: str, entry: Mapping[str, Any], where: str, index: str) -> LockedRequirement:
    hashes = entry.get("hashes", [])
    if not isinstance(hashes, list) or not all(isinstance(one, str) for one in hashes):
        raise BadLock(f"{where}: 'hashes' is no list of texts")
    marker = text_of(entry, "markers", where, default="")
    extras = ",".join(str(extra) for extra in entry.get("extras", []))
    text = (
        f"{name}{f'[{extras}]' if extras else ''}{text_of(entry, 'version', where)}{f' ; {marker}' if marker else ''}"
    )
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise BadLock(f"{where}: {text[:100]!r} is no requirement") from error
    project = project_of({"name": name}, where)
    return LockedRequirement(
        str(requirement), project, exact_version(requirement), sha256s_of(hashes, where), marker, index
    )


def _distinct(files: list[LockedFile]) -> tuple[LockedFile, ...]:
    """Without repeats, in order: a lock may name a version once for each of several environments."""
    return tuple(dict.fromkeys(files))
