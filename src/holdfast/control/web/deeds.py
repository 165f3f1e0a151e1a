"""What pages with deeds share (management, operators): a page shows facts, and each of its forms names one deed.

A deed calls an action and says what was done. What the action refuses is told beside the form that asked for it, which
keeps what was typed (refused.py), with its status.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict

from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.noting import HOLD_SECONDS
from holdfast.control.http import parts_of
from holdfast.control.parts import Parts
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.publication.transaction import NotYetPublished
from holdfast.control.web.pages import page
from holdfast.control.web.refused import Refusal, refusal_of
from holdfast.core.errors import Absent, Outcome, Refused, Unavailable

Value = TypeVar("Value")
TEXT_CHARS_MAX = 2000  # of one field, as in the API
_LATE = " It is saved, and readers will see it in a moment."


class WrongField(NotAccepted):
    """One field of the form is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True, slots=True)
class Asked:
    """One form that was sent, and who sent it."""

    actor: Actor
    parts: Parts
    request: HttpRequest
    deadline: float  # monotonic seconds

    @property
    def fields(self) -> QueryDict:
        """What was sent."""
        return self.request.POST

    def text(self, field: str, default: str | None = None) -> str:
        """A field without blanks around it; required when there is no default. Raises WrongField."""
        value = self.fields.get(field, "").strip() or default
        if value is None:
            raise WrongField(field, f"the field {field} is empty; fill it in")
        if len(value) > TEXT_CHARS_MAX or "\x00" in value:
            raise WrongField(field, f"the field {field} takes at most {TEXT_CHARS_MAX} characters, without NUL")
        return value

    def number(self, field: str) -> int:
        """A whole number. Raises WrongField."""
        value = self.text(field)
        if not value.isascii() or not value.isdecimal() or len(value) > 18:
            raise WrongField(field, f"the field {field} is no number")
        return int(value)

    def one_of(self, field: str, known: Mapping[str, Value], wrong: str) -> Value:
        """What a choice of the form stands for. Raises WrongField with the sentence `wrong`."""
        value = known.get(self.text(field))
        if value is None:
            raise WrongField(field, wrong)
        return value

    def confirmed(self, name: str) -> None:
        """Raises WrongField unless the name of what goes was typed: a click is made too easily."""
        if self.fields.get("confirm", "").strip() != name:
            raise WrongField("confirm", f"type {name} to confirm")


@dataclass(frozen=True, slots=True)
class Done:
    """What a deed did, as a sentence; `to` is where to go on when the page itself is gone.

    `told` is the answer itself, where that shows what is shown once: it would have to be kept somewhere until a
    redirect comes back for it.
    """

    sentence: str
    to: str = ""
    told: HttpResponse | None = None


Deed = Callable[[Asked], Done]
Facts = Callable[[], dict[str, Any]]


def of_place(deeds: Mapping[str, Callable[..., Done]], *place: str) -> dict[str, Deed]:
    """The deeds of a page that has an address of its own for each project, person or organisation."""
    return {name: partial(deed, *place) for name, deed in deeds.items()}


def page_with_deeds(
    request: HttpRequest, actor: Actor, deeds: Mapping[str, Deed], template: str, facts: Facts
) -> HttpResponse:
    """Show the page, or do what one of its forms asks. `facts` are what the template shows, read after the deed.

    What cannot be done right now is told like a refusal, as long as the page itself can be read: nobody types it twice.
    """
    if request.method != "POST":
        return page(request, template, refused=Refusal(), **facts())
    parts = parts_of(request)
    asked = Asked(actor, parts, request, parts.clock.monotonic() + HOLD_SECONDS)
    try:
        deed = deeds.get(request.POST.get("do", ""))
        if deed is None:
            raise NotAccepted("this form is not of this page; reload it and try again")
        done = deed(asked)
    except NotYetPublished:
        done = Done(f"Done.{_LATE}")
    except (NotAccepted, Refused, Absent, Unavailable) as error:
        field = error.field if isinstance(error, WrongField) else ""
        response = page(request, template, _status(error), refused=refusal_of(error, field, request.POST), **facts())
        response._has_been_logged = True  # type: ignore[attr-defined]  # told on purpose, as in answers.py
        if isinstance(error, Unavailable):
            response["Retry-After"] = str(error.retry_after_seconds)
        return response
    if done.told is not None:
        return done.told
    messages.success(request, done.sentence)
    return HttpResponseRedirect(done.to or request.path)


def _status(error: Outcome) -> int:
    match error:
        case Absent():
            return 404
        case Refused():
            return 403
        case Unavailable():
            return 503
        case _:
            return 400
