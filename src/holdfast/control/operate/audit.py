"""`/admin/audit/`: who did what, newest first, narrowed down by person, deed and subject."""

from django.http import HttpRequest, HttpResponse

from holdfast.control import rights
from holdfast.control.accounts.actor import Actor
from holdfast.control.accounts.audit_reading import MONITORS, without_monitors
from holdfast.control.accounts.models import AuditEvent
from holdfast.control.database import read_snapshot
from holdfast.control.operate.doors import administrators
from holdfast.control.projects.rights import require
from holdfast.control.web.pages import page

EVENTS_MAX = 100  # on one page
_FIELDS = {"who": "actor", "what": "action", "to": "subject__startswith"}
_CHARS_MAX = 200


@administrators
def audit(request: HttpRequest, actor: Actor) -> HttpResponse:
    """One page of the trail. The API and `holdfast audit` read it, too, and `holdfast audit` verifies it."""
    require(actor, rights.READ_AUDIT)
    asked = {name: request.GET.get(name, "")[:_CHARS_MAX].strip() for name in _FIELDS}
    rows, more = _events(asked, request.GET.get("before", ""))
    monitors = "" if any(asked.values()) else MONITORS
    return page(request, "admin/audit.html", rows=rows, more=more, asked=asked, monitors=monitors)


def _events(asked: dict[str, str], before: str) -> tuple[list[AuditEvent], int]:
    """The page's events, and the number to go on before; 0 at the end. A monitor's are shown to who narrows down."""
    with read_snapshot():
        narrowed = {_FIELDS[name]: value for name, value in asked.items() if value}
        rows = AuditEvent.objects.filter(**narrowed) if narrowed else without_monitors(AuditEvent.objects.all())
        if before.isascii() and before.isdecimal() and len(before) <= 18:
            rows = rows.filter(pk__lt=int(before))
        found = list(rows.order_by("-pk")[: EVENTS_MAX + 1])
    return found[:EVENTS_MAX], found[EVENTS_MAX - 1].pk if len(found) > EVENTS_MAX else 0
