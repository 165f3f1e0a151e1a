"""`holdfast key`: the secret key that signs cookies and encrypts second factors."""

import click

from holdfast.cli.control_tools import open_desk
from holdfast.cli.errors import fail


@click.group()
def key() -> None:
    """The secret key: whether it is the right one, and changing it."""


@key.command()
def check() -> None:
    """Say whether the key is the one that this database was used with."""
    with open_desk() as desk:
        from holdfast.control.key_check import key_trouble
        from holdfast.control.secret_key import key_file

        if trouble := key_trouble(desk.config):
            fail(trouble)
        click.echo(f"the secret key {key_file(desk.config)} is the one of this database")


@key.command()
@click.option("--lost", is_flag=True, help="Forget second factors whose key is gone for good; their people are told.")
def renew(lost: bool) -> None:
    """Encrypt second factors anew with the key in force, so that the earlier one may go."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.key_check import renew_key

        renewed, forgotten = renew_key(desk.publisher, desk.config, lost, operator(), deadline=desk.deadline)
        click.echo(f"{renewed} encrypted anew, {forgotten} forgotten; start the server again")


commands: list[click.Command] = [key]
