"""`/manage/projects/<index>/<name>/`: releases, people, status and the end of one project, as one's role allows."""

from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from holdfast.control.accounts.actor import Actor
from holdfast.control.http import parts_of
from holdfast.control.manage import project_facts, publishers
from holdfast.control.manage.inviting import invited, revoke_invitation
from holdfast.control.organisations import invitations, listing, offers
from holdfast.control.projects import actions, standing
from holdfast.control.web.deeds import Asked, Done, WrongField, of_place, page_with_deeds
from holdfast.control.web.pages import signed_in
from holdfast.core.errors import Absent
from holdfast.core.metadata_rules import is_version
from holdfast.core.model import Status
from holdfast.core.names import is_normalized

_STATUSES: dict[str, Status] = {"active": "active", "archived": "archived", "deprecated": "deprecated"}
_ROLES: dict[str, Literal["owner", "maintainer"]] = {"owner": "owner", "maintainer": "maintainer"}


@signed_in
def project(request: HttpRequest, actor: Actor, index: str, name: str) -> HttpResponse:
    """One project. To who has no role on it, it is absent: names of private indexes are nobody's to guess."""
    parts = parts_of(request)
    clock = parts.clock
    if not is_normalized(name):
        raise Absent(f"no project {name!r} in index {index!r}")

    def facts() -> dict[str, Any]:
        found = project_facts.read(index, name, actor)
        if not found.is_owner:
            return {"facts": found, "people": None, "events": (), "trusted": None}
        return {
            "facts": found,
            "people": listing.project_people(index, name, actor, clock),
            "events": project_facts.events(index, name),
            "trusted": publishers.of_project(parts.config, index, name, actor, clock.now()),
        }

    deeds = of_place(_DEEDS, index, name) | _DEEDS_BY_ID
    return page_with_deeds(request, actor, deeds, "manage/project.html", facts)


def _yank(index: str, name: str, asked: Asked) -> Done:
    version, reason = _version(asked), asked.text("reason", "")
    actions.yank_release(asked.parts.publisher, index, name, version, reason, asked.actor, deadline=asked.deadline)
    return Done(f"{version} is yanked: only who asks for exactly this version gets it.")


def _unyank(index: str, name: str, asked: Asked) -> Done:
    version = _version(asked)
    actions.unyank_release(asked.parts.publisher, index, name, version, asked.actor, deadline=asked.deadline)
    return Done(f"{version} is installed again like any other.")


def _delete_release(index: str, name: str, asked: Asked) -> Done:
    version = _version(asked)
    asked.confirmed(version)
    actions.delete_release(asked.parts.publisher, index, name, version, asked.actor, deadline=asked.deadline)
    return Done(f"{version} is deleted. Its filenames are never given to other files.")


def _set_status(index: str, name: str, asked: Asked) -> Done:
    status = asked.one_of("status", _STATUSES, "a status is active, archived or deprecated")
    reason = asked.text("reason", "")
    actions.set_status(asked.parts.publisher, index, name, status, reason, asked.actor, deadline=asked.deadline)
    return Done(f"The project is {status} now.")


def _delete(index: str, name: str, asked: Asked) -> Done:
    asked.confirmed(name)
    actions.delete_project(asked.parts.publisher, index, name, asked.actor, deadline=asked.deadline)
    return Done(f"{name} is deleted. Its name stays yours, and its filenames stay taken.", reverse("manage"))


def _set_role(index: str, name: str, asked: Asked) -> Done:
    """A role of somebody who has one; others are invited, so that nobody is made responsible unasked."""
    user, role = asked.text("user"), _role(asked)
    if user not in project_facts.people_with_roles(index, name):
        raise WrongField("user", f"{user!r} has no role of their own here; invite them")
    standing.add_role(asked.parts.publisher, index, name, user, role, asked.actor, deadline=asked.deadline)
    return Done(f"{user} is {role} now.")


def _remove_role(index: str, name: str, asked: Asked) -> Done:
    user = asked.text("user")
    standing.remove_role(asked.parts.publisher, index, name, user, asked.actor, deadline=asked.deadline)
    return Done(f"{user} has no role of their own here any more.")


def _leave(index: str, name: str, asked: Asked) -> Done:
    asked.confirmed(name)
    standing.leave_project(asked.parts.publisher, index, name, asked.actor, deadline=asked.deadline)
    return Done(f"You left {name}.", reverse("manage"))


def _invite(index: str, name: str, asked: Asked) -> Done:
    to, role, publisher = asked.text("to"), _role(asked), asked.parts.publisher
    made = invitations.invite_to_project(publisher, index, name, to, role, asked.actor, deadline=asked.deadline)
    return invited(to, made.secret)


def _offer(index: str, name: str, asked: Asked) -> Done:
    """Give the project away: to a person, or with `kind` to an organisation. The other side has to take it."""
    to, publisher = asked.text("to"), asked.parts.publisher
    side = {"organisation": to} if asked.text("kind") == "organisation" else {"user": to}
    made = offers.offer_project(publisher, index, name, asked.actor, **side, deadline=asked.deadline)
    if made.taken:
        return Done(f"The project is {to}'s now.")
    return Done(f"The project is offered to {to}. Nothing changes until they take it.")


def _revoke_offer(asked: Asked) -> Done:
    offers.revoke_offer(asked.parts.publisher, asked.number("offer"), asked.actor, deadline=asked.deadline)
    return Done("The offer was taken back.")


def _version(asked: Asked) -> str:
    """A release's version; what can be none is of no release. Raises NotAccepted, Absent."""
    version = asked.text("version")
    if not is_version(version):
        raise Absent("there is no such release")
    return version


def _role(asked: Asked) -> Literal["owner", "maintainer"]:
    return asked.one_of("role", _ROLES, "a role is owner or maintainer")


_DEEDS = {
    "yank": _yank,
    "unyank": _unyank,
    "delete-release": _delete_release,
    "set-status": _set_status,
    "delete": _delete,
    "set-role": _set_role,
    "remove-role": _remove_role,
    "leave": _leave,
    "invite": _invite,
    "offer": _offer,
    "add-publisher": publishers.add,
    "remove-publisher": publishers.remove,
}
_DEEDS_BY_ID = {"revoke-invitation": revoke_invitation, "revoke-offer": _revoke_offer}
