"""What `holdfast publish` is given: distribution files of one release, with the attestations that lie beside them."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

ATTESTATION = ".attestation"  # <distribution>.publish.attestation, as the signing tools write them (PEP 740)
ATTESTATION_BYTES_MAX = 1024 * 1024
_SDISTS = (".tar.gz", ".zip")
_CHUNK = 1024 * 1024


class BadFiles(Exception):  # noqa: N818 - the person's answer
    """What was given is no release; each problem is a sentence that names the file."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Dist:
    """One distribution file on this machine."""

    path: Path
    name: str  # normalised
    version: Version
    filetype: str  # "bdist_wheel" or "sdist"
    pyversion: str
    size: int  # bytes
    sha256: str
    attestations: tuple[str, ...] = ()  # JSON texts

    @property
    def filename(self) -> str:
        return self.path.name


@dataclass(frozen=True, slots=True)
class Release:
    """Files of one project and version, by filename."""

    name: str
    version: Version
    dists: tuple[Dist, ...]


def read_release(given: Iterable[Path]) -> Release:
    """The release those files (or the files in those folders) make up. Raises BadFiles with everything wrong."""
    paths, problems = _expanded(given)
    signed = [path for path in paths if path.name.endswith(ATTESTATION)]
    dists: dict[str, Dist] = {}
    for path in paths:
        if path in signed:
            continue
        try:
            dist = _read(path, signed)
        except (OSError, ValueError) as error:
            problems.append(f"{path}: {error.strerror if isinstance(error, OSError) else error}")
            continue
        if dists.setdefault(dist.filename, dist).sha256 != dist.sha256:
            problems.append(f"{path}: another file of that name was given, with other bytes")
    owners = {path for path in signed for name in dists if path.name.startswith(f"{name}.")}
    problems += [f"{path}: belongs to none of the files given" for path in signed if path not in owners]
    found = {(dist.name, dist.version) for dist in dists.values()}
    if len(found) > 1:
        listed = ", ".join(f"{name} {version}" for name, version in sorted(found))
        problems.append(f"these files are of {len(found)} releases ({listed}); publish one at a time")
    if not dists and not problems:
        problems.append("there are no distribution files; build them first, for example with `python -m build`")
    if problems:
        raise BadFiles(problems)
    ((name, version),) = found
    return Release(name, version, tuple(dists[filename] for filename in sorted(dists)))


def _expanded(given: Iterable[Path]) -> tuple[list[Path], list[str]]:
    paths: list[Path] = []
    problems = []
    for path in given:
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.name.endswith((".whl", *_SDISTS, ATTESTATION)))
            paths += inside
        elif path.is_file():
            paths.append(path)
        else:
            problems.append(f"{path}: there is no such file")
    return list(dict.fromkeys(paths)), problems


def _read(path: Path, signed: Sequence[Path]) -> Dist:
    name, version, filetype, pyversion = _parse(path.name)
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    own = [one for one in signed if one.name.startswith(f"{path.name}.")]
    return Dist(path, name, version, filetype, pyversion, size, digest.hexdigest(), tuple(map(_attestation, own)))


def _parse(filename: str) -> tuple[str, Version, str, str]:
    """Name, version, kind and Python tag. Raises ValueError."""
    try:
        if filename.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(filename)
            return name, version, "bdist_wheel", filename.split("-")[-3]
        if filename.endswith(_SDISTS):
            raw, version = parse_sdist_filename(filename)
            return canonicalize_name(raw), version, "sdist", "source"
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise ValueError("is not named as a distribution file is; build it again, and do not rename it") from error
    raise ValueError("is no distribution file; give wheels (.whl) and sdists (.tar.gz)")


def _attestation(path: Path) -> str:
    """Raises ValueError, OSError."""
    with path.open("rb") as file:
        data = file.read(ATTESTATION_BYTES_MAX + 1)
    try:
        if len(data) > ATTESTATION_BYTES_MAX:
            raise ValueError
        return json.dumps(json.loads(data))
    except (ValueError, RecursionError):
        raise ValueError(f"{path.name} is not an attestation: it must be JSON below a megabyte") from None
