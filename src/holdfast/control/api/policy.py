"""What operators decide about files of upstreams, over HTTP: denials, and passes through a cooldown. docs/policy.md."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from holdfast.config import DEFAULT_INDEX
from holdfast.control import rights
from holdfast.control.api.call import Call
from holdfast.control.projects.rights import NotAccepted, require
from holdfast.control.switches import switching
from holdfast.control.switches.asking import one_line
from holdfast.core.errors import Absent
from holdfast.core.filenames import normalized_version
from holdfast.core.model import format_time
from holdfast.core.names import is_project_name, normalize
from holdfast.core.rules import denied
from holdfast.tree.overrides import Denial, Overrides, PolicyPass, change, newest
from holdfast.tree.policy_edits import (
    Release,
    is_denied,
    passes_in_force,
    release_of,
    with_denial,
    with_pass,
    without_denial,
    without_pass,
)

EVERY_INDEX = "*"
PASS_HOURS, PASS_HOURS_MAX = 24, 30 * 24  # what should hold longer is a setting: cooldown_for
Edit = Callable[[Overrides], Overrides]


def show(call: Call) -> dict[str, Any]:
    """What operators decided about files of upstreams, as far as it is in force. Settings are not told here."""
    require(call.actor, rights.SET_POLICY)
    decided = newest(call.parts.store)
    return {
        "denials": [
            {"index": one.index, "what": one.what, "reason": one.reason, "by": one.by, "at": format_time(one.at)}
            for one in decided.denials
        ],
        "passes": [
            {
                "index": one.index,
                "name": one.project,
                "version": one.version,
                "until": format_time(one.until),
                "reason": one.reason,
                "by": one.by,
                "at": format_time(one.at),
            }
            for one in passes_in_force(decided, call.parts.clock.now())
        ],
    }


def deny(call: Call) -> dict[str, Any]:
    """Let no file of such versions in from upstreams: in force within two seconds on every machine."""
    require(call.actor, rights.SET_POLICY)
    rule, index, reason, now = _rule(call), _index(call, EVERY_INDEX), _reason(call), call.parts.clock.now()
    made = Denial(index=index, what=rule, reason=reason, by=call.actor.user, at=now)
    what = f"denied {rule} in {_place(index)}: {reason}"
    _decide(call, lambda old: with_denial(old, made), what, now, ("deny", rule), reason=reason, index=index)
    return {}


def lift_denial(call: Call) -> dict[str, Any]:
    """Take a denial back that was decided at run time; those of the settings stay."""
    require(call.actor, rights.SET_POLICY)
    rule, index = _rule(call), _index(call, EVERY_INDEX)

    def edit(old: Overrides) -> Overrides:
        if not is_denied(old, rule, index):
            raise Absent(f"nobody denied {rule} in {_place(index)} at run time")
        return without_denial(old, rule, index)

    what = f"no longer denied {rule} in {_place(index)}"
    _decide(call, edit, what, call.parts.clock.now(), ("undeny", rule), index=index)
    return {}


def let_through(call: Call) -> dict[str, Any]:
    """Break-glass: let one version through the cooldown for a while. Never through a denial or known malware."""
    require(call.actor, rights.SET_POLICY)
    release, reason, now = _release(call), _reason(call), call.parts.clock.now()
    index, name, version = release
    until = now + timedelta(hours=call.whole("hours", PASS_HOURS, least=1, most=PASS_HOURS_MAX))
    made = PolicyPass(
        index=index, project=name, version=version, until=until, reason=reason, by=call.actor.user, at=now
    )  # fmt: skip
    what = f"let {name}=={version} through in index {index} until {until:%Y-%m-%d %H:%M:%S} UTC: {reason}"
    terms = switching.terms(reason, until)
    _decide(call, lambda old: with_pass(old, made), what, now, ("pass", f"{index}/{name}=={version}"), **terms)
    return {}


def end_pass(call: Call) -> dict[str, Any]:
    """End a pass before its time."""
    require(call.actor, rights.SET_POLICY)
    release, now = _release(call), call.parts.clock.now()
    index, name, version = release

    def edit(old: Overrides) -> Overrides:
        if release not in map(release_of, passes_in_force(old, now)):
            raise Absent(f"no pass for {name}=={version} is in force in index {index}")
        return without_pass(old, release)

    what = f"ended the pass of {name}=={version} in index {index}"
    _decide(call, edit, what, now, ("unpass", f"{index}/{name}=={version}"))
    return {}


def _decide(call: Call, edit: Edit, what: str, now: datetime, noted: tuple[str, str], **detail: object) -> None:
    """Written to the tree, which decides; then noted in the audit trail, or logged that it could not be."""
    change(call.parts.store, edit, by=call.actor.user, what=what, now=now)
    action, subject = noted
    switching.note(call.parts.publisher, action, subject, call.actor, call.deadline, **detail)


def _rule(call: Call) -> str:
    try:
        found = denied(call.text("what"), "")
    except ValueError as error:
        raise NotAccepted(f"{error}; good ones: acme<2, acme, acme-*") from error
    return found.pattern + found.versions


def _release(call: Call) -> Release:
    name, version = call.text("name"), normalized_version(call.text("version"))
    if not is_project_name(name) or not version:
        raise NotAccepted("name and version say which release: demo and 1.2.3 for example")
    return _index(call, DEFAULT_INDEX), normalize(name), version


def _index(call: Call, default: str) -> str:
    index = call.text("index", default)
    if index != default and call.parts.config.index(index) is None:
        raise Absent(f"there is no index {index}")
    return index


def _reason(call: Call) -> str:
    reason = one_line(call.text("reason"))
    if not reason:
        raise NotAccepted("the field reason must say why: it is kept, and shown to whoever is held back")
    return reason


def _place(index: str) -> str:
    return "every index" if index == EVERY_INDEX else f"index {index}"
