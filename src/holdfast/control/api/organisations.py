"""Organisations and teams over HTTP, and rights on whole indexes."""

from typing import Any

from holdfast.control import rights
from holdfast.control.api.call import Call, demand_user_name
from holdfast.control.api.people import invitation_document, invited_document, project_role
from holdfast.control.organisations import actions, grants, invitations, listing, robots, teams
from holdfast.control.organisations.effective import IndexRight, OrganisationRole
from holdfast.control.organisations.grants import Grantee
from holdfast.control.organisations.listing import OrganisationFacts
from holdfast.control.projects.rights import NotAccepted, require
from holdfast.control.uploads.hold import held
from holdfast.core.errors import Absent


def list_organisations(call: Call) -> dict[str, Any]:
    """Organisations one is in, with one's place there."""
    found = held(lambda: listing.my_organisations(call.actor), call.parts.clock, call.deadline)
    return {"organisations": [_short(one) for one in found]}


def create(call: Call) -> dict[str, Any]:
    """Make an organisation that one owns."""
    name = call.text("name")
    actions.create_organisation(
        call.parts.publisher, name, call.text("display", name), call.actor, deadline=call.deadline
    )
    return {}


def show(call: Call, organisation: str) -> dict[str, Any]:
    """An organisation as its members see it; to everybody else there is none."""
    clock = call.parts.clock
    found = held(lambda: listing.show_organisation(organisation, call.actor, clock), clock, call.deadline)
    return {
        **_short(found),
        "members": [{"user": user, "place": place} for user, place in found.members],
        "teams": [
            {
                "name": name,
                "members": list(members),
                "projects": [{"project": project, "role": role} for project, role in roles],
            }
            for name, members, roles in found.teams
        ],
        "projects": list(found.projects),
        "invitations": [invitation_document(one) for one in found.invitations],
        "robots": [{"user": one.name, "enabled": one.is_enabled, "tokens": one.tokens} for one in found.robots],
    }


def delete(call: Call, organisation: str) -> dict[str, Any]:
    """Give an organisation up that holds no project."""
    actions.delete_organisation(call.parts.publisher, organisation, call.actor, deadline=call.deadline)
    return {}


def set_member(call: Call, organisation: str, user: str) -> dict[str, Any]:
    """Change a member's place; an administrator may also put somebody in."""
    demand_user_name(user)
    put = actions.add_member if call.actor.is_admin else actions.set_place
    put(call.parts.publisher, organisation, user, _place(call.text("place")), call.actor, deadline=call.deadline)
    return {}


def remove_member(call: Call, organisation: str, user: str) -> dict[str, Any]:
    """Take somebody out of an organisation and its teams."""
    actions.remove_member(call.parts.publisher, organisation, user, call.actor, deadline=call.deadline)
    return {}


def leave(call: Call, organisation: str) -> dict[str, Any]:
    """Leave an organisation and its teams."""
    actions.leave_organisation(call.parts.publisher, organisation, call.actor, deadline=call.deadline)
    return {}


def invite(call: Call, organisation: str) -> dict[str, Any]:
    """Offer a place to a user name or a mail address; a secret is told once, for an address."""
    place, publisher = _place(call.text("place", "member")), call.parts.publisher
    made = invitations.invite_to_organisation(
        publisher, organisation, call.text("to"), place, call.actor, deadline=call.deadline
    )
    return invited_document(made)


def create_team(call: Call, organisation: str, team: str) -> dict[str, Any]:
    """Make a team."""
    teams.create_team(call.parts.publisher, organisation, team, call.actor, deadline=call.deadline)
    return {}


def delete_team(call: Call, organisation: str, team: str) -> dict[str, Any]:
    """End a team, and every role that came through it."""
    teams.delete_team(call.parts.publisher, organisation, team, call.actor, deadline=call.deadline)
    return {}


def add_to_team(call: Call, organisation: str, team: str, user: str) -> dict[str, Any]:
    """Put a member of the organisation into a team."""
    teams.add_to_team(call.parts.publisher, organisation, team, user, call.actor, deadline=call.deadline)
    return {}


def remove_from_team(call: Call, organisation: str, team: str, user: str) -> dict[str, Any]:
    """Take somebody out of a team."""
    teams.remove_from_team(call.parts.publisher, organisation, team, user, call.actor, deadline=call.deadline)
    return {}


def set_team_role(call: Call, organisation: str, team: str, index: str, name: str) -> dict[str, Any]:
    """Give a team a role on a project that the organisation holds."""
    role, publisher = project_role(call.text("role")), call.parts.publisher
    teams.set_team_role(publisher, organisation, team, index, name, role, call.actor, deadline=call.deadline)
    return {}


def remove_team_role(call: Call, organisation: str, team: str, index: str, name: str) -> dict[str, Any]:
    """Take a team's role on a project away."""
    publisher = call.parts.publisher
    teams.set_team_role(publisher, organisation, team, index, name, "none", call.actor, deadline=call.deadline)
    return {}


def create_robot(call: Call, organisation: str) -> dict[str, Any]:
    """Make a robot of the organisation; its user name begins with the organisation's."""
    publisher, name = call.parts.publisher, call.text("name")
    return {"user": robots.create_robot(publisher, organisation, name, call.actor, deadline=call.deadline)}


def enable_robot(call: Call, organisation: str, user: str) -> dict[str, Any]:
    """Take a robot's tokens again."""
    robots.enable_robot(call.parts.publisher, organisation, user, call.actor, deadline=call.deadline)
    return {}


def disable_robot(call: Call, organisation: str, user: str) -> dict[str, Any]:
    """Refuse a robot's tokens from now on."""
    robots.disable_robot(call.parts.publisher, organisation, user, call.actor, deadline=call.deadline)
    return {}


def list_grants(call: Call, index: str) -> dict[str, Any]:
    """Who may read a private index, and who may create projects in an index."""
    require(call.actor, rights.GRANT_INDEX, "seeing who has rights on an index")
    _demand_index(call, index)
    found = held(lambda: grants.list_index_grants(index), call.parts.clock, call.deadline)
    return {
        "grants": [
            {"right": right, "user": to.user or None, "organisation": to.organisation or None} for right, to in found
        ]
    }


def grant(call: Call, index: str) -> dict[str, Any]:
    """Grant a right on an index to a user, an organisation, or (naming neither) everybody with an account."""
    require(call.actor, rights.GRANT_INDEX)
    _demand_index(call, index)
    grants.grant_index(call.parts.publisher, index, _right(call), _grantee(call), call.actor, deadline=call.deadline)
    return {}


def revoke_grant(call: Call, index: str) -> dict[str, int]:
    """Take a right on an index back; people's own tokens lose it at once."""
    require(call.actor, rights.GRANT_INDEX, "taking rights on an index back")
    _demand_index(call, index)
    publisher = call.parts.publisher
    serial = grants.revoke_index_grant(
        publisher, index, _right(call), _grantee(call), call.actor, deadline=call.deadline
    )
    return {"serial": serial}


def _short(one: OrganisationFacts) -> dict[str, Any]:
    return {"name": one.name, "display": one.display, "place": one.place}


def _place(text: str) -> OrganisationRole:
    for place in actions.PLACES:
        if place == text:
            return place
    raise NotAccepted("the field place must be owner, manager or member")


def _right(call: Call) -> IndexRight:
    text = call.text("right")
    for right in grants.INDEX_RIGHTS:
        if right == text:
            return right
    raise NotAccepted("the field right must be read or create")


def _grantee(call: Call) -> Grantee:
    return Grantee(call.text("user", ""), call.text("organisation", ""))


def _demand_index(call: Call, index: str) -> None:
    if call.parts.config.index(index) is None:
        raise Absent(f"there is no index {index}")
