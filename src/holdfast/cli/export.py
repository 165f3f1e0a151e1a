"""`holdfast export`: the published tree as static files for any web server, the mirror of last resort."""

import sys
from pathlib import Path

import click

from holdfast.cli.control_tools import command_config, outcomes
from holdfast.config import DEFAULT_INDEX


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--index", default=DEFAULT_INDEX, show_default=True, help="The hosted index to export.")
def export(folder: Path, index: str) -> None:
    """Write what an index hosts into FOLDER as static pages and files; again, to bring it up to date.

    Needs the store alone: no database, no running server. Exit code 1 when a project could not be read; what was
    exported of it before stays.
    """
    config = command_config()
    if config.index(index) is None:
        raise click.UsageError(f"there is no index {index!r}; there are {', '.join(i.name for i in config.indexes)}")
    with outcomes():
        from holdfast.clock import SystemClock
        from holdfast.store.opening import configured_store
        from holdfast.tree.export import export as export_tree
        from holdfast.tree.reader import TreeReader

        store = configured_store(config)
        reader = TreeReader(store, SystemClock(), config.instance)
        reader.load()
        done = export_tree(store, reader, index, folder, config.index_url(index))
        click.echo(f"{done.projects} projects: {len(done.written)} files written, {len(done.deleted)} deleted")
        for name, trouble in done.failed.items():
            click.echo(f"{name}: not exported: {trouble.reason}; `holdfast fsck` says more", err=True)
        sys.exit(1 if done.failed else 0)


commands: list[click.Command] = [export]
