"""Robots of an organisation: accounts for programs, which own tokens and never sign in. Its owners make and end them.

A robot is a plain member, so that teams give it roles; its name begins with the organisation's, so that nobody takes it
for a person. Its tokens are made and ended by whoever owns the organisation on that day (tokens/robots.py).
"""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.models import Count, Q

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import User
from holdfast.control.accounts.names import check_new_name
from holdfast.control.organisations.models import Membership, Organisation
from holdfast.control.organisations.rights import permitted_organisation
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.control.tokens.models import OrganisationRobot
from holdfast.control.tokens.robots import UNANSWERED, start_robot, stop_robot
from holdfast.core.errors import Absent

ROBOTS_MAX = 50  # of one organisation; each may have many tokens
DISABLED = "disabled by its organisation"  # why it is frozen: what an administrator froze stays so


@dataclass(frozen=True, slots=True)
class RobotFacts:
    """A robot as the people of its organisation see it."""

    name: str
    is_enabled: bool
    tokens: int  # in force, ended ones among them until they are revoked


@held
def create_robot(publisher: Publication, organisation: str, name: str, actor: Actor, *, deadline: float) -> str:
    """Make a robot; its user name, which is the organisation's and then `name`. Raises NotAccepted."""
    user = f"{organisation}-{name}"
    with write_transaction(publisher, actor, deadline) as tx:
        found = permitted_organisation(tx, rights.MANAGE_ROBOT, organisation)
        tx.demand_on("sign-up")
        tx.lock(f"user:{user}")
        _demand_name(user)
        if found.robots.count() >= ROBOTS_MAX:
            raise NotAccepted(f"an organisation has at most {ROBOTS_MAX} robots, disabled ones included")
        robot = User.objects.create(username=user, is_robot=True)
        OrganisationRobot.objects.create(robot=robot, organisation=found, created=tx.now)
        Membership.objects.create(organisation=found, user=robot, role="member")
        tx.audit("create-robot", f"organisation:{organisation}", user=user)
    return user


@held
def disable_robot(publisher: Publication, organisation: str, robot: str, actor: Actor, *, deadline: float) -> None:
    """Refuse a robot's tokens from now on. Disabling a disabled one changes nothing. Raises Absent."""
    with write_transaction(publisher, actor, deadline, moderates=True) as tx:
        found = permitted_organisation(tx, rights.MANAGE_ROBOT, organisation)
        user = _robot(found, robot)
        if user.is_active:
            stop_robot(tx, user, DISABLED)
            tx.audit("disable-robot", f"organisation:{organisation}", user=robot)


@held
def enable_robot(publisher: Publication, organisation: str, robot: str, actor: Actor, *, deadline: float) -> None:
    """Take a disabled robot's tokens again. Raises NotAccepted for one that an administrator froze."""
    with write_transaction(publisher, actor, deadline) as tx:
        found = permitted_organisation(tx, rights.MANAGE_ROBOT, organisation)
        user = _robot(found, robot)
        if not user.is_active and user.frozen_reason not in (DISABLED, UNANSWERED):
            raise NotAccepted(f"{robot!r} was frozen by an administrator; ask one")
        Membership.objects.get_or_create(organisation=found, user=user, defaults={"role": "member"})
        if not user.is_active:
            start_robot(tx, user)
            tx.audit("enable-robot", f"organisation:{organisation}", user=robot)


def end_robots(tx: WriteTransaction, organisation: Organisation) -> None:
    """Disable every robot of an organisation that ends."""
    for row in organisation.robots.filter(robot__is_active=True).select_related("robot"):
        stop_robot(tx, row.robot, DISABLED)


def list_robots(organisation: Organisation) -> tuple[RobotFacts, ...]:
    """Every robot of an organisation, by name."""
    in_force = Count("robot__tokens", filter=Q(robot__tokens__revoked=None))
    rows = organisation.robots.select_related("robot").annotate(in_force=in_force).order_by("robot__username")
    return tuple(RobotFacts(row.robot.username, row.robot.is_active, row.in_force) for row in rows)


def _robot(organisation: Organisation, name: str) -> User:
    row = organisation.robots.filter(robot__username=name).select_related("robot").first()
    if row is None:
        raise Absent(f"the organisation {organisation.name!r} has no robot {name!r}")
    return row.robot


def _demand_name(user: str) -> None:
    try:
        check_new_name(user)
    except ValidationError as error:
        raise NotAccepted(f"{user!r} cannot be a robot's name: {error.message}") from None
    if User.objects.filter(username__iexact=user).exists():
        raise NotAccepted(f"the name {user!r} is taken")
