"""What a lock file or a requirements file names: files with their digests, and requirements where it names no files.

Pure: text in, values out. Which file to read, `-r` lines and what an index says of a name are the caller's. A parser
answers with the file's own words and judges nothing about platforms.
"""

from collections.abc import Callable

from holdfast.core.lockfiles.model import BadLock, Lock, LockedFile, LockedRequirement
from holdfast.core.lockfiles.requirements import parse_requirements
from holdfast.core.lockfiles.tables import parse_pdm, parse_pipfile, parse_poetry, parse_pylock, parse_uv

__all__ = ["BadLock", "Lock", "LockedFile", "LockedRequirement", "lock_kind", "parse_lock"]

TEXT_CHARS_MAX = 64 * 1024 * 1024  # the largest real lock files are a few MB

_PARSERS: dict[str, Callable[[str], Lock]] = {
    "uv": parse_uv,
    "poetry": parse_poetry,
    "pdm": parse_pdm,
    "pipfile": parse_pipfile,
    "pylock": parse_pylock,
    "requirements": parse_requirements,
}
_NAMES = {"uv.lock": "uv", "poetry.lock": "poetry", "pdm.lock": "pdm", "Pipfile.lock": "pipfile"}


def parse_lock(name: str, text: str) -> Lock:
    """Read a lock file by what its name says it is; any other `.txt` or `.in` is a requirements file.

    Raises BadLock, a ValueError, naming the line or the entry.
    """
    kind = lock_kind(name)
    if not kind:
        known = ", ".join([*_NAMES, "pylock.toml", "requirements.txt"])
        raise BadLock(f"{name} is no kind of lock file known here ({known})")
    if len(text) > TEXT_CHARS_MAX:
        raise BadLock(f"{name} is larger than {TEXT_CHARS_MAX} characters")
    return _PARSERS[kind](text)


def lock_kind(name: str) -> str:
    """`uv`, `poetry`, `pdm`, `pipfile`, `pylock`, `requirements`; "" when the name tells none. Takes a path too."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    if base in _NAMES:
        return _NAMES[base]
    if base == "pylock.toml" or (base.startswith("pylock.") and base.endswith(".toml") and base.count(".") == 2):
        return "pylock"  # `pylock.NAME.toml` is the other name the specification gives
    return "requirements" if base.endswith((".txt", ".in")) else ""
