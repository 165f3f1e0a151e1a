"""`holdfast fsck|reconcile|rebuild|backup|restore`: keeping database and tree whole, and telling what was done."""

import sys
from pathlib import Path

import click

from holdfast.cli.control_tools import command_config, open_desk, outcomes
from holdfast.cli.errors import fail
from holdfast.config import Config


@click.command("_initialise", hidden=True)
def initialise() -> None:
    """Prepare a new data folder; recognise one that is prepared."""
    config = command_config()
    with outcomes():
        from holdfast.control.database import django_setup

        django_setup(config)
        from holdfast.control import instance
        from holdfast.store.opening import create_configured_store

        instance.initialise(config, create_configured_store(config))


@click.command()
@click.option("--repair", is_flag=True, help="Repair what can be repaired.")
@click.option("--deep", is_flag=True, help="Hash files of any size, not only those below 64 MiB.")
@click.option("--pair", is_flag=True, help="Instead, make both stores of a pair equal; --deep compares all bytes.")
def fsck(repair: bool, deep: bool, pair: bool) -> None:
    """Compare the published tree with its digests and with the database.

    Exit code 0: all is whole, or was repaired (a line for each; the last line counts them). 1: something is wrong that
    was not repaired, or nothing could be looked at. 2: a setting or an option is wrong.
    """
    config = command_config()
    if pair:
        with outcomes():
            sys.exit(_make_equal(config, deep=deep))
    with outcomes():
        from holdfast.control.database import django_setup

        django_setup(config)
        from holdfast.control.publication.fsck import check

        report = check(config, repair=repair, deep=deep, say=click.echo)
        click.echo(report.summary())
        sys.exit(1 if report.findings else 0)


def _make_equal(config: Config, *, deep: bool) -> int:
    from holdfast.store.convergence import compare
    from holdfast.store.opening import configured_store
    from holdfast.store.paired import PairedStore

    store = configured_store(config)
    if not isinstance(store, PairedStore):
        fail("there is no second store: `store_pair` names one")
    done = compare(store, config.spool_folder, lambda _: None, deep=deep)
    for key in done.differing:
        click.echo(f"made equal: {key}")
    for key in done.damaged:
        click.echo(f"damaged in both stores: {key}; upload it again, or put it back from a backup")
    click.echo(
        f"compared {done.compared} objects: {done.healed} were noted and are healed, {done.waiting} wait,"
        f" {len(done.differing)} differed without a note, {len(done.damaged)} are damaged"
    )
    return 0 if done.is_clean else 1


@click.command()
def reconcile() -> None:
    """Bring a restored database up to the published tree, so that writing may go on."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.publication import reconcile as work

        done = work.reconcile(desk.publisher, operator(), desk.deadline)
        click.echo(f"the database was at serial {done.counter_before}, the tree at {done.head}; both agree now")
        if done.projects:
            click.echo(f"took {done.projects} projects over from the tree")
        if done.tokens:
            click.echo(f"{done.tokens} tokens came back with the right to read alone; upload rights need new tokens")
        for name in done.republished:
            click.echo(f"published again: {name}")
        for name in done.handed:
            click.echo(f"changed hands since: {name}; publishers, invitations and webhooks of the hands before ended")
        for who in done.left:
            click.echo(f"had left since: {who}; give the place again where that is wrong")


@click.command()
def rebuild() -> None:
    """Make a new database from the published tree alone."""
    config = command_config()
    with outcomes():
        from holdfast.control.database import django_setup

        django_setup(config)
        from holdfast.clock import SystemClock
        from holdfast.control.publication import rebuild as work
        from holdfast.store.opening import configured_store

        done = work.rebuild(config, configured_store(config), SystemClock())
        click.echo(f"rebuilt {done.projects} projects up to serial {done.serial}")
        click.echo(
            f"people have no credentials and {done.tokens} tokens may only read; `holdfast token create` makes new ones"
        )


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def backup(file: Path | None) -> None:
    """Copy the database, in use or not, into FILE or the data folder's backups; print the path."""
    with open_desk() as desk:
        from holdfast.control import backup as work

        click.echo(work.backup(desk.config, file, desk.publisher.clock))


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def restore(file: Path) -> None:
    """Put a backup's database in place, also under a running server, which notices by itself."""
    config = command_config()
    with outcomes():
        from holdfast.control.database import django_setup

        django_setup(config)
        from holdfast.clock import SystemClock
        from holdfast.control import backup as work
        from holdfast.control.secret_key import key_file
        from holdfast.store.opening import configured_store

        done = work.restore(config, configured_store(config), file, SystemClock())
        click.echo(
            f"restored the database of {done.manifest.created:%Y-%m-%d %H:%M:%S} UTC, serial {done.manifest.serial}"
        )
        if done.kept:
            click.echo(f"the database that was there is kept as {done.kept}")
        for line in done.ended.accounts:
            click.echo(f"as the published tree says: {line}")
        click.echo(
            f"ended {done.ended.sessions} browser sessions and {done.ended.invitations} open invitations to sign up"
        )
        click.echo(
            "passwords, second factors, teams, grants, publishers, webhooks and offers are those of then: look whether"
            " somebody or something that was let go since is back"
        )
        if not key_file(config).exists():
            click.echo(
                f"there is no secret key at {key_file(config)}: put the one of then there before the next start, or a"
                " new one is made and people set their second factors up again"
            )
        if done.is_behind:
            click.echo(
                f"the published tree is at serial {done.head}: run `holdfast reconcile` before anything is written"
            )


commands: list[click.Command] = [initialise, fsck, reconcile, rebuild, backup, restore]
