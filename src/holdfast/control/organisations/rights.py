"""Who may do what in an organisation: rows of control/rights.py, compared with a person's place in it.

An organisation is known to its members alone: to everybody else it is Absent, whether there is one or not.
"""

from datetime import datetime

from holdfast.control.accounts.actor import Actor
from holdfast.control.organisations.effective import OrganisationRole, place_in
from holdfast.control.organisations.models import Organisation
from holdfast.control.projects.rights import is_administrator, require_credential, require_settled
from holdfast.control.publication.transaction import WriteTransaction
from holdfast.control.rights import Right
from holdfast.core.errors import Absent, Refused

_WHO = {"owner": "organisation owner", "manager": "manager", "member": "member"}


def permitted_organisation(tx: WriteTransaction, right: Right, name: str) -> Organisation:
    """The organisation, locked against other transactions. Raises Refused, Absent."""
    require_credential(tx.actor, right)
    tx.lock(f"organisation:{name}")
    organisation = find_organisation(name)
    require_place(tx.actor, right, organisation, tx.now)
    return organisation


def require_place(actor: Actor, right: Right, organisation: Organisation, now: datetime) -> None:
    """A right in an organisation. Raises Refused; for somebody who is not in it Absent."""
    require_credential(actor, right)
    if is_administrator(actor, right):
        return
    place = place_in(organisation, actor.user)
    if place is None:
        raise _absent(organisation.name)
    if not _suffices(place, right):
        raise Refused(f"{right.doing} of {organisation.name!r} is for {_told(right)}")
    require_settled(actor, right, now)


def find_organisation(name: str) -> Organisation:
    """The organisation of that name. Raises Absent."""
    organisation = Organisation.objects.filter(name=name, deleted=None).first()
    if organisation is None:
        raise _absent(name)
    return organisation


def _suffices(place: OrganisationRole, right: Right) -> bool:
    """A row that names members means everybody who is in the organisation."""
    return "member" in right.who or _WHO[place] in right.who


def _told(right: Right) -> str:
    return "its owners and managers" if "manager" in right.who else "its owners"


def _absent(name: str) -> Absent:
    return Absent(f"there is no organisation {name!r} that you are in")
