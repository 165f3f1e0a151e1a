"""`holdfast audit`: who did what through which credential, and whether the trail is whole."""

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from holdfast.cli.control_tools import open_desk

if TYPE_CHECKING:
    from holdfast.control.accounts.audit import Begun
    from holdfast.control.accounts.models import AuditEvent

SHOWN = 50


@click.group()
def audit() -> None:
    """The audit trail: list, verify, export."""


@audit.command("list")
@click.option("--last", default=SHOWN, show_default=True, metavar="N", help="How many events.")
@click.option("--project", default="", metavar="INDEX/NAME", help="What was done to one project.")
@click.option("--user", default="", help="What one person did.")
@click.option("--json", "as_json", is_flag=True, help="For programs, one event a line.")
def list_(last: int, project: str, user: str, as_json: bool) -> None:
    """Show the newest events, newest first. What the monitor publishes is shown with --project or --json alone."""
    with open_desk():
        from holdfast.control.accounts.audit_reading import about_project, without_monitors
        from holdfast.control.accounts.models import AuditEvent
        from holdfast.control.database import read_snapshot

        index, _, name = project.partition("/")
        rows = (about_project(index, name) if project else AuditEvent.objects.all()).order_by("-id")
        if user:
            rows = rows.filter(actor=user)
        if not project and not as_json:
            rows = without_monitors(rows)
        with read_snapshot():
            found = list(rows[: max(1, last)])
    for event in found:
        click.echo(json.dumps(_document(event)) if as_json else _line(event))


@audit.command()
def verify() -> None:
    """Follow the chain and compare it with the heads in the tree; the first broken event is named. Exit code 1 then."""
    with open_desk() as desk:
        from holdfast.control.accounts import trail

        found = trail.verify(desk.store, desk.config.instance)
    click.echo(f"{found.count} events hold, {found.heads} published heads compared, {found.strays} not chained yet")
    if found.begun:
        click.echo(_beginning(found.begun, found.ended))
    for problem in found.problems:
        click.echo(f"BROKEN: {problem}", err=True)
    if found.problems:
        sys.exit(1)


@audit.command()
def export() -> None:
    """Write the whole trail to standard output, one JSON object a line, in the order of the chain."""
    with open_desk():
        from holdfast.control.accounts.models import AuditEvent
        from holdfast.control.database import database_guard

        for event in _all(AuditEvent, database_guard):
            click.echo(json.dumps(_document(event)))


def _beginning(begun: "Begun", ended: datetime | None) -> str:
    said = f"a new trail since `holdfast rebuild`, begun at {begun.at:%Y-%m-%d %H:%M} UTC"
    if ended is None:
        return f"{said}; no end of an old one was published"
    return f"{said}; the old one's last published end is event {begun.after}, of {ended:%Y-%m-%d %H:%M} UTC"


def _all(model: Any, guard: Any) -> Iterator["AuditEvent"]:
    """Every chained event, a batch at a time, so that a long trail is never in memory as a whole."""
    after = 0
    while True:
        with guard():
            batch = list(model.objects.filter(position__gt=after).order_by("position")[:1000])
        yield from batch
        if not batch:
            return
        after = batch[-1].position


def _line(event: "AuditEvent") -> str:
    by = f"{event.actor or event.credential} ({event.credential or 'token'}{' ' + event.token if event.token else ''})"
    detail = f"  {json.dumps(event.detail)}" if event.detail else ""
    return f"{event.created:%Y-%m-%d %H:%M:%S} UTC  {by}  {event.action}  {event.subject}{detail}"


def _document(event: "AuditEvent") -> dict[str, Any]:
    from holdfast.core.model import format_time

    return {
        "position": event.position,
        "at": format_time(event.created),
        "serial": event.serial,
        "actor": event.actor,
        "credential": event.credential,
        "token": event.token,
        "network": event.network,
        "action": event.action,
        "subject": event.subject,
        "detail": event.detail,
        "hash": event.hash,
    }


commands: list[click.Command] = [audit]
