"""`holdfast moderate`: reports and verdicts, quarantines of many projects at once, prohibited names, banned networks.

Prohibitions and bans are written to the store, so they need no database; the rest is in it.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from holdfast.cli.control_tools import index_option, known_index, one_line, open_desk, project_name
from holdfast.cli.errors import fail
from holdfast.cli.switch import note_decision, open_store
from holdfast.cli.who import who
from holdfast.tree.bans import BAN_DEFAULT, BAN_MAX, EVERY_INDEX, as_network, new_ban, new_prohibition

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.cli.control_tools import Desk

SHOWN = 50
KINDS = ("malware", "spam", "dependency-confusion", "other")  # of control/moderation/reports.py, which wants Django
SOON = "in force within a second on every machine"

reason_option = click.option("--reason", required=True, help="Shown to whoever is concerned.")
every_index = click.option("--index", default=EVERY_INDEX, help="In this index alone; without it in every one.")
pattern_option = click.option("--pattern", default="", metavar="NAME-*", help="All projects so named.")
user_option = click.option("--user", default="", help="All projects this person owns.")


@click.group()
def moderate() -> None:
    """Reports, quarantines, prohibited names, banned networks."""


@moderate.command()
@click.option("--last", default=SHOWN, show_default=True, metavar="N", help="How many.")
def queue(last: int) -> None:
    """Reports that wait for a verdict, oldest first."""
    with open_desk():
        from holdfast.control.moderation.reports import backlog, waiting_reports

        rows = waiting_reports(0, max(1, last))
        waiting, oldest = backlog(datetime.now(UTC))
    click.echo(f"{waiting} waiting, the oldest for {timedelta(seconds=int(oldest))}")
    for row in rows:
        by = f"{row.reporter}{' (trusted)' if row.trusted else ''}"
        text = one_line(row.text)
        click.echo(
            f"{row.pk:>6}  {row.project.index}/{row.project.name} ({row.project.status})  {row.kind} by {by}: {text}"
        )


@moderate.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), default="malware", show_default=True)
@click.option("--text", required=True, help="What was seen, and where.")
@index_option
def report(name: str, kind: str, text: str, index: str) -> None:
    """Put a project into the moderators' queue."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.moderation.reports import report_project

        known = desk.config.index(known_index(desk.config, index))
        assert known is not None, index
        made = report_project(desk.publisher, known, project_name(name), kind, text, operator(), deadline=desk.deadline)
        click.echo(f"report {made.id}{', quarantined by the rules' if made.quarantined else ''}")


@moderate.command()
@click.argument("report", type=int)
@click.argument("verdict", type=click.Choice(["not-malware", "quarantine", "remove"]))
@click.option("--reason", default="", help="Shown with a quarantine.")
def judge(report: int, verdict: str, reason: str) -> None:
    """Decide REPORT and all others of its project. `remove` takes the bytes down for good."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.moderation.verdicts import judge_report

        judge_report(desk.publisher, report, verdict, one_line(reason), operator(), deadline=desk.deadline)
        click.echo(f"report {report}: {verdict}")


@moderate.command()
@click.argument("names", nargs=-1)
@reason_option
@pattern_option
@user_option
@index_option
def quarantine(names: tuple[str, ...], reason: str, pattern: str, user: str, index: str) -> None:
    """Hide projects and refuse their bytes, until `release`."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.moderation.verdicts import quarantine_project

        def act(name: str) -> None:
            quarantine_project(desk.publisher, index, name, one_line(reason), operator(), deadline=desk.deadline)

        _each(desk, index, names, (pattern, user), act, "is quarantined")


@moderate.command()
@click.argument("names", nargs=-1)
@pattern_option
@user_option
@index_option
def release(names: tuple[str, ...], pattern: str, user: str, index: str) -> None:
    """End quarantines; the status before them is in force again."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.moderation.verdicts import release_project

        def act(name: str) -> None:
            release_project(desk.publisher, index, name, operator(), deadline=desk.deadline)

        _each(desk, index, names, (pattern, user), act, "is out of quarantine")


@moderate.command()
@click.argument("user")
@click.option("--remove", is_flag=True, help="Trust them no longer.")
def observer(user: str, remove: bool) -> None:
    """Trust the reports of USER, a security team or a scanner: a young project is quarantined at their word."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.moderation.reports import add_observer, remove_observer

        act = remove_observer if remove else add_observer
        act(desk.publisher, user, operator(), deadline=desk.deadline)
        click.echo(f"{user} is {'no ' if remove else 'a '}trusted observer")


@moderate.command()
@click.argument("pattern")
@reason_option
@every_index
def prohibit(pattern: str, reason: str, index: str) -> None:
    """Let no new project take a name, or a name that fits a pattern (`acme-*`)."""
    with open_store() as (config, store):
        from holdfast.control.moderation import deciding

        if index != EVERY_INDEX:
            known_index(config, index)
        try:
            made = new_prohibition(index, pattern, one_line(reason), who(), datetime.now(UTC))
        except ValueError as error:
            fail(str(error))
        deciding.prohibit(store, made)
        click.echo(f"no new project is named {made.pattern}; {SOON}")
        note_decision(config, store, "prohibit-name", f"{index}/{made.pattern}", reason=made.reason)


@moderate.command()
@click.argument("pattern")
@every_index
def permit(pattern: str, index: str) -> None:
    """Take a prohibition back."""
    with open_store() as (config, store):
        from holdfast.control.moderation import deciding

        deciding.permit(store, index, pattern, who(), datetime.now(UTC))
        click.echo(f"{pattern} may be created again; {SOON}")
        note_decision(config, store, "permit-name", f"{index}/{pattern}")


@moderate.command()
@click.argument("network")
@reason_option
@click.option("--for", "duration", default="", metavar="7d", help="How long; 7 days unless told otherwise.")
@click.option("--no-expiry", is_flag=True, help="Until somebody lifts it.")
def ban(network: str, reason: str, duration: str, no_expiry: bool) -> None:
    """Shut an address or a network out from every change, whatever its credentials. Reading goes on."""
    now = datetime.now(UTC)
    with open_store() as (config, store):
        from holdfast.control.moderation import deciding
        from holdfast.control.switches import switching

        until = None if no_expiry else now + _duration(duration)
        try:
            made = new_ban(network, one_line(reason), until, who(), now, (*config.trusted_proxies, *_own_address()))
        except ValueError as error:
            fail(str(error))
        deciding.ban(store, made)
        ends = f"until {until:%Y-%m-%d %H:%M} UTC" if until else "until it is lifted"
        click.echo(f"{made.network} is banned {ends}; {SOON}")
        click.echo(
            f"administrators are refused there, too; take it back with: holdfast moderate lift-ban {made.network}"
        )
        note_decision(config, store, "ban-network", made.network, **switching.terms(made.reason, made.until))


@moderate.command("lift-ban")
@click.argument("network")
def lift_ban(network: str) -> None:
    """Let a network in again."""
    with open_store() as (config, store):
        from holdfast.control.moderation import deciding

        deciding.lift_ban(store, network, who(), datetime.now(UTC))
        click.echo(f"{network} is let in again; {SOON}")
        note_decision(config, store, "lift-ban", network)


@moderate.command("list")
def list_() -> None:
    """Show prohibited names and banned networks."""
    from holdfast.tree.overrides import newest

    now = datetime.now(UTC)
    with open_store() as (_, store):
        decided = newest(store)
    for name in decided.prohibited:
        click.echo(f"name     {name.index}/{name.pattern}, by {name.by}: {name.reason}")
    for one in decided.bans:
        if one.is_in_force(now):
            until = f"until {one.until:%Y-%m-%d %H:%M} UTC" if one.until else "without an end"
            click.echo(f"network  {one.network} {until}, by {one.by}: {one.reason}")


def _each(
    desk: "Desk",
    index: str,
    names: tuple[str, ...],
    wanted: tuple[str, str],
    act: "Callable[[str], None]",
    done: str,
) -> None:
    """Do it to the named projects, or to all that fit."""
    from holdfast.control.moderation.verdicts import projects_matching

    known_index(desk.config, index)
    if names and any(wanted):
        fail("name projects, or a pattern and a user, not both")
    for name in [project_name(name) for name in names] or projects_matching(index, *wanted):
        act(name)
        click.echo(f"{name} {done}")


def _own_address() -> tuple[str, ...]:
    """Where the operator sits, if they came by ssh: at the keyboard of the machine itself nobody can be shut out."""
    address = os.environ.get("SSH_CONNECTION", "").partition(" ")[0].partition("%")[0]
    try:
        return (str(as_network(address)),) if address else ()
    except ValueError:
        return ()


def _duration(text: str) -> timedelta:
    from holdfast.settings.values import parse_age

    try:
        found = timedelta(seconds=parse_age(text)) if text else BAN_DEFAULT
    except ValueError as error:
        fail(f"--for must be {error}; a good one: 7d")
    if not timedelta() < found <= BAN_MAX:
        fail(f"--for must be above zero and at most {BAN_MAX.days} days; without an end: --no-expiry")
    return found


commands: list[click.Command] = [moderate]
