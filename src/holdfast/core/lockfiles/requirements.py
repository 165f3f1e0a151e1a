"""Requirements files as pip reads them: continuation lines, comments, options, hashes.

The format is pip's own (its "Requirements File Format" page); what we do not need of it is passed over, never guessed.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement

from holdfast.core.lockfiles.model import BadLock, Lock, LockedRequirement, sha256s_of
from holdfast.core.names import normalize

_COMMENT = re.compile(r"(^|\s+)#.*$")
_OPTION_START = re.compile(r"\s(?=--?[A-Za-z])")
_INDEX_OPTIONS = ("-i", "--index-url", "--extra-index-url", "--pypi-url")
_FILE_OPTIONS = {"-r": "includes", "--requirement": "includes", "-c": "constraints", "--constraint": "constraints"}
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")


@dataclass(slots=True)
class _Found:
    requirements: list[LockedRequirement] = field(default_factory=list)
    direct: list[str] = field(default_factory=list)
    includes: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)


def parse_requirements(text: str) -> Lock:
    """Read a requirements file. Raises BadLock naming the line."""
    found = _Found()
    for number, line in _logical_lines(text):
        where = f"line {number}"
        if line.startswith("-"):
            _option(line, where, found)
        elif _is_direct(line):
            found.direct.append(line)
        else:
            _requirement(line, where, found)
    lists = (found.direct, found.includes, found.constraints, found.indexes)
    return Lock("requirements", (), tuple(found.requirements), *(tuple(one) for one in lists))


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines joined over trailing backslashes, without comments, with the number of their first line."""
    parts: list[str] = []
    start = 0
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        start = start if parts else number
        is_comment = raw.lstrip().startswith("#")
        if raw.endswith("\\") and not is_comment:
            parts.append(raw[:-1])
            continue
        line = _COMMENT.sub("", " ".join([*parts, raw])).strip()
        parts = []
        if line:
            yield start, line
    if rest := _COMMENT.sub("", " ".join(parts)).strip():
        yield start, rest


def _option(line: str, where: str, found: _Found) -> None:
    name, value = _split_option(line, where)
    if name in ("-e", "--editable"):
        found.direct.append(f"-e {value}")
    elif name in _INDEX_OPTIONS:
        found.indexes.append(value)
    elif name in _FILE_OPTIONS:
        if not value:
            raise BadLock(f"{where}: {name} names no file")
        getattr(found, _FILE_OPTIONS[name]).append(value)
    # Other options (--no-binary, --pre, --find-links ...) say how to install, which is the installer's to know.


def _split_option(line: str, where: str) -> tuple[str, str]:
    """An option's name and value: `--name=value`, `--name value`, `-n value` or `-nvalue`. Raises BadLock."""
    match = re.match(r"(--[A-Za-z-]+|-[A-Za-z])[=\s]?\s*(.*)$", line)
    if match is None:
        raise BadLock(f"{where}: {line[:100]!r} is no option")
    try:
        return match[1], " ".join(shlex.split(match[2]))
    except ValueError as error:
        raise BadLock(f"{where}: {error}") from error


def _is_direct(line: str) -> bool:
    """True for what comes from no index: an address, a repository, a file or a folder."""
    first = line.split(maxsplit=1)[0]
    return (
        "://" in first
        or first.startswith((".", "/", "~"))
        or first.lower().endswith(_ARCHIVES)
        or re.match(r"[A-Za-z0-9._-]+\s*(\[[^]]*\])?\s*@\s*\S", line) is not None
    )


def _requirement(line: str, where: str, found: _Found) -> None:
    text, *options = _OPTION_START.split(line)
    hashes: list[str] = []
    for option in options:
        name, value = _split_option(option.strip(), where)
        if name == "--hash":
            if ":" not in value:
                raise BadLock(f"{where}: {option.strip()[:100]!r} is no ALGORITHM:DIGEST")
            hashes.append(value)
    try:
        requirement = Requirement(text.strip())
    except InvalidRequirement as error:
        raise BadLock(f"{where}: {text.strip()[:100]!r} is no requirement ({str(error).splitlines()[0]})") from error
    found.requirements.append(
        LockedRequirement(
            str(requirement),
            normalize(requirement.name),
            exact_version(requirement),
            sha256s_of(hashes, where),
            str(requirement.marker or ""),
        )
    )


def exact_version(requirement: Requirement) -> str:
    """The version of an exact pin, else ""."""
    specifiers = list(requirement.specifier)
    if len(specifiers) == 1 and specifiers[0].operator in ("==", "===") and "*" not in specifiers[0].version:
        return specifiers[0].version
    return ""
