"""What a project's page says: a view made of records, rules and one file's core metadata. Pure; runs in the helper."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import getaddresses
from functools import lru_cache

from packaging.requirements import InvalidRequirement, Requirement

from holdfast.core import core_metadata
from holdfast.core.errors import Absent, Outcome, Refused, Removed
from holdfast.core.filenames import version_key
from holdfast.core.legacy_json import find_version, metadata_source, newest_version
from holdfast.core.merging import join, without_overruled
from holdfast.core.model import File, Record
from holdfast.core.names import normalize
from holdfast.core.policy import gate_page, judge
from holdfast.core.simple_json import file_path, url_segment
from holdfast.read.people.jobs import Wanted
from holdfast.read.render import Job
from holdfast.tree.record import decode_record

HELD_SHOWN_MAX = 20  # versions; a cooldown or a denial may hold back thousands
LICENCE_CHARS_MAX = 100  # longer ones are the licence's whole text
PROVENANCE_READ_MAX = 5  # documents of one release
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
_KINDS = {"sdist": "Source", "bdist_wheel": "Wheel", "other": "Other"}


@dataclass(frozen=True, slots=True)
class Held:
    """A version of which files are held back, and why. `until` None = for good, or until somebody decides."""

    version: str
    why: str
    until: datetime | None
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """One line of the version list."""

    version: str
    uploaded: datetime | None
    file_count: int
    yanked: bool
    yanked_reason: str
    prerelease: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """The project as the page shows it, before anybody looked at its metadata."""

    record: Record  # what the rules let pass, of every side
    version: str  # the one the page is about; "" = there is none
    is_newest: bool
    files: tuple[File, ...]  # of that version
    releases: tuple[Release, ...]  # the newest first
    held: tuple[Held, ...]  # the newest first, at most HELD_SHOWN_MAX
    held_count: int
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class FileRow:
    filename: str
    href: str  # below the index's root
    kind: str
    python: str
    size: int | None
    uploaded: datetime | None
    uploaded_is_ours: bool
    sha256: str
    requires_python: str
    yanked: bool
    yanked_reason: str
    metadata: bool
    provenance: str  # address; "" for none


@dataclass(frozen=True, slots=True)
class Dependency:
    """`name` is the normalised one, "" for what does not parse; `rest` what follows it."""

    name: str
    display: str
    rest: str


@dataclass(frozen=True, slots=True)
class About:
    """What one file's core metadata says of its release."""

    summary: str = ""
    description: str = ""
    description_type: str = ""
    requires_python: str = ""
    licence: str = ""
    people: tuple[tuple[str, str, str], ...] = ()  # (Author or Maintainer, name, e-mail)
    keywords: tuple[str, ...] = ()
    classifiers: tuple[tuple[str, tuple[str, ...]], ...] = ()  # by first word
    dependencies: tuple[tuple[str, tuple[Dependency, ...]], ...] = ()  # by extra, "" first
    extras: tuple[str, ...] = ()
    project_urls: Mapping[str, str] | None = None
    home_page: str = ""
    download_url: str = ""


def shown(jobs: Sequence[Job], asked_version: str) -> Shown:
    """What the rules let the page show. Raises Absent, Refused, Removed for a version asked for, Corrupt."""
    records = without_overruled([_decoded(job.digest or "", _Stored(job.stored)) for job in jobs])
    pages = [gate_page(record, job.policy, now=job.now) for record, job in zip(records, jobs, strict=True)]
    record = join([page.record for page in pages])
    held = _held(records, jobs)
    releases = _releases(record)
    version = _version(record, asked_version, held)
    newest = newest_version(record.files)
    untils = [page.valid_until for page in pages if page.valid_until is not None]
    return Shown(
        record,
        version,
        version == newest,
        tuple(file for file in record.files if version and file.version == version),
        releases,
        held[:HELD_SHOWN_MAX],
        len(held),
        min(untils, default=None),
    )


def wanted(found: Shown, jobs: Sequence[Job]) -> Wanted:
    """What has to be read to tell more of that release. Raises Corrupt."""
    if not found.version or found.record.status == "quarantined":
        return Wanted(found.version)
    provenance = tuple(dict.fromkeys(file.provenance_sha256 for file in found.files if file.provenance_sha256))
    hashed = replace(found.record, files=tuple(file for file in found.files if file.sha256))
    try:
        source = metadata_source(hashed, found.version)
    except Absent:
        source = None
    if source is None:
        return Wanted(found.version, provenance=provenance[:PROVENANCE_READ_MAX])
    records = [_decoded(job.digest or "", _Stored(job.stored)) for job in jobs]
    side = next(n for n, record in enumerate(records) if any(one.filename == source.filename for one in record.files))
    return Wanted(
        found.version,
        side,
        source.filename,
        source.sha256,
        source.metadata_sha256,
        provenance[:PROVENANCE_READ_MAX],
    )


def file_rows(found: Shown) -> tuple[FileRow, ...]:
    """The release's files, wheels after sources."""
    record = found.record
    rows = [_file_row(file, record.name) for file in found.files]
    return tuple(sorted(rows, key=lambda row: (row.kind != "Source", row.filename)))


def about(metadata: bytes | None) -> About:
    """What the core metadata says; nothing at all for what cannot be read."""
    if metadata is None:
        return About()
    parsed = core_metadata.parse(metadata, core_metadata.MetadataRules()).metadata
    if parsed is None:
        return About()
    raw = parsed.raw
    return About(
        summary=" ".join(parsed.summary.split()),
        description=_text(raw, "description"),
        description_type=parsed.description_content_type,
        requires_python=parsed.requires_python,
        licence=_licence(raw),
        people=tuple(_people(raw)),
        keywords=tuple(word for word in _texts(raw, "keywords") if word.strip())[:30],
        classifiers=_classifiers(_texts(raw, "classifiers")),
        dependencies=_dependencies(parsed.requires_dist, parsed.provides_extra),
        extras=parsed.provides_extra,
        project_urls=_mapping(raw, "project_urls"),
        home_page=_text(raw, "home_page"),
        download_url=_text(raw, "download_url"),
    )


class _Stored(bytes):
    """Stored bytes that count as equal to any other: their digest stands beside them in the key."""

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Stored)


@lru_cache(8)
def _decoded(digest: str, stored: _Stored) -> Record:
    """The record; a page is made in two steps, which both need it."""
    assert digest
    return decode_record(bytes(stored), digest)


def _version(record: Record, asked: str, held: Sequence[Held]) -> str:
    if record.status == "quarantined":
        return ""
    if not asked:
        return newest_version(record.files)
    try:
        return find_version(record, asked)
    except Absent as error:
        key = version_key(asked)
        why = next((one for one in held if version_key(one.version) == key), None)
        if why is None:
            raise Absent(f"{record.display} has no version {asked[:80]} here") from error
        raise (Removed if why.removed else Refused)(why.why) from None


def _held(records: Sequence[Record], jobs: Sequence[Job]) -> tuple[Held, ...]:
    """The versions some file of which may not be given out, each with the first reason."""
    found: dict[str, Held] = {}
    for record, job in zip(records, jobs, strict=True):
        if record.status == "quarantined" or job.policy.lets_all_pass:
            continue
        for file in record.files:
            verdict = judge(file, job.policy, now=job.now, status=record.status, project=record.name)
            if verdict.outcome is not None and not isinstance(verdict.outcome, Absent):
                found.setdefault(file.version or file.filename, _held_by(file, verdict.outcome, verdict.until))
    return tuple(sorted(found.values(), key=lambda one: version_key(one.version), reverse=True))


def _held_by(file: File, outcome: Outcome, until: datetime | None) -> Held:
    return Held(file.version or file.filename, outcome.reason, until, isinstance(outcome, Removed))


def _releases(record: Record) -> tuple[Release, ...]:
    by_version: dict[str, list[File]] = {}
    for file in record.files:
        if file.version:
            by_version.setdefault(file.version, []).append(file)
    made = [_release(version, files) for version, files in by_version.items()]
    return tuple(sorted(made, key=lambda one: version_key(one.version), reverse=True))


def _release(version: str, files: list[File]) -> Release:
    uploads = [file.upload_time for file in files if file.upload_time is not None]
    yanked = all(file.yanked for file in files)
    reason = next((file.yanked_reason for file in files if file.yanked_reason), "") if yanked else ""
    parsed = version_key(version)[1]
    prerelease = False if isinstance(parsed, str) else parsed.is_prerelease
    return Release(version, min(uploads, default=None), len(files), yanked, reason, prerelease)


def _file_row(file: File, project: str) -> FileRow:
    provenance = file.provenance_url if file.provenance_url.startswith("https://") else ""
    if file.provenance_sha256:
        where = (project, url_segment(file.version), url_segment(file.filename))
        provenance = f"integrity/{'/'.join(where)}/provenance"
    return FileRow(
        file.filename,
        file_path(file, project),
        _KINDS[file.packagetype],
        file.python_version if file.packagetype == "bdist_wheel" else "",
        file.size,
        file.upload_time,
        file.upload_time_is_ours,
        file.sha256,
        file.requires_python,
        file.yanked,
        file.yanked_reason,
        file.has_metadata,
        provenance,
    )


def _licence(raw: Mapping[str, core_metadata.RawValue]) -> str:
    given = _text(raw, "license_expression") or " ".join(_text(raw, "license").split())
    if given and len(given) <= LICENCE_CHARS_MAX:
        return given
    named = [one.rpartition(" :: ")[2] for one in _texts(raw, "classifiers") if one.startswith("License ::")]
    return ", ".join(named) or (f"{given[: LICENCE_CHARS_MAX - 1]}…" if given else "")


def _people(raw: Mapping[str, core_metadata.RawValue]) -> Iterable[tuple[str, str, str]]:
    for title, key in (("Author", "author"), ("Maintainer", "maintainer")):
        name, mail = _text(raw, key).strip(), _text(raw, f"{key}_email").strip()
        name, mail = name[:200], mail[:400]
        if mail and not name:  # "Ann Author <ann@people.example>, ..." (core metadata, Author-email)
            known = getaddresses([mail])
            if all("@" in address for _called, address in known):
                yield from ((title, called, address) for called, address in known)
                continue
        if name or mail:
            yield title, name, mail


def _classifiers(given: Sequence[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    groups: dict[str, list[str]] = {}
    for one in given[:200]:
        first, _, rest = one.partition(" :: ")
        groups.setdefault(first, []).append(rest or first)
    return tuple((first, tuple(sorted(rest))) for first, rest in sorted(groups.items()))


def _dependencies(given: Sequence[str], extras: Sequence[str]) -> tuple[tuple[str, tuple[Dependency, ...]], ...]:
    groups: dict[str, list[Dependency]] = {extra: [] for extra in ("", *extras)}
    for text in given[:1000]:
        extra = match[1] if (match := _EXTRA.search(text)) else ""
        groups.setdefault(extra, []).append(_dependency(text))
    return tuple((extra, tuple(found)) for extra, found in groups.items() if found)


def _dependency(text: str) -> Dependency:
    try:
        parsed = Requirement(text)
    except InvalidRequirement:
        return Dependency("", text[:200], "")
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    marker = _EXTRA.sub("", str(parsed.marker or "")).strip().removesuffix("and").strip().removeprefix("and").strip()
    rest = f"{extras} {parsed.specifier}".rstrip() + (f" ; {marker}" if marker else "")
    return Dependency(normalize(parsed.name), parsed.name, rest)


def _text(raw: Mapping[str, core_metadata.RawValue], key: str) -> str:
    value = raw.get(key, "")
    return value if isinstance(value, str) else ""


def _texts(raw: Mapping[str, core_metadata.RawValue], key: str) -> list[str]:
    value = raw.get(key, [])
    return value if isinstance(value, list) else []


def _mapping(raw: Mapping[str, core_metadata.RawValue], key: str) -> dict[str, str]:
    value = raw.get(key, {})
    return value if isinstance(value, dict) else {}
