"""What everybody may know of persons and organisations, written into the tree for their pages (tree/person.py).

`work` compares all roles with what it wrote whenever anything was changed, so that no action has to think of it. Only
what is listed in an index that anybody may read is written: of the others the tree says nothing here.
"""

from collections import defaultdict

from django.db.models import Max

from holdfast.config import Config
from holdfast.control.accounts.models import AuditEvent
from holdfast.control.database import read_snapshot
from holdfast.control.organisations.models import Holding, Membership, TeamRole
from holdfast.control.projects.models import Project, Role
from holdfast.control.publication.transaction import current_serial
from holdfast.store.port import Store
from holdfast.tree.person import Kind, Part, Person, everybody, put_person

WRITTEN_AT_ONCE = 200  # in one round, between two looks at what else there is to do
_STRENGTH = {"maintainer": 1, "owner": 2}
_OF_PLACE = {"owner": "owner", "manager": "maintainer"}  # as in organisations/effective.py

Who = tuple[Kind, str]


class PeoplePages:
    """Writes what changed since it last looked."""

    def __init__(self, config: Config, store: Store) -> None:
        self._indexes = [index.name for index in config.indexes if not index.private]
        self._store = store
        self._mark: object = None
        self._written: dict[Who, Person] | None = None

    def write_when_changed(self) -> int:
        """Returns how many documents were written. Raises Unavailable."""
        written = self._known()
        with read_snapshot():
            serial = current_serial()
            mark = (serial, AuditEvent.objects.aggregate(newest=Max("pk"))["newest"])
            if mark == self._mark:
                return 0
            wanted = self._wanted(written)
        due = [who for who, person in wanted.items() if written.get(who) != person]
        for who in due[:WRITTEN_AT_ONCE]:
            put_person(self._store, who[0], wanted[who], serial)
            written[who] = wanted[who]
        if len(due) <= WRITTEN_AT_ONCE:
            self._mark = mark
        return min(len(due), WRITTEN_AT_ONCE)

    def outdated(self) -> list[Who]:
        """Whose document says something else than the rows. Raises Unavailable."""
        written = self._known()
        with read_snapshot():
            wanted = self._wanted(written)
        return [who for who, person in wanted.items() if written.get(who) != person]

    def _known(self) -> dict[Who, Person]:
        if self._written is None:
            kinds: tuple[Kind, ...] = ("user", "org")
            self._written = {(kind, one.name): one for kind in kinds for one in everybody(self._store, kind)}
        return self._written

    def _wanted(self, written: dict[Who, Person]) -> dict[Who, Person]:
        wanted = self._people() | self._organisations()
        for who, before in written.items():
            wanted.setdefault(who, Person(before.name, before.display))  # nothing is left of what they had
        return wanted

    def _people(self) -> dict[Who, Person]:
        """Roles by whatever way: one's own, a team's, and one's place in the organisation that holds the project."""
        found: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
        listed = {"project__index__in": self._indexes, "project__deleted": None}
        place = ("project__index", "project__name")
        for user, role, *where in Role.objects.filter(**listed).values_list("user__username", "role", *place):
            _raise(found[user], (where[0], where[1]), role)
        held: dict[int, list[tuple[str, str]]] = defaultdict(list)
        holders: dict[tuple[str, str], int] = {}
        for organisation, *where in Holding.objects.filter(**listed).values_list("organisation_id", *place):
            held[organisation].append((where[0], where[1]))
            holders[where[0], where[1]] = organisation
        for organisation, user, role in Membership.objects.values_list("organisation_id", "user__username", "role"):
            for where in held.get(organisation, ()):
                _raise(found[user], where, _OF_PLACE.get(role, ""))
        teams = TeamRole.objects.filter(**listed).exclude(team__members=None)
        columns = ("team__members__username", "role", "team__organisation_id", *place)
        for user, role, organisation, *where in teams.values_list(*columns):
            if holders.get((where[0], where[1])) == organisation:
                _raise(found[user], (where[0], where[1]), role)
        return {("user", user): _person(user, user, parts) for user, parts in found.items() if parts}

    def _organisations(self) -> dict[Who, Person]:
        found: dict[tuple[str, str], dict[tuple[str, str], str]] = defaultdict(dict)
        projects = Project.objects.filter(index__in=self._indexes, deleted=None)
        rows = Holding.objects.filter(project__in=projects, organisation__deleted=None)
        columns = ("organisation__name", "organisation__display", "project__index", "project__name")
        for name, display, index, project in rows.values_list(*columns):
            found[name, display][index, project] = "holder"
        return {("org", name): _person(name, display, parts) for (name, display), parts in found.items()}


def _raise(parts: dict[tuple[str, str], str], where: tuple[str, str], role: str) -> None:
    if _STRENGTH.get(role, 0) > _STRENGTH.get(parts.get(where, ""), 0):
        parts[where] = role


def _person(name: str, display: str, parts: dict[tuple[str, str], str]) -> Person:
    return Person(name, display, tuple(Part(index, project, role) for (index, project), role in sorted(parts.items())))
