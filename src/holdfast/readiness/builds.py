"""What an sdist needs to be built: its `pyproject.toml`'s build requirements (PEP 518), read without unpacking it."""

import tarfile
import tomllib
import zipfile
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from holdfast.core import zip_reading
from holdfast.core.archive_limits import LIMITS, Hostile
from holdfast.core.gunzip import GunzipReader
from holdfast.core.inflating import InflateError

DEFAULT = ("setuptools>=40.8.0", "wheel")  # what installers take where PEP 518's table is missing
PYPROJECT_BYTES_MAX = 1024 * 1024
ENTRIES_MAX = LIMITS.entries_max


class UnreadableSdist(Exception):  # noqa: N818 - a verdict about somebody's archive
    """What the archive needs cannot be read from it; the message says why."""


def build_requirements(path: Path, filename: str) -> tuple[str, ...]:
    """Raises UnreadableSdist. `path` holds the archive's bytes, `filename` tells its kind."""
    try:
        if filename.endswith((".tar.gz", ".tgz")):
            text = _from_tar(path)
        elif filename.endswith(".zip"):
            text = _from_zip(path)
        else:
            raise UnreadableSdist("archives of this kind are not looked into")
    except Hostile as error:
        raise UnreadableSdist(error.rule) from error
    except (tarfile.TarError, zipfile.BadZipFile, InflateError, EOFError, OverflowError, ValueError) as error:
        raise UnreadableSdist(f"it is no well-formed archive ({error})") from error
    return DEFAULT if text is None else _requires(text)


def _from_tar(path: Path) -> bytes | None:
    """The one `<top>/pyproject.toml`, or None. The walk ends there: build tools put it near the beginning."""
    reader = GunzipReader(LIMITS)
    with path.open("rb") as file:
        reader.begin_turn(file, path.stat().st_size)
        tar = tarfile.TarFile(fileobj=reader, errorlevel=1)  # type: ignore[arg-type]
        for _ in range(ENTRIES_MAX):
            if (info := tar.next()) is None:
                return None
            tar.members = []  # type: ignore[attr-defined]
            if info.isreg() and _is_pyproject(info.name):
                _demand_size(info.size)
                reader.allow(info.size)
                member = tar.extractfile(info)
                return member.read() if member is not None else None
            reader.start_member()
    raise Hostile(f"it has more than {ENTRIES_MAX} entries")


def _from_zip(path: Path) -> bytes | None:
    with path.open("rb") as file:
        directory = zip_reading.read_directory(file, LIMITS)
        for entry in directory.entries:
            if not entry.member.folder and _is_pyproject(entry.member.name):
                _demand_size(entry.member.size)
                return zip_reading.read_entry(file, entry, PYPROJECT_BYTES_MAX)
    return None


def _is_pyproject(name: str) -> bool:
    return name.count("/") == 1 and name.endswith("/pyproject.toml")


def _demand_size(size: int) -> None:
    if size > PYPROJECT_BYTES_MAX:
        raise Hostile(f"its pyproject.toml is larger than {PYPROJECT_BYTES_MAX} bytes")


def _requires(text: bytes) -> tuple[str, ...]:
    try:
        table = tomllib.loads(text.decode("utf-8")).get("build-system")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnreadableSdist(f"its pyproject.toml does not parse ({error})") from error
    if not isinstance(table, dict) or "requires" not in table:
        return DEFAULT
    wanted = table["requires"]
    if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
        raise UnreadableSdist("build-system.requires in its pyproject.toml is no list of texts")
    for one in wanted:
        if not _is_requirement(one):
            raise UnreadableSdist(f"{one[:100]!r} in its build-system.requires is no requirement")
    return tuple(wanted)


def _is_requirement(text: str) -> bool:
    """False also for what a file of requirements would give another meaning: a second line, or pip's `${VARIABLE}`."""
    try:
        Requirement(text)
    except InvalidRequirement:
        return False
    return text.isprintable() and "${" not in text
