"""`holdfast retention`: which releases go by themselves, which never do, and how much a place may hold."""

import click

from holdfast.cli.control_tools import index_option, known_index, open_desk, pinned_release, project_name
from holdfast.config import MIB

_project = click.option("--project", "name", default="", help="One project, not the whole index.")


@click.group()
def retention() -> None:
    """Rules of retention and quotas."""


@retention.command("set")
@click.option("--newest", type=click.IntRange(1, 100_000), help="Keep so many of the newest releases of each project.")
@click.option("--days", type=click.IntRange(1, 36_500), help="Keep releases younger than so many days.")
@_project
@index_option
def set_(newest: int | None, days: int | None, name: str, index: str) -> None:
    """Set the rule of an index or of one project, which then has its own. With neither bound nothing goes."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.retention.actions import set_rule
        from holdfast.control.retention.plan import Rule

        known_index(desk.config, index)
        rule = Rule(newest, days)
        set_rule(desk.publisher, index, _name(name), rule, operator(), deadline=desk.deadline)
        click.echo(f"{name or index}: {_told(newest, days)}")


@retention.command()
@_project
@index_option
def unset(name: str, index: str) -> None:
    """Take the rule of an index or of one project back."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.retention.actions import set_rule

        known_index(desk.config, index)
        set_rule(desk.publisher, index, _name(name), None, operator(), deadline=desk.deadline)
        click.echo(f"{name or index}: no rule of its own")


@retention.command()
@click.argument("name")
@index_option
def show(name: str, index: str) -> None:
    """The rule in force for a project, and what it would delete now. Nothing is deleted."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.retention.actions import show_plan
        from holdfast.control.retention.quotas import room

        known_index(desk.config, index)
        found = show_plan(desk.publisher, index, project_name(name), operator())
        if found.rule is None:
            click.echo("no rule: nothing goes by itself")
        else:
            whose = f"of index {index}" if found.of_index else "of the project"
            click.echo(f"rule {whose}: {_told(found.rule.newest, found.rule.days)}")
        for version in found.kept:
            click.echo(f"kept {version}")
        for version in found.versions:
            click.echo(f"would delete {version}")
        space = room(index, project_name(name))
        bound = f" of {space.bytes_max}" if space.bytes_max is not None else ""
        click.echo(f"holds {space.bytes_used}{bound} bytes")


@retention.command()
@click.argument("release", metavar="PROJECT==VERSION")
@click.option("--undo", is_flag=True, help="Let the rules have it again.")
@index_option
def keep(release: str, undo: bool, index: str) -> None:
    """Have a release stay whatever the rules say."""
    name, version = pinned_release(release)
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.retention.actions import keep_release

        known_index(desk.config, index)
        keep_release(desk.publisher, index, name, version, not undo, operator(), deadline=desk.deadline)
        click.echo(f"{name} {version} {'is left to the rules' if undo else 'stays'}")


@retention.command()
@click.argument("name")
@index_option
def run(name: str, index: str) -> None:
    """Carry the rule of one project out now. `work` does it for all, each hour."""
    with open_desk() as desk:
        from holdfast.control.retention.actions import carry_out

        known_index(desk.config, index)
        versions = carry_out(desk.publisher, index, project_name(name), deadline=desk.deadline)
        click.echo(f"deleted {', '.join(versions) or 'nothing'}")


@retention.command()
@click.argument("mib", type=click.IntRange(0), required=False)
@_project
@index_option
def quota(mib: int | None, name: str, index: str) -> None:
    """Bound what an index or one project may hold to so many MiB; without a number the bound goes."""
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.retention.quotas import set_quota

        known_index(desk.config, index)
        bound = None if mib is None else mib * MIB
        set_quota(desk.publisher, index, _name(name), bound, operator(), deadline=desk.deadline)
        click.echo(f"{name or index}: {'no quota' if mib is None else f'at most {mib} MiB'}")


def _name(text: str) -> str:
    return project_name(text) if text else ""


def _told(newest: int | None, days: int | None) -> str:
    if newest is None and days is None:
        return "nothing goes by itself"
    bounds = [f"the {newest} newest releases" if newest else "", f"what is younger than {days} days" if days else ""]
    return f"keeps {' and '.join(filter(None, bounds))}"


commands: list[click.Command] = [retention]
