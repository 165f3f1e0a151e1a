"""Whose tokens a person may make and end: their own, and those of robots that are theirs."""

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import User
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
    robots = RobotOwner.objects.filter(owner__username=actor.user, robot__is_robot=True, robot__is_active=True)
    return [actor.user, *robots.order_by("robot__username").values_list("robot__username", flat=True)]


def owners_of(robot: User) -> list[str]:
    """Whose robot it is; nobody's for a person."""
    return list(RobotOwner.objects.filter(robot=robot).values_list("owner__username", flat=True))


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
