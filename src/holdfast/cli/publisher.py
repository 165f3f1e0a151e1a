"""`holdfast publisher`: which identities of a CI may publish a project without a token of their own."""

import click

from holdfast.cli.control_tools import index_option, known_index, open_desk, project_name
from holdfast.cli.errors import fail
from holdfast.config import Config, ProviderConfig

OPERATOR = "operator"


@click.group()
def publisher() -> None:
    """Trusted publishers: add, list and remove."""


@publisher.command()
@click.argument("project")
@click.argument("provider")
@click.argument("parts", nargs=-1, metavar="NAME=VALUE...")
@click.option("--pending", is_flag=True, help="For a name that is not in use yet: its first publish creates it.")
@click.option("--user", default=OPERATOR, show_default=True, help="With --pending: who becomes the owner.")
@index_option
def add(project: str, provider: str, parts: tuple[str, ...], pending: bool, user: str, index: str) -> None:
    """Let an identity publish PROJECT, described as its PROVIDER wants it (docs/trusted-publishing.md).

    For GitHub: owner=acme repository=demo workflow=release.yml environment=release.
    """
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.publishers.actions import add_pending, add_publisher

        place, name = known_index(desk.config, index), project_name(project)
        known, claims = _provider(desk.config, provider), _claims(parts)
        order = (desk.publisher, place, name, known, claims)
        if pending:
            made = add_pending(*order, user, operator(), deadline=desk.deadline)
        else:
            made = add_publisher(*order, operator(), deadline=desk.deadline)
        click.echo(f"{made.id}")


@publisher.command("list")
@click.argument("project", required=False)
@index_option
def list_(project: str | None, index: str) -> None:
    """Show a project's publishers, or without PROJECT all pending ones."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.publishers.actions import list_pending, list_publishers

        if project is None:
            found = list_pending(operator())
        else:
            place = known_index(desk.config, index)
            found = list_publishers(place, project_name(project), operator(), desk.publisher.clock.now())
        for one in found:
            parts = " ".join(f"{name}={value}" for name, value in {**one.claims, **one.pinned}.items())
            whose = f"  for {one.registrant} (pending)" if one.registrant else ""
            ended = (
                ""
                if one.in_force
                else f"  out of force: {one.created_by} is frozen or does not own the project any more"
            )
            used = f"  used {one.last_used:%Y-%m-%d}" if one.last_used else ""
            click.echo(f"{one.id}  {one.index}/{one.name}  {one.provider}  {parts}{whose}{used}{ended}")


@publisher.command()
@click.argument("project")
@click.argument("number", type=click.IntRange(1))
@click.option("--pending", is_flag=True, help="A pending one.")
@index_option
def remove(project: str, number: int, pending: bool, index: str) -> None:
    """Take a publisher away by its number; tokens that were minted for it end with it."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.publishers.actions import remove_pending, remove_publisher

        place, name = known_index(desk.config, index), project_name(project)
        if pending:
            remove_pending(desk.publisher, number, operator(), deadline=desk.deadline)
        else:
            remove_publisher(desk.publisher, place, name, number, operator(), deadline=desk.deadline)
        click.echo(f"removed {number}")


def _provider(config: Config, wanted: str) -> ProviderConfig:
    found = next((provider for provider in config.providers if provider.name == wanted), None)
    if found is None:
        known = ", ".join(provider.name for provider in config.providers) or "none: see trusted_publishing"
        fail(f"there is no provider {wanted[:64]!r}; the configured ones: {known}")
    return found


def _claims(parts: tuple[str, ...]) -> dict[str, str]:
    pairs = [part.partition("=") for part in parts]
    if not all(name and equals for name, equals, _ in pairs):
        fail("an identity is described by NAME=VALUE, such as owner=acme")
    return {name: value for name, _, value in pairs}


commands: list[click.Command] = [publisher]
