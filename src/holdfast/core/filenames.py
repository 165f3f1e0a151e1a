"""What a distribution's filename tells: project, version, kind. Lenient, for pages other people wrote.

Strictness about uploads lives with the upload checks; here every filename gets an answer and nothing raises. What
a filename does not tell is "". The accepted kinds are data: new ones (wheel variants, `.whlx`) must not break a page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from packaging.version import Version

from holdfast.core.model import File, PackageType
from holdfast.core.names import is_project_name, normalize

CANDIDATES_MAX = 32  # prefixes tried for one filename; real names have fewer than ten dashes
_VERSION_CHARS_MAX = 128  # real versions stay below 60; a longer text is not worth parsing
_FILENAME_CHARS_MAX = 512  # twice what any file system stores

_WHEEL_ENDINGS = (".whl", ".whlx")
_SDIST_ENDINGS = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar.z", ".tar")
_OTHER_ENDINGS = (".egg", ".exe", ".msi", ".rpm", ".deb", ".dmg")

# distutils' and setuptools' own patterns: NAME-VERSION-pyX.Y[-PLATFORM].egg, NAME-VERSION.PLATFORM[-pyX.Y].exe
# The last `-py` counts: `foo-py3-1.0-py2.7.egg` is version 1.0 of foo-py3.
_EGG_TAIL = re.compile(r"-py(?P<python>[0-9][0-9.]*)(?:-(?!.*-py[0-9]).*)?$")
_INSTALLER_TAIL = re.compile(
    r"[.-](?:win32|win-[a-z0-9]+|linux-[a-z0-9_]+|macosx-[^-]+-[^-]+)(?:-py(?P<python>[0-9][0-9.]*))?$"
)

VersionKey = tuple[int, Version | str]


@dataclass(frozen=True, slots=True)
class ParsedFilename:
    """What a filename tells; every text is "" where it does not."""

    project: str  # normalised
    version: str  # normalised PEP 440 text
    packagetype: PackageType
    python_version: str = ""  # as the legacy JSON API spells it: "source", "py3", "cp311", "2.7"
    build: str = ""  # a wheel's build tag


def parse_filename(filename: str, project: str = "") -> ParsedFilename:
    """Read a distribution's filename. `project` is the normalised name of the page it was listed on, if known.

    A filename that names another project keeps its own; one that names none takes the page's.
    """
    if len(filename) > _FILENAME_CHARS_MAX:
        return ParsedFilename(project, "", "other")
    lower = filename.lower()
    for ending in _WHEEL_ENDINGS:
        if lower.endswith(ending):
            return _parse_wheel(filename[: -len(ending)], project)
    for ending in _SDIST_ENDINGS:
        if lower.endswith(ending):
            return _parse_source(filename[: -len(ending)], project)
    for ending in _OTHER_ENDINGS:
        if lower.endswith(ending):
            return _parse_other(filename[: -len(ending)], _EGG_TAIL if ending == ".egg" else _INSTALLER_TAIL, project)
    return ParsedFilename(_project_version(filename, project)[0] if "-" in filename else project, "", "other")


def project_candidates(filename: str) -> list[str]:
    """Normalised names of the projects this file may belong to, the longest first; a wheel's is exact.

    Tells where to look for a file's card when only its URL is known. `.metadata` is the caller's to cut off.
    """
    lower = filename.lower()
    if lower.endswith(_WHEEL_ENDINGS) and len(filename.split("-")) >= 5:
        name = filename.split("-", 1)[0]
        return [normalize(name)] if is_project_name(name) else []
    prefixes = [filename[:at] for at in _dashes(filename[:_FILENAME_CHARS_MAX])]
    names = dict.fromkeys(normalize(prefix) for prefix in reversed(prefixes) if is_project_name(prefix))
    return list(names)[-CANDIDATES_MAX:]


def normalized_version(raw: str) -> str:
    """The normalised PEP 440 text, or "" when `raw` is no such version."""
    return str(key[1]) if (key := version_key(raw))[0] else ""


def version_key(text: str) -> VersionKey:
    """Orders version texts by PEP 440; texts that are no such version come first, by their characters."""
    return _version_key(text) if len(text) <= _VERSION_CHARS_MAX else (0, text)


def sort_key(file: File) -> tuple[VersionKey, str]:
    """The order of a record's files: by version, then by filename."""
    return version_key(file.version), file.filename


@lru_cache(maxsize=16384)  # one 10,000-file project fits; a key is about 500 bytes
def _version_key(text: str) -> VersionKey:
    try:
        return 1, Version(text)
    except ValueError:
        return 0, text


def _dashes(text: str) -> Iterator[int]:
    return (at for at, character in enumerate(text) if character == "-")


def _parse_wheel(stem: str, project: str) -> ParsedFilename:
    """NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM[-VARIANT]; a build tag starts with a digit, a variant label does not."""
    name, _, rest = stem.partition("-")
    if project and normalize(name) != project:
        # Some old tools left dashes in the name part.
        known = _split_known(stem, project)
        name, rest = (project, known) if known is not None else (name, rest)
    version, *tags = rest.split("-")
    build = tags.pop(0) if len(tags) >= 4 and tags[0][:1].isdigit() else ""
    python = tags[0] if len(tags) >= 3 else ""
    own = normalize(name) if is_project_name(name) else project
    return ParsedFilename(own, normalized_version(version.replace("_", "-")), "bdist_wheel", python, build)


def _parse_source(stem: str, project: str) -> ParsedFilename:
    if match := _INSTALLER_TAIL.search(stem):
        # bdist_dumb wrote binary archives with an sdist's ending.
        name, version = _project_version(stem[: match.start()], project)
        return ParsedFilename(name, version, "other", match["python"] or "any")
    name, version = _project_version(stem, project)
    return ParsedFilename(name, version, "sdist", "source")


def _parse_other(stem: str, tail: re.Pattern[str], project: str) -> ParsedFilename:
    match = tail.search(stem)
    python = (match["python"] or "any") if match else ""
    name, version = _project_version(stem[: match.start()] if match else stem, project)
    return ParsedFilename(name, version, "other", python)


def _project_version(stem: str, project: str) -> tuple[str, str]:
    """Split NAME-VERSION. Without a known project the longest text that is a version wins."""
    if project:
        known = _split_known(stem, project)
        if known is not None:
            return project, normalized_version(known)
    for at in _dashes(stem):
        version = normalized_version(stem[at + 1 :])
        if version and is_project_name(stem[:at]):
            return normalize(stem[:at]), version
    return project or _first_words(stem), ""


def _split_known(stem: str, project: str) -> str | None:
    """What follows `project-` in `stem`, whatever the spelling of the name; None when `stem` is another project's."""
    for at in _dashes(stem):
        if normalize(stem[:at]) == project:
            return stem[at + 1 :].lstrip("-")
    return None


def _first_words(stem: str) -> str:
    """The name before the first part that starts with a digit: the best guess where no version parses."""
    name = re.split(r"-(?=[0-9])", stem, maxsplit=1)[0]
    return normalize(name) if is_project_name(name) else ""
