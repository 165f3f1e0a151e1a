"""The one gate between what an index knows and what it gives out.

Every door asks `judge`, directly or through `gate_page` and `admit`: pages, files, core metadata, provenance,
from cache, pinned or pulled. So a rule (rules.py: age, allow and deny lists, advisories) holds everywhere at once.
Time is an argument, and a verdict that will change tells until when it holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from holdfast.core.errors import Absent, Outcome, Refused, Removed
from holdfast.core.filenames import parse_filename
from holdfast.core.model import Card, File, Record, Status
from holdfast.core.rules import Ruled, Rules


@dataclass(frozen=True, slots=True)
class Removal:
    """Why bytes were taken down for good."""

    reason: str
    legal: bool = False


class AnyRemoval(Protocol):
    """A Removal, or the journal's own entry for one."""

    @property
    def reason(self) -> str: ...
    @property
    def legal(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force for one index, or for one upstream under it.

    Removals hold everywhere; `rules` only for files of upstreams: None when the files are hosted, or when no rule could
    hold any of them back. `version` tells these rules (and `as_of`) from others; "" without any. Removals are
    not in it: readers count those.
    """

    removed: Mapping[str, AnyRemoval] = field(default_factory=dict)  # by sha256
    rules: Rules | None = None
    version: str = ""
    as_of: datetime | None = None  # only what was uploaded before is seen

    @property
    def lets_all_pass(self) -> bool:
        """True when no rule can hold any file back, whatever the file: pages then need no look at each."""
        return not self.removed and not self.has_rules

    @property
    def has_rules(self) -> bool:
        """True when files may be held back for other reasons than removal."""
        return self.rules is not None or self.as_of is not None

    def of(self, project: str) -> "Policy":
        """The policy as it concerns one project: small, and with a version that other projects' rules do not move."""
        rules = self.rules.of(project) if self.rules is not None and not self.rules.project else self.rules
        parts = [rules.version] if rules is not None else []
        if self.as_of is not None:
            parts.append(f"at{self.as_of.astimezone(UTC):%Y%m%dT%H%M%S.%f}")
        return Policy(self.removed, rules, "-".join(parts), self.as_of)

    def portable(self) -> "Policy":
        """An equal policy that shares nothing with this process."""
        removed = {digest: Removal(why.reason, why.legal) for digest, why in dict(self.removed).items()}
        return replace(self, removed=removed)

    def demand_project(self) -> None:
        """Raises Refused when no file of the project this policy was narrowed down to may come in."""
        if self.rules is not None and (why := self.rules.exclusion):
            raise Refused(why)


class Gateable(Ruled, Protocol):
    """What a verdict needs to know of a file: a File and a Card both tell."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`outcome` is None when the file may be given out. `until` bounds the verdict in time; None = for good."""

    outcome: Outcome | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class GatedPage:
    """What a page may show. `record` is the very object that went in when nothing was held back."""

    record: Record
    valid_until: datetime | None  # the page must be made again by then; None = holds until record or policy change
    shows_until: datetime | None = None  # from then on it shows what must be held back, and not only holds too much


_PASS = Verdict()


def judge(
    file: Gateable,
    policy: Policy,
    *,
    now: datetime,
    status: Status = "active",
    status_reason: str = "",
    project: str = "",
) -> Verdict:
    """The verdict on one file of a project in that status. Removal is said before quarantine: it is the final one.

    `project` is the name it is listed under; a card tells that itself.
    """
    removal = policy.removed.get(file.sha256) if file.sha256 else None
    if removal is not None:
        return Verdict(Removed(f"{file.filename} was removed: {removal.reason}", legal=removal.legal))
    if status == "quarantined":
        because = f": {status_reason}" if status_reason else ""
        return Verdict(Refused(f"{file.filename} belongs to a project in quarantine{because}"))
    if policy.as_of is not None and file.upload_time is not None and file.upload_time >= policy.as_of:
        return Verdict(Absent(f"{file.filename} was not uploaded before {policy.as_of:%Y-%m-%dT%H:%M:%SZ}"))
    if policy.rules is None:
        return _PASS
    return _ruled(file, policy.rules, project, now)


def _ruled(file: Gateable, rules: Rules, project: str, now: datetime) -> Verdict:
    """What the rules for an upstream's files say."""
    if not project:
        project = rules.project or (file.project if isinstance(file, Card) else parse_filename(file.filename).project)
    narrowed = rules if rules.project else rules.of(project)
    if narrowed is None:
        return _PASS
    version = file.version if isinstance(file, File) else parse_filename(file.filename, project).version
    why, until = narrowed.refusal(file, version, now)
    return Verdict(Refused(why) if why else None, until)


def admit(
    file: Gateable,
    policy: Policy,
    *,
    now: datetime,
    status: Status = "active",
    status_reason: str = "",
    project: str = "",
) -> Verdict:
    """Let a file, or what belongs to it, be given out. Raises Removed, Refused, and Absent beyond `as_of`."""
    verdict = judge(file, policy, now=now, status=status, status_reason=status_reason, project=project)
    if verdict.outcome is not None:
        raise verdict.outcome
    return verdict


def gate_page(record: Record, policy: Policy, *, now: datetime) -> GatedPage:
    """The record as its page may show it. A quarantined project keeps its page, with no files (PEP 792)."""
    if record.status == "quarantined":
        return GatedPage(replace(record, files=()) if record.files else record, None)
    if policy.lets_all_pass:
        return GatedPage(record, None)
    passed: list[File] = []
    until: datetime | None = None
    shows_until: datetime | None = None
    if policy.rules is not None and not policy.rules.project:
        policy = policy.of(record.name)
    for file in record.files:
        verdict = judge(file, policy, now=now, status=record.status, project=record.name)
        until = _sooner(until, verdict.until)
        if verdict.outcome is None:
            shows_until = _sooner(shows_until, verdict.until)
            passed.append(_without_removed_sidecars(file, policy))
    unchanged = len(passed) == len(record.files) and all(map(_is, passed, record.files))
    return GatedPage(record if unchanged else replace(record, files=tuple(passed)), until, shows_until)


def _sooner(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one is not None and other is not None else one or other


def _without_removed_sidecars(file: File, policy: Policy) -> File:
    """A removed metadata or provenance document is not advertised either."""
    if file.metadata_sha256 and file.metadata_sha256 in policy.removed:
        file = replace(file, metadata_sha256="", has_metadata=False)
    if file.provenance_sha256 and file.provenance_sha256 in policy.removed:
        file = replace(file, provenance_sha256="")
    return file


def _is(one: object, other: object) -> bool:
    return one is other
