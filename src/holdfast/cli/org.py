"""`holdfast org`: organisations, their people and teams, and what they hold; `holdfast project transfer|people`."""

from typing import TYPE_CHECKING

import click

from holdfast.cli.control_tools import index_option, known_index, open_desk, project_name
from holdfast.cli.errors import fail
from holdfast.cli.team import grants, team

if TYPE_CHECKING:
    from holdfast.control.organisations.effective import IndexRight, OrganisationRole


@click.group()
def org() -> None:
    """Make and change organisations, their members and teams."""


@org.command("list")
def list_() -> None:
    """Every organisation, with how many people and projects it has."""
    with open_desk():
        from holdfast.control.database import database_guard
        from holdfast.control.organisations.models import Organisation

        with database_guard():
            for row in Organisation.objects.filter(deleted=None).order_by("name"):
                people, projects = row.memberships.count(), row.holdings.count()
                click.echo(f"{row.name}  {row.display}  {people} people, {projects} projects")


@org.command()
@click.argument("name")
def show(name: str) -> None:
    """Members, teams and projects of an organisation."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.organisations.listing import show_organisation

        found = show_organisation(name, operator(), desk.publisher.clock)
        click.echo(f"{found.name}  {found.display}")
        for user, place in found.members:
            click.echo(f"  {place}  {user}")
        for team, members, roles in found.teams:
            click.echo(f"  team {team}: {', '.join(members) or 'nobody'}")
            for project, role in roles:
                click.echo(f"    {role} of {project}")
        for robot in found.robots:
            click.echo(f"  robot {robot.name}, {robot.tokens} tokens{'' if robot.is_enabled else ', disabled'}")
        for project in found.projects:
            click.echo(f"  holds {project}")
        for invited in found.invitations:
            click.echo(f"  invited {invited.addressee} as {invited.role}, until {invited.expires:%Y-%m-%d}")


@org.command()
@click.argument("name")
@click.option("--owner", required=True, help="The person who owns it first.")
@click.option("--display", default="", help="What it is called. Default: its name.")
def create(name: str, owner: str, display: str) -> None:
    """Make an organisation. Its name is kept for ever."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.organisations.actions import create_organisation

        create_organisation(desk.publisher, name, display or name, operator(), owner=owner, deadline=desk.deadline)
        click.echo(f"{owner} owns the organisation {name}")


@org.command()
@click.argument("name")
@click.argument("user")
@click.argument("place", type=click.Choice(["owner", "manager", "member", "none"]))
def member(name: str, user: str, place: str) -> None:
    """Put USER into an organisation, change their place, or take them out."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.organisations.actions import add_member, remove_member

        if place == "none":
            remove_member(desk.publisher, name, user, operator(), deadline=desk.deadline)
        else:
            add_member(desk.publisher, name, user, _place(place), operator(), deadline=desk.deadline)
        click.echo(f"{user} is {'no longer in' if place == 'none' else f'{place} of'} {name}")


@org.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(name: str, yes: bool) -> None:
    """Give an organisation up that holds no project."""
    if not yes:
        click.confirm(f"Delete the organisation {name}?", abort=True, err=True)
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.organisations.actions import delete_organisation

        delete_organisation(desk.publisher, name, operator(), deadline=desk.deadline)
        click.echo(f"deleted the organisation {name}")


@org.command("robot")
@click.argument("name")
@click.argument("robot")
@click.option("--disable", "change", flag_value="disable", help="Refuse its tokens from now on.")
@click.option("--enable", "change", flag_value="enable", help="Take them again.")
def robot_(name: str, robot: str, change: str | None) -> None:
    """Make a robot NAME-ROBOT of an organisation; with an option, disable or enable the one of that user name."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.organisations import robots

        if change is None:
            user = robots.create_robot(desk.publisher, name, robot, operator(), deadline=desk.deadline)
            click.echo(f"{user} is a robot of {name}: holdfast token create NAME --user {user}")
        else:
            act = robots.disable_robot if change == "disable" else robots.enable_robot
            act(desk.publisher, name, robot, operator(), deadline=desk.deadline)
            click.echo(f"{robot} is {change}d")


@org.command()
@click.argument("right", type=click.Choice(["read", "create"]))
@click.option("--user", default="", help="To this person.")
@click.option("--org", "organisation", default="", help="To everybody in this organisation.")
@click.option("--everybody", is_flag=True, help="To everybody who has an account.")
@click.option("--revoke", is_flag=True, help="Take it back.")
@index_option
def grant(right: str, user: str, organisation: str, everybody: bool, revoke: bool, index: str) -> None:
    """Let people read a private index, or create projects in an index, with tokens they make themselves."""
    if bool(user) + bool(organisation) + everybody != 1:
        fail("say to whom: --user, --org or --everybody, one of them")
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.organisations.grants import Grantee, grant_index, revoke_index_grant

        known_index(desk.config, index)
        act = revoke_index_grant if revoke else grant_index
        act(desk.publisher, index, _right(right), Grantee(user, organisation), operator(), deadline=desk.deadline)
        click.echo(f"{user or organisation or 'everybody'} may {'no longer ' if revoke else ''}{right} in {index}")


@click.command()
@click.argument("name")
@click.option("--to-user", default="", help="The person who takes it.")
@click.option("--to-org", default="", help="The organisation that takes it.")
@index_option
def transfer(name: str, to_user: str, to_org: str, index: str) -> None:
    """Give a project to a person or an organisation, at once. Nobody else keeps a right on it."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.organisations.offers import offer_project

        known_index(desk.config, index)
        offer_project(
            desk.publisher,
            index,
            project_name(name),
            operator(),
            user=to_user,
            organisation=to_org,
            deadline=desk.deadline,
        )
        click.echo(f"{name} belongs to {to_user or to_org}")


@click.command()
@click.argument("name")
@index_option
def people(name: str, index: str) -> None:
    """Who has which role on a project, by whatever way, and who has been asked."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.organisations.listing import project_people

        known_index(desk.config, index)
        found = project_people(index, project_name(name), operator(), desk.publisher.clock)
        if found.organisation:
            click.echo(f"held by the organisation {found.organisation}")
        for user, role, own in found.people:
            click.echo(f"{role}  {user}{'' if own else '  (through the organisation)'}")
        for invited in found.invitations:
            click.echo(f"invited {invited.addressee} as {invited.role}, until {invited.expires:%Y-%m-%d}")
        for offer in found.offers:
            click.echo(f"offered to {offer.user or offer.organisation} by {offer.offered_by}")


def _place(text: str) -> "OrganisationRole":
    return "owner" if text == "owner" else "manager" if text == "manager" else "member"


def _right(text: str) -> "IndexRight":
    return "read" if text == "read" else "create"


org.add_command(team)
org.add_command(grants)

commands: list[click.Command] = [org]
