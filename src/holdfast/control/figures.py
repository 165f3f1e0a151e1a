"""Figures of the system for `/metrics`: what waits and for how long, what is in force, and what was refused.

Gauges come from rows, counters from this process's memory (names end in `_total`; a restart begins them anew). The
front asks for them through `/-/health`: a scrape costs an install nothing, and finds out when control is dead.
"""

from datetime import datetime, timedelta

from django.db.models import Count, Min, Q

from holdfast.config import Config
from holdfast.control import refusals
from holdfast.control.accounts import hashing, limits
from holdfast.control.accounts.signing_in import tally
from holdfast.control.database import read_snapshot
from holdfast.control.mail.models import Mail
from holdfast.control.moderation.reports import backlog
from holdfast.control.monitors import results
from holdfast.control.projects.models import Project
from holdfast.control.publication.models import Event
from holdfast.control.switches.following import Switches

Figures = dict[str, float]
"""By sample as the Prometheus text format has it: a name, with its label in braces if there is one."""


def figures_of_rows(now: datetime) -> Figures:
    """What waits. Raises DatabaseUnavailable."""
    with read_snapshot():
        reports, reports_seconds = backlog(now)
        mails = Mail.objects.filter(sent=None).aggregate(
            waiting=Count("pk", filter=Q(dead=None)),
            oldest=Min("created", filter=Q(dead=None)),
            dead=Count("pk", filter=~Q(dead=None)),
        )
        hidden = Project.objects.filter(status="quarantined").aggregate(count=Count("pk"), since=Min("status_since"))
        held = Event.objects.filter(held=True).count()
    return {
        "holdfast_reports_waiting": reports,
        "holdfast_reports_oldest_seconds": reports_seconds,
        "holdfast_quarantined_projects": hidden["count"],
        "holdfast_quarantine_oldest_seconds": _age(hidden["since"], now),
        "holdfast_mails_waiting": mails["waiting"],
        "holdfast_mails_oldest_seconds": _age(mails["oldest"], now),
        "holdfast_mails_given_up": mails["dead"],
        "holdfast_publications_held": held,
    }


def figures_of_process(switches: Switches) -> Figures:
    """What this process has counted. Sign-ins by outcome; attempts past a limit; what operators' decisions refused."""
    found: Figures = {
        _sample("holdfast_sign_ins_total", "outcome", outcome): count for outcome, count in tally.outcomes().items()
    }
    found[_sample("holdfast_sign_ins_total", "outcome", "busy")] = hashing.strangers.refused + hashing.known.refused
    for limit, count in sorted(limits.refused.items()):
        found[_sample("holdfast_attempts_limited_total", "limit", limit)] = count
    for status, count in sorted(refusals.uploads.items()):
        found[_sample("holdfast_uploads_refused_total", "status", str(status))] = count
    for by, count in sorted(switches.refused.items()):
        found[_sample("holdfast_refused_total", "by", by)] = count
    return found


def figures_of_monitors(config: Config, now: datetime) -> Figures:
    """What this machine's monitors found last; `ok` is left out where an operator stopped what is looked at."""
    found: Figures = {}
    for name, result in results(config).items():
        if result.ok is not None:
            found[_sample("holdfast_monitor_ok", "monitor", name)] = float(result.ok)
        found[_sample("holdfast_monitor_seconds", "monitor", name)] = result.seconds
        found[_sample("holdfast_monitor_age_seconds", "monitor", name)] = _age(result.at, now)
    return found


def _sample(name: str, label: str, value: str) -> str:
    return f'{name}{{{label}="{value}"}}'


def _age(since: datetime | None, now: datetime) -> float:
    return max(timedelta(), now - since).total_seconds() if since is not None else 0.0
