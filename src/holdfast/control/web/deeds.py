"""What pages with deeds share (management, operators): a page shows facts, and each of its forms names one deed.

A deed calls an action and says what was done. What the action refuses is told on the page itself, with its status.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.noting import HOLD_SECONDS
from holdfast.control.http import parts_of
from holdfast.control.parts import Parts
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.publication.transaction import NotYetPublished
from holdfast.core.errors import Absent, Outcome, Refused

TEXT_CHARS_MAX = 2000  # of one field, as in the API
_LATE = " It is saved, and readers will see it in a moment."


@dataclass(frozen=True, slots=True)
class Asked:
    """One form that was sent, and who sent it."""

    actor: Actor
    parts: Parts
    fields: Mapping[str, str]
    lists: Callable[[str], list[str]]
    deadline: float  # monotonic seconds

    def text(self, field: str, default: str | None = None) -> str:
        """A field without blanks around it; required when there is no default. Raises NotAccepted."""
        value = self.fields.get(field, "").strip() or default
        if value is None:
            raise NotAccepted(f"the field {field} is empty; fill it in")
        if len(value) > TEXT_CHARS_MAX or "\x00" in value:
            raise NotAccepted(f"the field {field} takes at most {TEXT_CHARS_MAX} characters, without NUL")
        return value

    def number(self, field: str) -> int:
        """A whole number that a page put into its own form. Raises NotAccepted."""
        value = self.text(field)
        if not value.isascii() or not value.isdecimal() or len(value) > 18:
            raise NotAccepted(f"the field {field} is no number")
        return int(value)

    def confirmed(self, name: str) -> None:
        """Raises NotAccepted unless the name of what goes was typed: a click is made too easily."""
        if self.fields.get("confirm", "").strip() != name:
            raise NotAccepted(f"type {name} to confirm")


@dataclass(frozen=True, slots=True)
class Done:
    """What a deed did, as a sentence; `to` is where to go on when the page itself is gone."""

    sentence: str
    to: str = ""


Deed = Callable[[Asked], Done]
Show = Callable[[str, int], HttpResponse]


def page_with_deeds(request: HttpRequest, actor: Actor, deeds: Mapping[str, Deed], show: Show) -> HttpResponse:
    """Show the page, or do what one of its forms asks. `show` gets what was refused ("" for nothing) and the status."""
    if request.method != "POST":
        return show("", 200)
    parts = parts_of(request)
    asked = Asked(actor, parts, request.POST, request.POST.getlist, parts.clock.monotonic() + HOLD_SECONDS)
    try:
        deed = deeds.get(request.POST.get("do", ""))
        if deed is None:
            raise NotAccepted("this form is not of this page; reload it and try again")
        done = deed(asked)
    except NotYetPublished:
        done = Done(f"Done.{_LATE}")
    except (NotAccepted, Refused, Absent) as error:
        return show(_sentence(error), _STATUSES[type(error)])
    messages.success(request, done.sentence)
    return HttpResponseRedirect(done.to or request.path)


_STATUSES: dict[type[Outcome], int] = {NotAccepted: 400, Refused: 403, Absent: 404}


def _sentence(error: Outcome) -> str:
    return error.reason[:1].upper() + error.reason[1:].rstrip(".") + "."
