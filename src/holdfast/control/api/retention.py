"""Retention and quotas over HTTP. Reading a project's rule is a dry run: the answer says what would go now."""

from typing import Any

from holdfast.control import rights
from holdfast.control.api.call import Call
from holdfast.control.projects.rights import require
from holdfast.control.retention import actions, quotas
from holdfast.control.retention.plan import Rule
from holdfast.control.uploads.hold import held
from holdfast.core.errors import Absent


def show(call: Call, index: str, name: str) -> dict[str, Any]:
    """The rule in force for a project, what it would delete now, and how much room there is."""
    found = held(
        lambda: actions.show_plan(call.parts.publisher, index, name, call.actor), call.parts.clock, call.deadline
    )
    room = held(lambda: quotas.room(index, name), call.parts.clock, call.deadline)
    return {
        "rule": _rule(found.rule),
        "of_index": found.of_index,
        "would_delete": list(found.versions),
        "kept": list(found.kept),
        "bytes_max": room.bytes_max,
        "bytes_used": room.bytes_used,
    }


def set_rule(call: Call, index: str, name: str) -> dict[str, Any]:
    """Set a project's own rule, in place of its index's; with neither bound nothing goes by itself."""
    actions.set_rule(call.parts.publisher, index, name, _asked(call), call.actor, deadline=call.deadline)
    return {}


def unset_rule(call: Call, index: str, name: str) -> dict[str, Any]:
    """Take a project's own rule back: its index's holds again."""
    actions.set_rule(call.parts.publisher, index, name, None, call.actor, deadline=call.deadline)
    return {}


def keep(call: Call, index: str, name: str, version: str) -> dict[str, Any]:
    """Have a release stay whatever the rules say."""
    actions.keep_release(call.parts.publisher, index, name, version, True, call.actor, deadline=call.deadline)
    return {}


def unkeep(call: Call, index: str, name: str, version: str) -> dict[str, Any]:
    """Let the rules have a release again."""
    actions.keep_release(call.parts.publisher, index, name, version, False, call.actor, deadline=call.deadline)
    return {}


def set_quota(call: Call, index: str, name: str) -> dict[str, Any]:
    """Bound the bytes of a project's listed files."""
    bytes_max = call.whole("bytes_max", most=quotas.BYTES_MAX)
    quotas.set_quota(call.parts.publisher, index, name, bytes_max, call.actor, deadline=call.deadline)
    return {}


def unset_quota(call: Call, index: str, name: str) -> dict[str, Any]:
    """Take a project's bound away."""
    quotas.set_quota(call.parts.publisher, index, name, None, call.actor, deadline=call.deadline)
    return {}


def show_index(call: Call, index: str) -> dict[str, Any]:
    """The rule and the quota of a whole index."""
    _administer(call, index)
    rule = held(lambda: actions.index_rule(index), call.parts.clock, call.deadline)
    room = held(lambda: quotas.room(index), call.parts.clock, call.deadline)
    return {"rule": _rule(rule), "bytes_max": room.bytes_max, "bytes_used": room.bytes_used}


def set_index_rule(call: Call, index: str) -> dict[str, Any]:
    """Set the rule of a whole index, for projects without one of their own."""
    _administer(call, index)
    actions.set_rule(call.parts.publisher, index, "", _asked(call), call.actor, deadline=call.deadline)
    return {}


def unset_index_rule(call: Call, index: str) -> dict[str, Any]:
    """Take the rule of a whole index back."""
    _administer(call, index)
    actions.set_rule(call.parts.publisher, index, "", None, call.actor, deadline=call.deadline)
    return {}


def set_index_quota(call: Call, index: str) -> dict[str, Any]:
    """Bound the bytes of a whole index's listed files."""
    _administer(call, index)
    return set_quota(call, index, "")


def unset_index_quota(call: Call, index: str) -> dict[str, Any]:
    """Take the bound of a whole index away."""
    _administer(call, index)
    return unset_quota(call, index, "")


def _administer(call: Call, index: str) -> None:
    require(call.actor, rights.SET_QUOTA, "looking after a whole index")
    if call.parts.config.index(index) is None:
        raise Absent(f"there is no index {index}")


def _asked(call: Call) -> Rule:
    newest = call.whole("newest", least=1, most=actions.NEWEST_MAX) if call.body.get("newest") is not None else None
    days = call.whole("days", least=1, most=actions.DAYS_MAX) if call.body.get("days") is not None else None
    return Rule(newest, days)


def _rule(rule: Rule | None) -> dict[str, Any] | None:
    return None if rule is None else {"newest": rule.newest, "days": rule.days}
