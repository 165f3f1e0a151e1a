"""Known malware and vulnerabilities: which versions of which projects are affected, found by project and version.

Knows nothing of where advisories come from (osv.py reads them) or are kept (tree/advisories.py). Versions compare as
the field's own do (PEP 440); one that does not parse matches as text, and sorts before every one that does, as such
versions always have.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

from packaging.version import InvalidVersion, Version

Kind = Literal["malware", "vulnerability"]
REMEMBERED_PROJECTS_MAX = 2_000  # projects with advisories that somebody asked for, some 5 KB each
REMEMBERED_VERSIONS_MAX = 5_000  # of one project; no known project has as many releases
VERSION_CHARS_MAX = 200
PARSED_MAX = 8_192  # versions remembered, some 8 MB: the same few bound most spans, and parsing is most of the work


@dataclass(frozen=True, slots=True)
class Advisory:
    """What a refusal tells."""

    id: str
    kind: Kind
    summary: str


@dataclass(frozen=True, slots=True)
class Span:
    """Versions from `introduced` ("" = from the first) up to `end` ("" = without end), itself included or not."""

    introduced: str = ""
    end: str = ""
    includes_end: bool = False


EVERY_VERSION = Span()


@dataclass(frozen=True, slots=True)
class Affected:
    """One advisory, and the versions of one project that it speaks of."""

    advisory: Advisory
    versions: tuple[str, ...] = ()  # normalised
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class ProjectAdvisories:
    """All advisories on one project. Equal content has equal `repr`, in every process; it pickles without caches."""

    project: str  # normalised
    known: tuple[Affected, ...]

    def find(self, project: str, version: str) -> Advisory | None:
        """The gravest advisory on that version: malware before vulnerability, then the first by id."""
        if project != self.project:
            return None
        if version not in self._found:
            if len(self._found) >= REMEMBERED_VERSIONS_MAX:
                self._found.clear()
            self._found[version] = self._search(version)
        return self._found[version]

    @property
    def has_malware(self) -> bool:
        """True when one of them is about malware: a rule against malware alone has nothing to look at otherwise."""
        return any(affected.advisory.kind == "malware" for affected in self.known)

    def of(self, project: str) -> "ProjectAdvisories | None":
        """Itself, for its own project."""
        return self if project == self.project else None

    def __reduce__(self) -> tuple[Any, ...]:
        return ProjectAdvisories, (self.project, self.known)

    @cached_property
    def _found(self) -> dict[str, Advisory | None]:
        return {}

    @cached_property
    def _ordered(self) -> tuple["_Test", ...]:
        known = sorted(self.known, key=lambda affected: (affected.advisory.kind, affected.advisory.id))
        return tuple(map(_Test.of, known))  # "malware" sorts first

    def _search(self, version: str) -> Advisory | None:
        asked = _asked(version)
        for test in self._ordered:
            if test.holds(asked):
                return test.advisory
        return None


class Advisories:
    """A table of advisories by project; immutable, and may be read from any thread.

    `entries` may be lazy: a project's are taken from it when first asked for. `name` tells this table from others.
    """

    def __init__(
        self,
        entries: Mapping[str, tuple[Affected, ...]],
        *,
        modified: datetime | None = None,
        malware: int = 0,
        vulnerabilities: int = 0,
        name: str = "",
    ) -> None:
        self.entries = entries
        self.modified = modified  # when the newest record it was made from last changed
        self.malware = malware  # advisories
        self.vulnerabilities = vulnerabilities
        self.name = name
        self._asked_for: dict[str, ProjectAdvisories] = {}

    def find(self, project: str, version: str) -> Advisory | None:
        """The gravest advisory on that version: malware before vulnerability. Raises Corrupt for a damaged table."""
        found = self.of(project)
        return found.find(project, version) if found is not None else None

    def of(self, project: str) -> ProjectAdvisories | None:
        """This project's part of the table, or None when it has none. Raises Corrupt for a damaged table."""
        if project not in self.entries:
            return None
        found = self._asked_for.get(project)
        if found is None:
            if len(self._asked_for) >= REMEMBERED_PROJECTS_MAX:
                self._asked_for.clear()
            found = self._asked_for[project] = ProjectAdvisories(project, self.entries[project])
        return found

    def __repr__(self) -> str:
        return f"Advisories({self.name})"


@lru_cache(PARSED_MAX)
def normalize_version(text: str) -> str:
    """The version in PEP 440's normal form; lower case without blanks where it has none."""
    version = parse_version(text)
    return str(version) if version is not None else text.strip().lower()


@lru_cache(PARSED_MAX)
def parse_version(text: str) -> Version | None:
    """The version, or None when it does not parse or is absurdly long."""
    try:
        return Version(text) if len(text) <= VERSION_CHARS_MAX else None
    except InvalidVersion:
        return None


def holder(affected: Affected) -> Callable[[str], bool]:
    """A test of whether an advisory speaks of a version."""
    test = _Test.of(affected)
    return lambda version: test.holds(_asked(version))


class _Asked(NamedTuple):
    """A version in the forms that tests look at."""

    version: Version | None
    public: Version | None  # without its local part: 2.0+cu118 is a build of 2.0
    texts: frozenset[str]  # that exact versions are compared with


@lru_cache(PARSED_MAX)
def _asked(text: str) -> _Asked:
    version = parse_version(text)
    if version is None:
        return _Asked(None, None, frozenset((text.strip().lower(),)))
    public = Version(version.public) if version.local else version
    return _Asked(version, public, frozenset((str(version), version.public)))


class _Test(NamedTuple):
    """One advisory, its versions parsed. Plain loops: some projects have hundreds, and a page asks for each version."""

    advisory: Advisory
    versions: frozenset[str]
    spans: tuple[tuple[Version | None, Version | None, bool], ...]

    @classmethod
    def of(cls, affected: Affected) -> "_Test":
        spans = tuple((parse_version(s.introduced), parse_version(s.end), s.includes_end) for s in affected.spans)
        return cls(affected.advisory, frozenset(affected.versions), spans)

    def holds(self, asked: _Asked) -> bool:
        version, public, texts = asked
        if self.versions and not self.versions.isdisjoint(texts):
            return True
        for low, high, includes_end in self.spans:
            if version is None or public is None:
                if low is None:
                    return True
            elif low is not None and version < low:
                continue
            elif high is None:
                return True
            elif includes_end:
                if (version if high.local else public) <= high:
                    return True
            elif version < high:
                return True
        return False
