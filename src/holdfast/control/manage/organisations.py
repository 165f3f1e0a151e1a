"""`/manage/organisations/`: making one, its people, teams and projects."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from holdfast.control.accounts.actor import Actor
from holdfast.control.http import parts_of
from holdfast.control.organisations import actions, invitations, listing, robots, teams
from holdfast.control.organisations.effective import OrganisationRole
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.web.deeds import Asked, Deed, Done, page_with_deeds
from holdfast.control.web.pages import page, signed_in

_PLACES: dict[str, OrganisationRole] = {"owner": "owner", "manager": "manager", "member": "member"}


@signed_in
def new_organisation(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The form for an organisation, whose first owner is whoever makes it."""

    def show(refused: str, status: int) -> HttpResponse:
        return page(request, "manage/new_organisation.html", status, refused=refused, form=request.POST)

    return page_with_deeds(request, actor, {"make": _make}, show)


@signed_in
def organisation(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """One organisation, as one's place in it allows."""
    clock = parts_of(request).clock

    def show(refused: str, status: int) -> HttpResponse:
        facts = listing.show_organisation(name, actor, clock)  # Absent for who is not in it
        leads = actor.is_admin or facts.place == "owner"
        runs = leads or facts.place == "manager"
        others = [user for user, place in facts.members if place == "owner" and user != actor.user]
        context = {"refused": refused, "facts": facts, "leads": leads, "runs": runs, "other_owners": others}
        return page(request, "manage/organisation.html", status, **context)

    return page_with_deeds(request, actor, _deeds(name), show)


def _make(asked: Asked) -> Done:
    name = asked.text("name")
    actions.create_organisation(
        asked.parts.publisher, name, asked.text("display", name), asked.actor, deadline=asked.deadline
    )
    return Done(f"The organisation {name} was made.", reverse("manage_organisation", args=[name]))


def _deeds(name: str) -> dict[str, Deed]:
    """The deeds of one organisation's page."""

    def invite(asked: Asked) -> Done:
        to, place = asked.text("to"), _place(asked)
        made = invitations.invite_to_organisation(
            asked.parts.publisher, name, to, place, asked.actor, deadline=asked.deadline
        )
        return Done(invited(to, made.secret))

    def revoke(asked: Asked) -> Done:
        publisher, number = asked.parts.publisher, asked.number("invitation")
        invitations.revoke_invitation(publisher, number, asked.actor, deadline=asked.deadline)
        return Done("The invitation was taken back.")

    def set_place(asked: Asked) -> Done:
        user, place = asked.text("user"), _place(asked)
        actions.set_place(asked.parts.publisher, name, user, place, asked.actor, deadline=asked.deadline)
        return Done(f"{user} is {place} now.")

    def remove(asked: Asked) -> Done:
        user = asked.text("user")
        actions.remove_member(asked.parts.publisher, name, user, asked.actor, deadline=asked.deadline)
        return Done(f"{user} is not in the organisation any more.")

    def leave(asked: Asked) -> Done:
        asked.confirmed(name)
        actions.leave_organisation(asked.parts.publisher, name, asked.actor, deadline=asked.deadline)
        return Done(f"You left {name}.", reverse("manage"))

    def delete(asked: Asked) -> Done:
        asked.confirmed(name)
        actions.delete_organisation(asked.parts.publisher, name, asked.actor, deadline=asked.deadline)
        return Done(f"The organisation {name} is gone.", reverse("manage"))

    return {
        "invite": invite,
        "revoke-invitation": revoke,
        "set-place": set_place,
        "remove": remove,
        "leave": leave,
        "delete": delete,
        **_team_deeds(name),
        **_robot_deeds(name),
    }


def _team_deeds(name: str) -> dict[str, Deed]:
    def create(asked: Asked) -> Done:
        team = asked.text("team")
        teams.create_team(asked.parts.publisher, name, team, asked.actor, deadline=asked.deadline)
        return Done(f"The team {team} was made.")

    def delete(asked: Asked) -> Done:
        team = asked.text("team")
        teams.delete_team(asked.parts.publisher, name, team, asked.actor, deadline=asked.deadline)
        return Done(f"The team {team} is gone.")

    def add(asked: Asked) -> Done:
        team, user = asked.text("team"), asked.text("user")
        teams.add_to_team(asked.parts.publisher, name, team, user, asked.actor, deadline=asked.deadline)
        return Done(f"{user} is in the team {team} now.")

    def take_out(asked: Asked) -> Done:
        team, user = asked.text("team"), asked.text("user")
        teams.remove_from_team(asked.parts.publisher, name, team, user, asked.actor, deadline=asked.deadline)
        return Done(f"{user} is not in the team {team} any more.")

    return {"create-team": create, "delete-team": delete, "add-to-team": add, "take-out-of-team": take_out}


def _robot_deeds(name: str) -> dict[str, Deed]:
    def create(asked: Asked) -> Done:
        robot = asked.text("robot")
        user = robots.create_robot(asked.parts.publisher, name, robot, asked.actor, deadline=asked.deadline)
        return Done(f"The robot {user} was made. Put it into a team, then make it a token.")

    def disable(asked: Asked) -> Done:
        user = asked.text("user")
        robots.disable_robot(asked.parts.publisher, name, user, asked.actor, deadline=asked.deadline)
        return Done(f"{user} is disabled: its tokens are refused.")

    def enable(asked: Asked) -> Done:
        user = asked.text("user")
        robots.enable_robot(asked.parts.publisher, name, user, asked.actor, deadline=asked.deadline)
        return Done(f"{user} is enabled again, with the tokens it had.")

    return {"create-robot": create, "disable-robot": disable, "enable-robot": enable}


def _place(asked: Asked) -> OrganisationRole:
    place = _PLACES.get(asked.text("place"))
    if place is None:
        raise NotAccepted("a place in an organisation is owner, manager or member")
    return place


def invited(to: str, secret: str) -> str:
    """What to tell whoever invited: a mail address is proven by a secret, which is told this once."""
    if not secret:
        return f"{to} was invited and finds the invitation below Manage."
    return (
        f"{to} was invited. If no mail arrives, hand this secret on with the invitation; it is told only now: {secret}"
    )
