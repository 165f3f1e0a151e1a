"""`/manage/history/`: what one did, newest first, by whichever credential: a stranger's deeds would be there, too."""

from django.http import HttpRequest, HttpResponse

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.audit_reading import done_by
from holdfast.control.accounts.models import AuditEvent
from holdfast.control.database import read_snapshot
from holdfast.control.projects.rights import require
from holdfast.control.web.pages import page, signed_in

EVENTS_MAX = 100  # on one page


@signed_in
def history(request: HttpRequest, actor: Actor) -> HttpResponse:
    """One page of one's own events."""
    require(actor, rights.READ_AUDIT)
    rows, more = _events(actor.user, request.GET.get("before", ""))
    return page(request, "manage/history.html", rows=rows, more=more)


def _events(user: str, before: str) -> tuple[list[AuditEvent], int]:
    """The page's events, and the number to go on before; 0 at the end."""
    with read_snapshot():
        rows = done_by(user)
        if before.isascii() and before.isdecimal() and len(before) <= 18:
            rows = rows.filter(pk__lt=int(before))
        found = list(rows.order_by("-pk")[: EVENTS_MAX + 1])
    return found[:EVENTS_MAX], found[EVENTS_MAX - 1].pk if len(found) > EVENTS_MAX else 0
