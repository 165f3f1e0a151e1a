"""What is told of organisations, invitations and offers: plain facts for the API, the pages and the command line."""

from dataclasses import dataclass
from datetime import datetime

from holdfast.clock import Clock
from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.database import read_snapshot
from holdfast.control.organisations.effective import OrganisationRole, ProjectRole, people_of, place_in
from holdfast.control.organisations.models import Holding, Invitation, Membership, Offer, Organisation, TeamRole
from holdfast.control.organisations.rights import find_organisation, require_place
from holdfast.control.organisations.robots import RobotFacts, list_robots
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import require, require_scope, require_standing
from holdfast.core.errors import Absent

ROWS_MAX = 1000  # of one kind in one answer


@dataclass(frozen=True, slots=True)
class InvitationFacts:
    """An invitation that waits for its answer."""

    id: int
    to: str  # a project as `index/name`, or an organisation
    is_project: bool
    role: str
    addressee: str  # a user name or a mail address
    invited_by: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class OfferFacts:
    """An offer of a project that waits for its answer."""

    id: int
    project: str  # index/name
    user: str
    organisation: str
    offered_by: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class ProjectPeople:
    """Who has which role on a project, and who has been asked."""

    organisation: str
    people: tuple[tuple[str, ProjectRole, bool], ...]  # user, role, whether it is a role of their own
    invitations: tuple[InvitationFacts, ...]
    offers: tuple[OfferFacts, ...]


@dataclass(frozen=True, slots=True)
class OrganisationFacts:
    """An organisation as its members see it."""

    name: str
    display: str
    place: OrganisationRole | None  # the asker's
    members: tuple[tuple[str, str], ...] = ()  # user, place
    teams: tuple[tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]], ...] = ()  # name, members, (project, role)
    projects: tuple[str, ...] = ()
    invitations: tuple[InvitationFacts, ...] = ()
    robots: tuple[RobotFacts, ...] = ()


def project_people(index: str, name: str, actor: Actor, clock: Clock) -> ProjectPeople:
    """Raises Absent, Refused, DatabaseUnavailable."""
    require_scope(actor, rights.SEE_PROJECT_PEOPLE, index, name)
    with read_snapshot():
        project = Project.objects.filter(index=index, name=name, deleted=None).first()
        if project is None:
            raise Absent(f"no project {name!r} in index {index!r}")
        require_standing(actor, rights.SEE_PROJECT_PEOPLE, project, clock.now())
        holding = Holding.objects.filter(project=project).select_related("organisation").first()
        own = set(project.roles.values_list("user__username", flat=True))
        people = tuple((user, role, user in own) for user, role in sorted(people_of(project).items()))
        asked = _invitations(clock, project=project)
        return ProjectPeople(
            holding.organisation.name if holding else "", people, asked, _offers(clock, project=project)
        )


def my_invitations(actor: Actor, clock: Clock) -> tuple[InvitationFacts, ...]:
    """What is addressed to the actor by name. Raises Refused, DatabaseUnavailable."""
    require(actor, rights.LIST_MINE)
    with read_snapshot():
        return _invitations(clock, user__username=actor.user)


def my_offers(actor: Actor, clock: Clock) -> tuple[OfferFacts, ...]:
    """Projects offered to the actor, or to organisations they own. Raises Refused, DatabaseUnavailable."""
    require(actor, rights.LIST_MINE)
    with read_snapshot():
        owned = Membership.objects.filter(user__username=actor.user, role="owner").values("organisation")
        mine = _offers(clock, to_user__username=actor.user)
        return tuple(sorted({*mine, *_offers(clock, to_organisation__in=owned)}, key=lambda offer: offer.id))


def my_organisations(actor: Actor) -> tuple[OrganisationFacts, ...]:
    """Organisations the actor is in. Raises Refused, DatabaseUnavailable."""
    require(actor, rights.LIST_MINE)
    with read_snapshot():
        rows = Organisation.objects.filter(deleted=None, memberships__user__username=actor.user).order_by("name")
        return tuple(OrganisationFacts(row.name, row.display, place_in(row, actor.user)) for row in rows[:ROWS_MAX])


def show_organisation(name: str, actor: Actor, clock: Clock) -> OrganisationFacts:
    """Everything about one. Open invitations are told to those who may invite. Raises Absent, Refused."""
    with read_snapshot():
        row = find_organisation(name)
        require_place(actor, rights.READ_ORGANISATION, row, clock.now())
        place = place_in(row, actor.user)
        may_invite = actor.is_admin or place in ("owner", "manager")
        return OrganisationFacts(
            row.name,
            row.display,
            place,
            tuple(row.memberships.order_by("user__username").values_list("user__username", "role")[:ROWS_MAX]),
            _teams(row),
            _held(row),
            _invitations(clock, organisation=row) if may_invite else (),
            list_robots(row),
        )


def _teams(row: Organisation) -> tuple[tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]], ...]:
    found = []
    for team in row.teams.order_by("name"):
        members = tuple(team.members.order_by("username").values_list("username", flat=True))
        roles = TeamRole.objects.filter(team=team, project__holding__organisation=row, project__deleted=None)
        named = roles.order_by("project__index", "project__name").values_list("project__index", "project__name", "role")
        found.append((team.name, members, tuple((f"{index}/{name}", role) for index, name, role in named)))
    return tuple(found)


def _held(row: Organisation) -> tuple[str, ...]:
    listed = row.holdings.filter(project__deleted=None).order_by("project__index", "project__name")
    return tuple(f"{index}/{name}" for index, name in listed.values_list("project__index", "project__name")[:ROWS_MAX])


def _invitations(clock: Clock, **which: object) -> tuple[InvitationFacts, ...]:
    rows = Invitation.objects.filter(ended=None, expires__gt=clock.now(), **which)
    related = rows.select_related("project", "organisation", "user", "invited_by").order_by("pk")
    return tuple(_invitation(row) for row in related[:ROWS_MAX])


def _invitation(row: Invitation) -> InvitationFacts:
    to = f"{row.project.index}/{row.project.name}" if row.project else row.organisation.name if row.organisation else ""
    addressee = row.user.username if row.user else row.email
    by = row.invited_by.username if row.invited_by else ""
    return InvitationFacts(row.pk, to, row.project is not None, row.role, addressee, by, row.expires)


def _offers(clock: Clock, **which: object) -> tuple[OfferFacts, ...]:
    rows = Offer.objects.filter(ended=None, expires__gt=clock.now(), **which)
    related = rows.select_related("project", "to_user", "to_organisation").order_by("pk")
    return tuple(
        OfferFacts(
            row.pk,
            f"{row.project.index}/{row.project.name}",
            row.to_user.username if row.to_user else "",
            row.to_organisation.name if row.to_organisation else "",
            row.offered_by,
            row.expires,
        )
        for row in related[:ROWS_MAX]
    )
