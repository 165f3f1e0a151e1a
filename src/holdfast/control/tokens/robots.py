"""Whose tokens a person may make and end: their own, and those of robots that are theirs."""

from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import User


def speaks_for(actor: Actor, user: str) -> bool:
    """True for the actor themselves, and for a robot account that is theirs."""
    if not actor.user or actor.credential == "publisher":
        return False
    if actor.user == user:
        return True
    robot = User.objects.filter(username=user, is_active=True).first()
    owner = getattr(robot, "robot_owner", None)
    return isinstance(owner, User) and owner.username == actor.user
