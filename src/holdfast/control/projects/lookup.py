"""Finding what an action is about, locked against other transactions. Raises Absent with the name in it."""

from django.db.models import Q
from packaging.utils import canonicalize_version
from packaging.version import Version

from holdfast.control.prepared import Prepared
from holdfast.control.projects.models import File, Project, Release
from holdfast.control.projects.rights import require_scope, require_standing
from holdfast.control.publication.transaction import WriteTransaction
from holdfast.control.rights import Right
from holdfast.core.errors import Absent

_named = Prepared(lambda index, name: Project.objects.filter(index=index, name=name))
_alike = Prepared(
    lambda project, version, short, longer: Release.objects.filter(
        Q(version=version) | Q(version=short) | Q(version__startswith=longer), project_id=project
    ).order_by("created", "pk")
)


def project_row(index: str, name: str) -> Project | None:
    """The project's row, listed or not. `name` is normalised."""
    return _named.first(index, name)


def find_project(tx: WriteTransaction, index: str, name: str) -> Project:
    """The listed project."""
    tx.lock(f"{index}/{name}")
    project = project_row(index, name)
    if project is None or project.deleted is not None:
        raise Absent(f"no project {name!r} in index {index!r}")
    return project


def permitted_project(tx: WriteTransaction, right: Right, index: str, name: str) -> Project:
    """The listed project, once the actor is known to have that right on it. Raises Refused.

    Scopes go first: a token that does not reach the name learns nothing of whether there is such a project.
    """
    require_scope(tx.actor, right, index, name)
    project = find_project(tx, index, name)
    require_standing(tx.actor, right, project, tx.now)
    return project


def find_release(project: Project, version: str) -> Release:
    """The listed release of that version, however many zeros either spelling ends in."""
    release = equal_release(project, version)
    if release is None or release.deleted is not None:
        raise Absent(f"no release {version!r} of {project.name!r} in index {project.index!r}")
    return release


def equal_release(project: Project, version: str) -> Release | None:
    """The release with that version as PEP 440 compares: a project that has 1.0 has no 1.0.0 besides.

    Normalised spellings of one version differ in the zeros after its last other number alone, so few rows are read.
    """
    wanted = Version(version)
    last = max((place for place, number in enumerate(wanted.release) if number), default=0)
    numbers = ".".join(map(str, wanted.release[: last + 1]))
    stem = f"{wanted.epoch}!{numbers}" if wanted.epoch else numbers
    alike = _alike.all(project.pk, version, canonicalize_version(wanted), f"{stem}.0")
    found = [release for release in alike if Version(release.version) == wanted]
    return next((release for release in found if release.version == version), found[0] if found else None)


def find_listed_file(project: Project, filename: str) -> File:
    """The listed file of that name."""
    file = project.files.filter(filename=filename, deleted=None, removed=False).first()
    if file is None:
        raise Absent(f"no file {filename!r} of {project.name!r} in index {project.index!r}")
    return file
