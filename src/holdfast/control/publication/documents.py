"""From rows to documents: records and cards as pure values, read in one snapshot.

Queries select what documents use and order it: the same facts give the same bytes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import CharField
from django.db.models.functions import Cast
from packaging.version import InvalidVersion, Version

from holdfast.control.organisations.models import Holding
from holdfast.control.prepared import Prepared
from holdfast.control.projects.models import File as FileRow
from holdfast.control.projects.models import Project
from holdfast.control.projects.models import Role as RoleRow
from holdfast.core.model import Card, File, Record, Role, parse_time
from holdfast.core.names import is_sha256

Row = tuple[Any, ...]  # of _FILE_COLUMNS
VersionKey = tuple[int, Version, str]

_FILE_COLUMNS: tuple[str | Cast, ...] = (
    "filename",
    "sha256",
    "size",
    "release__version",
    "packagetype",
    "python_version",
    Cast("upload_time", CharField()),  # as text: parsing it here is ten times faster than SQLite's converter
    "requires_python",
    "yanked",
    "yanked_reason",
    "metadata_sha256",
    "provenance_sha256",
    "md5",
    "blake2b_256",
)
_CARD_COLUMNS = ("packagetype", "size", "upload_time", "metadata_sha256", "provenance_sha256", "deleted", "removed")

_file_rows: Prepared[Any] = Prepared(
    lambda project: FileRow.objects.filter(project_id=project, deleted=None, removed=False).values_list(*_FILE_COLUMNS)
)
_card_rows: Prepared[Any] = Prepared(
    lambda index, project, filename, sha256: FileRow.objects.filter(
        project__index=index, project__name=project, filename=filename, sha256=sha256
    ).values_list(*_CARD_COLUMNS)
)
_role_rows = Prepared(lambda project: RoleRow.objects.filter(project_id=project).values_list("user__username", "role"))
_holders = Prepared(
    lambda project: Holding.objects.filter(project_id=project).values_list("organisation__name", flat=True)
)


@dataclass(frozen=True, slots=True)
class Reading:
    """Who reads the rows of one project's files. `files`: of rows as the driver gives them; `keys`: of versions."""

    files: Callable[[Sequence[Row]], list[File]]
    keys: Callable[[Sequence[str]], list[VersionKey]]


def read_files(rows: Sequence[Row]) -> list[File]:
    """The file of each row. Raises ValueError for one that nobody may see."""
    return [_file(*row) for row in rows]


def version_keys(texts: Sequence[str]) -> list[VersionKey]:
    """By what each of the versions is sorted: PEP 440, before it what is no version of that."""
    return [_version_key(text) for text in texts]


READ_ANEW = Reading(read_files, version_keys)


def record_of(project: Project, reading: Reading = READ_ANEW) -> Record:
    """The record of a listed project, from the rows as they are now. Raises ValueError for rows nobody may see."""
    return Record(
        index=project.index,
        name=project.name,
        display=project.display,
        serial=project.last_serial,
        files=files_of(_file_rows.raw(project.pk), reading),
        status=project.status,  # type: ignore[arg-type]  # written by set_status only, which checks it
        status_reason=project.status_reason,
        roles=_roles(project.pk),
        organisation=_organisation(project.pk),
        held=project.held,
    )


def card_of(index: str, project: str, filename: str, sha256: str) -> Card | None:
    """The card of one file, listed or not; None when no row has those bytes under that name any more."""
    row = _card_rows.first(index, project, filename, sha256)
    if row is None:
        return None
    packagetype, size, upload_time, metadata_sha256, provenance_sha256, deleted, removed = row
    return Card(
        index=index,
        project=project,
        filename=filename,
        sha256=sha256,
        size=size,
        upload_time=upload_time,
        metadata_sha256=metadata_sha256,
        has_metadata=_offers_metadata(packagetype, metadata_sha256),
        provenance_sha256=provenance_sha256,
        deleted=deleted is not None or removed,
    )


def files_of(rows: list[Row], reading: Reading = READ_ANEW) -> tuple[File, ...]:
    """The files in the order of every document: by version (PEP 440), then by filename. Sorts the rows so.

    Raises ValueError for rows nobody may see.
    """
    versions = list(dict.fromkeys([row[3] for row in rows]))  # as they came, so nearly in order: few comparisons
    ordered = sorted(zip(reading.keys(versions), versions, strict=True))
    rank = {version: place for place, (_, version) in enumerate(ordered)}
    rows.sort(key=lambda row: (rank[row[3]], row[0]))
    return tuple(reading.files(rows))


def _file(
    filename: str,
    sha256: str,
    size: int,
    version: str,
    packagetype: Any,
    python_version: str,
    upload_time: str,
    requires_python: str,
    yanked: bool,
    yanked_reason: str,
    metadata_sha256: str,
    provenance_sha256: str,
    md5: str,
    blake2b_256: str,
) -> File:
    if not is_sha256(sha256):  # every address of the file is made of it
        raise ValueError(f"{filename!r} has no usable sha256 digest: {sha256!r}")
    return File(
        filename,
        sha256,
        size,
        version,
        packagetype,
        python_version,
        parse_time(upload_time),
        False,
        requires_python,
        yanked,
        yanked_reason,
        metadata_sha256,
        _offers_metadata(packagetype, metadata_sha256),
        provenance_sha256,
        "",
        md5,
        blake2b_256,
    )


def _offers_metadata(packagetype: str, metadata_sha256: str) -> bool:
    """A wheel's metadata is final; an sdist's dependencies may be made when it is built, so they are not offered."""
    return packagetype == "bdist_wheel" and bool(metadata_sha256)


def _roles(project_id: int) -> tuple[Role, ...]:
    rows = _role_rows.all(project_id)
    return tuple(Role(user, "owner" if role == "owner" else "maintainer") for user, role in sorted(rows))


def _organisation(project_id: int) -> str:
    """The holder's name. Roles that come through it are not told: they change without the project being published."""
    return _holders.first(project_id) or ""


def _version_key(text: str) -> VersionKey:
    try:
        return (1, Version(text), text)
    except InvalidVersion:
        return (0, Version("0"), text)
