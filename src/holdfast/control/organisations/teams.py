"""Teams: some members of an organisation, and their roles on the projects that it holds."""

from typing import Literal

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import User
from holdfast.control.organisations.actions import is_slug, subject
from holdfast.control.organisations.effective import ProjectRole
from holdfast.control.organisations.models import Holding, Organisation, Team, TeamRole
from holdfast.control.organisations.rights import permitted_organisation
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.control.sign_in.models import Given
from holdfast.core.errors import Absent

TEAMS_MAX = 200  # of one organisation
PEOPLE_TOLD_MAX = 200  # in one event of the audit trail


@held
def create_team(publisher: Publication, organisation: str, team: str, actor: Actor, *, deadline: float) -> None:
    """Make a team without members or roles."""
    if not is_slug(team):
        raise NotAccepted("a team's name has 1 to 50 lower-case letters, digits and inner hyphens")
    with write_transaction(publisher, actor, deadline) as tx:
        found = permitted_organisation(tx, rights.MANAGE_TEAM, organisation)
        if found.teams.filter(name=team).exists():
            raise NotAccepted(f"{organisation!r} has a team {team!r} already")
        if found.teams.count() >= TEAMS_MAX:
            raise NotAccepted(f"an organisation has at most {TEAMS_MAX} teams")
        Team.objects.create(organisation=found, name=team, created=tx.now)
        tx.audit("create-team", subject(found), team=team)


@held
def delete_team(publisher: Publication, organisation: str, team: str, actor: Actor, *, deadline: float) -> None:
    """End a team, and with it every role that came through it."""
    with write_transaction(publisher, actor, deadline) as tx:
        found, row = _permitted_team(tx, organisation, team)
        before = {"members": sorted(row.members.values_list("username", flat=True)[:PEOPLE_TOLD_MAX])}
        row.delete()
        tx.audit("delete-team", subject(found), team=team, before=before)


@held
def add_to_team(
    publisher: Publication, organisation: str, team: str, user: str, actor: Actor, *, deadline: float
) -> None:
    """Put a member of the organisation into a team."""
    with write_transaction(publisher, actor, deadline) as tx:
        found, row = _permitted_team(tx, organisation, team)
        row.members.add(_member(found, user))
        Given.objects.filter(user__username=user, team=row).delete()  # theirs from now on, whatever their groups say
        tx.audit("add-to-team", subject(found), team=team, user=user)


@held
def remove_from_team(
    publisher: Publication, organisation: str, team: str, user: str, actor: Actor, *, deadline: float
) -> None:
    """Take somebody out of a team."""
    with write_transaction(publisher, actor, deadline) as tx:
        found, row = _permitted_team(tx, organisation, team)
        person = row.members.filter(username=user).first()
        if person is None:
            raise Absent(f"{user!r} is not in the team {team!r}")
        row.members.remove(person)
        Given.objects.filter(user=person, team=row).delete()
        tx.audit("remove-from-team", subject(found), team=team, user=user)


@held
def set_team_role(
    publisher: Publication,
    organisation: str,
    team: str,
    index: str,
    name: str,
    role: ProjectRole | Literal["none"],
    actor: Actor,
    *,
    deadline: float,
) -> None:
    """Give a team a role on a project that its organisation holds, change it, or take it away (`none`)."""
    if role not in ("owner", "maintainer", "none"):
        raise NotAccepted(f"{role!r} is no role; owner, maintainer or none")
    with write_transaction(publisher, actor, deadline) as tx:
        found = permitted_organisation(tx, rights.SET_TEAM_ROLE, organisation)
        row, project = _team(found, team), _held_project(found, index, name)
        known = TeamRole.objects.filter(team=row, project=project)
        before = {"role": known.values_list("role", flat=True).first() or "none"}
        if role == "none":
            known.delete()
        else:
            TeamRole.objects.update_or_create(team=row, project=project, defaults={"role": role})
        facts = {"organisation": organisation, "team": team, "role": role, "before": before}
        tx.audit("set-team-role", f"{index}/{name}", **facts)


def _permitted_team(tx: WriteTransaction, organisation: str, team: str) -> tuple[Organisation, Team]:
    """A team somebody may change. One that owns a project is for owners alone: a manager must not raise themselves."""
    found = permitted_organisation(tx, rights.MANAGE_TEAM, organisation)
    row = _team(found, team)
    if row.roles.filter(role="owner").exists():
        permitted_organisation(tx, rights.MANAGE_OWNING_TEAM, organisation)
    return found, row


def _team(organisation: Organisation, team: str) -> Team:
    row = organisation.teams.filter(name=team).first()
    if row is None:
        raise Absent(f"the organisation {organisation.name!r} has no team {team!r}")
    return row


def _member(organisation: Organisation, user: str) -> User:
    row = organisation.memberships.filter(user__username=user).select_related("user").first()
    if row is None:
        raise NotAccepted(f"{user!r} is not in the organisation {organisation.name!r}; invite them first")
    return row.user


def _held_project(organisation: Organisation, index: str, name: str) -> Project:
    holding = Holding.objects.filter(organisation=organisation, project__index=index, project__name=name)
    row = holding.select_related("project").first()
    if row is None:
        raise Absent(f"the organisation {organisation.name!r} holds no project {name!r} in index {index!r}")
    return row.project
