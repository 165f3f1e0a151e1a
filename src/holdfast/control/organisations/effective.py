"""Who somebody is to a project, and to an index: the one place where roles, teams and organisations come together.

A role of one's own, the role of a team one is in, and one's place in the organisation that holds the project count
alike; the strongest wins. A team's role counts only while its organisation holds the project, whatever rows there are.
"""

from typing import Literal

from django.db.models import QuerySet

from holdfast.control.organisations.models import Holding, IndexGrant, Membership, Organisation, Team, TeamRole
from holdfast.control.prepared import Prepared
from holdfast.control.projects.models import Project, Role

ProjectRole = Literal["owner", "maintainer"]
OrganisationRole = Literal["owner", "manager", "member"]
IndexRight = Literal["read", "create"]

# What a place in the organisation is worth on each project that it holds. Members have what their teams have.
_OF_PLACE: dict[str, ProjectRole] = {"owner": "owner", "manager": "maintainer"}


_own_role = Prepared(
    lambda project, user: Role.objects.filter(project_id=project, user__username=user).values_list("role", flat=True)
)


def role_on(project: Project, user: str) -> ProjectRole | None:
    """A person's role on a project, by whatever way."""
    if not user:
        return None
    own = _own_role.first(project.pk, user)
    if own == "owner":
        return "owner"
    holder = holder_of(project)
    found = {own} | (_through(holder, project, user) if holder is not None else set())
    return "owner" if "owner" in found else "maintainer" if "maintainer" in found else None


def people_of(project: Project) -> dict[str, ProjectRole]:
    """Everybody with a role on a project, by user name."""
    found: dict[str, ProjectRole] = {}
    for user, role in project.roles.values_list("user__username", "role"):
        _raise(found, user, role)
    holder = holder_of(project)
    if holder is not None:
        for user, place in holder.memberships.values_list("user__username", "role"):
            _raise(found, user, _OF_PLACE.get(place))
        teams = TeamRole.objects.filter(project=project, team__organisation=holder)
        for user, role in teams.values_list("team__members__username", "role"):
            _raise(found, user, role)
    return found


def holder_of(project: Project) -> Organisation | None:
    """The organisation that holds a project."""
    holding = Holding.objects.filter(project=project).select_related("organisation").first()
    return holding.organisation if holding else None


def place_in(organisation: Organisation, user: str) -> OrganisationRole | None:
    """A person's place in an organisation."""
    row = Membership.objects.filter(organisation=organisation, user__username=user).first()
    match row.role if row else None:
        case "owner":
            return "owner"
        case "manager":
            return "manager"
        case "member":
            return "member"
    return None


def has_index_right(index: str, user: str, right: IndexRight) -> bool:
    """True when the person, an organisation they are in, or everybody was granted that on the index."""
    return _is_granted(IndexGrant.objects.filter(index=index, right=right), user)


def may_create_anywhere(user: str) -> bool:
    """True when the person was granted to create projects in some index, by whatever way."""
    return _is_granted(IndexGrant.objects.filter(right="create"), user)


def _is_granted(grants: QuerySet[IndexGrant], user: str) -> bool:
    return (
        grants.filter(user=None, organisation=None).exists()
        or grants.filter(user__username=user).exists()
        or grants.filter(organisation__memberships__user__username=user, organisation__deleted=None).exists()
    )


def projects_of(user: str) -> list[tuple[Project, ProjectRole]]:
    """Every listed project on which a person has a role, in order of index and name."""
    listed = Project.objects.filter(deleted=None)
    own = listed.filter(roles__user__username=user)
    held = listed.filter(holding__organisation__memberships__user__username=user)
    found = {project.pk: project for project in (*own, *held)}
    roles = [(project, role_on(project, user)) for project in found.values()]
    return sorted(((p, r) for p, r in roles if r is not None), key=lambda pair: (pair[0].index, pair[0].name))


def _through(holder: Organisation, project: Project, user: str) -> set[str | None]:
    place = place_in(holder, user)
    teams = Team.objects.filter(organisation=holder, members__username=user)
    roles = TeamRole.objects.filter(project=project, team__in=teams).values_list("role", flat=True)
    return {_OF_PLACE.get(place) if place else None, *roles}


def _raise(found: dict[str, ProjectRole], user: str | None, role: str | None) -> None:
    if not user:
        return
    if role == "owner":
        found[user] = "owner"
    elif role == "maintainer":
        found.setdefault(user, "maintainer")
