"""From one outbox row to what is stored for it: records, cards, and the entries of its segment."""

from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from holdfast.control.accounts.models import Token
from holdfast.control.projects.lookup import project_row
from holdfast.control.publication.changes import Change
from holdfast.control.publication.documents import record_of
from holdfast.control.publication.drafts import Draft, Drafts
from holdfast.core.errors import Unavailable
from holdfast.core.model import Record
from holdfast.tree.journal import (
    AnyEntry,
    BytesRemoved,
    FileAdded,
    FileRemoved,
    ProjectGone,
    ProjectHeld,
    TokenIssued,
    TokenRevoked,
)

log = structlog.get_logger()
HELD_REASON_CHARS_MAX = 300


@dataclass(frozen=True, slots=True)
class Rendering:
    """What one outbox row turns into. Records become ProjectChanged entries once they are stored."""

    records: tuple[tuple[Record, Draft], ...]
    entries: tuple[AnyEntry, ...]


def render(serial: int, changes: list[Change], drafts: Drafts, *, hold: bool) -> Rendering:
    """Read the present state of everything the row names. The caller holds one read snapshot.

    With `hold`, a project that cannot be rendered becomes a held entry instead of an error.
    """
    records: list[tuple[Record, Draft]] = []
    entries: list[AnyEntry] = []
    for change in changes:
        if change["kind"] == "project":
            found: Record | ProjectGone | ProjectHeld
            draft = drafts.of(change["index"], change["name"])
            try:
                found = _project(serial, change, draft)
            except Unavailable:
                raise
            except Exception as error:
                if not hold:
                    raise
                found = held_entry(serial, change["index"], change["name"], error)
            if isinstance(found, Record):
                records.append((found, draft))
            else:
                entries.append(found)
        else:
            entries.extend(_entry(change))
    return Rendering(tuple(records), tuple(entries))


def held_entry(serial: int, index: str, name: str, error: Exception) -> ProjectHeld:
    """Readers keep this project's last good record; a person should look."""
    log.error("held %s in index %s: it cannot be published: %s", name, index, error, exc_info=error)
    return ProjectHeld(index, name, serial, f"{type(error).__name__}: {error}"[:HELD_REASON_CHARS_MAX])


def _project(serial: int, change: Change, draft: Draft) -> Record | ProjectGone:
    project = project_row(change["index"], change["name"])
    if project is None:
        raise ValueError(f"serial {serial} names project {change['name']!r}, which has no row")
    if project.deleted is not None:
        place = (project.index, project.name, project.display, project.last_serial)
        return ProjectGone(*place, project.owned, project.status)  # type: ignore[arg-type]  # set_status checks it
    return record_of(project, draft.reading)


def _entry(change: Change) -> Iterator[AnyEntry]:
    match change["kind"]:
        case "file-added":
            yield FileAdded(change["index"], change["project"], change["filename"], change["sha256"])
        case "file-removed":
            yield FileRemoved(change["index"], change["project"], change["filename"], change["sha256"])
        case "removed":
            yield BytesRemoved(tuple(change["sha256"]), change["reason"], change["legal"])
        case "revoke":
            yield TokenRevoked(change["id"])
        case "token":
            token = Token.objects.filter(pk=change["id"]).select_related("user").first()
            if token is None:
                return
            # Told because something about it changed. It may be over meanwhile, or its person frozen: then no reader
            # may take it, whatever it was that changed.
            if token.revoked is not None or not token.user.is_active:
                yield TokenRevoked(token.id)
            else:
                yield TokenIssued(token.id, token.digest, tuple(token.reads), token.expires)
        case unknown:
            raise ValueError(f"the outbox names an unknown change {unknown!r}")
