"""Listing an uploaded file: the action at the end of the upload pipeline, and the steps that promoting.py shares.

The bytes and their metadata are durable in the store before this runs; a crash anywhere leaves the whole file or
an invisible orphan.
"""

from dataclasses import dataclass, field
from datetime import datetime

from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import User
from holdfast.control.moderation.holding import hold
from holdfast.control.prepared import Prepared, insert
from holdfast.control.projects.intents import fulfil
from holdfast.control.projects.lookup import equal_release, project_row
from holdfast.control.projects.models import File, FilenameBinding, Project, Release, Removal, Role
from holdfast.control.projects.places import require_place
from holdfast.control.projects.rights import NotAccepted, has_people, require_uploader
from holdfast.control.publication.changes import file_added
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.control.publishers.arrival import first_owner
from holdfast.control.retention.quotas import Sighting, lock_bounds, require_room
from holdfast.core.errors import Refused, Removed
from holdfast.core.name_rules import imitated
from holdfast.core.names import normalize
from holdfast.core.release_rules import NO_RULES, ReleaseRules

_CLOSED = ("archived", "quarantined")  # PEP 792: no uploads


_removals = Prepared(lambda digests: Removal.objects.filter(sha256__in=digests)[:1])
_bindings = Prepared(
    lambda index, filename: FilenameBinding.objects.filter(index=index, filename=filename).values_list(
        "sha256", flat=True
    )
)


@dataclass(frozen=True, slots=True)
class NewFile:
    """What the upload pipeline found out about one file whose bytes (and metadata) are already stored."""

    project: str  # as the metadata spells it
    version: str  # normalised PEP 440 text
    filename: str
    sha256: str
    size: int  # bytes
    packagetype: str
    python_version: str = ""
    requires_python: str = ""
    metadata_sha256: str = ""
    provenance_sha256: str = ""
    md5: str = ""
    blake2b_256: str = ""
    intents: tuple[int, ...] = ()  # what keeps its bytes from a sweep until it is listed
    seen: Sighting = field(default_factory=dict, compare=False)  # what its places held before the transaction

    @property
    def digests(self) -> tuple[str, ...]:
        """Of all that is stored for it."""
        return tuple(filter(None, (self.sha256, self.metadata_sha256, self.provenance_sha256)))


@dataclass(frozen=True, slots=True)
class Published:
    """The file is listed as of `serial`. `existing`: the same bytes had been uploaded before.

    `is_held`: nobody sees it before a moderator has looked at the project's name.
    """

    serial: int
    existing: bool = False
    is_held: bool = False


@held
def publish_file(
    publisher: Publication,
    index: str,
    new: NewFile,
    actor: Actor,
    *,
    deadline: float,
    rules: ReleaseRules = NO_RULES,
) -> Published:
    """List a file whose bytes are durable. The same bytes again succeed, and finish what was unfinished."""
    name = normalize(new.project)
    with write_transaction(publisher, actor, deadline) as tx:
        tx.lock_shared("removal")  # else a removal and this upload of the same bytes would not see each other
        tx.lock(f"{index}/{name}", f"{index}//{new.filename}")
        known = known_file(index, name, new)
        if known is not None:
            require_uploader(actor, index, name, known.project)
            tx.await_serial = known.project.last_serial
        else:
            project = project_for_upload(tx, index, name, new.project, rules)
            release = release_for_upload(tx, project, new.version)
            add_file(tx, project, release, new, rules=rules)
    is_held = known.project.held if known is not None else project.held
    return Published(tx.serial or tx.await_serial, known is not None, is_held)


def known_file(index: str, name: str, new: NewFile) -> File | None:
    """The listed file with these very bytes, None when the filename is free. Raises NotAccepted, Removed."""
    removal = removal_of(new)
    if removal is not None:
        raise Removed(f"these bytes were taken down: {removal.reason}", legal=removal.legal)
    bound = bound_digest(index, new.filename)
    if not bound:
        return None
    found = (
        File.objects.filter(project__index=index, project__name=name, filename=new.filename, deleted=None)
        .select_related("project")
        .first()
    )
    if found is None or found.removed:
        raise NotAccepted(
            f"File already exists in the history of this index: {new.filename!r} was used by a file that has since"
            " been deleted, and a filename is never used twice. Use a different version."
        )
    if bound != new.sha256:
        raise NotAccepted(
            f"File already exists ({new.filename!r}, with sha256 hash {bound!r}). Use a different version."
        )
    return found


def removal_of(new: NewFile) -> Removal | None:
    """The order by which some of its bytes were taken down, None while they may be served."""
    return _removals.first(new.digests)


def bound_digest(index: str, filename: str) -> str:
    """The sha256 that has the filename for ever, "" while it is free."""
    return _bindings.first(index, filename) or ""


def project_for_upload(tx: WriteTransaction, index: str, name: str, display: str, rules: ReleaseRules) -> Project:
    """The project to upload to, created or brought back when the actor may. Raises NotAccepted.

    With `rules.hold_imitations` a new one with a suspicious name is held for a moderator.
    """
    project = project_row(index, name)
    is_peopled = project is not None and has_people(project)
    require_uploader(tx.actor, index, name, project, is_peopled)
    tx.demand_on("uploads", index, name)
    if project is not None and project.deleted is None and project.status in _CLOSED and not project.held:
        raise Refused(f"{name!r} is {project.status} in index {index!r} and takes no uploads")
    is_new = is_new_project(project, is_peopled)
    if is_new:
        tx.demand_on("new-projects", index, name)
        tx.demand_permitted(index, name)
    if project is None:
        project = Project.objects.create(index=index, name=name, display=display, created=tx.now)
        tx.audit("create-project", f"{index}/{name}")
    elif project.deleted is not None or not project.owned or project.display != display:
        project.deleted, project.owned, project.display = None, True, display
        project.save(update_fields=["deleted", "owned", "display"])
    if not is_peopled and (owner := first_owner(tx, project)):
        user, _ = User.objects.get_or_create(username=owner)
        Role.objects.create(project=project, user=user, role="owner")
        tx.audit("add-role", f"{index}/{name}", user=owner, role="owner")
    if is_new and rules.hold_imitations and not tx.actor.is_admin and (known := imitated(name)):
        hold(tx, project, known)
    return project


def is_new_project(project: Project | None, is_peopled: bool | None = None) -> bool:
    """True when an upload would make the name somebody's: there is none, it was released, or nobody has a role.

    `is_peopled`: what has_people said of it, where it was asked already.
    """
    if project is None or not project.owned:
        return True
    return not (has_people(project) if is_peopled is None else is_peopled)


def release_for_upload(tx: WriteTransaction, project: Project, version: str) -> Release:
    """The release of that version, in the spelling of its first file. The caller holds the project's lock."""
    release = equal_release(project, version)
    if release is None:
        release = Release(project=project, version=version, created=tx.now)
        insert(release)
        return release
    if release.deleted is not None:
        release.deleted, release.yanked, release.yanked_reason = None, False, ""
        release.save(update_fields=["deleted", "yanked", "yanked_reason"])
    return release


def require_place_for(index: str, new: NewFile, rules: ReleaseRules, now: datetime) -> Sighting:
    """Say before anything is stored what `add_file` would refuse in the end, and what it need not look at again.

    Raises NotAccepted.
    """
    name = normalize(new.project)
    project = project_row(index, name)
    release = equal_release(project, new.version) if project is not None else None
    if release is not None:
        require_place(release, new.filename, new.sha256, new.packagetype, rules, now)
    return require_room(index, name, new.size, rules.project_bytes_max)


def add_file(
    tx: WriteTransaction,
    project: Project,
    release: Release,
    new: NewFile,
    yank: tuple[bool, str] = (False, ""),
    rules: ReleaseRules = NO_RULES,
) -> None:
    """Bind the filename, list the file, tell the readers. A yanked release makes it yanked, whatever `yank` says.

    Raises NotAccepted past a quota, and when the rules give the file no place.
    """
    require_place(release, new.filename, new.sha256, new.packagetype, rules, tx.now)
    lock_bounds(tx, project.index)
    require_room(project.index, project.name, new.size, rules.project_bytes_max, seen=new.seen)
    yanked, yanked_reason = (True, release.yanked_reason) if release.yanked else yank
    insert(
        FilenameBinding(
            index=project.index, filename=new.filename, sha256=new.sha256, project=project.name, created=tx.now
        )
    )
    insert(
        File(
            project=project,
            release=release,
            filename=new.filename,
            sha256=new.sha256,
            size=new.size,
            packagetype=new.packagetype,
            python_version=new.python_version,
            upload_time=tx.now,
            requires_python=new.requires_python,
            yanked=yanked,
            yanked_reason=yanked_reason,
            metadata_sha256=new.metadata_sha256,
            provenance_sha256=new.provenance_sha256,
            md5=new.md5,
            blake2b_256=new.blake2b_256,
            uploader=tx.actor.who,
        )
    )
    fulfil(new.intents)
    tx.changed(project)
    tx.tell(file_added(project.index, project.name, new.filename, new.sha256))
    tx.audit("publish-file", f"{project.index}/{project.name}/{new.filename}", sha256=new.sha256)
