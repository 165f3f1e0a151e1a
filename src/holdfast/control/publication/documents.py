"""From rows to documents: records and cards as pure values, read in one snapshot.

Queries select what documents use and order it: the same facts give the same bytes.
"""

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


def record_of(project: Project) -> Record:
    """The record of a listed project, from the rows as they are now. Raises ValueError for rows nobody may see."""
    files = _files(project.pk)
    for file in files:
        if not is_sha256(file.sha256):  # every address of the file is made of it
            raise ValueError(f"{file.filename!r} has no usable sha256 digest: {file.sha256!r}")
    return Record(
        index=project.index,
        name=project.name,
        display=project.display,
        serial=project.last_serial,
        files=files,
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


def _files(project_id: int) -> tuple[File, ...]:
    """Listed files in the order of every document: by version (PEP 440), then by filename.

    The rows are fetched past Django's converters, which take longer than everything else for 10,000 files.
    """
    rows = _file_rows.raw(project_id)
    rank = {version: place for place, version in enumerate(sorted({row[3] for row in rows}, key=_version_key))}
    rows.sort(key=lambda row: (rank[row[3]], row[0]))
    return tuple([_file(*row) for row in rows])


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


def _version_key(text: str) -> tuple[int, Version, str]:
    try:
        return (1, Version(text), text)
    except InvalidVersion:
        return (0, Version("0"), text)
