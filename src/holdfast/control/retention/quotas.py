"""Quotas: bytes of listed files that an index, or one project in it, may hold. Deleted files no longer count."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet, Sum

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.database import connection, database_guard
from holdfast.control.prepared import Prepared
from holdfast.control.projects.models import File
from holdfast.control.projects.rights import NotAccepted, require
from holdfast.control.publication.transaction import Publication, held, write_transaction
from holdfast.control.retention.models import Quota
from holdfast.core.errors import Absent

BYTES_MAX = 2**60


def _places(index: str, projects: Sequence[str]) -> QuerySet[Quota, tuple[str, int]]:
    places = Quota.objects.filter(index=index, project__in=projects).order_by("project")
    return places.values_list("project", "bytes_max")


_bounds = Prepared(_places)
_bounds_locked = Prepared(lambda *place: _places(*place).select_for_update())  # for PostgreSQL; SQLite has one writer


@dataclass(frozen=True, slots=True)
class Room:
    """What a place may hold, None for as much as fits, and what it holds."""

    bytes_max: int | None
    bytes_used: int


@held
def set_quota(
    publisher: Publication, index: str, name: str, bytes_max: int | None, actor: Actor, *, deadline: float
) -> None:
    """Bound a project, or with no name an index; None takes the bound away. What is there already stays."""
    if bytes_max is not None and not 0 <= bytes_max <= BYTES_MAX:
        raise NotAccepted(f"a quota is from 0 to {BYTES_MAX} bytes")
    with write_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.SET_QUOTA)
        tx.lock(f"quota:{index}/{name}")
        known = Quota.objects.filter(index=index, project=name)
        before = {"bytes_max": known.values_list("bytes_max", flat=True).first()}
        if bytes_max is None:
            if not known.delete()[0]:
                raise Absent(f"there is no quota for {name or 'all projects'} in index {index!r}")
        else:
            Quota.objects.update_or_create(index=index, project=name, defaults={"bytes_max": bytes_max})
        tx.audit("set-quota", f"{index}/{name}" if name else index, bytes_max=bytes_max, before=before)


def room(index: str, name: str = "") -> Room:
    """What an index, or a project in it, may hold and holds. Raises DatabaseUnavailable."""
    with database_guard():
        row = Quota.objects.filter(index=index, project=name).first()
        return Room(row.bytes_max if row else None, used(index, name))


def require_room(
    index: str, name: str, size: int, project_bytes_max: int = 0, waiting: Callable[[str, str], int] = lambda *_: 0
) -> None:
    """Raises NotAccepted when `size` more bytes are past a quota. One small query where there is none.

    `project_bytes_max` bounds a project that has no quota of its own; 0 does not. `waiting` tells of bytes that an
    index, or a project in it, holds besides its listed files. In a transaction nobody else adds to these places until
    it ends: projects are locked one by one, and an index of many could else be filled past its quota by all at once.
    """
    bounds = dict((_bounds_locked if connection().in_atomic_block else _bounds).all(index, ("", name)))
    if project_bytes_max:
        bounds.setdefault(name, project_bytes_max)
    for project, bytes_max in sorted(bounds.items()):
        now = used(index, project) + waiting(index, project)
        if now + size > bytes_max:
            where = f"project {name!r}" if project else f"index {index!r}"
            raise NotAccepted(
                f"{size} bytes more would be past the quota of {where}: it holds {now} of {bytes_max} bytes."
                " Delete releases that nobody needs, or ask an administrator for more"
            )


def used(index: str, name: str = "") -> int:
    """Bytes of listed files."""
    files = File.objects.filter(project__index=index, deleted=None, removed=False)
    if name:
        files = files.filter(project__name=name)
    return int(files.aggregate(total=Sum("size"))["total"] or 0)
