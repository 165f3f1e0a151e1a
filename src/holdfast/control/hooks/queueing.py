"""From what a transaction did to deliveries that wait: rows beside the change itself, so that neither is without the
other. A transaction that nobody listens to pays one small query.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from holdfast.control.accounts.models import AuditEvent
from holdfast.control.hooks.models import Delivery, Webhook
from holdfast.control.prepared import Prepared
from holdfast.core.model import format_time

EVENTS = ("publish", "yank", "delete", "role", "status", "quarantine")
PENDING_MAX = 1000  # of one webhook; what comes beyond is not told, because its receiver is gone or drowning

# What the audit trail calls it -> the event.
_BY_ACTION = {
    "publish-file": "publish",
    "yank-release": "yank",
    "unyank-release": "yank",
    "yank-file": "yank",
    "unyank-file": "yank",
    "delete-file": "delete",
    "delete-release": "delete",
    "delete-project": "delete",
    "add-role": "role",
    "remove-role": "role",
    "leave-project": "role",
    "set-team-role": "role",
    "transfer-project": "role",
}


_of_indexes = Prepared(
    lambda indexes: Webhook.objects.filter(project=None, index__in=indexes, stopped=None).values_list("pk", flat=True)
)
_of_project = Prepared(
    lambda index, name: Webhook.objects.filter(project__index=index, project__name=name, stopped=None).values_list(
        "pk", flat=True
    )
)


def event_of(audit: AuditEvent) -> str:
    """The event that an entry of the audit trail is; "" for none."""
    if audit.action == "set-status":
        was = audit.detail.get("before", {}).get("status")
        return "quarantine" if "quarantined" in (audit.detail.get("status"), was) else "status"
    return _BY_ACTION.get(audit.action, "")


def queue_deliveries(audits: Sequence[AuditEvent], now: datetime) -> None:
    """Queue what the webhooks of these entries' projects are to hear. The caller's transaction is open."""
    told = [(event, audit, *_place(audit)) for audit in audits if (event := event_of(audit))]
    if not told:
        return
    listening = _listening({(index, name) for _event, _audit, index, name in told})
    rows = [
        Delivery(webhook=hook, event=event, body=_body(event, audit, index, name), created=now, due=now)
        for event, audit, index, name in told
        for hook in listening
        if event in hook.events and _hears(hook, index, name)
    ]
    Delivery.objects.bulk_create(rows)


def _listening(places: set[tuple[str, str]]) -> list[Webhook]:
    indexes = ["", *sorted({index for index, _ in places})]
    ids = {*_of_indexes.all(indexes), *(pk for index, name in places for pk in _of_project.all(index, name))}
    if not ids:
        return []
    hooks = Webhook.objects.filter(pk__in=ids).select_related("project").order_by("pk")
    return [hook for hook in hooks if hook.deliveries.filter(done=None).count() < PENDING_MAX]


def _hears(hook: Webhook, index: str, name: str) -> bool:
    if hook.project is not None:
        return (hook.project.index, hook.project.name) == (index, name)
    return hook.index in ("", index)


def _place(audit: AuditEvent) -> tuple[str, str]:
    index, _, rest = audit.subject.partition("/")
    return index, rest.partition("/")[0]


def _body(event: str, audit: AuditEvent, index: str, name: str) -> str:
    document: dict[str, Any] = {
        "event": event,
        "action": audit.action,
        "index": index,
        "project": name,
        "subject": audit.subject,
        "serial": audit.serial,
        "at": format_time(audit.created),
        "by": audit.actor,
        "detail": audit.detail,
    }
    return json.dumps(document, separators=(",", ":"))
