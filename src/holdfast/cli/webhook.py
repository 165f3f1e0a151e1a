"""`holdfast webhook`: where events are posted to, and what became of them."""

import click

from holdfast.cli.control_tools import known_index, open_desk, project_name
from holdfast.cli.errors import fail

_index = click.option("--index", default="", help="Of this hosted index. Default: of every index.")
_project = click.option("--project", "name", default="", help="Of one project in --index.")


@click.group()
def webhook() -> None:
    """Post what is done to other systems."""


@webhook.command()
@click.argument("url")
@click.option("--event", "events", multiple=True, help="publish, yank, delete, role, status, quarantine. Default: all.")
@_index
@_project
def add(url: str, events: tuple[str, ...], index: str, name: str) -> None:
    """Have events posted to URL. Prints the secret that signs them, once."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.hooks.actions import Wanted, make_webhook
        from holdfast.control.hooks.queueing import EVENTS
        from holdfast.control.secret_key import read_keys

        place, known = _place(index, name)
        if place:
            known_index(desk.config, place)
        wanted = Wanted(place, known, url, events or EVENTS)
        keys, networks = read_keys(desk.config), desk.config.webhook_networks
        made = make_webhook(desk.publisher, wanted, keys, operator(), networks=networks, deadline=desk.deadline)
        click.echo(f"webhook {made.id}", err=True)
        click.echo(made.secret)


@webhook.command("list")
@_index
@_project
def list_(index: str, name: str) -> None:
    """Webhooks there are, and what became of their newest events."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.hooks.actions import list_webhooks

        place, known = _place(index, name)
        for one in list_webhooks(desk.publisher, place, known, operator()):
            state = f"stopped: {one.stopped_why}" if one.stopped else "failing" if one.failing_since else "works"
            waiting = sum(delivery.done is None for delivery in one.deliveries)
            click.echo(f"{one.id}  {one.url}  {','.join(one.events)}  {state}  {waiting} waiting")


@webhook.command()
@click.argument("number", type=int)
@_index
@_project
def end(number: int, index: str, name: str) -> None:
    """End a webhook, with what waits for it."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.hooks.actions import end_webhook

        place, known = _place(index, name)
        end_webhook(desk.publisher, place, known, number, operator(), deadline=desk.deadline)
        click.echo(f"ended webhook {number}")


def _place(index: str, name: str) -> tuple[str, str]:
    if name and not index:
        fail("say which index the project is in: --index")
    return index, project_name(name) if name else ""


commands: list[click.Command] = [webhook]
