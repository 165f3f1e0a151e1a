"""From inputs to a plan: pages asked, requirements resolved by pip, sdists looked into for what builds them."""

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement

from holdfast.core.filenames import parse_filename
from holdfast.core.lockfiles import Lock, LockedFile
from holdfast.readiness.builds import UnreadableSdist, build_requirements
from holdfast.readiness.doorway import Doorway
from holdfast.readiness.index import Index, PageFile, Trouble, file_path, page_path
from holdfast.readiness.inputs import Inputs
from holdfast.readiness.plan import Plan, Want, relock_command
from holdfast.readiness.resolving import resolve
from holdfast.readiness.target import Target, chosen
from holdfast.redact import redact

PAGES_AT_ONCE = 8
BUILD_DEPTH_MAX = 5  # sdists needed to build sdists needed to build sdists; real chains end at two
SDIST_SUFFIXES = (".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz", ".tar")

Page = dict[str, PageFile]  # by filename


@dataclass(frozen=True, slots=True)
class Options:
    """How to plan. `only_kept` fetches nothing: it finds out what there is."""

    target: Target
    builds: bool = True
    only_kept: bool = False


class Planner:
    """Makes one plan. Single failures end up in it; nothing raises but defects."""

    def __init__(self, index: Index, options: Options) -> None:
        self.plan = Plan()
        self._index = index
        self._options = options
        self._accepted = options.target.tags()
        self._pages: dict[str, Page | None] = {}  # None: could not be had
        self._sdists: dict[str, str] = {}  # path -> filename, of what must be built

    async def make(self, inputs: Inputs) -> Plan:
        """Everything the inputs need."""
        await self._load_pages([project for _, lock in inputs.locks for project in self._projects(lock)])
        for file, lock in inputs.locks:
            self._add_lock(file, lock)
        if inputs.requirements:
            await self._add_resolved("the requirements", inputs.requirements, inputs.constraints)
        for one in inputs.direct:
            if "://" in one:
                self.plan.unprotected[f"outside any index: {redact(one)}"] = []
            else:
                self.plan.notes.append(f"{one} is on this machine; what it needs in turn is not looked at")
        for file, url in inputs.indexes:
            if not self._index.is_ours(url):
                self._not_ours(file, Lock("requirements"), url, "")
        if self._options.builds:
            await self._add_builds()
        return self.plan

    # Lock files

    def _projects(self, lock: Lock) -> list[str]:
        fitting = [one.project for one in lock.requirements if self._options.target.fits(one.marker)]
        return [one.project for one in lock.files] + fitting

    def _add_lock(self, file: str, lock: Lock) -> None:
        by_release: dict[tuple[str, str], list[LockedFile]] = defaultdict(list)
        for one in lock.files:
            by_release[one.project, one.version].append(one)
        for (project, version), files in by_release.items():
            wanted = self._choose([one.filename for one in files])
            if not wanted:
                self.plan.notes.append(f"{project} {version} has no file for {self._options.target}: left out")
            for one in files:
                if one.filename in wanted:
                    self._add_locked(file, lock, one)
        for requirement in lock.requirements:
            if self._options.target.fits(requirement.marker):
                self._add_pinned(requirement.project, requirement.version, requirement.sha256s)
                if requirement.index and not self._index.is_ours(requirement.index):
                    self._not_ours(file, lock, requirement.index, requirement.project)

    def _add_locked(self, file: str, lock: Lock, one: LockedFile) -> None:
        origin = one.url or one.index
        if origin and "://" not in origin:
            self.plan.notes.append(f"{one.filename} is on this machine, in {origin}")
            return
        if (origin and not self._index.is_ours(origin)) or (not origin and lock.kind == "poetry"):
            # poetry records no source for its built-in default index, which is not this one.
            self._not_ours(file, lock, origin or "poetry's default index", one.filename)
        page = self._pages.get(one.project)
        listed = page.get(one.filename) if page is not None else None
        if listed is not None and one.sha256 and listed.sha256 not in ("", one.sha256):
            self.plan.missing[one.filename] = f"has another digest here ({listed.sha256}) than in {file}"
        elif listed is not None:
            self._want_listed(one.project, listed)
        elif one.sha256 and (page is None or (origin and self._index.is_ours(origin) and one.url)):
            self._want_file(one.project, file_path(one.sha256, one.filename), one.filename, one.size)
        else:
            self.plan.missing[one.filename] = (
                "is not offered here: the upstream has it no more, or a policy holds it back"
            )

    def _add_pinned(self, project: str, version: str, sha256s: tuple[str, ...]) -> None:
        """A release of which the lock knows digests only: the page says which files those are."""
        page = self._pages.get(project)
        if page is None:
            return  # told already: its page is missing
        files = {name: one for name, one in page.items() if one.sha256 in sha256s}
        wanted = self._choose(list(files))
        if not wanted:
            self.plan.missing[f"{project} {version}"] = (
                f"no file here for {self._options.target} has a digest of the lock"
            )
        for name in wanted:
            self._want_listed(project, files[name])

    def _choose(self, filenames: Sequence[str]) -> list[str]:
        if self._options.target.everything:
            return list(filenames)
        wheels, sdists = chosen(filenames, self._accepted)
        return wheels or (sdists if self._options.builds else [])

    def _not_ours(self, file: str, lock: Lock, origin: str, filename: str) -> None:
        self.plan.unprotected[_host(origin)] += [filename] if filename else []
        command = relock_command(file, lock, self._index.root)
        if command not in self.plan.relock:
            self.plan.relock.append(command)

    # Requirements

    async def _add_resolved(self, what: str, requirements: Sequence[str], constraints: Sequence[str] = ()) -> None:
        """Ask pip what it would install, and note every page, file and metadata it asked for on the way."""
        async with Doorway(self._index, self._options.only_kept) as doorway:
            try:
                found = await resolve(
                    doorway, requirements, constraints, self._options.target, wheels_only=not self._options.builds
                )
            except Trouble as trouble:
                found = []
                if doorway.troubles:  # which pip takes for "no such project"
                    self.plan.notes.append(f"{what} could not be worked out to the end: more may be missing")
                else:
                    self.plan.missing[what] = str(trouble)
            self.plan.missing |= doorway.troubles
            asked = dict(doorway.asked)
            self.plan.fetched |= doorway.fetched
        for path, status in asked.items():
            if status in (200, 206):
                self.plan.want(Want(path, is_file=path.startswith("packages/") and not path.endswith(".metadata")))
        await self._load_pages([one.project for one in found])
        for one in found:
            if not one.path:
                self.plan.unprotected[_host(one.url)].append(one.project)
                continue
            filename = unquote(one.path.rpartition("/")[2])
            listed = (self._pages.get(one.project) or {}).get(filename)
            if listed is not None:
                self._want_listed(one.project, listed)
            else:
                self._want_file(one.project, one.path, filename, None)

    # Build requirements

    async def _add_builds(self) -> None:
        """What builds the chosen sdists, and what builds that."""
        done: set[str] = set()
        known: set[tuple[str, ...]] = {()}
        for _depth in range(BUILD_DEPTH_MAX):
            fresh = {path: name for path, name in self._sdists.items() if path not in done}
            for path, filename in fresh.items():
                done.add(path)
                requires = await self._requirements_of(path, filename)
                if requires not in known:
                    known.add(requires)
                    await self._add_resolved(f"what builds {filename}", requires)
            if not fresh:
                return

    async def _requirements_of(self, path: str, filename: str) -> tuple[str, ...]:
        with tempfile.TemporaryDirectory(prefix="holdfast-warm-") as folder:
            local = Path(folder) / "sdist"
            try:
                if self._options.only_kept:
                    await self._index.kept(path, local)
                else:
                    if (await self._index.look(path)).status == 504:
                        self.plan.fetched.add(path)
                    await self._index.fetch(path, lambda _count: None, local)
                requires = await asyncio.to_thread(build_requirements, local, filename)
                return tuple(one for one in requires if self._is_from_index(one, filename))
            except UnreadableSdist as error:
                self.plan.notes.append(f"what builds {filename} is not known: {error}")
            except Trouble as trouble:
                self.plan.missing[filename] = str(trouble)
        return ()

    def _is_from_index(self, requires: str, filename: str) -> bool:
        """What names its own URL is fetched from there whatever index is set; a stranger's sdist is not obeyed here."""
        url = Requirement(requires).url
        if url:
            self.plan.unprotected[_host(url)].append(f"what builds {filename}")
        return not url

    # Pages and wants

    async def _load_pages(self, projects: Sequence[str]) -> None:
        """Visit the page of each project once."""
        permits = asyncio.Semaphore(PAGES_AT_ONCE)

        async def load(project: str) -> None:
            async with permits:
                try:
                    found = await self._index.page(project, only_kept=self._options.only_kept)
                    self._pages[project] = {one.filename: one for one in found}
                    self.plan.want(Want(page_path(project), is_file=False))
                except Trouble as trouble:
                    self._pages[project] = None
                    self.plan.missing[page_path(project)] = str(trouble)

        fresh = [project for project in dict.fromkeys(projects) if project not in self._pages]
        self.plan.projects.update(fresh)
        await asyncio.gather(*(load(project) for project in fresh))

    def _want_listed(self, project: str, listed: PageFile) -> None:
        self._want_file(project, listed.path, listed.filename, listed.size)
        if listed.has_metadata and listed.filename.endswith(".whl"):
            self.plan.want(Want(f"{listed.path}.metadata", is_file=False))

    def _want_file(self, project: str, path: str, filename: str, size: int | None) -> None:
        self.plan.projects.add(project)
        self.plan.want(Want(path, is_file=True, size=size))
        if version := parse_filename(filename, project).version:
            self.plan.releases[project].add(version)
        if filename.endswith(SDIST_SUFFIXES):
            self._sdists[path] = filename


def _host(url: str) -> str:
    """Where it leads, for people: without user name and password."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or redact(url)
    except ValueError:
        return redact(url)
