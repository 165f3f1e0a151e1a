"""`holdfast policy`: what may come in from upstreams, decided by operators while the instance runs.

Everything is written to the store, as one more change that says who, when and why: it needs neither the database nor
a running instance, and every machine over that store keeps to it within two seconds.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
import structlog

from holdfast import log as logging
from holdfast.cli.control_tools import known_index, one_line, outcomes, pinned_release
from holdfast.cli.errors import config_or_exit, fail
from holdfast.config import DEFAULT_INDEX, Config

if TYPE_CHECKING:
    from holdfast.core.rules import Denied
    from holdfast.store.port import Store
    from holdfast.tree.overrides import Overrides

log = structlog.get_logger()

EVERY_INDEX = "*"
PASS_SECONDS_MAX = 30 * 86_400  # break-glass is for an urgent fix; what should hold longer is a setting
HISTORY_CHANGES = 50
SOON = "in force within two seconds"

index_or_all = click.option("--index", default="", help="In this index alone; without it in every one.")
one_index = click.option("--index", default=DEFAULT_INDEX, show_default=True, help="The index.")
as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")
reason_option = click.option(
    "--reason", required=True, help="Why; kept, and shown to clients where it holds them back."
)


@click.group()
def policy() -> None:
    """What may come in from upstreams: see it, deny, let through, explain."""


@policy.command()
@index_or_all
@as_json_option
def show(index: str, as_json: bool) -> None:
    """Show the rules in force: settings, what operators decided, and the advisories."""
    from holdfast.cli.policy_facts import facts_in_force, lines_in_force

    with _open() as (config, store):
        if index:
            known_index(config, index)
        facts = facts_in_force(config, store, index, datetime.now(UTC))
    click.echo(json.dumps(facts, indent=2) if as_json else "\n".join(lines_in_force(facts)))


@policy.command()
@click.argument("what", metavar="REQUIREMENT|PATTERN")
@reason_option
@index_or_all
def deny(what: str, reason: str, index: str) -> None:
    """Let no file of such versions in: a requirement (`acme<2`), a name or a name pattern (`acme-*`)."""
    from holdfast.tree.overrides import Denial
    from holdfast.tree.policy_edits import with_denial

    found, reason = _denied(what), _reason(reason)
    with _open() as (config, store):
        where = known_index(config, index) if index else EVERY_INDEX
        now, rule = datetime.now(UTC), found.pattern + found.versions
        denial = Denial(index=where, what=rule, reason=reason, by=_who(), at=now)

        _change(store, lambda old: with_denial(old, denial), f"denied {rule} in {_place(where)}: {reason}", now)
        click.echo(f"{rule} is denied in {_place(where)}; {SOON}")


@policy.command()
@click.argument("what", metavar="REQUIREMENT|PATTERN")
@index_or_all
def undeny(what: str, index: str) -> None:
    """Take a denial back that `deny` made."""
    from holdfast.tree.overrides import newest
    from holdfast.tree.policy_edits import is_denied, without_denial

    found = _denied(what)
    with _open() as (config, store):
        where = known_index(config, index) if index else EVERY_INDEX
        rule = found.pattern + found.versions
        decided = newest(store)
        if not is_denied(decided, rule, where):
            fail(
                _nothing_to_undeny(
                    config, rule, where, [f"{one.what} in {_place(one.index)}" for one in decided.denials]
                )
            )

        _change(
            store,
            lambda old: without_denial(old, rule, where),
            f"no longer denied {rule} in {_place(where)}",
            datetime.now(UTC),
        )
        click.echo(f"{rule} is no longer denied in {_place(where)}; {SOON}")


@policy.command("pass")
@click.argument("release", metavar="PROJECT==VERSION")
@click.option("--for", "duration", required=True, metavar="24h", help="How long; 30 days at most.")
@reason_option
@one_index
def pass_(release: str, duration: str, reason: str, index: str) -> None:
    """Break-glass: let one version through the cooldown for a while. Never through a denial or known malware."""
    from holdfast.cli.policy_facts import obstacle
    from holdfast.tree.overrides import PolicyPass
    from holdfast.tree.policy_edits import with_pass

    name, version = pinned_release(release)
    now, reason = datetime.now(UTC), _reason(reason)
    until = now + timedelta(seconds=_pass_seconds(duration))
    with _open() as (config, store):
        known_index(config, index)
        if why := obstacle(config, store, index, name, version):
            fail(f"a pass only ends the wait of a cooldown, and {why}")
        granted = PolicyPass(
            index=index, project=name, version=version, until=until, reason=reason, by=_who(), at=now
        )  # fmt: skip

        until_text = f"{until:%Y-%m-%d %H:%M:%S} UTC"
        _change(
            store,
            lambda old: with_pass(old, granted),
            f"let {name}=={version} through in index {index} until {until_text}: {reason}",
            now,
        )
        click.echo(f"{name} {version} is let through in index {index} until {until_text}; {SOON}")


@policy.command()
@click.argument("release", metavar="PROJECT==VERSION")
@one_index
def unpass(release: str, index: str) -> None:
    """End a pass before its time."""
    from holdfast.tree.overrides import newest
    from holdfast.tree.policy_edits import passes_in_force, release_of, without_pass

    name, version = pinned_release(release)
    key = (index, name, version)
    with _open() as (config, store):
        known_index(config, index)
        now = datetime.now(UTC)
        passes = passes_in_force(newest(store), now)
        if key not in map(release_of, passes):
            known = ", ".join(f"{p.project}=={p.version} in index {p.index}" for p in passes) or "none"
            fail(f"no pass for {name}=={version} is in force in index {index}; in force: {known}")

        _change(store, lambda old: without_pass(old, key), f"ended the pass of {name}=={version} in index {index}", now)
        click.echo(f"the pass of {name} {version} in index {index} has ended; {SOON}")


@policy.command()
@click.argument("release", metavar="PROJECT==VERSION")
@one_index
@as_json_option
def explain(release: str, index: str, as_json: bool) -> None:
    """Say which rule holds a version back and why, as far as what is kept here tells."""
    from holdfast.cli.policy_explain import explanation, lines_of

    name, version = pinned_release(release)
    with _open() as (config, store):
        known_index(config, index)
        facts = explanation(config, store, index, name, version)
    click.echo(json.dumps(facts, indent=2) if as_json else "\n".join(lines_of(facts)))


@policy.command()
@click.option("--last", default=HISTORY_CHANGES, show_default=True, metavar="N", help="How many changes.")
@as_json_option
def history(last: int, as_json: bool) -> None:
    """Who changed what and when, newest first: policy, switches of upstreams, advisories."""
    from holdfast.cli.policy_facts import changes

    with _open() as (_, store):
        found = changes(store, max(1, last))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found:
        click.echo("nothing was ever changed at run time")
    for one in found:
        click.echo(f"{one['serial']:>5}  {str(one['at'])[:19].replace('T', ' ')} UTC  {one['by']}  {one['what']}")


@policy.command()
@click.option("--check", is_flag=True, help="Only say what would change.")
def reload(check: bool) -> None:
    """Put the policy of changed settings in force without a start: cooldowns, allow, deny, require and their like.

    Settings that are wrong anywhere change nothing. What else has changed is named, and waits for a start.
    """
    from holdfast.cli.switch import note_decision, open_store

    with open_store() as (config, store):
        from holdfast.control.policy_reloading import reload_and_note, what_changed

        found = reload_and_note(config, store, _who(), datetime.now(UTC), apply=not check)
        for line in found.changed:
            click.echo(line)
        if not found.changed:
            click.echo("no policy setting has changed")
        elif not check:
            click.echo(SOON)
            note_decision(config, store, "reload-policy", what_changed(found))
        if found.waiting:
            click.echo(f"changed, and waiting for a start: {', '.join(found.waiting)}")


@policy.group()
def advisories() -> None:
    """Known malware and vulnerabilities."""


@advisories.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Also one that is older, or lost much of what is in force.")
def import_(path: Path, force: bool) -> None:
    """Take an OSV dump in: a zip file or a folder of JSON files. The setting `advisories` does it by itself."""
    with _open() as (_, store):
        from holdfast.core.model import format_time
        from holdfast.pull.advisories import publish
        from holdfast.pull.osv_dump import compile_dump

        now = datetime.now(UTC)
        with _progress() as tell:
            compiled = compile_dump(path, now, tell)
        met = compiled.met
        click.echo(
            f"{met.read + met.skipped} records: {met.malware} malware and {met.vulnerabilities} vulnerabilities of"
            f" {met.projects} projects; {met.withdrawn} withdrawn, {met.elsewhere} of other ecosystems,"
            f" {met.skipped} skipped"
        )
        done = publish(store, compiled, by=_who(), now=now, by_hand=True, force=force)
        if done.done == "older than what is in force":
            assert done.before is not None
            newer = format_time(done.before.modified) if done.before.modified is not None else "unknown"
            fail(f"{path} is older than the table in force, of {newer}; --force takes it all the same")
        told = f"{SOON}, table {done.digest[:12]}" if done.done == "taken in" else f"table {done.digest[:12]}"
        click.echo(f"{done.done}: {told}")


@contextmanager
def _open() -> Iterator[tuple[Config, "Store"]]:
    """The configuration and the store; what cannot be done ends the command with a sentence."""
    config = config_or_exit(os.environ)
    logging.setup("info", "cli")  # a change leaves its audit line wherever standard error is collected
    with outcomes():
        from holdfast.store.opening import configured_store

        try:
            store = configured_store(config)
        except ValueError as error:
            fail(str(error))
        yield config, store


def _change(store: "Store", edit: "Callable[[Overrides], Overrides]", what: str, now: datetime) -> None:
    from holdfast.tree.overrides import change

    made = change(store, edit, by=_who(), what=what, now=now)
    log.info("audit: %s", made.what, by=made.by, serial=made.serial)


def _who() -> str:
    from holdfast.cli.who import who

    return who()


def _reason(reason: str) -> str:
    """A reason as clients may be shown it."""
    line = one_line(reason)
    if not line:
        fail("--reason must say something: it is kept, and shown to whoever is held back")
    return line


def _denied(what: str) -> "Denied":
    from holdfast.core.rules import denied

    try:
        return denied(what, "")
    except ValueError as error:
        fail(f"{error}; good ones: 'acme<2', acme, 'acme-*'")


def _nothing_to_undeny(config: Config, rule: str, where: str, made: list[str]) -> str:
    from holdfast.tree.policy_edits import is_same_rule

    indexes = [one for one in config.indexes if where in (EVERY_INDEX, one.name)]
    for index in indexes:
        if any(is_same_rule(what, rule) for what, _ in index.deny):
            return (
                f"{rule} is denied by the settings of index {index.name} (`deny`): change it there, then policy reload"
            )
    return f"no command denied {rule} in {_place(where)}; denied: {', '.join(made) or 'nothing'}"


def _place(index: str) -> str:
    return "every index" if index == EVERY_INDEX else f"index {index}"


def _pass_seconds(duration: str) -> int:
    from holdfast.settings.values import parse_age

    try:
        seconds = parse_age(duration)
    except ValueError as error:
        fail(f"--for must be {error}; a good one: 24h")
    if not 0 < seconds <= PASS_SECONDS_MAX:
        days = PASS_SECONDS_MAX // 86_400
        fail(f"--for must be above zero and at most {days} days; for longer, set `cooldown_for` in the settings")
    return seconds


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    with click.progressbar(length=1, label="Reading records", file=sys.stderr, update_min_steps=200) as bar:

        def tell(_done: int, total: int) -> None:
            bar.length = total
            bar.update(1)

        yield tell


commands: list[click.Command] = [policy]
