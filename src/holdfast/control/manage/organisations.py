"""`/manage/organisations/`: making one, its people, teams and projects."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from holdfast.control.accounts.actor import Actor
from holdfast.control.http import parts_of
from holdfast.control.manage.inviting import invited, revoke_invitation
from holdfast.control.organisations import actions, invitations, listing, robots, teams
from holdfast.control.organisations.effective import OrganisationRole
from holdfast.control.web.deeds import Asked, Done, of_place, page_with_deeds
from holdfast.control.web.pages import signed_in

_PLACES: dict[str, OrganisationRole] = {"owner": "owner", "manager": "manager", "member": "member"}


@signed_in
def new_organisation(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The form for an organisation, whose first owner is whoever makes it."""
    return page_with_deeds(request, actor, _NEW_DEEDS, "manage/new_organisation.html", dict)


@signed_in
def organisation(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """One organisation, as one's place in it allows."""
    clock = parts_of(request).clock

    def facts() -> dict[str, Any]:
        found = listing.show_organisation(name, actor, clock)  # Absent for who is not in it
        leads = actor.is_admin or found.place == "owner"
        runs = leads or found.place == "manager"
        others = [user for user, place in found.members if place == "owner" and user != actor.user]
        return {"facts": found, "leads": leads, "runs": runs, "other_owners": others}

    return page_with_deeds(request, actor, of_place(_DEEDS, name) | _DEEDS_BY_ID, "manage/organisation.html", facts)


def _make(asked: Asked) -> Done:
    name = asked.text("name")
    actions.create_organisation(
        asked.parts.publisher, name, asked.text("display", name), asked.actor, deadline=asked.deadline
    )
    return Done(f"The organisation {name} was made.", reverse("manage_organisation", args=[name]))


def _invite(name: str, asked: Asked) -> Done:
    to, place, publisher = asked.text("to"), _place(asked), asked.parts.publisher
    made = invitations.invite_to_organisation(publisher, name, to, place, asked.actor, deadline=asked.deadline)
    return invited(to, made.secret)


def _set_place(name: str, asked: Asked) -> Done:
    user, place = asked.text("user"), _place(asked)
    actions.set_place(asked.parts.publisher, name, user, place, asked.actor, deadline=asked.deadline)
    return Done(f"{user} is {place} now.")


def _remove(name: str, asked: Asked) -> Done:
    user = asked.text("user")
    actions.remove_member(asked.parts.publisher, name, user, asked.actor, deadline=asked.deadline)
    return Done(f"{user} is not in the organisation any more.")


def _leave(name: str, asked: Asked) -> Done:
    asked.confirmed(name)
    actions.leave_organisation(asked.parts.publisher, name, asked.actor, deadline=asked.deadline)
    return Done(f"You left {name}.", reverse("manage"))


def _delete(name: str, asked: Asked) -> Done:
    asked.confirmed(name)
    actions.delete_organisation(asked.parts.publisher, name, asked.actor, deadline=asked.deadline)
    return Done(f"The organisation {name} is gone.", reverse("manage"))


def _create_team(name: str, asked: Asked) -> Done:
    team = asked.text("team")
    teams.create_team(asked.parts.publisher, name, team, asked.actor, deadline=asked.deadline)
    return Done(f"The team {team} was made.")


def _delete_team(name: str, asked: Asked) -> Done:
    team = asked.text("team")
    teams.delete_team(asked.parts.publisher, name, team, asked.actor, deadline=asked.deadline)
    return Done(f"The team {team} is gone.")


def _add_to_team(name: str, asked: Asked) -> Done:
    team, user = asked.text("team"), asked.text("user")
    teams.add_to_team(asked.parts.publisher, name, team, user, asked.actor, deadline=asked.deadline)
    return Done(f"{user} is in the team {team} now.")


def _take_out_of_team(name: str, asked: Asked) -> Done:
    team, user = asked.text("team"), asked.text("user")
    teams.remove_from_team(asked.parts.publisher, name, team, user, asked.actor, deadline=asked.deadline)
    return Done(f"{user} is not in the team {team} any more.")


def _create_robot(name: str, asked: Asked) -> Done:
    robot = asked.text("robot")
    user = robots.create_robot(asked.parts.publisher, name, robot, asked.actor, deadline=asked.deadline)
    return Done(f"The robot {user} was made. Put it into a team, then make it a token.")


def _disable_robot(name: str, asked: Asked) -> Done:
    user = asked.text("user")
    robots.disable_robot(asked.parts.publisher, name, user, asked.actor, deadline=asked.deadline)
    return Done(f"{user} is disabled: its tokens are refused.")


def _enable_robot(name: str, asked: Asked) -> Done:
    user = asked.text("user")
    robots.enable_robot(asked.parts.publisher, name, user, asked.actor, deadline=asked.deadline)
    return Done(f"{user} is enabled again, with the tokens it had.")


def _place(asked: Asked) -> OrganisationRole:
    return asked.one_of("place", _PLACES, "a place in an organisation is owner, manager or member")


_NEW_DEEDS = {"make": _make}
_DEEDS = {
    "invite": _invite,
    "set-place": _set_place,
    "remove": _remove,
    "leave": _leave,
    "delete": _delete,
    "create-team": _create_team,
    "delete-team": _delete_team,
    "add-to-team": _add_to_team,
    "take-out-of-team": _take_out_of_team,
    "create-robot": _create_robot,
    "disable-robot": _disable_robot,
    "enable-robot": _enable_robot,
}
_DEEDS_BY_ID = {"revoke-invitation": revoke_invitation}
