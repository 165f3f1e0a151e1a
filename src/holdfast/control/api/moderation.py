"""Reports and their queue, observers, prohibited names and banned networks over HTTP."""

from datetime import datetime, timedelta
from typing import Any

from holdfast.control import rights
from holdfast.control.api.call import Call, demand_user_name, paged
from holdfast.control.moderation import deciding, reports, verdicts
from holdfast.control.moderation.models import Report
from holdfast.control.moderation.wanted import wanted_ban, wanted_prohibition
from holdfast.control.projects.rights import require, require_moderator
from holdfast.control.switches import switching
from holdfast.control.uploads.hold import held
from holdfast.core.errors import Absent
from holdfast.core.model import format_time
from holdfast.tree.bans import BAN_DEFAULT, BAN_MAX, EVERY_INDEX
from holdfast.tree.overrides import newest

_HOUR = 3600


def report_project(call: Call, index: str, name: str) -> tuple[int, dict[str, Any]]:
    """Say that a project is malicious. A moderator looks at it; your text is shown to nobody else."""
    call.parts.reports.count(call.parts.clock, call.actor.address)
    known = call.parts.in_force.index(index)
    if known is None:
        raise Absent(f"there is no index {index}")
    kind, text, publisher = call.text("kind"), call.text("text"), call.parts.publisher
    made = reports.report_project(publisher, known, name, kind, text, call.actor, deadline=call.deadline)
    return 201, {"id": made.id, "quarantined": made.quarantined, "serial": made.serial}


def list_reports(call: Call) -> dict[str, Any]:
    """Reports that wait for a verdict, oldest first, and for how long the oldest has."""
    require_moderator(call.actor, rights.SEE_REPORTS)
    after = int(call.after) if call.after.isascii() and call.after.isdecimal() and len(call.after) < 19 else 0
    clock, limit = call.parts.clock, call.limit
    rows = held(lambda: reports.waiting_reports(after, limit + 1), clock, call.deadline)
    waiting, oldest = held(lambda: reports.backlog(clock.now()), clock, call.deadline)
    page: dict[str, Any] = paged(rows, limit, lambda row: str(row.pk), _report)
    return {**page, "waiting": waiting, "oldest_seconds": int(oldest)}


def judge_report(call: Call, report: int) -> dict[str, int]:
    """Decide a report and all others of its project: not-malware, quarantine or remove."""
    verdict, reason, publisher = call.text("verdict"), call.text("reason", ""), call.parts.publisher
    return {
        "serial": verdicts.judge_report(publisher, report, verdict, reason, call.actor, deadline=call.deadline)
    }  # fmt: skip


def add_observer(call: Call, user: str) -> dict[str, Any]:
    """Trust somebody's reports: with their word a young project is quarantined at once."""
    demand_user_name(user)
    reports.add_observer(call.parts.publisher, user, call.actor, deadline=call.deadline)
    return {}


def remove_observer(call: Call, user: str) -> dict[str, Any]:
    """Trust somebody's reports no longer."""
    demand_user_name(user)
    reports.remove_observer(call.parts.publisher, user, call.actor, deadline=call.deadline)
    return {}


def list_bans(call: Call) -> dict[str, Any]:
    """Banned networks and prohibited names."""
    require(call.actor, rights.SEE_BANS)
    now, decided = call.parts.clock.now(), newest(call.parts.store)
    return {
        "bans": [
            {
                "network": one.network,
                "reason": one.reason,
                "until": format_time(one.until) if one.until else None,
                "by": one.by,
                "at": format_time(one.at),
            }
            for one in decided.bans
            if one.is_in_force(now)
        ],
        "prohibited": [
            {"index": one.index, "pattern": one.pattern, "reason": one.reason, "by": one.by, "at": format_time(one.at)}
            for one in decided.prohibited
        ],
    }


def ban(call: Call) -> dict[str, Any]:
    """Shut a network out from every change, whatever its credentials. Reading and installing go on."""
    require(call.actor, rights.BAN_NETWORK)
    now, config = call.parts.clock.now(), call.parts.config
    made = wanted_ban(config, call.text("network"), call.text("reason"), _until(call, now), call.actor, now)
    deciding.ban(call.parts.store, made)
    detail = switching.terms(made.reason, made.until)
    switching.note(call.parts.publisher, "ban-network", made.network, call.actor, call.deadline, **detail)
    return {}


def lift_ban(call: Call) -> dict[str, Any]:
    """Let a network in again."""
    require(call.actor, rights.BAN_NETWORK)
    network = call.text("network")
    deciding.lift_ban(call.parts.store, network, call.actor.user, call.parts.clock.now())
    switching.note(call.parts.publisher, "lift-ban", network, call.actor, call.deadline)
    return {}


def prohibit(call: Call) -> dict[str, Any]:
    """Keep new projects from a name or a pattern of names."""
    require(call.actor, rights.PROHIBIT_NAME)
    index, now = call.text("index", EVERY_INDEX), call.parts.clock.now()
    pattern, reason = call.text("pattern"), call.text("reason")
    made = wanted_prohibition(call.parts.config, index, pattern, reason, call.actor.user, now)
    deciding.prohibit(call.parts.store, made)
    subject, publisher = f"{index}/{made.pattern}", call.parts.publisher
    switching.note(publisher, "prohibit-name", subject, call.actor, call.deadline, reason=made.reason)
    return {}


def permit(call: Call) -> dict[str, Any]:
    """Take a prohibition back."""
    require(call.actor, rights.PROHIBIT_NAME)
    index, pattern = call.text("index", EVERY_INDEX), call.text("pattern")
    deciding.permit(call.parts.store, index, pattern, call.actor.user, call.parts.clock.now())
    switching.note(call.parts.publisher, "permit-name", f"{index}/{pattern}", call.actor, call.deadline)
    return {}


def _until(call: Call, now: datetime) -> datetime | None:
    if call.flag("no_expiry"):
        return None
    hours = int(BAN_DEFAULT.total_seconds()) // _HOUR
    return now + timedelta(hours=call.whole("hours", hours, least=1, most=BAN_MAX.days * 24))


def _report(row: Report) -> dict[str, Any]:
    return {
        "id": row.pk,
        "index": row.project.index,
        "name": row.project.name,
        "status": row.project.status,
        "kind": row.kind,
        "text": row.text,
        "reporter": row.reporter,
        "trusted": row.trusted,
        "created": format_time(row.created),
    }
