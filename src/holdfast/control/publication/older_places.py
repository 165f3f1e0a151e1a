"""Places in organisations that a restored database still has, and that had ended by what the tree says.

The tree has, for everybody, the projects of public indexes on which they have a role (tree/person.py). Whoever has none
on a project that their organisation holds has no place there that would give one, and no team. An organisation's own
document says whose places there are, also those of plain members without a role. What cannot be told stays:
organisations that never had a project in a public index, and whatever changed without a new serial.
The wrong guess of a crash takes a right away and is named, and is never the other way round.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from holdfast.control.organisations.actions import subject, take_out
from holdfast.control.organisations.models import Membership, Team
from holdfast.control.publication.transaction import WriteTransaction
from holdfast.store.port import Store
from holdfast.tree.person import Person, Stored, everybody, member_digest, place_of

Where = tuple[str, str]  # index and name of a project


@dataclass(frozen=True, slots=True)
class Told:
    """What the tree says of people since a serial, and of all organisations."""

    people: tuple[Person, ...] = ()
    held: frozenset[tuple[str, Where]] = frozenset()  # by organisation
    members: tuple[tuple[str, frozenset[str]], ...] = ()  # organisations, and their people as digests


def told_since(store: Store, serial: int) -> Told:
    """Read it. Raises Unavailable."""
    organisations = list(everybody(store, "org"))
    return Told(
        tuple(one.person for one in everybody(store, "user") if _serial(one) > serial),
        frozenset((one.person.name, (part.index, part.name)) for one in organisations for part in one.person.parts),
        tuple(
            (one.person.name, frozenset(one.person.members))
            for one in organisations
            if _serial(one) > serial and one.person.members is not None
        ),
    )


def end_older_places(tx: WriteTransaction, told: Told) -> list[str]:
    """End them; who has left what, in words."""
    left = [line for name, members in told.members for line in _end_members(tx, name, members)]
    return left + [line for person in told.people for line in _end_of(tx, person, told.held)]


def _end_members(tx: WriteTransaction, name: str, members: frozenset[str]) -> Iterable[str]:
    """Whoever the organisation's document does not count among its people, whatever place the rows give them."""
    rows = Membership.objects.filter(organisation__name=name, organisation__deleted=None).order_by("user__username")
    for row in rows.select_related("organisation", "user"):
        if member_digest(name, row.user.username) not in members:
            yield _end_place(tx, row)


def _end_place(tx: WriteTransaction, row: Membership) -> str:
    take_out(tx, row.organisation, row)
    facts = {"user": row.user.username, "before": {"place": row.role}}
    tx.audit("end-right", subject(row.organisation), place=None, **facts)
    return f"{row.user.username}, {row.role} of {row.organisation.name}"


def _end_of(tx: WriteTransaction, person: Person, held: frozenset[tuple[str, Where]]) -> Iterable[str]:
    roles = {(part.index, part.name): part.role for part in person.parts}
    mine = Membership.objects.filter(user__username=person.name, organisation__deleted=None)
    for row in mine.select_related("organisation", "user"):
        organisation = row.organisation
        shown = {roles.get(where) for where in _holdings(row) if (organisation.name, where) in held}
        before, facts = row.role, {"user": person.name, "before": {"place": row.role}}
        if before in ("owner", "manager") and None in shown:
            yield _end_place(tx, row)
        elif before == "owner" and "maintainer" in shown:
            row.role = "manager"
            row.save(update_fields=["role"])
            tx.audit("end-right", subject(organisation), place="manager", **facts)
            yield f"{person.name}, owner of {organisation.name} (a manager now)"
        else:
            yield from _end_in_teams(tx, row, roles, held)


def _end_in_teams(
    tx: WriteTransaction, row: Membership, roles: dict[Where, str], held: frozenset[tuple[str, Where]]
) -> Iterable[str]:
    for team in Team.objects.filter(organisation=row.organisation, members=row.user):
        given = team.roles.values_list("project__index", "project__name")
        if any(where not in roles and (row.organisation.name, where) in held for where in given):
            team.members.remove(row.user)
            facts = {"user": row.user.username, "team": team.name}
            tx.audit("end-right", subject(row.organisation), **facts)
            yield f"{row.user.username}, in team {team.name} of {row.organisation.name}"


def _holdings(row: Membership) -> list[Where]:
    listed = row.organisation.holdings.filter(project__deleted=None)
    return list(listed.values_list("project__index", "project__name"))


def _serial(one: Stored) -> int:
    return place_of(one.key)[0]
