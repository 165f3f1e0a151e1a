"""`holdfast token`: create, list and revoke tokens, also while the server runs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from holdfast.cli.control_tools import known_index, open_desk, project_name
from holdfast.cli.errors import fail
from holdfast.config import DEFAULT_INDEX, Config

if TYPE_CHECKING:
    from holdfast.control.accounts.actor import Action, Scopes

OPERATOR = "operator"  # whose tokens these are unless --user says otherwise: one person runs a small index


@click.group()
def token() -> None:
    """Create, list and revoke tokens."""


@token.command()
@click.argument("name")
@click.option("--index", "indexes", multiple=True, help="An index it is good for; may be given again. Default: main.")
@click.option("--read-index", "read_indexes", multiple=True, help="An index to read and no more; may be given again.")
@click.option("--project", "projects", multiple=True, help="Upload to this project alone (NAME or INDEX/NAME).")
@click.option("--read-only", "right", flag_value="read", help="Read, and nothing else.")
@click.option("--upload", "right", flag_value="upload", help="Upload, and nothing else.")
@click.option(
    "--action",
    "actions",
    multiple=True,
    type=click.Choice(["upload", "yank", "manage", "delete", "account"]),
    help="What it may do to projects it reaches; may be given again. Default: everything but account.",
)
@click.option("--admin", "right", flag_value="admin", help="Everything, on every index.")
@click.option("--expires", type=click.IntRange(1, 3650), metavar="DAYS", help="End by itself after so many days.")
@click.option("--user", default=OPERATOR, show_default=True, help="The person it acts for.")
def create(
    name: str,
    indexes: tuple[str, ...],
    read_indexes: tuple[str, ...],
    projects: tuple[str, ...],
    actions: tuple["Action", ...],
    right: str | None,
    expires: int | None,
    user: str,
) -> None:
    """Print a new token, alone, on standard output. It reads and uploads unless told otherwise."""
    if not 0 < len(name) <= 200 or not 0 < len(user) <= 150:
        fail("a token's name has 1 to 200 characters, a user's 1 to 150")
    with open_desk() as desk:
        from holdfast.control.accounts.actions import create_token
        from holdfast.control.accounts.actor import ACTIONS, operator

        scopes = _scopes(desk.config, right, indexes, read_indexes, projects)
        if actions:
            scopes = replace(scopes, actions=tuple(action for action in ACTIONS if action in actions))
        ends = datetime.now(UTC) + timedelta(days=expires) if expires else None
        made = create_token(desk.publisher, name, user, scopes, ends, operator(), deadline=desk.deadline)
        click.echo(made.text)


@token.command("list")
def list_() -> None:
    """Show every token, without its secret."""
    with open_desk():
        from holdfast.control.accounts.actions import TokenFacts, list_tokens

        def state(facts: TokenFacts) -> str:
            if facts.revoked:
                return f"revoked {facts.revoked:%Y-%m-%d}"
            if facts.expires and facts.expires <= datetime.now(UTC):
                return f"expired {facts.expires:%Y-%m-%d}"
            return f"until {facts.expires:%Y-%m-%d}" if facts.expires else "valid"

        def used(facts: TokenFacts) -> str:
            return f"  used {facts.last_used:%Y-%m-%d}" if facts.last_used else ""

        for facts in list_tokens():
            click.echo(f"{facts.id}  {facts.name}  user {facts.user}  {_rights(facts)}  {state(facts)}{used(facts)}")


@token.command()
@click.argument("token")
def revoke(token: str) -> None:
    """End a token, by its id or its name; readers know within a second."""
    with open_desk() as desk:
        from holdfast.control.accounts.actions import revoke_token
        from holdfast.control.accounts.actor import operator

        revoke_token(desk.publisher, token, operator(), deadline=desk.deadline)
        click.echo(f"revoked {token}")


def _scopes(
    config: Config,
    right: str | None,
    indexes: tuple[str, ...],
    read_indexes: tuple[str, ...],
    projects: tuple[str, ...],
) -> "Scopes":
    """What the options ask for. An index whose uploads land in another gives the right to upload to that one."""
    from holdfast.control.accounts.actor import ALL, OPERATOR_SCOPES, Scopes

    only_read = tuple(known_index(config, index) for index in read_indexes)
    whole = tuple(known_index(config, index) for index in indexes or (() if only_read else (DEFAULT_INDEX,)))
    reads = tuple(dict.fromkeys((*only_read, *(() if right == "upload" else whole))))
    landing = () if right == "read" else tuple(dict.fromkeys(_landing(config, index) for index in whole))
    assert ALL not in (*reads, *landing)
    if right == "admin":
        return OPERATOR_SCOPES
    narrowed = _projects(config, landing, projects) if landing else ()
    return Scopes(reads, landing, narrowed, create_projects=bool(landing) and not narrowed)


def _landing(config: Config, name: str) -> str:
    """The index that takes the uploads of a configured one."""
    from holdfast.control.uploads.names import upload_index

    index = config.index(name)
    assert index is not None
    return upload_index(config, index).name


def _projects(config: Config, indexes: tuple[str, ...], projects: tuple[str, ...]) -> tuple[str, ...]:
    found = []
    for text in projects:
        index, separator, name = text.rpartition("/")
        places = (_landing(config, known_index(config, index)),) if separator else indexes
        found += [f"{place}/{project_name(name)}" for place in places]
    return tuple(found)


def _rights(facts: object) -> str:
    from holdfast.control.accounts.actions import TokenFacts
    from holdfast.control.accounts.actor import PROJECT_ACTIONS

    assert isinstance(facts, TokenFacts)
    scopes = facts.scopes
    if scopes.admin:
        return "admin"
    words = [f"read {','.join(scopes.read)}"] if scopes.read else []
    uploads = scopes.upload_projects or scopes.upload
    words += [f"upload {','.join(uploads)}"] if uploads else []
    words += [f"to {','.join(scopes.actions)}"] if scopes.actions != PROJECT_ACTIONS else []
    return " ".join(words) or "nothing"


@token.command()
@click.argument("robot")
@click.argument("owner")
def robot(robot: str, owner: str) -> None:
    """Have OWNER make and end the tokens of a robot account."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.tokens.robots import give_robot

        give_robot(desk.publisher, robot, owner, operator(), deadline=desk.deadline)
        click.echo(f"{robot} is {owner}'s")


commands: list[click.Command] = [token]
