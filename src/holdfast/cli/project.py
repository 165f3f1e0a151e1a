"""`holdfast project`: what owners and operators do to projects, releases and files."""

import click

from holdfast.cli.control_tools import Desk, index_option, known_index, open_desk, project_name
from holdfast.cli.errors import fail
from holdfast.cli.org import people, transfer
from holdfast.cli.project_look import list_, show, staged


@click.group()
def project() -> None:
    """Yank, delete, remove and set the status of projects and files."""


@project.command()
@click.argument("name")
@click.argument("target")
@click.option("--reason", default="", help="Shown to whoever installs it all the same.")
@index_option
def yank(name: str, target: str, reason: str, index: str) -> None:
    """Yank a release (TARGET is a version) or one file (TARGET is a filename)."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.projects import actions

        act = actions.yank_file if _is_file(desk, index, name, target) else actions.yank_release
        act(desk.publisher, index, project_name(name), _target(target), reason, operator(), deadline=desk.deadline)
        click.echo(f"yanked {target} of {name}")


@project.command()
@click.argument("name")
@click.argument("target")
@index_option
def unyank(name: str, target: str, index: str) -> None:
    """Take the yank of a release or of one file back."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.projects import actions

        act = actions.unyank_file if _is_file(desk, index, name, target) else actions.unyank_release
        act(desk.publisher, index, project_name(name), _target(target), operator(), deadline=desk.deadline)
        click.echo(f"took the yank of {target} of {name} back")


@project.command()
@click.argument("name")
@click.argument("target", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@index_option
def delete(name: str, target: str | None, yes: bool, index: str) -> None:
    """Delist a project, a release or one file. Its filenames stay taken, and its name stays owned."""
    if not yes:
        click.confirm(f"Delete {target or 'all releases'} of {name} from index {index}?", abort=True, err=True)
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.projects import actions

        known_index(desk.config, index)
        if target is None:
            actions.delete_project(desk.publisher, index, project_name(name), operator(), deadline=desk.deadline)
        else:
            act = actions.delete_file if _is_file(desk, index, name, target) else actions.delete_release
            act(desk.publisher, index, project_name(name), _target(target), operator(), deadline=desk.deadline)
        click.echo(f"deleted {target or 'all'} of {name}")


@project.command()
@click.argument("sha256", nargs=-1, required=True)
@click.option("--reason", required=True, help="Shown to whoever asks for these bytes.")
@click.option("--legal", is_flag=True, help="Answer 451 instead of 410.")
def remove(sha256: tuple[str, ...], reason: str, legal: bool) -> None:
    """Take bytes down for good, wherever they are listed, and erase them."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.projects.actions import remove_bytes
        from holdfast.control.publication.erase import erase_pending

        remove_bytes(desk.publisher, sha256, reason, legal, operator(), deadline=desk.deadline)
        erase_pending(desk.config, desk.store, desk.publisher.clock)
        click.echo(f"removed {', '.join(sha256)}")


@project.command()
@click.argument("name")
@click.argument("status", type=click.Choice(["active", "archived", "deprecated", "quarantined"]))
@click.option("--reason", default="")
@index_option
def status(name: str, status: str, reason: str, index: str) -> None:
    """Set a project's status (PEP 792). Quarantine refuses its page and its files until it ends."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.projects.actions import set_status
        from holdfast.core.model import STATUSES

        known_index(desk.config, index)
        wanted = next(known for known in STATUSES if known == status)
        set_status(desk.publisher, index, project_name(name), wanted, reason, operator(), deadline=desk.deadline)
        click.echo(f"{name} is {status}")


@project.command()
@click.argument("name")
@click.option("--revoke", is_flag=True, help="Take the grant back.")
@index_option
def shadow(name: str, revoke: bool, index: str) -> None:
    """Let a hosted project be created although a layer below has one of that name."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.projects.standing import grant_shadow, revoke_shadow

        known_index(desk.config, index)
        act = revoke_shadow if revoke else grant_shadow
        act(desk.publisher, index, project_name(name), operator(), deadline=desk.deadline)
        click.echo(f"{name} may {'no longer ' if revoke else ''}be created in {index} over a lower layer's")


@project.command("release-name")
@click.argument("name")
@index_option
def release_name(name: str, index: str) -> None:
    """Give a deleted project's name up: it falls through to the layers below again."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.projects import standing

        known_index(desk.config, index)
        standing.release_name(desk.publisher, index, project_name(name), operator(), deadline=desk.deadline)
        click.echo(f"{index} no longer owns {name}")


@project.command()
@click.argument("name")
@click.argument("user")
@click.argument("role", type=click.Choice(["owner", "maintainer", "none"]))
@index_option
def role(name: str, user: str, role: str, index: str) -> None:
    """Make USER owner or maintainer of a project, or none of both."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.projects import standing

        known_index(desk.config, index)
        if role == "none":
            standing.remove_role(desk.publisher, index, project_name(name), user, operator(), deadline=desk.deadline)
        else:
            wanted = "owner" if role == "owner" else "maintainer"
            standing.add_role(
                desk.publisher,
                index,
                project_name(name),
                user,
                wanted,  # type: ignore[arg-type]  # one of the two
                operator(),
                deadline=desk.deadline,
            )
        click.echo(f"{user} is {role} of {name}")


def _is_file(desk: Desk, index: str, name: str, target: str) -> bool:
    """A target that is listed as a file is one; anything else must be a version."""
    from holdfast.control.database import database_guard
    from holdfast.control.projects.models import File

    known_index(desk.config, index)
    with database_guard():
        return File.objects.filter(
            project__index=index, project__name=project_name(name), filename=target, deleted=None
        ).exists()


def _target(target: str) -> str:
    """A filename as it is, a version normalised."""
    from packaging.version import InvalidVersion, Version

    if target.endswith((".whl", ".gz", ".zip")):
        return target
    try:
        return str(Version(target))
    except InvalidVersion:
        fail(f"{target!r} is neither a version nor a listed file")


for command in (transfer, people, list_, show, staged):
    project.add_command(command)

commands: list[click.Command] = [project]
