"""Whose pages may say something else since a round of people_pages.py: by what outbox and audit trail name since then.

Rather too many than too few: whoever is named for nothing is compared and found equal. Where that cannot be told, or is
more than a comparison of everybody costs, the answer is None.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.control.accounts.audit import stray_count
from holdfast.control.accounts.models import AuditEvent, AuditHead
from holdfast.control.organisations.models import Holding, Membership, TeamRole
from holdfast.control.projects.models import Project, Role
from holdfast.control.publication.models import Event
from holdfast.control.publication.transaction import current_serial
from holdfast.tree.person import Kind

Who = tuple[Kind, str]
Place = tuple[str, str]  # index and name of a project

ROWS_MAX = 500  # of either, in one round: a busy minute's
TOUCHED_MAX = 500  # people, organisations, projects; the values of one statement
_ORGANISATION = "organisation:"
_PEOPLE = ("user", "owner", "to")  # details that name somebody, whatever else they may name


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a round has looked: the newest serial, and the end of the audit trail's chain; both in commit order."""

    serial: int
    position: int


@dataclass(slots=True)
class Touched:
    """By name."""

    people: set[str]
    organisations: set[str]


@dataclass(slots=True)
class _Named:
    """What the rows name."""

    projects: set[Place]
    people: set[str]
    organisations: set[str]
    wholly: set[str]  # organisations of which everybody may be meant: a team that went, for instance

    def is_too_much(self) -> bool:
        return max(len(self.projects), len(self.people), len(self.organisations)) > TOUCHED_MAX


def current_mark() -> Mark:
    """Inside a snapshot. Raises DatabaseUnavailable."""
    position = AuditHead.objects.filter(pk=1).values_list("position", flat=True).first()
    return Mark(current_serial(), position or 0)


def touched_since(since: Mark, now: Mark, having: Mapping[Place, Iterable[Who]]) -> Touched | None:
    """Inside a snapshot. `having`: whose documents have a project. None: compare everybody.

    A database that went back is another one. Events without a place in the chain come from an earlier release beside
    this one, in no order that could be relied on.
    """
    if now.serial < since.serial or now.position < since.position or stray_count():
        return None
    named = _named(since, now)
    if named is None or named.is_too_much():
        return None
    _add_projects_of(named)
    people, organisations = _standing(named)
    for place in named.projects:
        for kind, name in having.get(place, ()):
            (people if kind == "user" else organisations).add(name)
    found = Touched(people | named.people, organisations | named.organisations)
    return found if max(len(found.people), len(found.organisations)) <= TOUCHED_MAX else None


def _named(since: Mark, now: Mark) -> _Named | None:
    found = _Named(set(), set(), set(), set())
    changes = Event.objects.filter(serial__gt=since.serial, serial__lte=now.serial).values_list("changes", flat=True)
    told = list(changes[: ROWS_MAX + 1])
    audits = AuditEvent.objects.filter(position__gt=since.position, position__lte=now.position)
    noted = list(audits.values_list("actor", "subject", "detail")[: ROWS_MAX + 1])
    if max(len(told), len(noted)) > ROWS_MAX:
        return None
    for change in (one for row in told for one in row):
        if change["kind"] == "project":
            found.projects.add((change["index"], change["name"]))
    for actor, subject, detail in noted:
        _read(found, actor, subject, detail)
    return found


def _read(found: _Named, actor: str, subject: str, detail: Mapping[str, Any]) -> None:
    people = {value for key in _PEOPLE if isinstance(value := detail.get(key), str)}
    found.people |= {actor, subject, *people}
    if subject.startswith(_ORGANISATION):
        name = subject.removeprefix(_ORGANISATION)
        found.organisations.add(name)
        if not isinstance(detail.get("user"), str):
            found.wholly.add(name)
    elif "/" in subject:
        index, name, *_ = subject.split("/")
        found.projects.add((index, name))
    if isinstance(organisation := detail.get("organisation"), str):
        found.organisations.add(organisation)
    found.organisations |= people  # a transfer is to either


def _add_projects_of(named: _Named) -> None:
    held = Holding.objects.filter(organisation__name__in=sorted(named.wholly))
    named.projects |= set(held.values_list("project__index", "project__name"))
    in_teams = Membership.objects.filter(organisation__name__in=sorted(named.wholly))
    named.people |= set(in_teams.values_list("user__username", flat=True))


def _standing(named: _Named) -> tuple[set[str], set[str]]:
    """(people, organisations) that have to do with these projects now, by whatever way."""
    rows = Project.objects.filter(name__in=sorted({name for _, name in named.projects}))
    ids = [pk for pk, *place in rows.values_list("pk", "index", "name") if tuple(place) in named.projects]
    holders = set(Holding.objects.filter(project__in=ids).values_list("organisation__name", flat=True))
    people = set(Role.objects.filter(project__in=ids).values_list("user__username", flat=True))
    leaders = Membership.objects.filter(organisation__holdings__project__in=ids).exclude(role="member")
    people |= set(leaders.values_list("user__username", flat=True))
    in_teams = TeamRole.objects.filter(project__in=ids).exclude(team__members=None)
    people |= set(in_teams.values_list("team__members__username", flat=True))
    return people, holders
