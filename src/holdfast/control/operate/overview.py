"""`/admin/`: the whole system on one page; `/admin/stuck/`: what waits for a person to look."""

from django.http import HttpRequest, HttpResponse

from holdfast.control.accounts.actor import Actor
from holdfast.control.http import parts_of
from holdfast.control.key_check import key_trouble
from holdfast.control.monitors import results
from holdfast.control.operate import system_facts
from holdfast.control.operate.doors import administrators, operators
from holdfast.control.web.pages import page


@operators
def overview(request: HttpRequest, actor: Actor) -> HttpResponse:
    """How things are. The audit trail's end is for administrators alone."""
    parts = parts_of(request)
    return page(
        request,
        "admin/overview.html",
        facts=system_facts.read(parts.clock.now()),
        key_trouble=key_trouble(parts.config),
        switches=parts.switches.in_force(),
        monitors=results(parts.config),
        events=system_facts.newest_events() if actor.is_admin else (),
        is_admin=actor.is_admin,
    )


@administrators
def stuck(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Publications that were held, and mails that were given up."""
    return page(
        request,
        "admin/stuck.html",
        publications=system_facts.stuck_publications(),
        mails=system_facts.stuck_mails(),
    )
