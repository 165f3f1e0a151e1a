"""Whose tokens a person may make and end: their own, and those of robots that are theirs."""

from django.db.models import Q

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import User
from holdfast.control.organisations.models import Membership
from holdfast.control.projects.rights import NotAccepted, require
from holdfast.control.publication.transaction import Publication, held, write_transaction
from holdfast.control.tokens.models import RobotOwner


def speaks_for(actor: Actor, user: str) -> bool:
    """True for the actor themselves, and for a robot account that is theirs."""
    return user in spoken_for(actor)


def spoken_for(actor: Actor) -> list[str]:
    """Everybody the actor speaks for, by user name: themselves first. Nobody for a trusted publisher."""
    if not actor.user or actor.credential == "publisher":
        return []
    return [actor.user, *robots_of(actor.user)]


def owners_of(robot: User) -> list[str]:
    """Whose robot it is: a person's, or of all who own its organisation on this day; nobody's for a person."""
    people = RobotOwner.objects.filter(robot=robot).values_list("owner__username", flat=True)
    places = Membership.objects.filter(
        role="owner", organisation__deleted=None, organisation__robots__robot=robot, user__is_robot=False
    )
    return [*people, *places.values_list("user__username", flat=True)]


def robots_of(user: str) -> list[str]:
    """The names of the robots that are somebody's, in force."""
    own = Q(robot_owner__owner__username=user)
    held = Q(
        robot_of__organisation__deleted=None,
        robot_of__organisation__memberships__user__username=user,
        robot_of__organisation__memberships__role="owner",
    )
    robots = User.objects.filter(own | held, is_robot=True, is_active=True)
    return list(robots.order_by("username").values_list("username", flat=True).distinct())


@held
def give_robot(publisher: Publication, robot: str, owner: str, actor: Actor, *, deadline: float) -> None:
    """Make somebody the owner of a robot account, in place of whoever was."""
    with write_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.GIVE_ROBOT)
        machine = User.objects.filter(username=robot, is_robot=True).first()
        person = User.objects.filter(username=owner, is_robot=False, is_active=True).first()
        if machine is None:
            raise NotAccepted(f"there is no robot called {robot!r}; `holdfast user` makes them")
        if person is None:
            raise NotAccepted(f"there is nobody called {owner!r} here")
        RobotOwner.objects.update_or_create(robot=machine, defaults={"owner": person})
        tx.audit("give-robot", robot, owner=owner)
