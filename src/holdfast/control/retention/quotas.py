"""Quotas: bytes of listed files that an index, or one project in it, may hold. Deleted files no longer count."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from django.db.models import Max, QuerySet, Sum

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.database import connection, database_guard
from holdfast.control.prepared import Prepared
from holdfast.control.projects.models import File
from holdfast.control.projects.rights import NotAccepted, require
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.control.retention.models import Quota
from holdfast.core.errors import Absent

BYTES_MAX = 2**60
CAME_MAX = 1000  # files, of all indexes: some two milliseconds, and no more come between two looks of an upload


def _places(index: str, projects: Sequence[str]) -> QuerySet[Quota, tuple[str, int]]:
    places = Quota.objects.filter(index=index, project__in=projects).order_by("project")
    return places.values_list("project", "bytes_max")


_bounds = Prepared(_places)
_bounds_locked = Prepared(lambda *place: _places(*place).select_for_update())  # for PostgreSQL; SQLite has one writer


# By key alone: asked for one index, SQLite would go through all its projects.
_came = Prepared(
    lambda mark: (
        File.objects.filter(pk__gt=mark, deleted=None, removed=False)
        .order_by("pk")
        .values_list("project__index", "size")[: CAME_MAX + 1]
    )
)
_came_to_project = Prepared(
    lambda index, name, mark: _files(index, name).filter(pk__gt=mark).values_list("size", flat=True)
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a place held at some moment, and the highest key of its files then."""

    bytes_used: int
    mark: int


Sighting = Mapping[str, Seen]  # by project of an index, "" for all of it


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
        tx.lock(_lock_of(index))
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
    index: str,
    name: str,
    size: int,
    project_bytes_max: int = 0,
    waiting: Callable[[str, str], int] = lambda *_: 0,
    seen: Sighting = MappingProxyType({}),
) -> Sighting:
    """Raises NotAccepted when `size` more bytes are past a quota. One small query where there is none.

    `project_bytes_max` bounds a project that has no quota of its own; 0 does not. `waiting` tells of bytes that an
    index, or a project in it, holds besides its listed files. In a transaction nobody else adds to these places until
    it ends: projects are locked one by one, and an index of many could else be filled past its quota by all at once.

    Answers what it saw of each bounded place. Given that again as `seen`, in the transaction, it adds up what came
    since instead of everything: all other writers wait meanwhile, and an index may have a hundred thousand files.
    """
    bounds = dict((_bounds_locked if connection().in_atomic_block else _bounds).all(index, ("", name)))
    if project_bytes_max:
        bounds.setdefault(name, project_bytes_max)
    found = {}
    for project, bytes_max in sorted(bounds.items()):
        waits = waiting(index, project)
        if (known := seen.get(project)) is not None and known.bytes_used + waits + size <= bytes_max:
            came = _came_since(index, project, known.mark)
            if came is not None and known.bytes_used + came + waits + size <= bytes_max:
                continue
        found[project] = _seen(index, project)
        now = found[project].bytes_used + waits
        if now + size > bytes_max:
            where = f"project {name!r}" if project else f"index {index!r}"
            raise NotAccepted(
                f"{size} bytes more would be past the quota of {where}: it holds {now} of {bytes_max} bytes."
                " Delete releases that nobody needs, or ask an administrator for more"
            )
    return {**seen, **found}


def look(index: str, name: str, project_bytes_max: int) -> Sighting:
    """What the bounded places hold, before a transaction that will add to them. Raises DatabaseUnavailable."""
    with database_guard():
        bounded = {project for project, _ in _bounds.all(index, ("", name))} | ({name} if project_bytes_max else set())
        return {project: _seen(index, project) for project in bounded}


def lock_bounds(tx: WriteTransaction, index: str) -> None:
    """Keep an index's bounds as they are until the end, so that whoever adds to it sees the same ones.

    An upload that saw none does not wait for the others. One that is under way when the first bound comes could be
    listed, behind the mark of the next, after that one had looked.
    """
    tx.lock_shared(_lock_of(index))


def used(index: str, name: str = "") -> int:
    """Bytes of listed files."""
    return _seen(index, name).bytes_used


def _seen(index: str, name: str) -> Seen:
    """Both in one statement, so of one moment."""
    found = _files(index, name).aggregate(total=Sum("size"), mark=Max("pk"))
    return Seen(int(found["total"] or 0), int(found["mark"] or 0))


def _came_since(index: str, name: str, mark: int) -> int | None:
    """Bytes of listed files behind that mark; None when there are too many to count one by one.

    Files of one place come one after the other, under its lock, so that none comes later with a smaller key; and what
    was deleted is never listed again. What was deleted since is still counted: whoever would refuse adds all up.
    """
    if name:
        return sum(_came_to_project.all(index, name, mark))
    rows = _came.all(mark)
    return sum(size for of, size in rows if of == index) if len(rows) <= CAME_MAX else None


def _files(index: str, name: str) -> QuerySet[File]:
    files = File.objects.filter(project__index=index, deleted=None, removed=False)
    return files.filter(project__name=name) if name else files


def _lock_of(index: str) -> str:
    return f"quota:{index}"
