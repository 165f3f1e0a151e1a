"""`holdfast front|pull|control|work`: one role in this process. Each imports its own plane and no other."""

import os

import click

from holdfast import log
from holdfast.cli.errors import config_or_exit
from holdfast.config import Config


def _config_for(role: str) -> Config:
    config = config_or_exit(os.environ)
    log.setup(config.log_level, role)
    return config


@click.command()
def front() -> None:
    """Answer clients: the only role installs need for what this machine already holds."""
    from holdfast.front.serve import run

    run(_config_for("front"))


@click.command()
def pull() -> None:
    """Fetch pages and files from upstreams, verify and keep them."""
    from holdfast.pull.serve import run

    run(_config_for("pull"))


@click.command()
def control() -> None:
    """Take uploads and management requests; needs the database."""
    from holdfast.control.serve import run

    run(_config_for("control"))


@click.command()
def work() -> None:
    """Finish publications that were cut off, and do regular upkeep; needs the database."""
    from holdfast.control.work import run

    run(_config_for("work"))


commands: list[click.Command] = [front, pull, control, work]
