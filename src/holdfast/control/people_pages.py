"""What everybody may know of persons and organisations, written into the tree for their pages (tree/person.py).

`work` compares roles with what it wrote whenever anything was changed, so that no action has to think of it: of whom
outbox and audit trail name since its last round (people_touched.py), and of everybody at a start, now and then, and
when it cannot be sure. Only what is listed in an index that anybody may read is written: of the others the tree says
nothing here.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
from django.db.models import Model, QuerySet

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.control.database import read_snapshot
from holdfast.control.organisations.models import Holding, Membership, TeamRole
from holdfast.control.people_touched import Mark, Place, Touched, Who, current_mark, touched_since
from holdfast.control.projects.models import Project, Role
from holdfast.store.port import Store
from holdfast.tree.person import Kind, Part, Person, Stored, everybody, member_digest, put_person

LOOK_SECONDS = 3600.0  # between looks at what is stored; where one `work` writes there is nothing new
READ_AT_ONCE = 200  # documents in one round, at a start above all: others wait for that, publication too
WRITTEN_AT_ONCE = 200  # in one round, between two looks at what else there is to do
_STRENGTH = {"maintainer": 1, "owner": 2}
_OF_PLACE = {"owner": "owner", "manager": "maintainer"}  # as in organisations/effective.py

Row = TypeVar("Row", bound=Model)
_KINDS: tuple[Kind, ...] = ("user", "org")


class PeoplePages:
    """Writes what changed since it last looked."""

    def __init__(self, config: Config, store: Store, clock: Clock) -> None:
        self._indexes = [index.name for index in config.indexes if not index.private]
        self._store = store
        self._clock = clock
        self._mark: Mark | None = None  # None: the next round compares everybody
        self._known: dict[Who, Stored] = {}
        self._having: dict[Place, set[Who]] = defaultdict(set)  # whose document has the project, by what is known
        self._look_at = float("-inf")  # monotonic

    def write_when_changed(self) -> int:
        """Returns how many documents were written. Raises Unavailable."""
        if not self._look(READ_AT_ONCE):
            return 0
        with read_snapshot():
            mark = current_mark()
            if mark == self._mark:
                return 0
            touched = touched_since(self._mark, mark, self._having) if self._mark is not None else None
            wanted = self._wanted_of(touched) if touched is not None else self._wanted()
        due = self._outdated(wanted)
        written = [who for who in due[:WRITTEN_AT_ONCE] if self._write(who, wanted[who], mark.serial)]
        if len(written) == len(due):
            self._mark = mark
        return len(written)

    def outdated(self) -> list[Who]:
        """Whose document says something else than the rows. Raises Unavailable."""
        while not self._look(READ_AT_ONCE):
            pass
        with read_snapshot():
            wanted = self._wanted()
        return self._outdated(wanted)

    def _look(self, reads_max: int) -> bool:
        """What is stored, now and then: another machine's `work` writes, too. Only what is new is read.

        False when there is more of that than `reads_max`: the next look goes on from there.
        """
        if self._clock.monotonic() < self._look_at:
            return True
        found: dict[Who, Stored] = {}
        for kind in _KINDS:
            known = [one for (of, _), one in self._known.items() if of == kind]
            for one in everybody(self._store, kind, known):
                who = (kind, one.person.name)
                found[who] = one
                reads_max -= self._known.get(who) is not one
                if reads_max == 0:
                    self._known |= found
                    return False
        self._known, self._mark = found, None
        self._having.clear()
        for who, one in found.items():
            self._note(who, one.person)
        self._look_at = self._clock.monotonic() + LOOK_SECONDS
        return True

    def _write(self, who: Who, person: Person, serial: int) -> bool:
        """False when somebody else has written what this one did not know: then the next round looks at all of it."""
        key = put_person(self._store, who[0], person, serial)
        if not key:
            self._look_at = float("-inf")
            return False
        self._known[who] = Stored(key, person)
        self._note(who, person)
        return True

    def _note(self, who: Who, person: Person) -> None:
        """Whoever had a project once may stay among those asked about it."""
        for part in person.parts:
            self._having[part.index, part.name].add(who)

    def _outdated(self, wanted: dict[Who, Person]) -> list[Who]:
        return [who for who, person in wanted.items() if who not in self._known or self._known[who].person != person]

    def _wanted(self) -> dict[Who, Person]:
        return self._completed(self._people() | self._organisations(), self._known, _members())

    def _wanted_of(self, touched: Touched) -> dict[Who, Person]:
        """What the whole look would say of these, and of nobody else."""
        names = sorted(touched.organisations)
        wanted = self._people(sorted(touched.people)) | self._organisations(names)
        asked = [("user", name) for name in touched.people] + [("org", name) for name in names]
        return self._completed(wanted, [who for who in asked if who in self._known], _members(names))

    def _completed(
        self, wanted: dict[Who, Person], known: Iterable[Who], members: dict[str, list[str]]
    ) -> dict[Who, Person]:
        for who in known:
            before = self._known[who].person
            wanted.setdefault(who, Person(before.name, before.display))  # nothing is left of what they had
        for kind, name in [who for who in wanted if who[0] == "org"]:
            person = wanted[kind, name]
            wanted[kind, name] = msgspec.structs.replace(person, members=tuple(sorted(members.get(name, ()))))
        return wanted

    def _people(self, names: Sequence[str] | None = None) -> dict[Who, Person]:
        """Roles by whatever way: one's own, a team's, and one's place in the organisation that holds the project.

        Of these people, or of all.
        """
        found: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
        listed = {"project__index__in": self._indexes, "project__deleted": None}
        place = ("project__index", "project__name")
        roles = _narrowed(Role.objects.filter(**listed), "user__username", names)
        for user, role, *where in roles.values_list("user__username", "role", *place):
            _raise(found[user], (where[0], where[1]), role)
        members = _narrowed(Membership.objects.all(), "user__username", names)
        places = list(members.values_list("organisation_id", "user__username", "role"))
        teams = _narrowed(
            TeamRole.objects.filter(**listed).exclude(team__members=None), "team__members__username", names
        )
        columns = ("team__members__username", "role", "team__organisation_id", *place)
        in_teams = list(teams.values_list(*columns))
        theirs = None if names is None else sorted({row[0] for row in places} | {row[2] for row in in_teams})
        held: dict[int, list[tuple[str, str]]] = defaultdict(list)
        holders: dict[tuple[str, str], int] = {}
        holdings = _narrowed(Holding.objects.filter(**listed), "organisation_id", theirs)
        for organisation, *where in holdings.values_list("organisation_id", *place):
            held[organisation].append((where[0], where[1]))
            holders[where[0], where[1]] = organisation
        for organisation, user, role in places:
            for where in held.get(organisation, ()):
                _raise(found[user], where, _OF_PLACE.get(role, ""))
        for user, role, organisation, *where in in_teams:
            if holders.get((where[0], where[1])) == organisation:
                _raise(found[user], (where[0], where[1]), role)
        return {("user", user): _person(user, user, parts) for user, parts in found.items() if parts}

    def _organisations(self, names: Sequence[str] | None = None) -> dict[Who, Person]:
        found: dict[tuple[str, str], dict[tuple[str, str], str]] = defaultdict(dict)
        projects = Project.objects.filter(index__in=self._indexes, deleted=None)
        rows = Holding.objects.filter(project__in=projects, organisation__deleted=None)
        rows = _narrowed(rows, "organisation__name", names)
        columns = ("organisation__name", "organisation__display", "project__index", "project__name")
        for name, display, index, project in rows.values_list(*columns):
            found[name, display][index, project] = "holder"
        return {("org", name): _person(name, display, parts) for (name, display), parts in found.items()}


def _narrowed(rows: QuerySet[Row], column: str, values: Sequence[object] | None) -> QuerySet[Row]:
    return rows if values is None else rows.filter(**{f"{column}__in": values})


def _members(names: Sequence[str] | None = None) -> dict[str, list[str]]:
    """Everybody's place in these organisations, or in every one, with whatever role."""
    found: dict[str, list[str]] = defaultdict(list)
    rows = _narrowed(Membership.objects.filter(organisation__deleted=None), "organisation__name", names)
    for organisation, user in rows.values_list("organisation__name", "user__username"):
        found[organisation].append(member_digest(organisation, user))
    return found


def _raise(parts: dict[tuple[str, str], str], where: tuple[str, str], role: str) -> None:
    if _STRENGTH.get(role, 0) > _STRENGTH.get(parts.get(where, ""), 0):
        parts[where] = role


def _person(name: str, display: str, parts: dict[tuple[str, str], str]) -> Person:
    return Person(name, display, tuple(Part(index, project, role) for (index, project), role in sorted(parts.items())))
