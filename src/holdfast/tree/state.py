"""What a reader knows of a tree: a checkpoint, and over it what the journal has told since.

One thread applies segments; any thread may ask meanwhile. That is safe because every change is one dictionary
operation, and because a reload builds a new TreeState and swaps it in.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from holdfast.tree.checkpoint import Checkpoint, ProjectEntry, StateTables
from holdfast.tree.journal import (
    AnyEntry,
    BytesRemoved,
    FileAdded,
    FileRemoved,
    ProjectChanged,
    ProjectGone,
    ProjectHeld,
    Segment,
    TokenIssued,
    TokenRevoked,
)


@dataclass(frozen=True, slots=True)
class Told:
    """What one segment touched."""

    projects: frozenset[tuple[str, str]]  # (index, name)
    removed: frozenset[str]  # sha256 of bytes that must not be served again
    tokens: bool


class TreeState:
    """The folded journal up to `head`."""

    def __init__(self, checkpoint: Checkpoint | None = None) -> None:
        tables = checkpoint.state if checkpoint else StateTables()
        self.checkpoint = checkpoint
        self.head = checkpoint.serial if checkpoint else 0
        self.tokens: dict[str, TokenIssued] = {token.id: token for token in tables.tokens}
        self.removed: dict[str, BytesRemoved] = {}
        self.held: dict[tuple[str, str], ProjectHeld] = {(held.index, held.name): held for held in tables.held}
        self._changed: dict[str, dict[str, ProjectEntry]] = {}
        for removal in tables.removed:
            self._remove(removal)

    def find(self, index: str, name: str) -> ProjectEntry | None:
        """The newest entry of a project, gone ones included."""
        changed = self._changed.get(index)
        if changed is not None and (found := changed.get(name)) is not None:
            return found
        return self.checkpoint.find(index, name) if self.checkpoint else None

    def indexes(self) -> tuple[str, ...]:
        """Every index that ever had a project, sorted."""
        known = self.checkpoint.indexes if self.checkpoint else ()
        return tuple(sorted({*known, *list(self._changed)}))

    def entries(self, index: str) -> Iterator[ProjectEntry]:
        """Every entry of an index in name order, gone ones included; changes made meanwhile may or may not show."""
        changed = dict(self._changed.get(index, {}))
        recent = [(entry.name, 0, entry) for entry in changed.values()]
        recent.sort(key=lambda item: item[0])
        older: Iterable[ProjectEntry] = self.checkpoint.entries(index) if self.checkpoint else ()
        unchanged = ((entry.name, 1, entry) for entry in older if entry.name not in changed)
        return (entry for _, _, entry in heapq.merge(recent, unchanged, key=lambda item: item[0]))

    def tables(self, now: datetime) -> StateTables:
        """The tables a checkpoint keeps beside its rows, in a fixed order, without tokens that expired by `now`."""
        tokens = dict(self.tokens)
        removals = dict.fromkeys(self.removed.values())
        return StateTables(
            tokens=tuple(tokens[id] for id in sorted(tokens) if not _is_expired(tokens[id], now)),
            removed=tuple(sorted(removals, key=lambda removal: removal.sha256)),
            held=tuple(self.held[place] for place in sorted(self.held)),
        )

    def apply(self, segment: Segment) -> Told:
        """Fold in the next segment and tell what it touched."""
        assert segment.serial == self.head + 1, (segment.serial, self.head)
        projects: set[tuple[str, str]] = set()
        removed: set[str] = set()
        tokens = False
        for entry in segment.entries:
            self._apply(entry)
            if isinstance(entry, BytesRemoved):
                removed.update(entry.sha256)
            elif isinstance(entry, TokenIssued | TokenRevoked):
                tokens = True
            elif isinstance(entry, FileAdded | FileRemoved):
                projects.add((entry.index, entry.project))
            else:
                projects.add((entry.index, entry.name))
        self.head = segment.serial
        return Told(frozenset(projects), frozenset(removed), tokens)

    def _apply(self, entry: AnyEntry) -> None:
        match entry:
            case ProjectChanged():
                self._set(
                    ProjectEntry(entry.index, entry.name, entry.display, entry.serial, entry.record, entry.status)
                )
            case ProjectGone():
                place = (entry.index, entry.name, entry.display, entry.serial)
                self._set(ProjectEntry(*place, "", entry.status, gone=True, owned=entry.owned))
            case ProjectHeld():
                self.held[entry.index, entry.name] = entry
            case BytesRemoved():
                self._remove(entry)
            case TokenIssued():
                self.tokens[entry.id] = entry
            case TokenRevoked():
                self.tokens.pop(entry.id, None)
            case FileAdded() | FileRemoved():
                pass  # the project's record, or the file's card, says the same; listed for mirrors and the audit trail

    def _set(self, entry: ProjectEntry) -> None:
        """A project never goes back to a lower serial, whatever order things were written in."""
        known = self.find(entry.index, entry.name)
        if known is not None and known.serial > entry.serial:
            return
        self._changed.setdefault(entry.index, {})[entry.name] = entry
        self.held.pop((entry.index, entry.name), None)

    def _remove(self, removal: BytesRemoved) -> None:
        for sha256 in removal.sha256:
            self.removed[sha256] = removal


def _is_expired(token: TokenIssued, now: datetime) -> bool:
    return token.expires is not None and token.expires <= now
