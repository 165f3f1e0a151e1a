"""Organisations and their people: made, led, left and given up. One transaction each; rights are checked inside it.

Every function takes the publisher first, the actor, and `deadline` (monotonic seconds), and raises Absent, NotAccepted,
Refused or Unavailable. Nothing here is published: what readers see of a project names its organisation, not its people.
"""

import re

from holdfast.control import rights
from holdfast.control.accounts.able import why_not_to_leave
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.models import User
from holdfast.control.organisations.effective import OrganisationRole, place_in
from holdfast.control.organisations.models import Holding, Membership, Organisation
from holdfast.control.organisations.rights import permitted_organisation
from holdfast.control.organisations.robots import end_robots
from holdfast.control.projects.rights import NotAccepted, require
from holdfast.control.publication.transaction import Publication, WriteTransaction, held, write_transaction
from holdfast.control.sign_in.models import Given
from holdfast.control.tokens.limits import narrow_own_tokens
from holdfast.core.errors import Absent

ORGANISATIONS_MAX = 20  # owned by one person: names are few, and taken for good
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")
PLACES: tuple[OrganisationRole, ...] = ("owner", "manager", "member")
STRENGTH = {"member": 1, "manager": 2, "owner": 3}


@held
def create_organisation(
    publisher: Publication, name: str, display: str, actor: Actor, *, owner: str = "", deadline: float
) -> None:
    """Make an organisation, which the actor owns; an administrator may name another. A name once used stays taken."""
    if not is_slug(name):
        raise NotAccepted("an organisation's name has 1 to 50 lower-case letters, digits and inner hyphens")
    if not 0 < len(display) <= 200:
        raise NotAccepted("what an organisation is called has 1 to 200 characters")
    with write_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.CREATE_ORGANISATION)
        if owner:
            require(actor, rights.ADMINISTER, "making an organisation for somebody else")
        owner = owner or actor.user
        tx.lock(f"organisation:{name}", f"user:{owner}")
        if Organisation.objects.filter(name=name).exists():
            raise NotAccepted(f"the name {name!r} is taken")
        person, _ = User.objects.get_or_create(username=owner)
        owned = Membership.objects.filter(user=person, role="owner", organisation__deleted=None).count()
        if owned >= ORGANISATIONS_MAX and not actor.is_admin:
            raise NotAccepted(f"nobody owns more than {ORGANISATIONS_MAX} organisations; delete one of yours first")
        organisation = Organisation.objects.create(name=name, display=display, created=tx.now)
        Membership.objects.create(organisation=organisation, user=person, role="owner")
        tx.audit("create-organisation", subject(organisation), owner=owner)


@held
def set_place(
    publisher: Publication, name: str, user: str, place: OrganisationRole, actor: Actor, *, deadline: float
) -> None:
    """Change the place of somebody who is in the organisation. Its last owner cannot step down."""
    _require_place_name(place)
    with write_transaction(publisher, actor, deadline) as tx:
        organisation = permitted_organisation(tx, rights.SET_PLACE, name)
        row = _membership(organisation, user)
        _keep_robots_members(row.user, place)
        if place != "owner":
            _keep_an_owner(tx, organisation, user)
        before = {"place": row.role}
        row.role = place
        row.save(update_fields=["role"])
        row.given.all().delete()  # from now on it is ours to keep or end, whatever a provider's groups say
        tx.audit("set-place", subject(organisation), user=user, place=place, before=before)


@held
def add_member(
    publisher: Publication, name: str, user: str, place: OrganisationRole, actor: Actor, *, deadline: float
) -> None:
    """Put somebody into an organisation without asking them: an administrator's, and the directory's behind sign-on."""
    _require_place_name(place)
    with write_transaction(publisher, actor, deadline) as tx:
        require(actor, rights.ADMINISTER, "putting somebody into an organisation")
        organisation = permitted_organisation(tx, rights.SET_PLACE, name)
        person, _ = User.objects.get_or_create(username=user)
        _keep_robots_members(person, place)
        if place != "owner":
            _keep_an_owner(tx, organisation, user)
        before = {"place": place_in(organisation, user)}
        row, _ = Membership.objects.update_or_create(organisation=organisation, user=person, defaults={"role": place})
        row.given.all().delete()
        tx.audit("add-member", subject(organisation), user=user, place=place, before=before)


@held
def remove_member(publisher: Publication, name: str, user: str, actor: Actor, *, deadline: float) -> None:
    """Take somebody out of an organisation and all its teams. Its last owner stays."""
    with write_transaction(publisher, actor, deadline) as tx:
        organisation = permitted_organisation(tx, rights.REMOVE_MEMBER, name)
        before = {"place": place_in(organisation, user)}
        if before["place"] in ("owner", "manager"):
            permitted_organisation(tx, rights.REMOVE_LEADER, name)
        _take_out(tx, organisation, user)
        tx.audit("remove-member", subject(organisation), user=user, place=None, before=before)


@held
def leave_organisation(publisher: Publication, name: str, actor: Actor, *, deadline: float) -> None:
    """Leave an organisation and all its teams. Its last owner stays."""
    with write_transaction(publisher, actor, deadline) as tx:
        organisation = permitted_organisation(tx, rights.LEAVE_ORGANISATION, name)
        before = {"place": place_in(organisation, actor.user)}
        _take_out(tx, organisation, actor.user)
        tx.audit("leave-organisation", subject(organisation), user=actor.user, place=None, before=before)


@held
def delete_organisation(publisher: Publication, name: str, actor: Actor, *, deadline: float) -> None:
    """Give an organisation up that holds no project any more, with its teams, invitations and grants."""
    with write_transaction(publisher, actor, deadline) as tx:
        organisation = permitted_organisation(tx, rights.DELETE_ORGANISATION, name)
        held_project = Holding.objects.filter(organisation=organisation).select_related("project").first()
        if held_project is not None:
            project = held_project.project
            raise NotAccepted(
                f"{name!r} still holds {project.index}/{project.name}; offer its projects to others first"
            )
        people = list(organisation.memberships.values_list("user__username", flat=True))
        granted = _granted(organisation)
        for rows in (organisation.memberships, organisation.teams, organisation.index_grants):
            rows.all().delete()
        for index, right in granted:
            narrow_own_tokens(tx, people, index, right)
        end_robots(tx, organisation)
        organisation.invitations.filter(ended=None).update(ended=tx.now, outcome="revoked")
        organisation.offers.filter(ended=None).update(ended=tx.now, outcome="revoked")
        organisation.deleted = tx.now
        organisation.save(update_fields=["deleted"])
        tx.audit("delete-organisation", subject(organisation))


def take_out(tx: WriteTransaction, organisation: Organisation, row: Membership) -> None:
    """End a place and everything that came through it. The caller has looked at who is left."""
    for team in organisation.teams.filter(members=row.user):
        team.members.remove(row.user)
    Given.objects.filter(user=row.user, team__organisation=organisation).delete()
    row.delete()
    for index, right in _granted(organisation):
        narrow_own_tokens(tx, [row.user.username], index, right)


def _granted(organisation: Organisation) -> list[tuple[str, str]]:
    return sorted(set(organisation.index_grants.values_list("index", "right")))


def is_slug(name: str) -> bool:
    """True for what may be the name of an organisation or a team."""
    return _NAME.fullmatch(name) is not None


def subject(organisation: Organisation) -> str:
    """How the audit trail names an organisation."""
    return f"organisation:{organisation.name}"


def _require_place_name(place: str) -> None:
    if place not in PLACES:
        raise NotAccepted(f"{place!r} is no place in an organisation; owner, manager or member")


def _membership(organisation: Organisation, user: str) -> Membership:
    row = Membership.objects.filter(organisation=organisation, user__username=user).first()
    if row is None:
        raise Absent(f"{user!r} is not in the organisation {organisation.name!r}")
    return row


def _take_out(tx: WriteTransaction, organisation: Organisation, user: str) -> None:
    row = _membership(organisation, user)
    _keep_an_owner(tx, organisation, user)
    take_out(tx, organisation, row)


def _keep_robots_members(user: User, place: str) -> None:
    if user.is_robot and place != "member":
        raise NotAccepted(f"{user.username!r} is a robot, which stays a member; teams give it roles")


def _keep_an_owner(tx: WriteTransaction, organisation: Organisation, leaving: str) -> None:
    owners = set(organisation.memberships.filter(role="owner").values_list("user__username", flat=True))
    if why := why_not_to_leave(owners, leaving, tx.actor.user, tx.now):
        raise NotAccepted(f"{why} of {organisation.name!r}; make somebody else an owner first")
