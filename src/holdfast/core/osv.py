"""Reads advisories in the OSV format: which records count, and which versions each of them means.

The format: https://github.com/ossf/osv-schema, sections `affected`, `ranges` and `evaluation`. Records are written
by many hands: what cannot be read is counted and left out, and never ends the reading of the others.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from packaging.version import Version

from holdfast.core.advisories import (
    EVERY_VERSION,
    VERSION_CHARS_MAX,
    Advisories,
    Advisory,
    Affected,
    Kind,
    Span,
    holder,
    normalize_version,
    parse_version,
)
from holdfast.core.model import parse_time
from holdfast.core.names import is_project_name, normalize

ECOSYSTEM = "pypi"  # the format's own word for the packages that pip installs, compared without case
SUMMARY_CHARS_MAX = 200
ID_CHARS_MAX = 100
RANGE_TYPES = ("ECOSYSTEM", "SEMVER")  # the third, GIT, names commits
FUTURE = timedelta(days=1)  # a record dated later than this would make every honest dump after it look old


@dataclass(slots=True)
class Counts:
    """What a reading met, in records."""

    malware: int = 0
    vulnerabilities: int = 0
    withdrawn: int = 0
    elsewhere: int = 0  # of other ecosystems
    skipped: int = 0  # unreadable, or naming no version that could be told
    projects: int = 0

    @property
    def known(self) -> int:
        """The advisories that are in force afterwards."""
        return self.malware + self.vulnerabilities

    @property
    def read(self) -> int:
        """Every record that made sense."""
        return self.known + self.withdrawn + self.elsewhere


class Reading:
    """Takes records in one by one, in any order; of two with one id the one that changed last counts."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._modified: datetime | None = None
        self._records: dict[str, _Record] = {}
        self._skipped = 0

    def add(self, data: bytes) -> None:
        """Take one record's JSON in."""
        try:
            record = _read(json.loads(data))
        except (ValueError, RecursionError):  # not JSON, or not a record
            self.skip()
            return
        if record.modified is not None and record.modified <= self._now + FUTURE:
            self._modified = max(self._modified or record.modified, record.modified)
        known = self._records.get(record.id)
        if known is None or _when(known) <= _when(record):
            self._records[record.id] = record

    def skip(self) -> None:
        """Count a record that could not even be read."""
        self._skipped += 1

    def done(self) -> tuple[Advisories, Counts]:
        """The table of what was read, and the counts."""
        counts = Counts(skipped=self._skipped)
        entries: dict[str, list[Affected]] = {}
        for _, record in sorted(self._records.items()):
            _count(record, counts)
            for project, affected in record.affected.items():
                entries.setdefault(project, []).append(affected)
        counts.projects = len(entries)
        table = Advisories(
            {project: tuple(found) for project, found in sorted(entries.items())},
            modified=self._modified,
            malware=counts.malware,
            vulnerabilities=counts.vulnerabilities,
        )
        return table, counts


@dataclass(frozen=True, slots=True)
class _Record:
    id: str
    kind: Kind
    modified: datetime | None
    fate: str  # "", or why it is not in force: the name of a field of Counts
    affected: dict[str, Affected]


def _when(record: _Record) -> float:
    return record.modified.timestamp() if record.modified is not None else 0.0


def _count(record: _Record, counts: Counts) -> None:
    field = record.fate or ("malware" if record.kind == "malware" else "vulnerabilities")
    setattr(counts, field, getattr(counts, field) + 1)


def _read(document: object) -> _Record:
    """Raises ValueError for what is no record."""
    if not isinstance(document, dict):
        raise ValueError("a record is an object")
    identifier = document.get("id")
    if not isinstance(identifier, str) or not 0 < len(identifier) <= ID_CHARS_MAX or not identifier.isprintable():
        raise ValueError("a record has an id")
    kind: Kind = "malware" if identifier.upper().startswith("MAL-") else "vulnerability"
    parts = [part for part in _list(document.get("affected")) if isinstance(part, dict)]
    ours = [part for part in parts if _ecosystem(part) == ECOSYSTEM]
    modified = _time(document.get("modified"))
    if document.get("withdrawn"):
        return _Record(identifier, kind, modified, "withdrawn", {})
    if parts and not ours:
        return _Record(identifier, kind, modified, "elsewhere", {})
    advisory = Advisory(identifier, kind, _summary(document))
    affected = _merged(advisory, ours)
    return _Record(identifier, kind, modified, "" if affected else "skipped", affected)


def _merged(advisory: Advisory, parts: list[dict[str, Any]]) -> dict[str, Affected]:
    """What one record says of each project; a record may speak of one project several times."""
    versions: dict[str, set[str]] = {}
    spans: dict[str, list[Span]] = {}
    for part in parts:
        name = part["package"].get("name")
        if not isinstance(name, str) or not is_project_name(name):
            continue
        project = normalize(name)
        listed, found = _versions(part), list(_spans(part))
        if not listed and not found and advisory.kind == "malware":
            found = [EVERY_VERSION]  # nothing is said, or nothing that can be read: then no version is safe
        versions.setdefault(project, set()).update(listed)
        spans.setdefault(project, []).extend(found)
    return {
        project: _compact(advisory, listed, spans[project])
        for project, listed in versions.items()
        if listed or spans[project]
    }


def _compact(advisory: Advisory, versions: set[str], spans: list[Span]) -> Affected:
    """Without what is said twice: records list the released versions of their ranges, by the hundred."""
    if EVERY_VERSION in spans:
        return Affected(advisory, (), (EVERY_VERSION,))
    ranged = Affected(advisory, (), tuple(dict.fromkeys(spans)))
    is_said = holder(ranged)
    return replace(ranged, versions=tuple(sorted(text for text in versions if not is_said(text))))


def _versions(part: dict[str, Any]) -> set[str]:
    listed = (text for text in _list(part.get("versions")) if isinstance(text, str))
    return {normalize_version(text) for text in listed if 0 < len(text) <= VERSION_CHARS_MAX}


def _spans(part: dict[str, Any]) -> Iterator[Span]:
    for told in _list(part.get("ranges")):
        if not isinstance(told, dict) or told.get("type") not in RANGE_TYPES:
            continue
        events = [event for event in _list(told.get("events")) if isinstance(event, dict)]
        try:
            yield from _before(_limit(events), _walk(sorted(_events(events))))
        except ValueError:
            continue  # a bound that does not parse: what the record lists by name still counts


_FIXED, _INTRODUCED, _LAST = 0, 1, 2  # the order of events at one version: introduced again beats fixed
_EVENTS = {"fixed": _FIXED, "introduced": _INTRODUCED, "last_affected": _LAST}
_FIRST = Version("0.dev0")  # stands for "from the first" in sorting alone


def _events(events: list[dict[str, Any]]) -> Iterator[tuple[bool, Version, int]]:
    """(False for "from the first", the version, what happens there). Raises ValueError."""
    for event in events:
        for name, what in _EVENTS.items():
            if name not in event:
                continue
            if what == _INTRODUCED and event[name] in ("0", 0):
                yield False, _FIRST, what
            else:
                yield True, _bound(event[name]), what


def _walk(events: list[tuple[bool, Version, int]]) -> Iterator[Span]:
    """The spans between the events, as the format's own evaluation would find each version in them."""
    start: str | None = None
    for is_bound, version, what in events:
        if what == _INTRODUCED:
            start = (str(version) if is_bound else "") if start is None else start
        elif start is not None:
            yield Span(start, str(version), includes_end=what == _LAST)
            start = None
    if start is not None:
        yield Span(start)


def _limit(events: list[dict[str, Any]]) -> Version | None:
    """The farthest limit; None without one, `*` being none. Raises ValueError."""
    told = [event["limit"] for event in events if "limit" in event]
    return max(map(_bound, told)) if told and "*" not in told else None


def _before(limit: Version | None, spans: Iterator[Span]) -> Iterator[Span]:
    """What of the spans lies before the limit."""
    for span in spans:
        low, high = parse_version(span.introduced), parse_version(span.end)
        if limit is None or (high is not None and high < limit):
            yield span
        elif low is None or low < limit:
            yield Span(span.introduced, str(limit))


def _bound(value: object) -> Version:
    found = parse_version(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is no version")
    return found


def _ecosystem(part: dict[str, Any]) -> str:
    told = part.get("package")
    name = told.get("ecosystem") if isinstance(told, dict) else None
    return name.lower() if isinstance(name, str) else ""


def _summary(document: dict[str, Any]) -> str:
    """One printable line: it is shown to clients, in headers too."""
    text = next((t for t in (document.get("summary"), document.get("details")) if isinstance(t, str) and t.strip()), "")
    line = " ".join(text.strip().splitlines()[0].split()) if text else ""
    return "".join(c for c in line if c.isprintable())[:SUMMARY_CHARS_MAX]


def _time(value: object) -> datetime | None:
    try:
        return parse_time(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
