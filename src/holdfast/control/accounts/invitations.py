"""Invitations: a link that lets one person sign up, with the address it names, until it ends."""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from allauth.account.models import EmailAddress
from django.http import HttpRequest

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import Invitation, User
from holdfast.control.http import parts_of
from holdfast.control.mail.queue import queue
from holdfast.control.projects.rights import NotAccepted, require
from holdfast.control.publication.transaction import Publication, held, unpublished_transaction
from holdfast.core.model import format_time

DAYS = 14
DAYS_MAX = 90
_SESSION = "holdfast_invitation"  # the row's number, once its link was opened


@held
def invite(
    publisher: Publication,
    email: str,
    admin: bool,
    days: int,
    site: str,
    link: str,
    actor: Actor,
    *,
    deadline: float,
) -> str:
    """Invite an address; the link that was mailed. `link` is the page's address up to the key. Raises NotAccepted."""
    key = secrets.token_urlsafe(32)
    with unpublished_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.INVITE_PERSON)
        if EmailAddress.objects.filter(email=email.lower(), verified=True).exists():
            raise NotAccepted(f"an account has the address {email} already")
        until = tx.now + timedelta(days=min(days, DAYS_MAX))
        Invitation.objects.create(
            digest=_digest(key), email=email.lower(), admin=admin, by=actor.user, created=tx.now, expires=until
        )
        url = f"{link}{key}/"
        queue(tx, email, "invitation", {"site": site, "by": actor.user, "url": url, "until": format_time(until)})
        tx.audit("invite-person", email, admin=admin)
    return url


def open_invitation(request: HttpRequest, key: str, now: datetime) -> bool:
    """Remember the invitation of a link in the visitor's session; False for one that is no longer good."""
    found = Invitation.objects.filter(digest=_digest(key), used=None, expires__gt=now).first()
    if found is None:
        return False
    request.session[_SESSION] = found.pk
    # The link came by mail to that address, or the operator who made it vouches for who was given it.
    request.session["account_verified_email"] = found.email
    return True


def invitation_of(request: HttpRequest) -> Invitation | None:
    """The invitation the visitor came with, while it is good."""
    number = request.session.get(_SESSION)
    if not isinstance(number, int):
        return None
    return Invitation.objects.filter(pk=number, used=None, expires__gt=parts_of(request).clock.now()).first()


def take_up(request: HttpRequest, user: User, now: datetime) -> bool:
    """The invitation is used, and gives what it promised; False without one that is still good.

    Inside the sign-up's transaction; `user` is saved.
    """
    found = invitation_of(request)
    if found is None or not Invitation.objects.filter(pk=found.pk, used=None).update(used=now):
        return False
    if found.admin:
        user.is_superuser = True
        user.save(update_fields=["is_superuser"])
    return True


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()
