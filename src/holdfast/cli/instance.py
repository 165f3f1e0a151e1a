"""What `serve` and `check` ask of the database, in a process of its own so that neither ever imports Django."""

import json
import os

import click

from holdfast.cli.errors import config_or_exit, fail
from holdfast.core.errors import Outcome


@click.command("_initialise", hidden=True)
@click.option("--token", "token_name", default="", help="Then make a token of that name, and print it alone.")
def initialise(token_name: str) -> None:
    """Make a new instance in an empty data folder, or recognise the one that is there."""
    from holdfast.control import instance
    from holdfast.store.opening import configured_store, create_configured_store

    config = config_or_exit(os.environ)
    opening = configured_store if config.marker.exists() else create_configured_store
    try:
        instance.initialise(config, opening(config))
    except (Outcome, ValueError) as error:
        fail(str(error))
    if token_name:
        from holdfast.cli.token import token

        token.commands["create"].main([token_name], standalone_mode=False)


@click.command("_check-database", hidden=True)
def check_database() -> None:
    """Print {"ok", "text", "key_trouble"} as JSON: marker, tree and database belong together, and the newest serial.

    The secret key is held to a database of this release only.
    """
    from holdfast.control import instance
    from holdfast.control.database import django_setup
    from holdfast.store.opening import configured_store

    config = config_or_exit(os.environ)
    django_setup(config)
    from holdfast.control.key_check import key_trouble  # its models need the set-up above
    from holdfast.control.newer import has_pending_migrations, told_newer
    from holdfast.control.publication.transaction import current_serial

    try:
        instance.check_instance(config, configured_store(config))
        is_pending = has_pending_migrations()
        pending = "; migrations are pending, control runs them" if is_pending else ""
        newer = f"; {sentence}" if (sentence := told_newer()) else ""
        text = f"instance {instance.read_marker(config).instance}, newest serial {current_serial()}{pending}{newer}"
        found = {"ok": True, "text": text, "key_trouble": "" if is_pending else key_trouble(config)}
    except (Outcome, ValueError) as error:
        found = {"ok": False, "text": str(error), "key_trouble": ""}
    click.echo(json.dumps(found))


commands: list[click.Command] = [initialise, check_database]
