"""`holdfast switch`: stop a capability for a while, in the middle of an incident. Installs are never touched.

Written to the store, so it needs neither the database nor a running instance, and every machine over that store keeps
to it within a second. The database's audit trail is told when there is a database.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from holdfast import log as logging
from holdfast.cli.control_tools import known_index, one_line, outcomes
from holdfast.cli.errors import config_or_exit, fail
from holdfast.cli.who import who
from holdfast.config import Config
from holdfast.tree.switches import CAPABILITIES, EVERYWHERE, EXPIRY_DEFAULT, EXPIRY_MAX

if TYPE_CHECKING:
    from holdfast.store.port import Store
    from holdfast.tree.switches import Switch

AUDIT_SECONDS = 2.0  # how long the database is waited for; the switch is in force already
HISTORY_CHANGES = 50
IN_FORCE = "in force within a second on every machine"

capability_argument = click.argument("capability", type=click.Choice(list(CAPABILITIES)), metavar="CAPABILITY")
scope_option = click.option(
    "--scope", default=EVERYWHERE, metavar="INDEX[/PATTERN]", help="Only there; an issuer's URL for trusted-publishing."
)
for_option = click.option("--for", "duration", default="", metavar="24h", help="How long; 24 h unless told otherwise.")
no_expiry_option = click.option("--no-expiry", is_flag=True, help="Until somebody switches it on again.")
as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def switch() -> None:
    """Kill switches: stop a capability for a while. Installs go on, whatever is switched off."""


@switch.command()
@capability_argument
@click.option("--reason", required=True, help="Shown to everybody who is refused.")
@scope_option
@for_option
@no_expiry_option
@click.option("--status-url", default="", help="Where people can follow what happens.")
@click.option("--banner", default=None, help="What public pages show; the reason with its end unless told otherwise.")
@click.option("--no-banner", is_flag=True, help="Show nothing on public pages.")
def off(
    capability: str,
    reason: str,
    scope: str,
    duration: str,
    no_expiry: bool,
    status_url: str,
    banner: str | None,
    no_banner: bool,
) -> None:
    """Stop CAPABILITY. It is on again by itself after 24 hours; only a person can extend that."""
    from holdfast.tree.switches import new_switch

    now = datetime.now(UTC)
    shown = "" if no_banner else one_line(banner) if banner is not None else None
    with open_store() as (config, store):
        from holdfast.control.switches import switching

        _demand_index(config, scope)
        try:
            made = new_switch(
                capability,
                scope=scope,
                reason=one_line(reason),
                status_url=status_url,
                banner=shown,
                until=_until(duration, no_expiry, now),
                by=who(),
                now=now,
            )
        except ValueError as error:
            fail(str(error))
        kept = switching.switch_off(store, made)
        click.echo(f"{kept.sentence()}\n{IN_FORCE}; take it back with: holdfast switch on {_named(capability, scope)}")
        _audit(config, store, "switch-off", capability, scope, **switching.terms(kept.reason, kept.until))


@switch.command()
@capability_argument
@scope_option
def on(capability: str, scope: str) -> None:
    """Take the switch of CAPABILITY back."""
    with open_store() as (config, store):
        from holdfast.control.switches import switching

        switching.switch_on(store, capability, scope, who(), datetime.now(UTC))
        click.echo(f"{_named(capability, scope)} is on; {IN_FORCE}")
        _audit(config, store, "switch-on", capability, scope)


@switch.command()
@capability_argument
@scope_option
@for_option
@no_expiry_option
def extend(capability: str, scope: str, duration: str, no_expiry: bool) -> None:
    """Move the end of a switch: 24 hours from now, unless told otherwise."""
    now = datetime.now(UTC)
    with open_store() as (config, store):
        from holdfast.control.switches import switching

        kept = switching.extend(store, capability, scope, _until(duration, no_expiry, now), who(), now)
        click.echo(kept.sentence())
        _audit(config, store, "extend-switch", capability, scope, **switching.terms(kept.reason, kept.until))


@switch.command("list")
@as_json_option
def list_(as_json: bool) -> None:
    """Show what is switched off."""
    from holdfast.tree.overrides import newest

    now = datetime.now(UTC)
    with open_store() as (_, store):
        found = [one for one in newest(store).switches if one.is_in_force(now)]
    if as_json:
        click.echo(json.dumps({"switches": [_document(one, now) for one in found]}, indent=2))
    elif not found:
        click.echo("everything is on")
    else:
        click.echo("\n".join(line for one in found for line in _lines(one, now)))


@switch.command()
@click.option("--last", default=HISTORY_CHANGES, show_default=True, metavar="N", help="How many changes.")
@as_json_option
def history(last: int, as_json: bool) -> None:
    """Who switched what and when, newest first, among all that operators decided at run time."""
    from holdfast.cli.policy_facts import changes

    with open_store() as (_, store):
        found = changes(store, max(1, last))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for one in found:
        click.echo(f"{one['serial']:>5}  {str(one['at'])[:19].replace('T', ' ')} UTC  {one['by']}  {one['what']}")


@contextmanager
def open_store() -> Iterator[tuple[Config, "Store"]]:
    """The configuration, the store, and Django set up without touching its database."""
    config = config_or_exit(os.environ)
    logging.setup("info", "cli")  # a change leaves its audit line wherever standard error is collected
    with outcomes():
        from holdfast.control.database import django_setup
        from holdfast.store.opening import configured_store

        django_setup(config)
        try:
            store = configured_store(config)
        except ValueError as error:
            fail(str(error))
        yield config, store


def _audit(config: Config, store: "Store", action: str, capability: str, scope: str, **detail: object) -> None:
    subject = capability if scope == EVERYWHERE else f"{capability} of {scope}"
    note_decision(config, store, action, subject, **detail)


def note_decision(config: Config, store: "Store", action: str, subject: str, **detail: object) -> None:
    """Tell the database's audit trail of a decision that is in the store, or say that it was not told."""
    from holdfast.control.accounts.actor import operator
    from holdfast.control.database import close_connection
    from holdfast.control.instance import with_instance
    from holdfast.control.publication.publisher import Publisher
    from holdfast.control.switches import switching
    from holdfast.core.errors import Outcome

    try:
        publisher = Publisher(with_instance(config), store)
        why = switching.note(publisher, action, subject, operator(who()), time.monotonic() + AUDIT_SECONDS, **detail)
    except Outcome as error:
        why = error.reason
    finally:
        close_connection()
    if why:
        click.echo(f"not noted in the audit trail ({why}); `holdfast switch history` has it", err=True)


def _until(duration: str, no_expiry: bool, now: datetime) -> datetime | None:
    from holdfast.settings.values import parse_age

    if no_expiry:
        if duration:
            fail("give --for or --no-expiry, not both")
        return None
    if not duration:
        return now + EXPIRY_DEFAULT
    try:
        seconds = parse_age(duration)
    except ValueError as error:
        fail(f"--for must be {error}; a good one: 24h")
    if not 0 < seconds <= EXPIRY_MAX.total_seconds():
        fail(f"--for must be above zero and at most {EXPIRY_MAX.days} days; without an end: --no-expiry")
    return now + timedelta(seconds=seconds)


def _demand_index(config: Config, scope: str) -> None:
    where = scope.partition("/")[0]
    if where != EVERYWHERE and "://" not in scope:
        known_index(config, where)


def _named(capability: str, scope: str) -> str:
    return capability if scope == EVERYWHERE else f"{capability} --scope {scope}"


def _lines(one: "Switch", now: datetime) -> Iterator[str]:
    """One switch for people."""
    hours = one.age_seconds(now) / 3600
    yield f"{one.capability}  {one.sentence()}"
    yield f"  for {hours:.1f} h, by {one.by}" + (f", extended by {one.extended_by}" if one.extended_by else "")


def _document(one: "Switch", now: datetime) -> dict[str, Any]:
    import msgspec

    document: dict[str, Any] = msgspec.to_builtins(one)
    return {**document, "age_seconds": int(one.age_seconds(now))}


commands: list[click.Command] = [switch]
