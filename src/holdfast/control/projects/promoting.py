"""Promoting a release: listing the files of one hosted index in another, whole or not at all.

Bytes are shared by all indexes of a tree, so nothing is copied or uploaded: new rows name the same digests, in one
transaction with their outbox row. The upload time is that of the promotion, because that is when readers of the other
index could first get the file.
"""

from dataclasses import dataclass, replace

from holdfast.config import IndexConfig
from holdfast.control.accounts.actor import Actor
from holdfast.control.projects.lookup import equal_release, find_project, find_release
from holdfast.control.projects.models import File, Project, Release, Removal
from holdfast.control.projects.publishing import (
    NewFile,
    add_file,
    known_file,
    project_for_upload,
    release_for_upload,
)
from holdfast.control.projects.rights import NotAccepted, require_reader, require_uploader
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.control.retention.quotas import Sighting, look
from holdfast.core.errors import Absent, Removed, Unavailable
from holdfast.core.release_rules import NO_RULES, ReleaseRules

PROBLEMS_TOLD_MAX = 20  # files that are in the way; a release may have hundreds, and the answer is a sentence


@dataclass(frozen=True, slots=True)
class PromotedFile:
    """One file of the release. `existing`: the other index listed the same bytes already."""

    filename: str
    sha256: str
    metadata_sha256: str
    provenance_sha256: str
    size: int  # bytes
    existing: bool


@dataclass(frozen=True, slots=True)
class Promotion:
    """What was, or in a dry run would be, listed; `serial` is 0 after a dry run."""

    version: str  # as the release is spelt where it comes from
    files: tuple[PromotedFile, ...]
    creates: bool  # the name is new to the other index
    serial: int = 0

    @property
    def existing(self) -> bool:
        """True when there was nothing left to do."""
        return all(file.existing for file in self.files)


@held
def promote_release(
    publisher: Publication,
    name: str,
    version: str,
    source: IndexConfig,
    target: IndexConfig,
    actor: Actor,
    *,
    dry_run: bool = False,
    deadline: float,
    rules: ReleaseRules = NO_RULES,
) -> Promotion:
    """List every listed file of a release of `source` in `target` too, yanked as it is there.

    What `target` has already with the same bytes is left as it is there. Raises NotAccepted naming each filename that
    is bound to other bytes or was deleted in `target`, or what `rules` of `target` give no place to; Removed for bytes
    that were taken down. Then nothing changed.
    """
    if source.name == target.name:
        raise NotAccepted(f"a release is promoted from one index to another, not from {source.name!r} to itself")
    require_reader(actor, source.name, name, private=source.private)
    seen = {} if dry_run else look(target.name, name, rules.project_bytes_max)
    with write_transaction(publisher, actor, deadline) as tx:
        release, rows = _locked_release(tx, name, version, source.name, target.name)
        project = Project.objects.filter(index=target.name, name=name).first()
        require_uploader(actor, target.name, name, project)
        files = _compare(target.name, name, release, rows)
        creates = project is None or not project.owned
        if not dry_run and not all(file.existing for file in files):
            _list(tx, target.name, release, rows, files, rules, seen)
        elif not dry_run and project is not None:
            tx.await_serial = project.last_serial
    return Promotion(release.version, files, creates, tx.serial or tx.await_serial)


def _locked_release(
    tx: WriteTransaction, name: str, version: str, source: str, target: str
) -> tuple[Release, list[File]]:
    """The release and its listed files, with nobody else at work on them or on their names in `target`."""
    tx.lock_shared("removal")  # as an upload does
    seen = _filenames(source, name, version)
    tx.lock(f"{source}/{name}", f"{target}/{name}", *(f"{target}//{filename}" for filename in seen))
    project = find_project(tx, source, name)
    if project.status == "quarantined":
        raise NotAccepted(f"{name!r} is quarantined in index {source!r}: none of its files may be read there")
    release = find_release(project, version)
    rows = list(release.files.filter(deleted=None, removed=False).select_related("project").order_by("filename"))
    if not rows:
        _refuse_empty(release, name, source)
    if {row.filename for row in rows} != seen:
        raise Unavailable(f"{name} {version} is being changed in index {source}; try again", retry_after_seconds=1)
    return release, rows


def _filenames(index: str, name: str, version: str) -> set[str]:
    """What is to be locked: all locks are taken at once, in one order, so that no two transactions wait in a circle."""
    project = Project.objects.filter(index=index, name=name, deleted=None).first()
    release = equal_release(project, version) if project else None
    if release is None:
        return set()
    return set(release.files.filter(deleted=None, removed=False).values_list("filename", flat=True))


def _refuse_empty(release: Release, name: str, source: str) -> None:
    removal = Removal.objects.filter(sha256__in=release.files.values_list("sha256", flat=True)).first()
    if removal is not None:
        raise Removed(f"these bytes were taken down: {removal.reason}", legal=removal.legal)
    raise Absent(f"release {release.version!r} of {name!r} in index {source!r} has no files")


def _compare(target: str, name: str, release: Release, rows: list[File]) -> tuple[PromotedFile, ...]:
    """What is there already. Raises NotAccepted with every filename that is in the way, Removed."""
    files, problems = [], []
    for row in rows:
        try:
            known = known_file(target, name, _new_file(row, release.version))
        except NotAccepted as error:
            problems.append(error.reason)
            continue
        digests = row.sha256, row.metadata_sha256, row.provenance_sha256
        files.append(PromotedFile(row.filename, *digests, row.size, known is not None))
    if problems:
        left_out = f" And {len(problems) - PROBLEMS_TOLD_MAX} more." if len(problems) > PROBLEMS_TOLD_MAX else ""
        raise NotAccepted(f"nothing was promoted to {target!r}: {' '.join(problems[:PROBLEMS_TOLD_MAX])}{left_out}")
    return tuple(files)


def _list(
    tx: WriteTransaction,
    target: str,
    release: Release,
    rows: list[File],
    files: tuple[PromotedFile, ...],
    rules: ReleaseRules,
    seen: Sighting,
) -> None:
    source = rows[0].project
    project = project_for_upload(tx, target, source.name, source.display, rules)
    known = equal_release(project, release.version)
    there = release_for_upload(tx, project, release.version)
    if (known is None or known.deleted is not None) and release.yanked:
        there.yanked, there.yanked_reason = True, release.yanked_reason
        there.save(update_fields=["yanked", "yanked_reason"])
    for row, file in zip(rows, files, strict=True):
        if not file.existing:
            new = replace(_new_file(row, there.version), seen=seen)
            add_file(tx, project, there, new, (row.yanked, row.yanked_reason), rules)
    subject = f"{target}/{source.name}/{there.version}"
    tx.audit("promote-release", subject, source=source.index, files=[file.filename for file in files])


def _new_file(row: File, version: str) -> NewFile:
    """The file as an upload would have brought it."""
    return NewFile(
        project=row.project.display,
        version=version,
        filename=row.filename,
        sha256=row.sha256,
        size=row.size,
        packagetype=row.packagetype,
        python_version=row.python_version,
        requires_python=row.requires_python,
        metadata_sha256=row.metadata_sha256,
        provenance_sha256=row.provenance_sha256,
        md5=row.md5,
        blake2b_256=row.blake2b_256,
    )
