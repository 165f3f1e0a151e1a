"""What an uploaded archive holds, found without extracting it and in bounded memory.

A wheel is a zip, an sdist a `.tar.gz` (or, rarely now, a zip). Each check is a small function that returns
problems, so all of them are reported together; the readers stop early only where going on would be unsafe.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from holdfast.core import tar_reading, zip_framing, zip_reading
from holdfast.core.archive_limits import LIMITS, ArchiveLimits, Hostile, Member, is_safe_name
from holdfast.core.read_ahead import NOTHING_KNOWN, Known
from holdfast.core.upload_problems import Problem, problem
from holdfast.core.wheel_file import check_wheel_file
from holdfast.core.wheel_record import ListedFile, check_record
from holdfast.core.zip_ahead import KnownMembers

ArchiveKind = Literal["wheel", "sdist"]
AskKnown = Callable[[Path], Known]  # what was read of the file at that path while it arrived

_SCHEMES = ("purelib", "platlib", "headers", "scripts", "data")
_REBUILD = "Build the file again with a current build tool and upload that."


@dataclass(frozen=True, slots=True)
class ArchiveFacts:
    """What the rest of an upload needs to know of the bytes."""

    kind: ArchiveKind
    top: str  # the wheel's `.dist-info` folder, or the sdist's one top folder
    metadata: bytes  # METADATA or PKG-INFO, exactly as in the archive
    wheel: bytes  # the WHEEL file; empty for an sdist
    entries: int
    unpacked_bytes: int
    names: frozenset[str]  # of files and links


@dataclass(frozen=True, slots=True)
class Examined:
    """Either facts and no problem, or problems; facts may be there too when the trouble is not with the framing."""

    facts: ArchiveFacts | None
    problems: tuple[Problem, ...]


def nothing_known(_path: Path) -> Known:
    """Nobody read ahead."""
    return NOTHING_KNOWN


def examine(path: Path, filename: str, limits: ArchiveLimits = LIMITS, known: AskKnown = nothing_known) -> Examined:
    """Look into the distribution stored at `path`, whose client-given (and already legal) name is `filename`.

    `known` saves reading again and changes no verdict. It is asked once the directory was read, if there is one.
    Raises OSError only when the local file cannot be read, which is our trouble and not the client's.
    """
    try:
        if filename.endswith(".whl"):
            return _examine_wheel(path, filename, limits, known)
        if filename.endswith(".zip"):
            return _examine_zip_sdist(path, filename, limits, known)
        return _examine_tar_sdist(path, filename, limits, known)
    except Hostile as error:
        return Examined(None, (problem("content", filename, error.rule, error.step or _REBUILD),))


def metadata_of_wheel(file: BinaryIO, limits: ArchiveLimits = LIMITS) -> bytes:
    """METADATA out of a wheel that was examined when it came. Raises Hostile for what can be no such wheel."""
    directory = zip_reading.read_directory(file, limits)
    infos = dist_infos(entry.member for entry in directory.entries)
    entry = directory.by_name.get(f"{infos[0]}/METADATA") if len(infos) == 1 else None
    if entry is None:
        raise Hostile("the wheel has no METADATA")
    return zip_reading.read_entry(file, entry, limits.metadata_bytes_max)


def _examine_wheel(path: Path, filename: str, limits: ArchiveLimits, known: AskKnown) -> Examined:
    with path.open("rb") as file:
        directory = zip_reading.read_directory(file, limits)
        members = [entry.member for entry in directory.entries]
        problems = [*check_members(members, filename), *zip_reading.check_entries(directory, filename)]
        infos = dist_infos(members)
        problems += check_one_dist_info(infos, filename)
        problems += check_data_folder(members, filename)
        if problems:
            return Examined(None, tuple(problems))
        top = infos[0]
        files = {name: directory.by_name.get(f"{top}/{name}") for name in ("METADATA", "WHEEL", "RECORD")}
        missing = [_missing(filename, f"{top}/{name}") for name, entry in files.items() if entry is None]
        if missing or not files["METADATA"] or not files["WHEEL"] or not files["RECORD"]:
            return Examined(None, tuple(missing))
        starts = zip_framing.member_starts(file, directory)
        metadata = zip_reading.read_entry(file, files["METADATA"], limits.metadata_bytes_max)
        wheel = zip_reading.read_entry(file, files["WHEEL"], limits.wheel_bytes_max)
        record = zip_reading.read_entry(file, files["RECORD"], limits.record_bytes_max)
        problems += check_wheel_file(wheel, filename)
        listed = _listed_files(file, directory, starts, known(path).members)
        problems += check_record(record, listed, top, limits.entries_max)
    return Examined(_facts("wheel", top, metadata, wheel, members), tuple(problems))


def _examine_zip_sdist(path: Path, filename: str, limits: ArchiveLimits, known: AskKnown) -> Examined:
    with path.open("rb") as file:
        directory = zip_reading.read_directory(file, limits)
        members = [entry.member for entry in directory.entries]
        problems = [*check_members(members, filename), *zip_reading.check_entries(directory, filename)]
        problems += check_one_top_folder(members, filename)
        if problems:
            return Examined(None, tuple(problems))
        top = members[0].name.split("/", 1)[0]
        entry = directory.by_name.get(f"{top}/PKG-INFO")
        if entry is None:
            return Examined(None, (_missing(filename, f"{top}/PKG-INFO"),))
        starts = zip_framing.member_starts(file, directory)
        metadata = zip_reading.read_entry(file, entry, limits.metadata_bytes_max)
        for listed in _listed_files(file, directory, starts, known(path).members):
            for _ in listed.pieces() if listed.sha256 is None else ():
                pass  # a member that does not unpack is refused, whatever reads it
    return Examined(_facts("sdist", top, metadata, b"", members), ())


def _listed_files(
    file: BinaryIO, directory: zip_reading.Directory, starts: Mapping[str, int], known: KnownMembers
) -> Iterator[ListedFile]:
    """The archive's files in the order of their bytes, each to be read through unless it is known."""
    for name, start in starts.items():
        entry = directory.by_name[name]
        if not entry.member.folder:
            pieces = partial(zip_framing.unpacked, file, entry, start)
            yield ListedFile(name, entry.member.size, pieces, known.sha256_of(entry, start))


def _examine_tar_sdist(path: Path, filename: str, limits: ArchiveLimits, known: AskKnown) -> Examined:
    found = known(path).tar_of(path.stat().st_size, limits) or tar_reading.read_tar(path, limits)
    members = list(found.members)
    problems = [*found.problems, *check_members(members, filename)]
    problems += check_one_top_folder(members, filename)
    if problems:
        return Examined(None, tuple(problems))
    top = members[0].name.split("/", 1)[0]
    metadata = found.metadata.get(f"{top}/PKG-INFO")
    if metadata is None:
        return Examined(None, (_missing(filename, f"{top}/PKG-INFO"),))
    return Examined(_facts("sdist", top, metadata, b"", members), ())


def _facts(kind: ArchiveKind, top: str, metadata: bytes, wheel: bytes, members: list[Member]) -> ArchiveFacts:
    names = frozenset(m.name for m in members if not m.folder)
    return ArchiveFacts(kind, top, metadata, wheel, len(members), sum(m.size for m in members), names)


# Checks over the list of members, the same for every kind of archive.


def check_members(members: list[Member], filename: str) -> list[Problem]:
    """Rules each name must keep, and the names together."""
    problems: list[Problem] = []
    for check in (check_not_empty, check_name_shapes, check_duplicates, check_folders):
        problems += check(members, filename)
    return problems


def check_not_empty(members: list[Member], filename: str) -> list[Problem]:
    """An archive without any file."""
    if any(not m.folder for m in members):
        return []
    return [problem("content", filename, "the archive holds no file", _REBUILD)]


def check_name_shapes(members: list[Member], filename: str) -> list[Problem]:
    """Names that would land outside the folder they are unpacked in, or that two tools would read differently."""
    bad = [m for m in members if not is_safe_name(m.name)]
    return _first_of(bad, "a name inside the archive is absolute, climbs with '..' or is not plain text")


def check_duplicates(members: list[Member], filename: str) -> list[Problem]:
    """The same path twice: which of them counts depends on who unpacks."""
    seen: set[str] = set()
    twice: list[Member] = []
    for member in members:
        key = member.name.removesuffix("/")
        if key in seen and not member.folder:
            twice.append(member)
        seen.add(key)
    return _first_of(twice, "a name is in the archive more than once")


def check_folders(members: list[Member], filename: str) -> list[Problem]:
    """A folder with bytes of its own, or a path that is a file and, by what lies below it, a folder too."""
    full = [m for m in members if m.folder and m.size]
    files = {m.name for m in members if not m.folder}
    both = [m for m in members if not files.isdisjoint(_parents(m.name))]
    return [*_first_of(full, "a folder has bytes of its own"), *_first_of(both, "a name lies below a file")]


def _parents(name: str) -> Iterator[str]:
    at = name.rstrip("/").rfind("/")
    while at > 0:
        yield name[:at]
        at = name.rfind("/", 0, at)


def dist_infos(members: Iterable[Member]) -> list[str]:
    """Top-level folders ending in `.dist-info`, in the order they appear."""
    tops = dict.fromkeys(m.name.split("/", 1)[0] for m in members if "/" in m.name)
    return [top for top in tops if top.endswith(".dist-info")]


def check_one_dist_info(infos: list[str], filename: str) -> list[Problem]:
    """Exactly one `.dist-info`, and it is the filename's (binary distribution format)."""
    if len(infos) != 1:
        rule = f"the wheel has {len(infos)} .dist-info folders instead of one"
        return [problem("content", filename, rule, _REBUILD)]
    name, _, version = infos[0].removesuffix(".dist-info").partition("-")
    wheel_name, wheel_version = [*filename.split("-"), ""][:2]
    if canonicalize_name(name) == canonicalize_name(wheel_name) and _same_version(version, wheel_version):
        return []
    return [problem("content", infos[0], f"the .dist-info folder does not match the filename {filename}", _REBUILD)]


def check_data_folder(members: list[Member], filename: str) -> list[Problem]:
    """A wheel's `.data` folder is named like its `.dist-info` and holds only what installers know how to place."""
    data = [m for m in members if m.name.split("/", 1)[0].endswith(".data")]
    wanted = [info.removesuffix(".dist-info") + ".data" for info in dist_infos(members)]
    strange = [m for m in data if m.name.split("/", 1)[0] not in wanted]
    below = [m for m in data if m.name.count("/") and m.name.rstrip("/").count("/")]
    unknown = [m for m in below if m.name.split("/")[1] not in _SCHEMES]
    return [
        *_first_of(strange, "a .data folder is not named like the .dist-info folder"),
        *_first_of(unknown, f"a .data folder holds something else than {', '.join(_SCHEMES)}"),
    ]


def check_one_top_folder(members: list[Member], filename: str) -> list[Problem]:
    """An sdist unpacks into one folder, `<name>-<version>` (PEP 625)."""
    tops = {m.name.split("/", 1)[0] for m in members}
    loose = [m for m in members if "/" not in m.name and not m.folder]
    if len(tops) == 1 and not loose:
        top = next(iter(tops))
        stem = filename.removesuffix(".tar.gz").removesuffix(".zip")
        return [] if _same_stem(top, stem) else _wrong_top(top, filename)
    rule = "an sdist holds exactly one top folder, and everything is inside it"
    return [problem("content", filename, rule, _REBUILD)]


def _wrong_top(top: str, filename: str) -> list[Problem]:
    return [problem("content", top, f"the top folder does not match the filename {filename}", _REBUILD)]


def _same_stem(one: str, other: str) -> bool:
    (name, _, version), (other_name, _, other_version) = one.rpartition("-"), other.rpartition("-")
    return canonicalize_name(name) == canonicalize_name(other_name) and _same_version(version, other_version)


def _same_version(one: str, other: str) -> bool:
    try:
        # A dist-info folder escapes `-` as `_`; PEP 440 reads both alike except before a local part's `+`.
        return Version(one.replace("_", "-")) == Version(other.replace("_", "-"))
    except InvalidVersion:
        return one == other


def _missing(filename: str, name: str) -> Problem:
    return problem("content", filename, f"the archive has no {name}", _REBUILD)


def _first_of(members: list[Member], rule: str) -> list[Problem]:
    """One problem for many members of the same kind: the first by name, the rest counted."""
    if not members:
        return []
    more = f" ({len(members)} such names)" if len(members) > 1 else ""
    return [problem("content", members[0].name, rule + more, _REBUILD)]
