"""`/admin/projects/` and `/admin/moderation/`: finding projects, quarantine, and the queue of reports."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from holdfast.control.accounts.actor import Actor
from holdfast.control.http import parts_of
from holdfast.control.moderation import reports, verdicts
from holdfast.control.operate import project_facts
from holdfast.control.operate.doors import operators
from holdfast.control.projects.actions import remove_bytes
from holdfast.control.web.deeds import Asked, Done, WrongField, of_place, page_with_deeds
from holdfast.control.web.pages import page, recently
from holdfast.core.model import STATUSES
from holdfast.core.names import is_normalized

REPORTS_MAX = 50  # of the queue on one page; the others come up as these are judged
WORDS_CHARS_MAX = 100
_VERDICTS = {
    "not-malware": "was found to be fine",
    "quarantine": "is quarantined",
    "remove": "is quarantined, and its bytes are taken down for good",
}


@operators
def all_projects(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Projects of every index, newest first, or those that a search finds."""
    words, status = (request.GET.get(name, "")[:WORDS_CHARS_MAX].strip() for name in ("q", "status"))
    after = request.GET.get("after", "")
    number = int(after) if after.isascii() and after.isdecimal() and len(after) <= 18 else 0
    rows, more = project_facts.find_projects(words, status, number)
    asked = {"words": words, "status": status}
    return page(request, "admin/projects.html", rows=rows, more=more, statuses=STATUSES, asked=asked)


@operators
@recently
def one_project(request: HttpRequest, actor: Actor, index: str, name: str) -> HttpResponse:
    """One project: quarantine and its end, with everything a moderator needs to decide."""

    def facts() -> dict[str, Any]:
        return {"facts": project_facts.read(index, name if is_normalized(name) else "")}

    deeds = of_place(_PROJECT_DEEDS, index, name) | _QUEUE_DEEDS
    return page_with_deeds(request, actor, deeds, "admin/project.html", facts)


@operators
@recently
def queue(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Reports that wait for a verdict, oldest first."""

    def facts() -> dict[str, Any]:
        count, _age = reports.backlog(parts_of(request).clock.now())
        return {"count": count, "rows": reports.waiting_reports(0, REPORTS_MAX)}

    return page_with_deeds(request, actor, _QUEUE_DEEDS, "admin/moderation.html", facts)


def _quarantine(index: str, name: str, asked: Asked) -> Done:
    reason = asked.text("reason")
    verdicts.quarantine_project(asked.parts.publisher, index, name, reason, asked.actor, deadline=asked.deadline)
    return Done(f"{name} is quarantined: its files are refused, and its page says why.")


def _release(index: str, name: str, asked: Asked) -> Done:
    verdicts.release_project(asked.parts.publisher, index, name, asked.actor, deadline=asked.deadline)
    return Done(f"The quarantine of {name} has ended.")


def _remove(index: str, name: str, asked: Asked) -> Done:
    """Files of this project alone, by their digests, for good."""
    asked.confirmed(name)
    digests = project_facts.digests_of(index, name, asked.fields.getlist("sha256")[: project_facts.FILES_MAX])
    if not digests:
        raise WrongField("sha256", "choose the files whose bytes go")
    reason, legal = asked.text("reason"), asked.text("legal", "no") == "on"
    remove_bytes(asked.parts.publisher, digests, reason, legal, asked.actor, deadline=asked.deadline)
    return Done(f"{len(digests)} {'file is' if len(digests) == 1 else 'files are'} taken down for good.")


def _judge(asked: Asked) -> Done:
    verdict, report = asked.text("verdict"), asked.number("report")
    if verdict not in _VERDICTS:
        raise WrongField("verdict", f"a verdict is one of {', '.join(_VERDICTS)}")
    reason = asked.text("reason", "")
    if verdict == "remove":
        asked.confirmed(reports.project_of(report).name)
    verdicts.judge_report(asked.parts.publisher, report, verdict, reason, asked.actor, deadline=asked.deadline)
    return Done(f"What was reported {_VERDICTS[verdict]}.")


_QUEUE_DEEDS = {"judge": _judge}
_PROJECT_DEEDS = {"quarantine": _quarantine, "release": _release, "remove": _remove}
