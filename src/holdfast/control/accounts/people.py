"""What is done to accounts: made, frozen, thawed, deleted, given back to their people. One transaction each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.hashers import make_password
from django.db.models import Q

from holdfast.control import rights
from holdfast.control.accounts.able import able_among
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import KnownPlace, Session, Token, User
from holdfast.control.accounts.names import check_new_name
from holdfast.control.accounts.recovery import begin_wait
from holdfast.control.database import database_guard
from holdfast.control.hooks.models import Webhook
from holdfast.control.organisations.models import Membership
from holdfast.control.projects.models import Project, Role
from holdfast.control.projects.rights import NotAccepted, require, require_credential, require_settled
from holdfast.control.publication.changes import token_revoked
from holdfast.control.publication.transaction import (
    Publication,
    WriteTransaction,
    held,
    unpublished_transaction,
    write_transaction,
)
from holdfast.control.sign_in.models import Given
from holdfast.control.tokens.robots import start_answered, stop_unanswered
from holdfast.core.errors import Absent

DELETED = "the account was deleted"  # why it is frozen: what was in it is gone, and unfreezing brings nothing back


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What a list of people tells."""

    name: str
    is_admin: bool
    is_robot: bool
    is_frozen: bool
    has_password: bool
    second_factors: int
    addresses: tuple[str, ...]  # confirmed ones
    last_sign_in: datetime | None


@held
def create_person(
    publisher: Publication, name: str, email: str, admin: bool, robot: bool, actor: Actor, *, deadline: float
) -> User:
    """Make an account, or find the one of tokens alone and raise it. The operator vouches for the address, if any.

    Raises NotAccepted for a name that cannot be one, or an address somebody else has confirmed.
    """
    with unpublished_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.MANAGE_PERSON)
        tx.lock(f"user:{name}")
        user = User.objects.filter(username=name).first()
        if user is None:
            _check(name)
            user = User(username=name)
        elif user.has_usable_password() or user.is_robot != robot:
            raise NotAccepted(f"there is an account {name!r} already")
        before = {"admin": bool(user.is_superuser)}
        user.is_robot, user.is_superuser = robot, user.is_superuser or admin
        user.save()
        if admin:
            Given.objects.filter(user=user, kind="admin").delete()  # by hand from now on
        if email:
            _confirm(user, email)
        tx.audit("create-person", name, admin=user.is_superuser, robot=robot, before=before)
    return user


@held
def freeze(publisher: Publication, name: str, reason: str, actor: Actor, *, deadline: float) -> int:
    """Shut an account: its sessions end now, its tokens are refused as long as it is frozen.

    So are those of robots that nobody else answers for (tokens/robots.py). Webhooks that the person made stop for good.
    """
    with write_transaction(publisher, actor, deadline, moderates=True) as tx:
        require(actor, rights.MANAGE_PERSON)
        user = _find(tx, name)
        before = {"frozen": not user.is_active, "reason": user.frozen_reason}
        user.is_active, user.frozen_reason = False, reason[:500]
        user.save(update_fields=["is_active", "frozen_reason"])
        Session.objects.filter(user=user).delete()
        for token in Token.objects.filter(user=user, revoked=None):
            tx.tell(token_revoked(token.id))
        stopped, hooks = stop_unanswered(tx, name), _stop_webhooks(tx, name)
        tx.audit("freeze-person", name, frozen=True, reason=reason, robots=stopped, webhooks=hooks, before=before)
    return tx.serial


@held
def unfreeze(publisher: Publication, name: str, actor: Actor, *, deadline: float) -> int:
    """Open a frozen account again, with the tokens it had."""
    from holdfast.control.publication.changes import token_issued

    with write_transaction(publisher, actor, deadline, moderates=True) as tx:
        require(actor, rights.MANAGE_PERSON)
        user = _find(tx, name)
        before = {"frozen": not user.is_active, "reason": user.frozen_reason}
        user.is_active, user.frozen_reason = True, ""
        user.save(update_fields=["is_active", "frozen_reason"])
        for token in Token.objects.filter(user=user, revoked=None):
            tx.tell(token_issued(token.id))
        started = start_answered(tx, name)
        tx.audit("unfreeze-person", name, frozen=False, robots=started, before=before)
    return tx.serial


@held
def reset_second_factor(publisher: Publication, name: str, actor: Actor, *, deadline: float) -> None:
    """Forget the second factors of somebody who lost them: their sessions end, and recovery's wait begins."""
    with unpublished_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.MANAGE_PERSON)
        user = _find(tx, name)
        Authenticator.objects.filter(user=user).delete()
        Session.objects.filter(user=user).delete()
        KnownPlace.objects.filter(user=user).delete()
        begin_wait(tx, user, "an administrator reset its second factors")


@held
def set_moderator(publisher: Publication, name: str, moderates: bool, actor: Actor, *, deadline: float) -> None:
    """Let a person judge reports and quarantine projects, in a browser; or end that. Raises Absent, NotAccepted."""
    with unpublished_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.MANAGE_PERSON)
        user = _find(tx, name)
        if user.is_robot:
            raise NotAccepted(f"{name!r} is a robot, which never signs in and so moderates nothing")
        before = {"moderator": user.is_staff}
        user.is_staff = moderates
        user.save(update_fields=["is_staff"])
        Given.objects.filter(user=user, kind="moderator").delete()  # by hand from now on
        tx.audit("set-moderator", name, moderator=moderates, before=before)


@held
def delete_person(publisher: Publication, user: User, actor: Actor, *, deadline: float) -> int:
    """Delete one's own account. What it published stays; its name is never given to anybody else.

    Raises NotAccepted while projects or organisations have no other owner, naming them.
    """
    with write_transaction(publisher, actor, deadline) as tx:
        require_credential(actor, rights.LEAVE_INSTANCE)
        require_settled(actor, rights.LEAVE_INSTANCE, tx.now)
        alone = sole_holdings(user, tx.now)
        if alone:
            raise NotAccepted(f"you are the only owner of {', '.join(alone[:20])}: give them to somebody first")
        for token in Token.objects.filter(user=user, revoked=None):
            token.revoked = tx.now
            token.save(update_fields=["revoked"])
            tx.tell(token_revoked(token.id))
        stopped = stop_unanswered(tx, user.username)
        for project in Project.objects.filter(roles__user=user):
            tx.changed(project)
        _forget(user)
        tx.audit("delete-account", user.username, robots=stopped)
    return tx.serial


def sole_holdings(user: User, now: datetime) -> list[str]:
    """Projects and organisations that would be without an owner who can act (able.py)."""
    mine = Role.objects.filter(user=user, role="owner", project__deleted=None).select_related("project")
    projects = [
        f"{role.project.index}/{role.project.name}"
        for role in mine
        if not _is_held(role.project) and _is_alone(user, role.project.roles, now)
    ]
    organisations = [
        f"organisation {place.organisation.name}"
        for place in Membership.objects.filter(user=user, role="owner").select_related("organisation")
        if _is_alone(user, place.organisation.memberships, now)
    ]
    return [*projects, *organisations]


def _is_alone(user: User, places: Any, now: datetime) -> bool:
    owners = set(places.filter(role="owner").values_list("user__username", flat=True))
    return not able_among(owners - {user.username}, now)


def list_people() -> list[PersonFacts]:
    """Everybody, by name. Raises DatabaseUnavailable."""
    with database_guard():
        return [
            PersonFacts(
                user.username,
                user.is_superuser,
                user.is_robot,
                not user.is_active,
                user.has_usable_password(),
                Authenticator.objects.filter(user=user).exclude(type="recovery_codes").count(),
                tuple(EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)),
                user.last_login,
            )
            for user in User.objects.order_by("username")
        ]


def _check(name: str) -> None:
    from django.core.exceptions import ValidationError

    try:
        check_new_name(name)
    except ValidationError as error:
        raise NotAccepted(f"{name!r} is no name for an account: {error.message}") from None


def _confirm(user: User, email: str) -> None:
    taken = EmailAddress.objects.filter(email=email.lower(), verified=True).exclude(user=user)
    if taken.exists():
        raise NotAccepted(f"another account has the address {email}")
    first = not EmailAddress.objects.filter(user=user).exists()
    EmailAddress.objects.update_or_create(
        user=user, email=email.lower(), defaults={"verified": True, **({"primary": True} if first else {})}
    )
    if first:
        user.email = email.lower()
        user.save(update_fields=["email"])


def _find(tx: WriteTransaction, name: str) -> User:
    tx.lock(f"user:{name}")
    user = User.objects.filter(username=name).first()
    if user is None:
        raise Absent(f"there is no account {name!r}")
    return user


def _stop_webhooks(tx: WriteTransaction, name: str) -> int:
    """They would go on telling what is published to wherever whoever had the account said; how many there were."""
    why = "the account of whoever made it was frozen"
    return Webhook.objects.filter(created_by=name, stopped=None).update(stopped=tx.now, stopped_why=why)


def _is_held(project: Project) -> bool:
    return hasattr(project, "holding")


def _forget(user: User) -> None:
    """Everything about the person; the row with the name stays, so that nobody else ever gets it."""
    Session.objects.filter(user=user).delete()
    KnownPlace.objects.filter(user=user).delete()
    Authenticator.objects.filter(user=user).delete()
    EmailAddress.objects.filter(Q(user=user)).delete()
    Role.objects.filter(user=user).delete()
    Membership.objects.filter(user=user).delete()
    Given.objects.filter(user=user).delete()
    SocialAccount.objects.filter(user=user).delete()
    user.teams.clear()
    user.is_active, user.email, user.first_name, user.last_name = False, "", "", ""
    user.is_superuser = user.is_staff = False
    user.frozen_reason, user.password = DELETED, make_password(None)
    user.save()
