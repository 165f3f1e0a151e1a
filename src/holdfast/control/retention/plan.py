"""Which releases a rule deletes: a pure function of the rule, the releases and the time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from packaging.version import InvalidVersion, Version


@dataclass(frozen=True, slots=True)
class Rule:
    """Keep so many of the newest releases, and those younger than so many days; None for no such bound."""

    newest: int | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A listed release."""

    version: str
    created: datetime  # when its first file came
    yanked: bool = False
    kept: bool = False  # somebody said that it stays


def doomed(rule: Rule, releases: Iterable[Candidate], now: datetime) -> tuple[str, ...]:
    """The versions that go, oldest first.

    Never: what somebody keeps; the version an installer gets today (the highest final one that is not yanked, else the
    highest not yanked, else the highest); what either bound keeps. Yanked releases do not count among the newest, so
    that a yank never pushes a good release out; they go like others, by age or when so many good ones are newer.
    """
    if rule.newest is None and rule.days is None:
        return ()
    listed = sorted(releases, key=lambda release: (release.created, release.version))
    stays = {release.version for release in listed if release.kept} | {_installed(listed)}
    if rule.newest is not None:
        stays |= _newest(listed, rule.newest)
    if rule.days is not None:
        since = now - timedelta(days=rule.days)
        stays |= {release.version for release in listed if release.created > since}
    return tuple(release.version for release in listed if release.version not in stays)


def _newest(listed: list[Candidate], count: int) -> set[str]:
    """The newest good releases, and yanked ones among or above them."""
    kept: set[str] = set()
    good = 0
    for release in reversed(listed):
        if good >= count:
            break
        kept.add(release.version)
        good += not release.yanked
    return kept


def _installed(listed: list[Candidate]) -> str:
    ranked = [(not one.yanked, *_rank(one.version), one.version) for one in listed]
    return max(ranked)[-1] if ranked else ""


def _rank(version: str) -> tuple[bool, Version]:
    try:
        parsed = Version(version)
    except InvalidVersion:
        return False, Version("0.dev0")
    return not parsed.is_prerelease, parsed
