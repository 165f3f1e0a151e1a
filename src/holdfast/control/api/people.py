"""Who a project belongs to, over HTTP: invitations, offers, and what waits for one's own answer."""

from typing import Any, Literal

from holdfast.control.api.call import Call
from holdfast.control.organisations import invitations, listing, offers
from holdfast.control.organisations.listing import InvitationFacts, OfferFacts
from holdfast.control.projects import standing
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.uploads.hold import held
from holdfast.core.model import format_time


def show_people(call: Call, index: str, name: str) -> dict[str, Any]:
    """Who has which role on a project by whatever way, and who has been asked."""
    found = held(
        lambda: listing.project_people(index, name, call.actor, call.parts.clock), call.parts.clock, call.deadline
    )
    return {
        "organisation": found.organisation,
        "people": [{"user": user, "role": role, "own": own} for user, role, own in found.people],
        "invitations": [invitation_document(one) for one in found.invitations],
        "offers": [_offer_document(one) for one in found.offers],
    }


def invite(call: Call, index: str, name: str) -> dict[str, Any]:
    """Offer a role on a project to a user name or a mail address; a secret is told once, for an address."""
    role, publisher = project_role(call.text("role")), call.parts.publisher
    made = invitations.invite_to_project(
        publisher, index, name, call.text("to"), role, call.actor, deadline=call.deadline
    )
    return invited_document(made)


def leave(call: Call, index: str, name: str) -> dict[str, int]:
    """Give one's own role on a project up."""
    return {"serial": standing.leave_project(call.parts.publisher, index, name, call.actor, deadline=call.deadline)}


def offer(call: Call, index: str, name: str) -> dict[str, Any]:
    """Offer a project to a user or an organisation. `taken`: you could say yes for the other side, too."""
    user, organisation = call.text("user", ""), call.text("organisation", "")
    made = offers.offer_project(
        call.parts.publisher, index, name, call.actor, user=user, organisation=organisation, deadline=call.deadline
    )
    return {"id": made.id, "taken": made.taken, "serial": made.serial}


def list_invitations(call: Call) -> dict[str, Any]:
    """Invitations addressed to one's user name."""
    found = held(lambda: listing.my_invitations(call.actor, call.parts.clock), call.parts.clock, call.deadline)
    return {"invitations": [invitation_document(one) for one in found]}


def accept(call: Call, invitation: int) -> dict[str, int]:
    """Take the role of an invitation; one sent by mail needs its secret."""
    publisher, secret = call.parts.publisher, call.text("secret", "")
    serial = invitations.accept_invitation(publisher, invitation, call.actor, secret=secret, deadline=call.deadline)
    return {"serial": serial}


def decline(call: Call, invitation: int) -> dict[str, Any]:
    """Say no to an invitation."""
    publisher, secret = call.parts.publisher, call.text("secret", "")
    invitations.decline_invitation(publisher, invitation, call.actor, secret=secret, deadline=call.deadline)
    return {}


def revoke(call: Call, invitation: int) -> dict[str, Any]:
    """Take an invitation back that one could have made."""
    invitations.revoke_invitation(call.parts.publisher, invitation, call.actor, deadline=call.deadline)
    return {}


def list_offers(call: Call) -> dict[str, Any]:
    """Projects offered to oneself, and to organisations that one owns."""
    found = held(lambda: listing.my_offers(call.actor, call.parts.clock), call.parts.clock, call.deadline)
    return {"offers": [_offer_document(one) for one in found]}


def take(call: Call, offer: int) -> dict[str, int]:
    """Take an offered project over: every right of the hands before ends."""
    return {"serial": offers.take_project(call.parts.publisher, offer, call.actor, deadline=call.deadline)}


def decline_offer(call: Call, offer: int) -> dict[str, Any]:
    """Say no to an offered project."""
    offers.decline_project(call.parts.publisher, offer, call.actor, deadline=call.deadline)
    return {}


def revoke_offer(call: Call, offer: int) -> dict[str, Any]:
    """Take an offer back, as an owner of the project."""
    offers.revoke_offer(call.parts.publisher, offer, call.actor, deadline=call.deadline)
    return {}


def project_role(text: str) -> Literal["owner", "maintainer"]:
    """A role in a request. Raises NotAccepted."""
    if text == "owner":
        return "owner"
    if text == "maintainer":
        return "maintainer"
    raise NotAccepted("the field role must be owner or maintainer")


def invited_document(made: invitations.Invited) -> dict[str, Any]:
    """A new invitation, with the secret for a mail address: told this once."""
    return {"id": made.id, "expires": format_time(made.expires), "secret": made.secret or None}


def invitation_document(one: InvitationFacts) -> dict[str, Any]:
    """An invitation that waits."""
    return {
        "id": one.id,
        "project": one.to if one.is_project else None,
        "organisation": None if one.is_project else one.to,
        "role": one.role,
        "to": one.addressee,
        "invited_by": one.invited_by,
        "expires": format_time(one.expires),
    }


def _offer_document(one: OfferFacts) -> dict[str, Any]:
    return {
        "id": one.id,
        "project": one.project,
        "user": one.user or None,
        "organisation": one.organisation or None,
        "offered_by": one.offered_by,
        "expires": format_time(one.expires),
    }
