"""`/manage/`: one's projects and organisations, and what waits for one's answer."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from holdfast.control.accounts.actor import Actor
from holdfast.control.database import read_snapshot
from holdfast.control.http import parts_of
from holdfast.control.manage import publishers
from holdfast.control.organisations import invitations, listing, offers
from holdfast.control.organisations.effective import projects_of
from holdfast.control.web.deeds import Asked, Done, page_with_deeds
from holdfast.control.web.pages import signed_in


@signed_in
def overview(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Everything that is one's own, on one page."""
    parts = parts_of(request)
    clock = parts.clock

    def facts() -> dict[str, Any]:
        with read_snapshot():
            projects = projects_of(actor.user)
        return {
            "projects": projects,
            "organisations": listing.my_organisations(actor),
            "invitations": listing.my_invitations(actor, clock),
            "offers": listing.my_offers(actor, clock),
            "trusted": publishers.pending(parts.config, actor),
        }

    return page_with_deeds(request, actor, _DEEDS, "manage/overview.html", facts)


def _accept(asked: Asked) -> Done:
    publisher, invitation = asked.parts.publisher, asked.number("invitation")
    secret = asked.text("secret", "")
    invitations.accept_invitation(publisher, invitation, asked.actor, secret=secret, deadline=asked.deadline)
    return Done("You accepted the invitation.")


def _decline(asked: Asked) -> Done:
    publisher, invitation = asked.parts.publisher, asked.number("invitation")
    invitations.decline_invitation(publisher, invitation, asked.actor, deadline=asked.deadline)
    return Done("You declined the invitation.")


def _take(asked: Asked) -> Done:
    offers.take_project(asked.parts.publisher, asked.number("offer"), asked.actor, deadline=asked.deadline)
    return Done("The project was taken over.")


def _refuse(asked: Asked) -> Done:
    offers.decline_project(asked.parts.publisher, asked.number("offer"), asked.actor, deadline=asked.deadline)
    return Done("You declined the project.")


_DEEDS = {
    "accept": _accept,
    "decline": _decline,
    "take": _take,
    "refuse": _refuse,
    "add-publisher": publishers.add_pending,
    "remove-publisher": publishers.remove_pending,
}
