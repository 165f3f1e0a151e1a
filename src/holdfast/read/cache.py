"""The page store: finished pages and small files, bounded in bytes, in front of them the hot table.

Only the event loop calls it. A cached object is current, or last good: its project changed, and it is kept until the
new record has been read and checked, so that a damaged record never takes a page away.
"""

from collections import OrderedDict
from datetime import datetime

from holdfast.read.hot import HotEntry, HotTable, Prepared, Variant

VIEW = "view"  # the kind of pages as of a date: a client may ask for as many dates as there are seconds
VIEW_SHARE = 8  # at most one part in so many of the cache, and only what current pages leave
PARTS_BYTES = 500  # of what answers the parts of a small file
OVERHEAD_BYTES = 1200  # of a prepared answer's headers, log fragments and table entries (measured with 100,000)

Key = tuple[str, str, str]  # kind, index or upstream, name or file
Project = tuple[str, str]  # index or upstream, name


class Cached:
    """One page or file. `digest` tells which record, or which bytes, its answers were made from.

    `upstream` is "" for what is hosted here. Else rules decide what it shows: `version` tells those it was made under;
    from `valid_until` on it has to be made again, from `shows_until` on it shows too much.
    """

    __slots__ = (
        "bytes",
        "current",
        "digest",
        "entry",
        "key",
        "paths",
        "project",
        "shows_until",
        "upstream",
        "valid_until",
        "version",
    )

    def __init__(
        self, key: Key, project: Project, digest: str, entry: HotEntry, upstream: str = "", version: str = ""
    ) -> None:
        self.key = key
        self.project = project
        self.digest = digest
        self.entry = entry
        self.bytes = 0
        self.current = True
        self.paths: set[str] = set()
        self.upstream = upstream
        self.version = version
        self.valid_until: datetime | None = None
        self.shows_until: datetime | None = None

    def holds(self, digest: str, version: str, now: datetime) -> bool:
        """True while its answers are those of this record under these rules."""
        in_time = self.valid_until is None or now < self.valid_until
        return self.current and self.digest == digest and self.version == version and in_time

    def may_still_show(self, version: str, now: datetime) -> bool:
        """True while nothing in its answers is forbidden by these rules, though they may be old."""
        return self.version == version and (self.shows_until is None or now < self.shows_until)


class PageCache:
    """Objects by key; the least used leave when `bytes_max` is passed (second chance)."""

    def __init__(self, hot: HotTable, bytes_max: int) -> None:
        self.hot = hot
        self.bytes = 0
        self._bytes_max = bytes_max
        self._objects: OrderedDict[Key, Cached] = OrderedDict()
        self._projects: dict[Project, set[Key]] = {}
        self._views: OrderedDict[Key, None] = OrderedDict()  # the longest unused first
        self._view_bytes = 0

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: Key) -> Cached | None:
        """The object, current or last good."""
        if key in self._views:
            self._views.move_to_end(key)
        return self._objects.get(key)

    def put(self, cached: Cached) -> Cached:
        """Take the object in place of an older one of its key."""
        if self._objects.get(cached.key) is cached:
            return cached
        self._drop(cached.key)
        self._objects[cached.key] = cached
        if cached.key[0] == VIEW:
            self._views[cached.key] = None
            self._view_bytes += cached.bytes
        self.bytes += cached.bytes  # of one that had left meanwhile
        self._projects.setdefault(cached.project, set()).add(cached.key)
        return cached

    def add_variant(self, cached: Cached, variant: Variant | None, prepared: Prepared) -> Prepared:
        """Keep one finished answer (`None`: the only one) and make room for it."""
        if variant is None:
            cached.entry.only = prepared
        else:
            cached.entry.variants[variant] = prepared
        if self._objects.get(cached.key) is cached:
            size = len(prepared.body) + OVERHEAD_BYTES + (PARTS_BYTES if cached.entry.file is not None else 0)
            cached.bytes += size
            self.bytes += size
            self._view_bytes += size if cached.key in self._views else 0
            self._make_room(cached)
        return prepared

    def put_open(self, cached: Cached) -> Cached:
        """Take an object whose bytes stay on the disk."""
        self.put(cached)
        cached.bytes += OVERHEAD_BYTES
        self.bytes += OVERHEAD_BYTES
        self._make_room(cached)
        return cached

    def show(self, cached: Cached, path: str) -> None:
        """Let the hot table answer this path from the object, if it is kept and current, and no view."""
        if cached.key[0] == VIEW:
            return
        if cached.current and self._objects.get(cached.key) is cached and path not in cached.paths:
            cached.paths.add(path)
            self.hot.entries[path] = cached.entry

    def retire_project(self, project: Project) -> None:
        """The project changed: its pages are no longer current, its files and other documents are forgotten."""
        for key in list(self._projects.get(project, ())):
            if key[0] == "page":
                self.retire(self._objects[key])
            else:
                self._drop(key)

    def hide_project(self, project: Project) -> None:
        """What the project's pages are made from may have changed: the next request for each decides anew."""
        for key in self._projects.get(project, ()):
            if key[0] == "page":
                self.hide(self._objects[key])

    def retire(self, cached: Cached) -> None:
        """Keep the object as last good only."""
        cached.current = False
        self.hide(cached)

    def forget(self, key: Key) -> None:
        """Drop the object, if it is there."""
        self._drop(key)

    def of_upstreams(self) -> list[Cached]:
        """Every object whose content came from an upstream."""
        return [cached for cached in self._objects.values() if cached.upstream]

    def clear(self) -> None:
        """Retire every page and forget everything else: anything may have changed."""
        for project in list(self._projects):
            self.retire_project(project)

    def entries(self) -> list[HotEntry]:
        """The answers of every object, as of now."""
        return [cached.entry for cached in self._objects.values()]

    def _make_room(self, keep: Cached) -> None:
        share = self._bytes_max // VIEW_SHARE
        while self._views and (self._view_bytes > share or self.bytes > self._bytes_max):
            self._drop(next(iter(self._views)))
        while self.bytes > self._bytes_max and len(self._objects) > 1:
            key, oldest = next(iter(self._objects.items()))
            if oldest is keep or (oldest.entry.used & HotEntry.SPARED and oldest.current):
                oldest.entry.used &= ~HotEntry.SPARED
                self._objects.move_to_end(key)
                if oldest is keep and len(self._objects) == 1:
                    return
            else:
                self._drop(key)

    def _drop(self, key: Key) -> None:
        cached = self._objects.pop(key, None)
        if cached is None:
            return
        self.hide(cached)
        self.bytes -= cached.bytes
        if key in self._views:
            del self._views[key]
            self._view_bytes -= cached.bytes
        keys = self._projects[cached.project]
        keys.discard(key)
        if not keys:
            del self._projects[cached.project]

    def hide(self, cached: Cached) -> None:
        """Take the object's paths out of the hot table; a request that finds it current shows it again."""
        for path in cached.paths:
            self.hot.entries.pop(path, None)
        cached.paths.clear()
