"""Everything that can be done to projects, releases and files: one function each, one transaction each.

Every function takes the publisher first, the actor, and `deadline` (monotonic seconds): how long a database or
store that blinks is waited for. They raise Absent, NotAccepted, Refused or Unavailable; NotYetPublished means
the change is committed and will appear by itself. Rights are checked here, nowhere else.
"""

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.projects.lookup import find_listed_file, find_project, find_release, permitted_project
from holdfast.control.projects.models import File, Project, Release, Removal
from holdfast.control.projects.rights import NotAccepted, require, require_scope, require_standing
from holdfast.control.projects.status import set_status_in
from holdfast.control.publication.changes import bytes_removed, file_removed
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.core.model import STATUSES, Status
from holdfast.core.names import is_sha256

YANKS_TOLD_MAX = 200  # of one release, in one event of the audit trail


@held
def yank_release(
    publisher: Publication, index: str, name: str, version: str, reason: str, actor: Actor, *, deadline: float
) -> int:
    """Yank every file of a release, and files uploaded to it later (PEP 592)."""
    return _set_release_yank(publisher, index, name, version, True, reason, actor, deadline)


@held
def unyank_release(
    publisher: Publication, index: str, name: str, version: str, actor: Actor, *, deadline: float
) -> int:
    """Take a release's yank back."""
    return _set_release_yank(publisher, index, name, version, False, "", actor, deadline)


@held
def yank_file(
    publisher: Publication, index: str, name: str, filename: str, reason: str, actor: Actor, *, deadline: float
) -> int:
    """Yank one file."""
    return _set_file_yank(publisher, index, name, filename, True, reason, actor, deadline)


@held
def unyank_file(publisher: Publication, index: str, name: str, filename: str, actor: Actor, *, deadline: float) -> int:
    """Take one file's yank back."""
    return _set_file_yank(publisher, index, name, filename, False, "", actor, deadline)


@held
def delete_file(publisher: Publication, index: str, name: str, filename: str, actor: Actor, *, deadline: float) -> int:
    """Delist one file. Its filename stays bound to its bytes for ever."""
    with write_transaction(publisher, actor, deadline) as tx:
        project = permitted_project(tx, rights.DELETE, index, name)
        tx.demand_on("deletions", index, name)
        file = find_listed_file(project, filename)
        delist(tx, project, [file])
        tx.changed(project)
        tx.audit("delete-file", f"{index}/{name}/{filename}", before={"sha256": file.sha256})
    return tx.serial


@held
def delete_release(
    publisher: Publication, index: str, name: str, version: str, actor: Actor, *, deadline: float
) -> int:
    """Delist a release with all its files."""
    with write_transaction(publisher, actor, deadline) as tx:
        project = permitted_project(tx, rights.DELETE, index, name)
        tx.demand_on("deletions", index, name)
        release = find_release(project, version)
        files = list(release.files.filter(deleted=None, removed=False))
        delist(tx, project, files)
        release.deleted = tx.now
        release.save(update_fields=["deleted"])
        tx.changed(project)
        tx.audit("delete-release", f"{index}/{name}/{version}", before={"files": len(files)})
    return tx.serial


@held
def delete_project(publisher: Publication, index: str, name: str, actor: Actor, *, deadline: float) -> int:
    """Delist a project. Its name stays owned: it never falls through to another index until released."""
    with write_transaction(publisher, actor, deadline) as tx:
        project = permitted_project(tx, rights.DELETE, index, name)
        tx.demand_on("deletions", index, name)
        files = list(project.files.filter(deleted=None, removed=False))
        delist(tx, project, files)
        releases = project.releases.filter(deleted=None).update(deleted=tx.now)
        project.deleted = tx.now
        project.save(update_fields=["deleted"])
        tx.changed(project)
        tx.audit("delete-project", f"{index}/{name}", before={"releases": releases, "files": len(files)})
    return tx.serial


@held
def remove_bytes(
    publisher: Publication, sha256: tuple[str, ...], reason: str, legal: bool, actor: Actor, *, deadline: float
) -> int:
    """Take digests down for good, wherever they are listed. Their bytes are erased by publication/erase.py."""
    if not sha256 or not all(is_sha256(digest) for digest in sha256):
        raise NotAccepted("a removal names sha256 digests, 64 lower-case hex characters each")
    with write_transaction(publisher, actor, deadline, moderates=True) as tx:
        require(actor, rights.REMOVE_BYTES)
        tx.lock("removal")
        told = {"reason": reason, "legal": legal, "created": tx.now}
        Removal.objects.bulk_create((Removal(sha256=one, **told) for one in sha256), ignore_conflicts=True)
        for file in File.objects.filter(sha256__in=sha256, removed=False).select_related("project"):
            if file.deleted is None:
                tx.tell(file_removed(file.project.index, file.project.name, file.filename, file.sha256))
            tx.changed(file.project)
        File.objects.filter(sha256__in=sha256).update(removed=True)
        tx.tell(bytes_removed(list(sha256), reason, legal))
        tx.audit("remove-bytes", sha256[0], sha256=list(sha256), reason=reason, legal=legal)
    return tx.serial


@held
def set_status(
    publisher: Publication, index: str, name: str, status: Status, reason: str, actor: Actor, *, deadline: float
) -> int:
    """Set a project's status (PEP 792). Quarantine, and its end, are an administrator's."""
    if status not in STATUSES:
        raise NotAccepted(f"{status!r} is no project status; one of {', '.join(STATUSES)}")
    with write_transaction(publisher, actor, deadline, moderates=actor.is_admin) as tx:
        project = _project_for_status(tx, index, name, status)
        set_status_in(tx, project, status, reason)
    return tx.serial


def _project_for_status(tx: WriteTransaction, index: str, name: str, status: Status) -> Project:
    """Into quarantine and out of it is not for a project's owner to decide."""
    require_scope(tx.actor, rights.SET_STATUS, index, name)
    project = find_project(tx, index, name)
    is_quarantine = "quarantined" in (status, project.status)
    require_standing(tx.actor, rights.QUARANTINE if is_quarantine else rights.SET_STATUS, project, tx.now)
    return project


def _set_release_yank(
    publisher: Publication,
    index: str,
    name: str,
    version: str,
    yanked: bool,
    reason: str,
    actor: Actor,
    deadline: float,
) -> int:
    with write_transaction(publisher, actor, deadline) as tx:
        project = permitted_project(tx, rights.YANK, index, name)
        release = find_release(project, version)
        before = {"yanked": release.yanked, "reason": release.yanked_reason, "files": _yanks_of(release)}
        release.yanked, release.yanked_reason = yanked, reason
        release.save(update_fields=["yanked", "yanked_reason"])
        release.files.filter(deleted=None).update(yanked=yanked, yanked_reason=reason)
        tx.changed(project)
        what = "yank-release" if yanked else "unyank-release"
        tx.audit(what, f"{index}/{name}/{version}", yanked=yanked, reason=reason, before=before)
    return tx.serial


def _set_file_yank(
    publisher: Publication,
    index: str,
    name: str,
    filename: str,
    yanked: bool,
    reason: str,
    actor: Actor,
    deadline: float,
) -> int:
    with write_transaction(publisher, actor, deadline) as tx:
        project = permitted_project(tx, rights.YANK, index, name)
        file = find_listed_file(project, filename)
        before = {"yanked": file.yanked, "reason": file.yanked_reason}
        file.yanked, file.yanked_reason = yanked, reason
        file.save(update_fields=["yanked", "yanked_reason"])
        tx.changed(project)
        what = "yank-file" if yanked else "unyank-file"
        tx.audit(what, f"{index}/{name}/{filename}", yanked=yanked, reason=reason, before=before)
    return tx.serial


def _yanks_of(release: Release) -> dict[str, str]:
    """Files that were yanked one by one, with their reasons: a yank of the whole release forgets them."""
    if release.yanked:
        return {}
    listed = release.files.filter(deleted=None, yanked=True).order_by("filename")
    return dict(listed.values_list("filename", "yanked_reason")[:YANKS_TOLD_MAX])


def delist(tx: WriteTransaction, project: Project, files: list[File]) -> None:
    """Mark files deleted and tell the readers."""
    File.objects.filter(pk__in=[file.pk for file in files]).update(deleted=tx.now)
    for file in files:
        tx.tell(file_removed(project.index, project.name, file.filename, file.sha256))
