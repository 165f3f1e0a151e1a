"""`holdfast org team|grants`: an organisation's teams and what they may, and who has rights on a whole index."""

import click

from holdfast.cli.control_tools import index_option, known_index, open_desk, project_name
from holdfast.cli.errors import fail


@click.command()
@click.argument("organisation")
@click.argument("team")
@click.option("--add", metavar="USER", default="", help="Put a member of the organisation into the team.")
@click.option("--take-out", metavar="USER", default="", help="Take somebody out of it.")
@click.option("--project", metavar="NAME", default="", help="With --role: a project that the organisation holds.")
@click.option("--role", type=click.Choice(["owner", "maintainer", "none"]), help="The team's role on --project.")
@click.option("--delete", is_flag=True, help="Give the team up, with its roles.")
@index_option
def team(
    organisation: str, team: str, add: str, take_out: str, project: str, role: str | None, delete: bool, index: str
) -> None:
    """Make a team; with an option, change or delete the one of that name."""
    if bool(project) != bool(role) or sum(map(bool, (add, take_out, project, delete))) > 1:
        fail("one change at a time: --add, --take-out, --delete, or --project with --role")
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.organisations import teams

        named, told = (desk.publisher, organisation, team), f"team {team} of {organisation}"
        if add:
            teams.add_to_team(*named, add, operator(), deadline=desk.deadline)
            click.echo(f"{add} is in {told}")
        elif take_out:
            teams.remove_from_team(*named, take_out, operator(), deadline=desk.deadline)
            click.echo(f"{take_out} is no longer in {told}")
        elif delete:
            teams.delete_team(*named, operator(), deadline=desk.deadline)
            click.echo(f"deleted {told}")
        elif role:
            known_index(desk.config, index)
            wanted = "owner" if role == "owner" else "maintainer" if role == "maintainer" else "none"
            teams.set_team_role(
                *named,
                index,
                project_name(project),
                wanted,  # type: ignore[arg-type]  # one of the three
                operator(),
                deadline=desk.deadline,
            )
            click.echo(f"{told} is {role} of {project}")
        else:
            teams.create_team(*named, operator(), deadline=desk.deadline)
            click.echo(f"made {told}")


@click.command()
@index_option
def grants(index: str) -> None:
    """Who may read a private index, or create projects in an index, by a grant."""
    with open_desk() as desk:
        from holdfast.control.organisations.grants import list_index_grants

        known_index(desk.config, index)
        for right, to in list_index_grants(index):
            organisation = f"everybody in {to.organisation}" if to.organisation else ""
            click.echo(f"{right}  {to.user or organisation or 'everybody'}")
