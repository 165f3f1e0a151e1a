"""`holdfast promote`: take a release from one hosted index into another, as it is."""

import json

import click

from holdfast.cli.control_tools import known_index, open_desk, pinned_release


@click.command()
@click.argument("release", metavar="PROJECT==VERSION")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def promote(release: str, source: str, target: str, dry_run: bool, as_json: bool) -> None:
    """List a release of index FROM in index TO too: the same bytes, whole or not at all."""
    name, version = pinned_release(release)
    with open_desk() as desk:
        from holdfast.control.accounts.actor import operator
        from holdfast.control.api.promotions import promotion_document
        from holdfast.control.parts import Parts
        from holdfast.control.uploads import promote as promotion
        from holdfast.control.uploads.shadow import PullNames

        config, publisher = desk.config, desk.publisher
        known_index(config, target)
        parts = Parts(config, publisher.clock, desk.store, publisher, PullNames(config.pull_socket))
        landing, done = promotion.promote(
            parts, name, version, source, target, operator(), dry_run=dry_run, deadline=desk.deadline
        )
        if as_json:
            click.echo(json.dumps(promotion_document(name, source, landing.name, done, dry_run=dry_run)))
            return
        for file in done.files:
            click.echo(f"{'there already' if file.existing else 'to list' if dry_run else 'listed'}  {file.filename}")
        if done.existing:
            click.echo(f"{name} {done.version} is in {landing.name} already")
        else:
            click.echo(f"{'would promote' if dry_run else 'promoted'} {name} {done.version} to {landing.name}")


commands: list[click.Command] = [promote]
