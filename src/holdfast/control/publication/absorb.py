"""From the tree back to rows: what reconcile and rebuild share. The tree knows everything but credentials.

Every function runs inside the caller's transaction and may be repeated.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from holdfast.control.accounts.actor import ALL
from holdfast.control.accounts.models import Token, User
from holdfast.control.moderation.holding import queue_again
from holdfast.control.organisations.models import Holding, Organisation
from holdfast.control.projects.intents import keep_until
from holdfast.control.projects.models import File, FilenameBinding, Project, Release, Removal, Role
from holdfast.core.errors import Absent, Corrupt
from holdfast.core.model import File as ListedFile
from holdfast.core.model import Record
from holdfast.tree.checkpoint import ProjectEntry
from holdfast.tree.journal import BytesRemoved, FileRemoved, Segment, TokenIssued
from holdfast.tree.reader import TreeReader

RECOVERED_USER = "recovered"  # who holds tokens that come back from the journal, which does not say


@dataclass(frozen=True, slots=True)
class Delisted:
    """What a file that left its page at `at` consists of."""

    digests: tuple[str, ...]
    at: datetime


def absorb_record(record: Record, now: datetime, keep: frozenset[str] = frozenset()) -> Project:
    """Make a project's rows what its record says. Listed files that it lacks are delisted, except `keep`."""
    facts = {
        "display": record.display,
        "status": record.status,
        "status_reason": record.status_reason,
        "held": record.held,
        "last_serial": record.serial,
        "deleted": None,
        "owned": True,
    }
    created = min((file.upload_time for file in record.files if file.upload_time), default=now)
    project, _ = Project.objects.update_or_create(
        index=record.index, name=record.name, defaults=facts, create_defaults={**facts, "created": created}
    )
    if record.held:
        queue_again(project, now)
    _absorb_roles(project, record)
    _absorb_holder(project, record, now)
    releases = _absorb_releases(project, record, now)
    _absorb_files(project, releases, record.files, now)
    listed = {file.filename for file in record.files} | keep
    project.files.filter(deleted=None, removed=False).exclude(filename__in=listed).update(deleted=now)
    return project


def absorb_gone(entry: ProjectEntry, now: datetime) -> Project:
    """A project that is no longer listed keeps its row, because its name stays owned."""
    project, _ = Project.objects.get_or_create(
        index=entry.index, name=entry.name, defaults={"display": entry.display, "created": now}
    )
    project.deleted = project.deleted or now
    project.owned = entry.owned
    project.last_serial = max(project.last_serial, entry.serial)
    if entry.status != "active":
        project.status = entry.status
    project.save(update_fields=["deleted", "owned", "last_serial", "status"])
    project.files.filter(deleted=None).update(deleted=now)
    project.releases.filter(deleted=None).update(deleted=now)
    if not entry.owned:
        project.roles.all().delete()
        Holding.objects.filter(project=project).delete()
    return project


def absorb_binding(index: str, project: str, filename: str, sha256: str, now: datetime) -> None:
    """A filename that was ever used stays bound to its bytes."""
    FilenameBinding.objects.get_or_create(
        index=index, filename=filename, defaults={"sha256": sha256, "project": project, "created": now}
    )


def read_delisted(reader: TreeReader, segments: Iterable[Segment]) -> list[Delisted]:
    """What files that these segments take off their pages consist of, unless it was taken down. Raises Unavailable."""
    return [
        Delisted(_digests(reader, told), segment.at)
        for segment in segments
        for told in segment.entries
        if isinstance(told, FileRemoved) and reader.removal(told.sha256) is None
    ]


def absorb_delisted(found: Iterable[Delisted], deleted_days: int, now: datetime) -> None:
    """Bytes of deleted files stay as long as if their rows, which the tree does not have, were there to say so."""
    for delisted in found:
        keep_until(delisted.digests, delisted.at + timedelta(days=deleted_days), now)


def absorb_removal(removal: BytesRemoved, now: datetime) -> None:
    """Removed bytes stay removed, and are erased again."""
    for digest in removal.sha256:
        Removal.objects.get_or_create(
            sha256=digest, defaults={"reason": removal.reason, "legal": removal.legal, "created": now}
        )
    File.objects.filter(sha256__in=removal.sha256).update(removed=True)


def absorb_token(token: TokenIssued, now: datetime) -> bool:
    """A token the rows do not know comes back with its right to read and no other; True when it was unknown.

    One that they know reads no more than it was told to be good for: it was narrowed since.
    """
    known = Token.objects.filter(pk=token.id).first()
    if known is not None:
        _narrow(known, token.reads)
        return False
    user, _ = User.objects.get_or_create(username=RECOVERED_USER)
    Token.objects.create(
        id=token.id,
        digest=token.digest,
        name=f"recovered {token.id}",
        user=user,
        reads=list(token.reads),
        created=now,
        expires=token.expires,
    )
    return True


def _narrow(known: Token, reads: Sequence[str]) -> None:
    """Uploads to a whole index went with the right to read it (tokens/limits.py)."""
    lost = set() if ALL in reads else set(known.reads) - set(reads)
    if lost:
        known.reads = list(reads) if ALL in lost else [index for index in known.reads if index not in lost]
        known.upload_indexes = [index for index in known.upload_indexes if index not in lost]
        known.save(update_fields=["reads", "upload_indexes"])


def absorb_revocation(token: str, now: datetime) -> None:
    """A revoked token stays revoked."""
    Token.objects.filter(pk=token, revoked=None).update(revoked=now)


def _digests(reader: TreeReader, told: FileRemoved) -> tuple[str, ...]:
    try:
        card = reader.card(told.index, told.sha256, told.filename)
    except (Absent, Corrupt):
        return (told.sha256,)
    return told.sha256, card.metadata_sha256, card.provenance_sha256


def _absorb_roles(project: Project, record: Record) -> None:
    people = {}
    for role in record.roles:
        user, _ = User.objects.get_or_create(username=role.user)
        Role.objects.update_or_create(project=project, user=user, defaults={"role": role.role})
        people[user.pk] = user
    project.roles.exclude(user__in=people).delete()


def _absorb_holder(project: Project, record: Record, now: datetime) -> None:
    """The tree knows which organisation holds a project, and nothing of its people: an administrator adds owners."""
    if not record.organisation:
        Holding.objects.filter(project=project).delete()
        return
    organisation, _ = Organisation.objects.get_or_create(
        name=record.organisation, defaults={"display": record.organisation, "created": now}
    )
    if organisation.deleted is not None:
        organisation.deleted = None
        organisation.save(update_fields=["deleted"])
    Holding.objects.update_or_create(project=project, defaults={"organisation": organisation})


def _absorb_releases(project: Project, record: Record, now: datetime) -> dict[str, Release]:
    """A release is yanked when all its files are: the record knows files only."""
    by_version: dict[str, list[ListedFile]] = {}
    for file in record.files:
        by_version.setdefault(file.version, []).append(file)
    found = {}
    for version, files in by_version.items():
        yanked = all(file.yanked for file in files)
        facts = {"yanked": yanked, "yanked_reason": files[0].yanked_reason if yanked else "", "deleted": None}
        created = min((file.upload_time for file in files if file.upload_time), default=now)
        found[version], _ = Release.objects.update_or_create(
            project=project, version=version, defaults=facts, create_defaults={**facts, "created": created}
        )
    return found


def _absorb_files(project: Project, releases: dict[str, Release], files: Sequence[ListedFile], now: datetime) -> None:
    """Unknown files in bulk (a rebuild knows none), known ones one by one."""
    known = dict(project.files.values_list("filename", "pk"))
    unknown = []
    for file in files:
        facts = _facts(file, releases[file.version], now)
        if file.filename in known:
            File.objects.filter(pk=known[file.filename]).update(**facts)
        else:
            unknown.append(File(project=project, filename=file.filename, **facts))
    File.objects.bulk_create(unknown, batch_size=500)
    FilenameBinding.objects.bulk_create(
        [
            FilenameBinding(
                index=project.index,
                filename=file.filename,
                sha256=file.sha256,
                project=project.name,
                created=file.upload_time or now,
            )
            for file in files
        ],
        batch_size=500,
        ignore_conflicts=True,
    )


def _facts(file: ListedFile, release: Release, now: datetime) -> dict[str, Any]:
    return {
        "release": release,
        "sha256": file.sha256,
        "size": file.size or 0,
        "packagetype": file.packagetype,
        "python_version": file.python_version,
        "upload_time": file.upload_time or now,
        "requires_python": file.requires_python,
        "yanked": file.yanked,
        "yanked_reason": file.yanked_reason,
        "metadata_sha256": file.metadata_sha256,
        "provenance_sha256": file.provenance_sha256,
        "md5": file.md5,
        "blake2b_256": file.blake2b_256,
        "deleted": None,
    }
