"""`holdfast project list|show|staged`: what an index hosts, and what waits to be published."""

import click

from holdfast.cli.control_tools import index_option, known_index, open_desk, project_name

SHOWN = 100


@click.command("list")
@click.option("--user", default="", help="Projects on which this person has a role, by whatever way.")
@click.option("--last", default=SHOWN, show_default=True, metavar="N", help="How many, the newest changes first.")
@index_option
def list_(user: str, last: int, index: str) -> None:
    """Projects of an index with their status, those changed last first; with --user one person's of every index."""
    with open_desk() as desk:
        from holdfast.control.database import read_snapshot
        from holdfast.control.organisations.effective import projects_of
        from holdfast.control.projects.models import Project

        known_index(desk.config, index)
        with read_snapshot():
            if user:
                told = [(project, f"  {role}") for project, role in projects_of(user)]
            else:
                rows = Project.objects.filter(index=index, deleted=None).order_by("-last_serial", "name")
                told = [(project, "") for project in rows[: max(1, last)]]
        for project, role in told:
            status = "" if project.status == "active" else f"  {project.status}"
            click.echo(f"{project.index}/{project.name}{role}{status}")


@click.command()
@click.argument("name")
@index_option
def show(name: str, index: str) -> None:
    """A project's status, releases and files, with their yanks and digests."""
    with open_desk() as desk:
        from holdfast.cli.errors import fail
        from holdfast.control.database import read_snapshot
        from holdfast.control.projects.lookup import project_row
        from holdfast.control.publication.documents import record_of

        known_index(desk.config, index)
        with read_snapshot():
            project = project_row(index, project_name(name))
            if project is None or project.deleted is not None:
                fail(f"no project {name!r} in index {index!r}")
            record = record_of(project)
        why = f": {record.status_reason}" if record.status_reason else ""
        click.echo(f"{index}/{record.name}  {record.status}{why}")
        for role in record.roles:
            click.echo(f"  {role.role}  {role.user}")
        for file in record.files:
            yanked = f"  yanked: {file.yanked_reason or 'no reason given'}" if file.yanked else ""
            click.echo(f"  {file.version}  {file.filename}  {file.size} bytes  sha256 {file.sha256}{yanked}")


@click.command()
@click.option("--give-up", "session", default="", metavar="SESSION", help="End one, with its files.")
@index_option
def staged(session: str, index: str) -> None:
    """Releases that wait to be published at once, and who opened them. `holdfast publish` makes and finishes them."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.database import read_snapshot
        from holdfast.control.staging.models import LIVE, StagingSession
        from holdfast.control.staging.sessions import cancel_session

        known_index(desk.config, index)
        if session:
            cancel_session(desk.publisher, index, session, operator(), deadline=desk.deadline)
            click.echo(f"{session} is given up")
            return
        with read_snapshot():
            rows = StagingSession.objects.filter(index=index, status__in=LIVE).order_by("created")
            told = [(row, row.files.count()) for row in rows]
        for row, count in told:
            until = f"until {row.expires:%Y-%m-%d %H:%M} UTC"
            click.echo(f"{row.pk}  {row.name} {row.version}  {count} files  by {row.creator}  {until}")
