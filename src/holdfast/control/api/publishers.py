"""Trusted publishers over HTTP: of a project, and pending ones of names that are not in use yet."""

from typing import Any

from holdfast.config import ProviderConfig
from holdfast.control.api.call import Call, demand_user_name
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.publishers import actions
from holdfast.control.publishers.actions import PublisherFacts
from holdfast.control.uploads.hold import held
from holdfast.core.model import format_time
from holdfast.core.names import is_project_name, normalize


def list_publishers(call: Call, index: str, name: str) -> dict[str, Any]:
    """A project's publishers, for its owners and maintainers."""
    clock = call.parts.clock
    found = held(lambda: actions.list_publishers(index, name, call.actor, clock.now()), clock, call.deadline)
    return {"publishers": [document_of(one) for one in found]}


def add_publisher(call: Call, index: str, name: str) -> tuple[int, dict[str, Any]]:
    """Let an identity publish to a project."""
    provider, claims = _provider(call), _claims(call)
    made = actions.add_publisher(
        call.parts.publisher, index, name, provider, claims, call.actor, deadline=call.deadline
    )
    return 201, document_of(made)


def remove_publisher(call: Call, index: str, name: str, publisher: int) -> dict[str, Any]:
    """Take it away: in force at once, for tokens that were minted for it, too."""
    actions.remove_publisher(call.parts.publisher, index, name, publisher, call.actor, deadline=call.deadline)
    return {}


def list_pending(call: Call) -> dict[str, Any]:
    """What the caller registered; an administrator sees everybody's."""
    found = held(lambda: actions.list_pending(call.actor), call.parts.clock, call.deadline)
    return {"publishers": [document_of(one) for one in found]}


def add_pending(call: Call) -> tuple[int, dict[str, Any]]:
    """Let an identity create a project at its first publish."""
    index, name, user = call.text("index", "main"), call.text("name"), call.text("user", call.actor.user)
    if call.parts.config.index(index) is None:
        raise NotAccepted(f"there is no index {index[:64]!r}; use one of the configured ones")
    if not is_project_name(name):
        raise NotAccepted("the field name must be a project name")
    if user != call.actor.user:  # of a trusted publisher, which has none, the right is asked first
        demand_user_name(user)
    made = actions.add_pending(
        call.parts.publisher,
        index,
        normalize(name),
        _provider(call),
        _claims(call),
        user,
        call.actor,
        deadline=call.deadline,
    )
    return 201, document_of(made)


def remove_pending(call: Call, publisher: int) -> dict[str, Any]:
    """Take back what was registered."""
    actions.remove_pending(call.parts.publisher, publisher, call.actor, deadline=call.deadline)
    return {}


def document_of(facts: PublisherFacts) -> dict[str, Any]:
    """A publisher, for programs."""
    return {
        "id": facts.id,
        "index": facts.index,
        "name": facts.name,
        "provider": facts.provider,
        "claims": dict(facts.claims),
        "pinned": dict(facts.pinned),
        "pending": bool(facts.registrant),
        "user": facts.registrant,
        "created_by": facts.created_by,
        "created": format_time(facts.created),
        "last_used": format_time(facts.last_used) if facts.last_used else None,
        "in_force": facts.in_force,
    }


def _provider(call: Call) -> ProviderConfig:
    wanted = call.text("provider")
    for provider in call.parts.config.providers:
        if provider.name == wanted:
            return provider
    known = ", ".join(provider.name for provider in call.parts.config.providers) or "none: trusted publishing is off"
    raise NotAccepted(f"the field provider must be one of those configured here ({known})")


def _claims(call: Call) -> dict[str, str]:
    found = call.body.get("claims", {})
    if not isinstance(found, dict) or not all(isinstance(one, str) for pair in found.items() for one in pair):
        raise NotAccepted("the field claims must be an object of texts")
    return found
