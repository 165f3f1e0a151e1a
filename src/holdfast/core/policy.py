"""The one gate between what an index knows and what it gives out.

Every door asks `judge`, directly or through `gate_page` and `admit`: pages, files, core metadata, provenance,
from cache, pinned or pulled. So a rule added here (cooldown by age, allow and deny lists) holds everywhere at once.
Time is an argument, and a verdict that will change tells until when it holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from holdfast.core.errors import Outcome, Refused, Removed
from holdfast.core.model import File, Record, Status


@dataclass(frozen=True, slots=True)
class Removal:
    """Why bytes were taken down for good."""

    reason: str
    legal: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force for one index."""

    removed: Mapping[str, Removal] = field(default_factory=dict)  # by sha256

    @property
    def lets_all_pass(self) -> bool:
        """True when no rule can hold any file back, whatever the file: pages then need no look at each."""
        return not self.removed


class Gateable(Protocol):
    """What a verdict needs to know of a file: a File and a Card both tell."""

    @property
    def filename(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def upload_time(self) -> datetime | None: ...


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


_PASS = Verdict()


def judge(
    file: Gateable, policy: Policy, *, now: datetime, status: Status = "active", status_reason: str = ""
) -> Verdict:
    """The verdict on one file of a project in that status. Removal is said before quarantine: it is the final one."""
    removal = policy.removed.get(file.sha256) if file.sha256 else None
    if removal is not None:
        return Verdict(Removed(f"{file.filename} was removed: {removal.reason}", legal=removal.legal))
    if status == "quarantined":
        because = f": {status_reason}" if status_reason else ""
        return Verdict(Refused(f"{file.filename} belongs to a project in quarantine{because}"))
    return _PASS


def admit(file: Gateable, policy: Policy, *, now: datetime, status: Status = "active", status_reason: str = "") -> None:
    """Let a file, or what belongs to it, be given out. Raises Removed, Refused."""
    verdict = judge(file, policy, now=now, status=status, status_reason=status_reason)
    if verdict.outcome is not None:
        raise verdict.outcome


def gate_page(record: Record, policy: Policy, *, now: datetime) -> GatedPage:
    """The record as its page may show it. A quarantined project keeps its page, with no files (PEP 792)."""
    if record.status == "quarantined":
        return GatedPage(replace(record, files=()) if record.files else record, None)
    if policy.lets_all_pass:
        return GatedPage(record, None)
    passed: list[File] = []
    until: datetime | None = None
    for file in record.files:
        verdict = judge(file, policy, now=now, status=record.status)
        if verdict.until is not None:
            until = verdict.until if until is None else min(until, verdict.until)
        if verdict.outcome is None:
            passed.append(_without_removed_sidecars(file, policy))
    unchanged = len(passed) == len(record.files) and all(map(_is, passed, record.files))
    return GatedPage(record if unchanged else replace(record, files=tuple(passed)), until)


def _without_removed_sidecars(file: File, policy: Policy) -> File:
    """A removed metadata or provenance document is not advertised either."""
    if file.metadata_sha256 and file.metadata_sha256 in policy.removed:
        file = replace(file, metadata_sha256="", has_metadata=False)
    if file.provenance_sha256 and file.provenance_sha256 in policy.removed:
        file = replace(file, provenance_sha256="")
    return file


def _is(one: object, other: object) -> bool:
    return one is other
