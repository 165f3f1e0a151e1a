"""What may come in from an upstream: the rules of one index, and what they say of one file.

Rules never look at hosted files. Each refusal is one sentence that names the rule, the project and version, and the
way out. What cannot be passed by an operator's break-glass (denials, advisories) is asked before what can (age).
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Literal, Protocol

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from holdfast.core.filenames import version_key
from holdfast.core.names import normalize
from holdfast.core.precedence import matches_pattern

Undated = Literal["trust-existing", "first-seen", "refuse"]
AdvisoryLevel = Literal["off", "malware", "all"]
DAY_SECONDS = 86_400
_SUMMARY_CHARS_MAX = 200  # of an advisory, in a refusal
_PATTERN = re.compile(r"[A-Za-z0-9._*-]+")
DENIAL_CHARS_MAX = 300  # far above any name with its versions; a number of thousands of digits cannot be compared


class KnownAdvisory(Protocol):
    """What a refusal tells of an advisory."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def summary(self) -> str: ...


class ProjectAdvisories(Protocol):
    """What is known of one project. Equal content has equal `repr`, and it travels to other processes."""

    @property
    def has_malware(self) -> bool: ...

    def find(self, project: str, version: str) -> KnownAdvisory | None:
        """The gravest advisory on that version: malware before vulnerability."""


class AdvisoryTable(Protocol):
    """Which versions are known to be malware or vulnerable (advisories.py)."""

    def of(self, project: str) -> ProjectAdvisories | None:
        """This project's part of the table, or None when it has none. Raises Corrupt for a damaged table."""


class Ruled(Protocol):
    """What rules look at: a File and a Card both tell."""

    @property
    def filename(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def size(self) -> int | None: ...
    @property
    def upload_time(self) -> datetime | None: ...
    @property
    def upload_time_is_ours(self) -> bool: ...
    @property
    def provenance_sha256(self) -> str: ...
    @property
    def provenance_url(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Pass:
    """Break-glass: this version is let through the cooldown until then."""

    project: str  # normalised
    version: str  # normalised PEP 440
    until: datetime


@dataclass(frozen=True, slots=True)
class Denied:
    """Versions that may not come in. `pattern` is a normalised name or name pattern; `versions` "" = every one."""

    pattern: str
    versions: str
    reason: str

    def names(self, project: str) -> bool:
        """True when the project is meant, whatever its versions."""
        return matches_pattern(project, (self.pattern,))

    def holds(self, version: str) -> bool:
        """True when the version of such a project is meant; one that does not parse is, to be safe."""
        if not self.versions:
            return True
        parsed = version_key(version)[1]
        return isinstance(parsed, str) or _specifiers(self.versions).contains(parsed, prereleases=True)


def denied(what: str, reason: str) -> Denied:
    """Read a denial: a name, a name pattern (`acme-*`) or a requirement (`acme<2`). Raises ValueError."""
    what = what.strip()
    if len(what) > DENIAL_CHARS_MAX:
        raise ValueError(f"{what[:40]}... is longer than {DENIAL_CHARS_MAX} characters")
    if _PATTERN.fullmatch(what):
        return Denied(normalize(what), "", reason)
    try:
        requirement = Requirement(what)
    except InvalidRequirement:
        raise ValueError(f"{what} is neither a name, a name pattern nor a requirement") from None
    if requirement.marker or requirement.url or requirement.extras:
        raise ValueError(f"{what} says more than a name and versions")
    return Denied(normalize(requirement.name), str(requirement.specifier), reason)


@dataclass(frozen=True)
class Rules:
    """The rules for files of one upstream in one index; `project` is set once they are narrowed down to one name."""

    index: str
    project: str = ""
    cooldown_seconds: int = 0
    cooldown_for: tuple[tuple[str, int], ...] = ()  # (name pattern, seconds): the first that fits goes before
    undated: Undated = "trust-existing"
    passes: tuple[Pass, ...] = ()
    allow: tuple[str, ...] = ()  # name patterns; () = every name
    denials: tuple[Denied, ...] = ()
    require: tuple[str, ...] = ()  # "hash", "provenance"
    licenses_denied: tuple[str, ...] = ()  # patterns over expressions and classifiers
    file_bytes_max: int = 0  # 0 = no limit
    advisories: AdvisoryTable | None = None
    advisory_level: AdvisoryLevel = "off"
    known: ProjectAdvisories | None = None  # what `advisories` says of the project, once narrowed down

    @cached_property
    def can_hold_back(self) -> bool:
        """False when no file of any upstream could ever be held back."""
        return bool(
            self.cooldown_seconds
            or any(seconds for _, seconds in self.cooldown_for)
            or self.allow
            or self.denials
            or self.require
            or self.licenses_denied
            or self.file_bytes_max
            or self.known is not None
            or (self.advisories is not None and self.advisory_level != "off")
        )

    def of(self, project: str) -> "Rules | None":
        """The rules as they concern one project, small enough for another process; None when they let all pass."""
        assert not self.project or self.project == project, (self.project, project)
        fitting = (seconds for pattern, seconds in self.cooldown_for if matches_pattern(project, (pattern,)))
        cooldown = next(fitting, self.cooldown_seconds)
        allowed = not self.allow or matches_pattern(project, self.allow)
        narrowed = replace(
            self,
            project=project,
            cooldown_seconds=cooldown,
            cooldown_for=(),
            passes=tuple(p for p in self.passes if p.project == project) if cooldown else (),
            allow=() if allowed else self.allow,
            denials=tuple(d for d in self.denials if d.names(project)),
            advisories=None,
            known=self._known_of(project),
        )
        return narrowed if narrowed.can_hold_back else None

    def _known_of(self, project: str) -> ProjectAdvisories | None:
        if self.advisories is None or self.advisory_level == "off":
            return None
        known = self.advisories.of(project)
        return None if known is None or (self.advisory_level == "malware" and not known.has_malware) else known

    @cached_property
    def version(self) -> str:
        """Tells these rules from others, for caches and entity tags."""
        return sha256(repr(self).encode()).hexdigest()[:16]

    @cached_property
    def exclusion(self) -> str:
        """Why no file of the project may ever come in, or ""."""
        if self.allow:
            return (
                f"{self.project} is not among the names that index {self.index} lets in from upstreams "
                "(its setting `allow`)"
            )
        whole = next((d for d in self.denials if not d.versions), None)
        return _denial_sentence(self.project, "", whole, self.index) if whole is not None else ""

    def refusal(self, file: Ruled, version: str, now: datetime) -> "tuple[str, datetime | None]":
        """(why the file may not come in or "", until when that holds or None). Asked of narrowed rules."""
        assert self.project, "rules are narrowed down to one project first"
        why = self.exclusion or self._denial(version) or self._advisory(version) or self._lack(file, version)
        return (why, None) if why else self._age(file, version, now)

    def _denial(self, version: str) -> str:
        found = next((d for d in self.denials if d.holds(version)), None)
        return _denial_sentence(self.project, version, found, self.index) if found is not None else ""

    def _advisory(self, version: str) -> str:
        found = self.known.find(self.project, version) if self.known is not None else None
        if found is None or (self.advisory_level == "malware" and found.kind != "malware"):
            return ""
        what = "is known malware" if found.kind == "malware" else "has a known vulnerability"
        told = f": {found.summary[:_SUMMARY_CHARS_MAX]}" if found.summary else ""
        return f"{_named(self.project, version)} {what} ({found.id}){told}; choose another version"

    def _lack(self, file: Ruled, version: str) -> str:
        what = _named(self.project, version)
        if "hash" in self.require and not file.sha256:
            return f"{what} has no sha256 on its upstream's page, which index {self.index} requires"
        if "provenance" in self.require and not (file.provenance_sha256 or file.provenance_url):
            return f"{what} has no provenance attestation ({file.filename}), which index {self.index} requires"
        return self.oversize(file.filename, file.size, version)

    def oversize(self, filename: str, size: int | None, version: str) -> str:
        """Why a file of that size may not come in, or ""; an unknown size is judged once it is known."""
        if not self.file_bytes_max or size is None or size <= self.file_bytes_max:
            return ""
        what = _named(self.project, version)
        return f"{what} is too large: {filename} has {size} bytes, index {self.index} takes {self.file_bytes_max}"

    def _age(self, file: Ruled, version: str, now: datetime) -> "tuple[str, datetime | None]":
        """Cooldown. A file without any date counts as old unless the upstream's `undated` says `refuse`."""
        if not self.cooldown_seconds:
            return "", None
        of_age: datetime | None = None
        if self.undated == "refuse" and (file.upload_time is None or file.upload_time_is_ours):
            why = "its upstream does not say when it was uploaded"
        elif file.upload_time is None:
            return "", None
        else:
            of_age = _later(file.upload_time, self.cooldown_seconds)
            if now >= of_age:
                return "", None
            why = f"younger than the {_age_text(self.cooldown_seconds)} this index asks for"
        passed = max((p.until for p in self.passes if _same(p.version, version)), default=None)
        if passed is not None and now < passed:
            return "", passed if of_age is None or passed < of_age else None
        until = f" until {of_age.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if of_age else ""
        pin = f"{self.project}=={version}" if version else self.project
        command = f"holdfast policy pass {pin}" + (f" --index {self.index}" if self.index != "main" else "")
        return f"{_named(self.project, version)} is held back{until}: {why}; `{command}` lets it through", of_age


def _later(moment: datetime, seconds: int) -> datetime:
    """An upstream may claim any moment, the calendar's last one too."""
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _denial_sentence(project: str, version: str, found: Denied, index: str) -> str:
    rule = found.pattern + found.versions
    because = f": {found.reason}" if found.reason else ""
    way_out = "; choose another version" if found.versions else ""
    return f"{_named(project, version)} is denied in index {index} (rule `{rule}`){because}{way_out}"


def _named(project: str, version: str) -> str:
    return f"{project} {version}" if version else project


def _same(one: str, other: str) -> bool:
    return one == other or version_key(one) == version_key(other)


def _age_text(seconds: int) -> str:
    if seconds % DAY_SECONDS == 0:
        days = seconds // DAY_SECONDS
        return f"{days} days" if days != 1 else "day"
    return f"{seconds // 3600} hours" if seconds % 3600 == 0 and seconds > 3600 else f"{seconds} seconds"


@lru_cache(maxsize=256)
def _specifiers(text: str) -> SpecifierSet:
    return SpecifierSet(text)
