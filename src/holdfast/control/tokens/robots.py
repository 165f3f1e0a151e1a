"""Whose tokens a person may make and end: their own, and those of robots that are theirs.

A robot acts for its owners, so its tokens are refused while none of them is there to answer for it: whoever stole the
account of the last one may have made a token for a robot a moment before that account was frozen.
"""

from django.db.models import Q, QuerySet

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import Token, User
from holdfast.control.organisations.models import Membership
from holdfast.control.projects.rights import NotAccepted, require
from holdfast.control.publication.changes import token_issued, token_revoked
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.control.tokens.models import RobotOwner

UNANSWERED = "nobody who owns it can act"  # why it is frozen: its owner is frozen or gone, and there is no other


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
    robots = _robots_of(user).filter(is_active=True)
    return list(robots.order_by("username").values_list("username", flat=True))


def stop_robot(tx: WriteTransaction, robot: User, why: str) -> None:
    """Refuse its tokens from now on. The caller holds the lock of whoever it belongs to."""
    robot.is_active, robot.frozen_reason = False, why
    robot.save(update_fields=["is_active", "frozen_reason"])
    for token in Token.objects.filter(user=robot, revoked=None):
        tx.tell(token_revoked(token.id))


def start_robot(tx: WriteTransaction, robot: User) -> None:
    """Take its tokens again."""
    robot.is_active, robot.frozen_reason = True, ""
    robot.save(update_fields=["is_active", "frozen_reason"])
    for token in Token.objects.filter(user=robot, revoked=None):
        tx.tell(token_issued(token.id))


def stop_unanswered(tx: WriteTransaction, owner: str) -> list[str]:
    """Stop the robots that nobody answers for once `owner` is frozen or gone; which those are."""
    robots = _robots_of(owner).filter(is_active=True).order_by("username")
    alone = [one for one in robots if not _are_open(set(owners_of(one)) - {owner})]
    for robot in alone:
        stop_robot(tx, robot, UNANSWERED)
    return [robot.username for robot in alone]


def start_answered(tx: WriteTransaction, owner: str) -> list[str]:
    """Start the robots again that stopped for want of an owner who can act, and have `owner` now; which those are."""
    robots = _robots_of(owner).filter(is_active=False, frozen_reason=UNANSWERED).order_by("username")
    found = list(robots)
    for robot in found:
        start_robot(tx, robot)
    return [robot.username for robot in found]


def _are_open(names: set[str]) -> bool:
    return User.objects.filter(username__in=names, is_active=True).exists()


def _robots_of(user: str) -> QuerySet[User]:
    own = Q(robot_owner__owner__username=user)
    held = Q(
        robot_of__organisation__deleted=None,
        robot_of__organisation__memberships__user__username=user,
        robot_of__organisation__memberships__role="owner",
    )
    return User.objects.filter(own | held, is_robot=True).distinct()


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
        start_answered(tx, owner)
        tx.audit("give-robot", robot, owner=owner)
