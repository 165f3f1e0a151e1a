"""`/admin/projects/` and `/admin/moderation/`: finding projects, quarantine, and the queue of reports."""

from functools import partial

from django.http import HttpRequest, HttpResponse

from holdfast.control.accounts.actor import Actor
from holdfast.control.http import parts_of
from holdfast.control.moderation import reports, verdicts
from holdfast.control.operate import project_facts
from holdfast.control.operate.doors import operators
from holdfast.control.projects.actions import remove_bytes
from holdfast.control.projects.rights import NotAccepted
from holdfast.control.web.deeds import Asked, Deed, Done, page_with_deeds
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

    def show(refused: str, status: int) -> HttpResponse:
        facts = project_facts.read(index, name if is_normalized(name) else "")
        return page(request, "admin/project.html", status, refused=refused, facts=facts)

    deeds: dict[str, Deed] = {
        "quarantine": partial(_quarantine, index, name),
        "release": partial(_release, index, name),
        "remove": partial(_remove, index, name),
        "judge": _judge,
    }
    return page_with_deeds(request, actor, deeds, show)


@operators
@recently
def queue(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Reports that wait for a verdict, oldest first."""

    def show(refused: str, status: int) -> HttpResponse:
        count, _age = reports.backlog(parts_of(request).clock.now())
        rows = reports.waiting_reports(0, REPORTS_MAX)
        return page(request, "admin/moderation.html", status, refused=refused, rows=rows, count=count)

    return page_with_deeds(request, actor, {"judge": _judge}, show)


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
    digests = project_facts.digests_of(index, name, asked.lists("sha256")[: project_facts.FILES_MAX])
    if not digests:
        raise NotAccepted("choose the files whose bytes go")
    reason, legal = asked.text("reason"), asked.text("legal", "no") == "on"
    remove_bytes(asked.parts.publisher, digests, reason, legal, asked.actor, deadline=asked.deadline)
    return Done(f"{len(digests)} {'file is' if len(digests) == 1 else 'files are'} taken down for good.")


def _judge(asked: Asked) -> Done:
    verdict, report = asked.text("verdict"), asked.number("report")
    if verdict not in _VERDICTS:
        raise NotAccepted(f"a verdict is one of {', '.join(_VERDICTS)}")
    reason = asked.text("reason", "")
    if verdict == "remove":
        asked.confirmed("remove")
    verdicts.judge_report(asked.parts.publisher, report, verdict, reason, asked.actor, deadline=asked.deadline)
    return Done(f"What was reported {_VERDICTS[verdict]}.")
