"""How commands that need settings fail: every problem, one per line, on standard error, exit code 2."""

import os
import sys
from collections.abc import Mapping
from typing import NoReturn

import click

from holdfast.config import Config
from holdfast.effective import effective_config
from holdfast.settings.loading import SettingsError
from holdfast.upstream_default import UpstreamError


def config_or_exit(environ: Mapping[str, str] | None = None) -> Config:
    """This process's Config; ends the command when there is none."""
    try:
        return effective_config(os.environ if environ is None else environ)
    except SettingsError as error:
        exit_for_settings(error)
    except UpstreamError as error:
        fail(str(error))


def exit_for_settings(error: SettingsError) -> NoReturn:
    """Print every problem and end."""
    count = len(error.problems)
    click.echo(f"holdfast: {count} setting{'s are' if count > 1 else ' is'} wrong:", err=True)
    for problem in error.problems:
        click.echo(f"  - {problem}", err=True)
    sys.exit(2)


def fail(message: str) -> NoReturn:
    """Print one sentence and end with code 1."""
    click.echo(f"holdfast: {message}", err=True)
    sys.exit(1)
