"""`holdfast drill`: break a scratch instance in a known way and prove from outside that installs go on."""

import sys

import click


@click.group("drill")
def drill() -> None:
    """Replay failures against a scratch instance of this machine's own Holdfast."""


@drill.command("list")
def list_drills() -> None:
    """Name every drill with what it proves."""
    from holdfast.drill.scenario import all_scenarios

    for scenario in all_scenarios().values():
        click.echo(f"{scenario.name:34} {scenario.summary}")


@drill.command("run")
@click.argument("names", nargs=-1)
@click.option("--all", "every", is_flag=True, help="The slow ones too (without NAMES).")
@click.option("--quiet", is_flag=True, help="Only the verdicts.")
def run_drills(names: tuple[str, ...], every: bool, quiet: bool) -> None:
    """Run the drills NAMES, or all the quick ones; ends with 1 if any of them fails."""
    from holdfast.drill.scenario import all_scenarios, play

    known = all_scenarios()
    wanted = list(names) or [name for name, scenario in known.items() if every or not scenario.slow]
    if unknown := [name for name in wanted if name not in known]:
        raise click.UsageError(f"no such drill: {', '.join(unknown)}; see `holdfast drill list`")
    failed = missing = 0
    for name in wanted:
        click.echo(f"{name}: {known[name].summary}")
        verdict = play(known[name], (lambda text: None) if quiet else (lambda text: click.echo(f"    {text}")))
        if verdict.missing:
            missing += 1
            click.echo(f"{name}: NOT RUN: {verdict.missing}", err=True)
            continue
        click.echo(f"{name}: {'FAILED' if verdict.failure else 'passed'} in {verdict.seconds:.1f} s")
        if verdict.failure:
            failed += 1
            click.echo(verdict.failure, err=True)
    not_run = f", {missing} NOT RUN" if missing else ""
    click.echo(f"{len(wanted) - failed - missing} passed, {failed} failed{not_run}")
    sys.exit(1 if failed else 0)


commands: list[click.Command] = [drill]
