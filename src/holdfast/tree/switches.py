"""Kill switches: the capabilities an operator can stop for a while, where each holds, and what clients are told.

Values and rules only. They are part of the operators' decisions (tree/overrides.py), so they are in force on every
machine within a second, with the database dead as well. Installs are no capability: nothing here can stop them.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from holdfast.core.names import is_index_name
from holdfast.core.precedence import is_name_pattern, matches_pattern

EVERYWHERE = "*"
READ_ONLY = "read-only"
EXPIRY_DEFAULT = timedelta(hours=24)  # whoever wants longer says so: two suspensions of 2023 outlived their cause (r26)
EXPIRY_MAX = timedelta(days=30)  # of one decision; longer is no emergency any more, or explicitly without an end
REASON_CHARS_MAX = 200  # reason, address and our own words stay within one problem document's detail
STATUS_URL_CHARS_MAX = 100
BANNER_CHARS_MAX = 300

Scopes = Literal["site", "project", "issuer"]


@dataclass(frozen=True, slots=True)
class Capability:
    """Something that can be switched off. `scopes`: the whole site only, or also projects or issuers."""

    name: str
    what: str  # how a sentence about it begins
    scopes: Scopes


CAPABILITIES = {
    one.name: one
    for one in (
        Capability("sign-up", "Creating accounts is", "site"),
        Capability("new-projects", "Creating new projects is", "project"),
        Capability("uploads", "Uploading is", "project"),
        Capability("deletions", "Deleting is", "project"),
        Capability("token-creation", "Creating tokens is", "site"),
        Capability("search", "Search is", "site"),
        Capability("trusted-publishing", "Trusted publishing is", "issuer"),
        Capability(READ_ONLY, "Changing anything is", "site"),
    )
}
NOT_CHANGES = frozenset({"search", READ_ONLY})  # what read-only does not stop, or is itself


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """One capability that is off. `until` None = until somebody switches it on, which had to be asked for."""

    capability: str
    scope: str = EVERYWHERE  # an index, `index/name-pattern`, or an issuer's URL, as its capability allows
    reason: str
    status_url: str = ""
    banner: str = ""  # shown on public pages; "" = nothing
    until: datetime | None
    by: str
    at: datetime  # since when; an extension leaves it
    extended_by: str = ""
    extended_at: datetime | None = None

    def is_in_force(self, now: datetime) -> bool:
        """False once its time has run out: the capability is on again by itself."""
        return self.until is None or now < self.until

    def age_seconds(self, now: datetime) -> float:
        """For how long it has been off."""
        return max(0.0, (now - self.at).total_seconds())

    def covers(self, index: str, project: str, issuer: str) -> bool:
        """Whether it holds there. `project` "" = not known yet, which no pattern covers."""
        if self.scope == EVERYWHERE:
            return True
        if _is_url(self.scope):
            return issuer == self.scope
        where, _, pattern = self.scope.partition("/")
        if where not in (EVERYWHERE, index) or not index:
            return False
        return not pattern or (bool(project) and matches_pattern(project, (pattern,)))

    def sentence(self) -> str:
        """What a client is told."""
        known = CAPABILITIES.get(self.capability)
        what = known.what if known is not None else f"{self.capability} is"
        until = f" until {self.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if self.until is not None else ""
        see = f" See {self.status_url}" if self.status_url else ""
        return f"{what} switched off{_place(self.scope)}{until}: {self.reason.rstrip('.')}.{see}"


class ScopeError(ValueError):
    """The capability cannot be switched off there."""


def new_switch(
    capability: str,
    *,
    scope: str,
    reason: str,
    status_url: str,
    banner: str | None,
    until: datetime | None,
    by: str,
    now: datetime,
) -> Switch:
    """A switch as it may be kept. `banner` None = its sentence, where it holds for the whole site.

    Raises ValueError with a sentence that says what is wrong and what would be right.
    """
    known = CAPABILITIES.get(capability)
    if known is None:
        raise ValueError(f"there is no capability {capability!r}; known: {', '.join(CAPABILITIES)}")
    _demand_scope(known, scope)
    if not reason or len(reason) > REASON_CHARS_MAX:
        raise ValueError(f"a reason of 1 to {REASON_CHARS_MAX} characters is needed: everybody concerned is shown it")
    _demand_status_url(status_url)
    demand_until(until, now)
    if banner is not None and len(banner) > BANNER_CHARS_MAX:
        raise ValueError(f"a banner has at most {BANNER_CHARS_MAX} characters")
    made = Switch(
        capability=capability, scope=scope, reason=reason, status_url=status_url, until=until, by=by, at=now
    )  # fmt: skip
    if banner is None:
        banner = made.sentence() if scope == EVERYWHERE else ""
    return msgspec.structs.replace(made, banner=banner[:BANNER_CHARS_MAX])


def demand_until(until: datetime | None, now: datetime) -> None:
    """Raises ValueError for an end that is past, or further off than one decision may reach."""
    if until is not None and not now < until <= now + EXPIRY_MAX:
        raise ValueError(
            f"a switch ends within {EXPIRY_MAX.days} days of now; one without an end must be asked for as such"
        )


def with_switch(old: tuple[Switch, ...], switch: Switch) -> tuple[Switch, ...]:
    """The switches with this one in the place of an equal one, whose age it keeps."""
    before = find_switch(old, switch.capability, switch.scope)
    if before is not None:
        switch = msgspec.structs.replace(switch, at=before.at)
    return (*without_switch(old, switch.capability, switch.scope), switch)


def without_switch(old: tuple[Switch, ...], capability: str, scope: str) -> tuple[Switch, ...]:
    """The switches without that one."""
    return tuple(one for one in old if (one.capability, one.scope) != (capability, scope))


def extended(switch: Switch, until: datetime | None, by: str, now: datetime) -> Switch:
    """The switch with a later end (None = without one), as a person decided. Raises ValueError."""
    demand_until(until, now)
    return msgspec.structs.replace(switch, until=until, extended_by=by, extended_at=now)


def find_switch(switches: tuple[Switch, ...], capability: str, scope: str) -> Switch | None:
    """The switch of that capability and scope."""
    return next((one for one in switches if (one.capability, one.scope) == (capability, scope)), None)


def refusing(
    switches: tuple[Switch, ...],
    capability: str,
    now: datetime,
    *,
    index: str = "",
    project: str = "",
    issuer: str = "",
) -> Switch | None:
    """The switch that stops a capability there, or None. Read-only stops whatever changes anything."""
    stopping = {capability} if capability in NOT_CHANGES else {capability, READ_ONLY}
    for one in switches:
        if one.capability in stopping and one.is_in_force(now) and one.covers(index, project, issuer):
            return one
    return None


def ages_in_force(switches: tuple[Switch, ...], now: datetime) -> dict[str, float]:
    """For each capability in the table the seconds for which its oldest switch has been in force; 0.0 = it is on."""
    ages = dict.fromkeys(CAPABILITIES, 0.0)
    for one in switches:
        if one.is_in_force(now) and one.capability in ages:
            ages[one.capability] = max(ages[one.capability], one.age_seconds(now), 0.001)
    return ages


def _place(scope: str) -> str:
    if scope == EVERYWHERE:
        return ""
    if _is_url(scope):
        return f" for {scope}"
    where, _, pattern = scope.partition("/")
    names = f" for projects named {pattern}" if pattern else ""
    return names + ("" if where == EVERYWHERE else f" in index {where}")


def _is_url(text: str) -> bool:
    return "://" in text


def _demand_scope(capability: Capability, scope: str) -> None:
    if scope == EVERYWHERE:
        return
    match capability.scopes:
        case "site":
            raise ScopeError(f"{capability.name} is switched off for the whole site only, which is the scope *")
        case "issuer":
            if not (scope.startswith("https://") and urlsplit(scope).netloc and len(scope) <= STATUS_URL_CHARS_MAX):
                raise ScopeError(f"the scope of {capability.name} is an issuer's https URL, or * for every one")
        case "project":
            where, slash, pattern = scope.partition("/")
            is_place = where == EVERYWHERE or is_index_name(where)
            if not is_place or (slash and not is_name_pattern(pattern)):
                raise ScopeError(f"{scope!r} is no scope; good ones: *, an index such as main, or main/acme-*")


def _demand_status_url(url: str) -> None:
    if not url:
        return
    parts = urlsplit(url)
    is_clean = re.fullmatch(r"[!-~]+", url) is not None and not set("<>\"'\\") & set(url)
    if not (is_clean and parts.scheme in ("http", "https") and parts.netloc) or len(url) > STATUS_URL_CHARS_MAX:
        raise ValueError(f"the status address must be an http(s) URL of at most {STATUS_URL_CHARS_MAX} characters")
