"""What lists of projects tell of each: version, date and summary, remembered by record."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace

from holdfast.core.errors import Outcome
from holdfast.core.simple_json import ListedProject
from holdfast.read.people import helper
from holdfast.read.people.helper import PagesHelper
from holdfast.read.people.jobs import Brief
from holdfast.read.stack import Stacks
from holdfast.read.workers import Workers
from holdfast.tree import addresses
from holdfast.tree.checkpoint import ProjectEntry
from holdfast.tree.reader import TreeReader

_Key = tuple[str, int]  # a record, and how many digests were ever removed: which changes no record

KEPT_MAX = 4000  # about 2 MB
RECORD_BYTES_MAX = 128 * 1024  # compressed; a project of thousands of files is listed with its name alone
METADATA_BYTES_MAX = 256 * 1024


class Briefs:
    """Briefs of listed projects. What cannot be read leaves a project with its name: a list never fails for it."""

    def __init__(self, reader: TreeReader, stacks: Stacks, workers: Workers, pages_helper: PagesHelper) -> None:
        self._reader = reader
        self._stacks = stacks
        self._workers = workers
        self._helper = pages_helper
        self._kept: OrderedDict[_Key, Brief] = OrderedDict()

    async def of(self, index: str, projects: Iterable[ListedProject]) -> list[Brief]:
        """In the order given."""
        listed = list(projects)
        entries = [self._entry(index, project.name) for project in listed]
        removed = frozenset(self._reader.state().removed)
        unknown = [entry for entry in entries if entry is not None and (entry.record, len(removed)) not in self._kept]
        await self._learn(unknown, removed)
        found = [self._kept.get((entry.record, len(removed))) if entry is not None else None for entry in entries]
        return [
            brief if brief is not None else Brief(project.name, project.display, project.status)
            for brief, project in zip(found, listed, strict=True)
        ]

    def _entry(self, index: str, name: str) -> ProjectEntry | None:
        for one in self._stacks.hosted(index):
            entry = self._reader.state().find(one, name)
            if entry is not None and not entry.gone:
                return entry
        return None

    async def _learn(self, entries: list[ProjectEntry], removed: frozenset[str]) -> None:
        keys = [addresses.record(entry.index, entry.name, entry.record) for entry in entries]
        stored = await self._workers.in_thread(self._read, keys, RECORD_BYTES_MAX)
        readable = [(entry, data) for entry, data in zip(entries, stored, strict=True) if data is not None]
        if not readable:
            return
        try:
            made = await self._helper.do(helper.briefs, [(data, entry.record) for entry, data in readable], removed)
            briefs = zip(readable, made, strict=True)
            await self._summarise({(entry.record, len(removed)): brief for (entry, _), brief in briefs if brief})
        except Outcome:
            return

    async def _summarise(self, briefs: dict[_Key, Brief]) -> None:
        keys = [addresses.blob(brief.metadata_sha256) for brief in briefs.values() if brief.metadata_sha256]
        stored = await self._workers.in_thread(self._read, keys, METADATA_BYTES_MAX)
        summaries = await self._helper.do(helper.summaries, [data or b"" for data in stored])
        by_key = dict(zip(keys, summaries, strict=True))
        for known, brief in briefs.items():
            key = addresses.blob(brief.metadata_sha256) if brief.metadata_sha256 else ""
            self._kept[known] = replace(brief, summary=by_key.get(key, ""))
            if len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)

    def _read(self, keys: list[str], bytes_max: int) -> list[bytes | None]:
        return [self._one(key, bytes_max) for key in keys]

    def _one(self, key: str, bytes_max: int) -> bytes | None:
        try:
            data = self._reader.store.read(key, 0, bytes_max + 1)
        except Outcome:
            return None
        return data if len(data) <= bytes_max else None
