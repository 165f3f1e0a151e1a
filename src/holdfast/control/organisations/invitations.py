"""Invitations to a project or into an organisation: offered, and accepted or not, by the one they are addressed to.

They end by themselves after a week. Whoever accepts gets the role only if the one who invited could still give it, so
an invitation never outlives the right behind it.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from holdfast.clock import Clock
from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import User
from holdfast.control.database import held_transaction
from holdfast.control.mail.queue import queue
from holdfast.control.notices import tell
from holdfast.control.organisations.effective import OrganisationRole, ProjectRole, place_in, role_on
from holdfast.control.organisations.models import Invitation, Membership, Organisation
from holdfast.control.organisations.rights import permitted_organisation, require_place
from holdfast.control.projects.lookup import permitted_project
from holdfast.control.projects.models import Project, Role
from holdfast.control.projects.rights import NotAccepted, require_credential, require_standing
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.control.sign_in.models import Given
from holdfast.core.errors import Absent, Outcome
from holdfast.core.model import format_time
from holdfast.core.tokens import same_digest

INVITATION_DAYS = 7  # as long as somebody may be on holiday, and short enough that nobody forgets whom they asked
PENDING_MAX = 100  # of one project or organisation; more is spam, or a directory's job
TO_ONE_AN_HOUR_MAX = 30  # to one address or user, by whomever: each is a mail that somebody did not ask for
BY_ONE_AN_HOUR_MAX = 100  # by one user, to whomever: what is revoked was mailed all the same
STATEMENT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation that was made. `secret` goes to a mail address, is told once and stored nowhere."""

    id: int
    expires: datetime
    secret: str = field(default="", repr=False)


@held
def invite_to_project(
    publisher: Publication, index: str, name: str, to: str, role: ProjectRole, actor: Actor, *, deadline: float
) -> Invited:
    """Offer a role on a project to a user name or a mail address."""
    if role not in ("owner", "maintainer"):
        raise NotAccepted(f"{role!r} is no role; owner or maintainer")
    with write_transaction(publisher, actor, deadline) as tx:
        project = permitted_project(tx, rights.INVITE_TO_PROJECT, index, name)
        made = _invite(tx, Invitation(project=project, role=role), to)
        tx.audit("invite", f"{index}/{name}", to=to, role=role, invitation=made.id)
    return made


@held
def invite_to_organisation(
    publisher: Publication, name: str, to: str, place: OrganisationRole, actor: Actor, *, deadline: float
) -> Invited:
    """Offer a place in an organisation to a user name or a mail address. Managers invite members alone."""
    if place not in ("owner", "manager", "member"):
        raise NotAccepted(f"{place!r} is no place in an organisation; owner, manager or member")
    with write_transaction(publisher, actor, deadline) as tx:
        right = rights.INVITE_MEMBER if place == "member" else rights.INVITE_LEADER
        organisation = permitted_organisation(tx, right, name)
        made = _invite(tx, Invitation(organisation=organisation, role=place), to)
        tx.audit("invite", f"organisation:{name}", to=to, role=place, invitation=made.id)
    return made


@held
def accept_invitation(
    publisher: Publication, invitation: int, actor: Actor, *, secret: str = "", deadline: float
) -> int:
    """Take the role. One to a mail address needs its secret. Raises Absent for what is not the actor's to accept."""
    with write_transaction(publisher, actor, deadline) as tx:
        row = _answerable(tx, invitation, secret)
        person, _ = User.objects.get_or_create(username=actor.user)
        if not _may_still_be_given(tx, row):
            raise NotAccepted("whoever invited you may not give that role any more; ask for a new invitation")
        _give(tx, row, person)
        _end(tx, row, "accepted")
    return tx.serial


@held
def decline_invitation(
    publisher: Publication, invitation: int, actor: Actor, *, secret: str = "", deadline: float
) -> None:
    """Say no. Raises Absent for what is not the actor's to decline."""
    with write_transaction(publisher, actor, deadline) as tx:
        _end(tx, _answerable(tx, invitation, secret), "declined")


@held
def revoke_invitation(publisher: Publication, invitation: int, actor: Actor, *, deadline: float) -> None:
    """Take an invitation back. Raises Absent for what the actor could not have offered."""
    with write_transaction(publisher, actor, deadline) as tx:
        row = _locked(tx, invitation)
        try:
            _require_inviter(tx, row)
        except Outcome:
            raise _no_such() from None
        _end(tx, row, "revoked")


def expire_invitations(clock: Clock) -> int:
    """Note which invitations ran out; returns how many. They count for nothing from their hour on anyway."""
    with held_transaction(clock, clock.monotonic() + STATEMENT_SECONDS):
        due = Invitation.objects.filter(ended=None, expires__lte=clock.now())
        return due.update(ended=clock.now(), outcome="expired")


def _invite(tx: WriteTransaction, row: Invitation, to: str) -> Invited:
    secret = ""
    if "@" in to:
        secret = secrets.token_urlsafe(32)
        try:
            validate_email(to)
        except ValidationError:
            raise NotAccepted(f"{to[:80]!a} is no mail address") from None
        row.email, row.secret_sha256 = to[:254], _digest(secret)
    else:
        row.user = User.objects.filter(username=to, is_active=True).first()
        if row.user is None:
            raise NotAccepted(f"there is nobody called {to!r} here; invite them by their mail address")
        _refuse_needless(row)
    same = Invitation.objects.filter(project=row.project, organisation=row.organisation, ended=None)
    same.filter(user=row.user, email=row.email).update(ended=tx.now, outcome="revoked")  # the newer one counts
    if same.filter(ended=None, expires__gt=tx.now).count() >= PENDING_MAX:
        raise NotAccepted(f"{PENDING_MAX} invitations wait for an answer already; revoke some first")
    row.invited_by = User.objects.filter(username=tx.actor.user).first()
    _refuse_flood(tx, row)
    row.created, row.expires = tx.now, tx.now + timedelta(days=INVITATION_DAYS)
    row.save()
    _send(tx, row, secret)
    return Invited(row.pk, row.expires, secret)


def _send(tx: WriteTransaction, row: Invitation, secret: str) -> None:
    """A mail to the address, which is the only place the secret goes to beside the inviter's answer."""
    context = {
        "by": tx.actor.user or "an operator",
        "role": row.role,
        "to": _subject(row).removeprefix("organisation:"),
        "invitation": row.pk,
        "until": format_time(row.expires),
        "secret": secret,
    }
    if row.user is not None:
        tell(tx, row.user.username, "role-offered", context)
    else:
        queue(tx, row.email, "role-offered", {"user": row.email, **context})


def _refuse_needless(row: Invitation) -> None:
    assert row.user is not None
    if row.project is not None and row.project.roles.filter(user=row.user, role=row.role).exists():
        raise NotAccepted(f"{row.user.username!r} has that role already")
    if row.organisation is not None and place_in(row.organisation, row.user.username) == row.role:
        raise NotAccepted(f"{row.user.username!r} has that place already")


def _refuse_flood(tx: WriteTransaction, row: Invitation) -> None:
    """Raises NotAccepted for more mails in an hour than anybody means well with. Ended invitations count."""
    if tx.actor.credential == "machine":
        return
    lately = Invitation.objects.filter(created__gt=tx.now - timedelta(hours=1))
    to_one = lately.filter(user=row.user, email__iexact=row.email)
    if to_one.count() >= TO_ONE_AN_HOUR_MAX:
        raise NotAccepted(f"they were invited {TO_ONE_AN_HOUR_MAX} times within an hour; come again later")
    if row.invited_by is not None and lately.filter(invited_by=row.invited_by).count() >= BY_ONE_AN_HOUR_MAX:
        raise NotAccepted(f"you invited {BY_ONE_AN_HOUR_MAX} times within an hour; come again later")


def _locked(tx: WriteTransaction, invitation: int) -> Invitation:
    """An invitation still open, with its project or organisation locked. Raises Absent."""
    require_credential(tx.actor, rights.ANSWER_INVITATION)
    seen = Invitation.objects.filter(pk=invitation).select_related("project", "organisation").first()
    if seen is None:
        raise _no_such()
    tx.lock(_lock_name(seen))
    rows = Invitation.objects.filter(pk=invitation, ended=None, expires__gt=tx.now)
    row = rows.select_related("project", "organisation", "user", "invited_by").first()
    if row is None:
        raise _no_such()
    return row


def _answerable(tx: WriteTransaction, invitation: int, secret: str) -> Invitation:
    row = _locked(tx, invitation)
    if row.user is not None:
        is_theirs = row.user.username == tx.actor.user
    else:
        is_theirs = bool(tx.actor.user) and same_digest(row.secret_sha256, _digest(secret))
    if not is_theirs:
        raise _no_such()
    return row


def _may_still_be_given(tx: WriteTransaction, row: Invitation) -> bool:
    """Whoever invited was an administrator without a user of their own, or still has the right today."""
    if row.invited_by is None:
        return True
    inviter = row.invited_by
    if inviter.is_superuser or not inviter.is_active:
        return inviter.is_active
    if row.project is not None:
        return role_on(row.project, inviter.username) == "owner"
    assert row.organisation is not None
    places = ("owner",) if row.role != "member" else ("owner", "manager")
    return place_in(row.organisation, inviter.username) in places


def _give(tx: WriteTransaction, row: Invitation, person: User) -> None:
    if row.project is not None:
        _give_role(tx, row.project, person, row.role)
    else:
        assert row.organisation is not None
        _give_place(tx, row.organisation, person, row.role)


def _give_role(tx: WriteTransaction, project: Project, person: User, role: str) -> None:
    """An owner who accepts to be maintainer stays owner: nobody is lowered by saying yes."""
    if project.deleted is not None or not project.owned:
        raise NotAccepted("the project is not there any more")
    known = project.roles.filter(user=person).values_list("role", flat=True).first()
    if known != "owner":
        Role.objects.update_or_create(project=project, user=person, defaults={"role": role})
    tx.changed(project)
    facts = {"user": person.username, "role": role if known != "owner" else known, "before": {"role": known}}
    tx.audit("add-role", f"{project.index}/{project.name}", **facts, by="invitation")


def _give_place(tx: WriteTransaction, organisation: Organisation, person: User, place: str) -> None:
    known = organisation.memberships.filter(user=person).first()
    if known is None or known.role == "member" or place == "owner":
        Membership.objects.update_or_create(organisation=organisation, user=person, defaults={"role": place})
    Given.objects.filter(user=person, membership__organisation=organisation).delete()  # theirs from now on
    facts = {"user": person.username, "place": place, "before": {"place": known.role if known else None}}
    tx.audit("add-member", f"organisation:{organisation.name}", **facts, by="invitation")


def _require_inviter(tx: WriteTransaction, row: Invitation) -> None:
    if row.project is not None:
        require_standing(tx.actor, rights.INVITE_TO_PROJECT, row.project, tx.now)
    else:
        assert row.organisation is not None
        right = rights.INVITE_MEMBER if row.role == "member" else rights.INVITE_LEADER
        require_place(tx.actor, right, row.organisation, tx.now)


def _end(tx: WriteTransaction, row: Invitation, outcome: str) -> None:
    row.ended, row.outcome = tx.now, outcome
    row.save(update_fields=["ended", "outcome"])
    tx.audit(f"invitation-{outcome}", _subject(row), invitation=row.pk)


def _subject(row: Invitation) -> str:
    if row.project is not None:
        return f"{row.project.index}/{row.project.name}"
    return f"organisation:{row.organisation.name if row.organisation else ''}"


def _lock_name(row: Invitation) -> str:
    return _subject(row)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _no_such() -> Absent:
    return Absent("there is no such invitation, or it is not yours, or it is over")
