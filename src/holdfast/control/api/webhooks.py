"""Webhooks over HTTP: those of a project below it, those of an index below that, those of everything at `/webhooks`."""

from typing import Any

from holdfast.control.api.call import Call
from holdfast.control.hooks import actions
from holdfast.control.hooks.actions import DeliveryFacts, Wanted, WebhookFacts
from holdfast.control.hooks.queueing import EVENTS
from holdfast.control.secret_key import read_keys
from holdfast.control.uploads.hold import held
from holdfast.core.errors import Absent
from holdfast.core.model import format_time


def list_of_project(call: Call, index: str, name: str) -> dict[str, Any]:
    """A project's webhooks, each with what became of its newest events."""
    publisher = call.parts.publisher
    found = held(lambda: actions.list_webhooks(publisher, index, name, call.actor), call.parts.clock, call.deadline)
    return {"webhooks": [_document(one) for one in found]}


def make_for_project(call: Call, index: str, name: str) -> dict[str, Any]:
    """Have events of a project posted to an address. The secret that signs them is told this once."""
    wanted = Wanted(index, name, call.text("url"), call.texts("events", EVENTS))
    config, publisher = call.parts.config, call.parts.publisher
    keys, networks = read_keys(config), config.webhook_networks
    made = actions.make_webhook(publisher, wanted, keys, call.actor, networks=networks, deadline=call.deadline)
    return {"id": made.id, "secret": made.secret}


def end_of_project(call: Call, index: str, name: str, webhook: int) -> dict[str, Any]:
    """End a project's webhook, with what waits for it."""
    actions.end_webhook(call.parts.publisher, index, name, webhook, call.actor, deadline=call.deadline)
    return {}


def list_of_all(call: Call) -> dict[str, Any]:
    """Webhooks that hear of every index."""
    return list_of_project(call, "", "")


def make_for_all(call: Call) -> dict[str, Any]:
    """Have events of every index, private ones too, posted to an address; the secret is told this once."""
    return make_for_project(call, "", "")


def end_of_all(call: Call, webhook: int) -> dict[str, Any]:
    """End a webhook that hears of every index."""
    return end_of_project(call, "", "", webhook)


def list_of_index(call: Call, index: str) -> dict[str, Any]:
    """Webhooks that hear of a whole index."""
    return list_of_project(call, _index(call, index), "")


def make_for_index(call: Call, index: str) -> dict[str, Any]:
    """Have events of a whole index posted to an address; the secret is told this once."""
    return make_for_project(call, _index(call, index), "")


def end_of_index(call: Call, index: str, webhook: int) -> dict[str, Any]:
    """End a webhook that hears of a whole index."""
    return end_of_project(call, _index(call, index), "", webhook)


def _index(call: Call, index: str) -> str:
    """Rights first: who may not ask is told so, whether there is such an index or not."""
    if call.actor.is_admin and call.parts.config.index(index) is None:
        raise Absent(f"there is no index {index}")
    return index


def _document(one: WebhookFacts) -> dict[str, Any]:
    return {
        "id": one.id,
        "url": one.url,
        "events": list(one.events),
        "created": format_time(one.created),
        "failing_since": format_time(one.failing_since) if one.failing_since else None,
        "stopped": format_time(one.stopped) if one.stopped else None,
        "stopped_why": one.stopped_why,
        "deliveries": [_delivery(delivery) for delivery in one.deliveries],
    }


def _delivery(one: DeliveryFacts) -> dict[str, Any]:
    return {
        "id": one.id,
        "event": one.event,
        "created": format_time(one.created),
        "attempts": one.attempts,
        "status": one.status,
        "error": one.error,
        "done": format_time(one.done) if one.done else None,
    }
