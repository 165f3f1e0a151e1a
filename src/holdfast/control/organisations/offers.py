"""Transferring a project: one of its owners offers it, and the person or organisation it is offered to takes it.

Both sides must want it. When it is taken, every right of the hands before ends (hands.py); an offer whose maker is no
owner any more gives nothing.
"""

from dataclasses import dataclass
from datetime import timedelta

from holdfast.clock import Clock
from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import User
from holdfast.control.database import held_transaction
from holdfast.control.notices import tell_all
from holdfast.control.organisations.effective import holder_of, people_of, place_in, role_on
from holdfast.control.organisations.hands import hand_over
from holdfast.control.organisations.models import Offer, Organisation
from holdfast.control.organisations.rights import require_place
from holdfast.control.projects.lookup import permitted_project
from holdfast.control.projects.models import Project
from holdfast.control.projects.rights import NotAccepted, require_credential, require_standing
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.control.rights import Right
from holdfast.core.errors import Absent, Outcome, Refused
from holdfast.core.model import format_time

OFFER_DAYS = 7
AN_HOUR_MAX = 10  # of one project: each is a mail, and the newest alone counts
STATEMENT_SECONDS = 5.0
PEOPLE_TOLD_MAX = 200  # in one event of the audit trail


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer that was made. `taken`: the same person could say yes for the other side, and so has."""

    id: int
    taken: bool
    serial: int


@held
def offer_project(
    publisher: Publication,
    index: str,
    name: str,
    actor: Actor,
    *,
    user: str = "",
    organisation: str = "",
    deadline: float,
) -> Offered:
    """Offer a project to a user, or to an organisation. The newest offer of a project is the one that counts."""
    if bool(user) == bool(organisation):
        raise NotAccepted("a project is offered to a user or to an organisation: name one of the two")
    with write_transaction(publisher, actor, deadline) as tx:
        row = Offer(to_user=_person(user), to_organisation=_organisation(organisation))
        row.project = permitted_project(tx, rights.OFFER_PROJECT, index, name)
        _require_giver(tx, row.project)
        lately = Offer.objects.filter(project=row.project, created__gt=tx.now - timedelta(hours=1))
        if actor.credential != "machine" and lately.count() >= AN_HOUR_MAX:
            raise NotAccepted(f"{name!r} was offered {AN_HOUR_MAX} times within an hour; come again later")
        Offer.objects.filter(project=row.project, ended=None).update(ended=tx.now, outcome="revoked")
        row.offered_by, row.by_operator = actor.user, actor.is_admin
        row.created, row.expires = tx.now, tx.now + timedelta(days=OFFER_DAYS)
        row.save()
        tx.audit("offer-project", f"{index}/{name}", offer=row.pk, user=user, organisation=organisation)
        taken = _may_take(tx, row)
        if taken:
            _take(tx, row)
        else:
            _send(tx, row)
    return Offered(row.pk, taken, tx.serial)


@held
def take_project(publisher: Publication, offer: int, actor: Actor, *, deadline: float) -> int:
    """Say yes for the side it was offered to. Raises Absent for what is not the actor's to take."""
    with write_transaction(publisher, actor, deadline) as tx:
        row = _locked(tx, offer)
        if not _may_take(tx, row):
            raise _no_such()
        if not (row.by_operator or _may_still_give(row)):
            raise NotAccepted(
                f"{row.offered_by!r} does not own the project any more, or is frozen: ask an owner for a new offer"
            )
        _take(tx, row)
    return tx.serial


@held
def decline_project(publisher: Publication, offer: int, actor: Actor, *, deadline: float) -> None:
    """Say no for the side it was offered to."""
    with write_transaction(publisher, actor, deadline) as tx:
        row = _locked(tx, offer)
        if not _may_take(tx, row):
            raise _no_such()
        _end(tx, row, "declined")


@held
def revoke_offer(publisher: Publication, offer: int, actor: Actor, *, deadline: float) -> None:
    """Take an offer back, as any owner of the project."""
    with write_transaction(publisher, actor, deadline) as tx:
        row = _locked(tx, offer, rights.OFFER_PROJECT)
        try:
            require_standing(actor, rights.OFFER_PROJECT, row.project, tx.now)
        except Outcome:
            raise _no_such() from None
        _end(tx, row, "revoked")


def expire_offers(clock: Clock) -> int:
    """Note which offers ran out; returns how many. They count for nothing from their hour on anyway."""
    with held_transaction(clock, clock.monotonic() + STATEMENT_SECONDS):
        due = Offer.objects.filter(ended=None, expires__lte=clock.now())
        return due.update(ended=clock.now(), outcome="expired")


def _locked(tx: WriteTransaction, offer: int, right: Right = rights.TAKE_PROJECT) -> Offer:
    """An offer still open, with everything that its taking changes locked. Raises Absent."""
    require_credential(tx.actor, right)
    seen = Offer.objects.filter(pk=offer).select_related("project", "to_organisation").first()
    if seen is None:
        raise _no_such()
    to = [f"organisation:{seen.to_organisation.name}"] if seen.to_organisation else []
    tx.lock(f"{seen.project.index}/{seen.project.name}", *to)
    rows = Offer.objects.filter(pk=offer, ended=None, expires__gt=tx.now, project__deleted=None)
    row = rows.select_related("project", "to_user", "to_organisation").first()
    if row is None:
        raise _no_such()
    return row


def _may_take(tx: WriteTransaction, row: Offer) -> bool:
    if row.to_organisation is None:
        assert row.to_user is not None
        return row.to_user.username == tx.actor.user or tx.actor.is_admin
    try:
        require_place(tx.actor, rights.TAKE_FOR_ORGANISATION, row.to_organisation, tx.now)
    except Outcome:
        return False
    return True


def _require_giver(tx: WriteTransaction, project: Project) -> None:
    """What an organisation holds is its owners' to give away, not that of everybody who owns the project with it."""
    holder = holder_of(project)
    if holder is None or tx.actor.is_admin:
        return
    if place_in(holder, tx.actor.user) != "owner":
        raise Refused(f"{project.name!r} belongs to the organisation {holder.name!r}, whose owners alone give it away")
    require_place(tx.actor, rights.GIVE_FOR_ORGANISATION, holder, tx.now)


def _may_still_give(row: Offer) -> bool:
    """Whoever offered it could offer it today: an account that was stolen gives nothing once it is frozen."""
    if not User.objects.filter(username=row.offered_by, is_active=True).exists():
        return False
    holder = holder_of(row.project)
    if holder is not None:
        return place_in(holder, row.offered_by) == "owner"
    return role_on(row.project, row.offered_by) == "owner"


def _take(tx: WriteTransaction, row: Offer) -> None:
    to = row.to_organisation or row.to_user
    assert to is not None
    _end(tx, row, "accepted")
    before, holder = people_of(row.project), holder_of(row.project)
    was = {
        "organisation": holder.name if holder is not None else "",
        "roles": dict(row.project.roles.order_by("pk").values_list("user__username", "role")[:PEOPLE_TOLD_MAX]),
    }
    hand_over(tx, row.project, to)
    name = to.name if isinstance(to, Organisation) else to.username
    told = {"project": _subject(row.project), "to": name, "by": row.offered_by}
    tell_all(tx, sorted(set(before) - set(people_of(row.project))), "project-taken", told)
    is_organisation = isinstance(to, Organisation)
    tx.audit("transfer-project", _subject(row.project), to=name, organisation=is_organisation, before=was)


def _send(tx: WriteTransaction, row: Offer) -> None:
    """Tell whoever may take it."""
    if row.to_organisation is not None:
        name = row.to_organisation.name
        leaders = row.to_organisation.memberships.filter(role="owner")
        people = list(leaders.values_list("user__username", flat=True))
    else:
        assert row.to_user is not None
        name, people = "you", [row.to_user.username]
    until, project = format_time(row.expires), _subject(row.project)
    tell_all(
        tx,
        people,
        "project-offered",
        {"by": row.offered_by, "project": project, "to": name, "offer": row.pk, "until": until},
    )


def _end(tx: WriteTransaction, row: Offer, outcome: str) -> None:
    row.ended, row.outcome = tx.now, outcome
    row.save(update_fields=["ended", "outcome"])
    tx.audit(f"offer-{outcome}", _subject(row.project), offer=row.pk)


def _person(user: str) -> User | None:
    if not user:
        return None
    person = User.objects.filter(username=user, is_active=True).first()
    if person is None:
        raise NotAccepted(f"there is nobody called {user!r} here")
    return person


def _organisation(name: str) -> Organisation | None:
    """Any organisation may be offered a project; whether there is one is told to whoever has a project to give."""
    if not name:
        return None
    found = Organisation.objects.filter(name=name, deleted=None).first()
    if found is None:
        raise NotAccepted(f"there is no organisation called {name!r} here")
    return found


def _subject(project: Project) -> str:
    return f"{project.index}/{project.name}"


def _no_such() -> Absent:
    return Absent("there is no such offer, or it is not yours to answer, or it is over")
