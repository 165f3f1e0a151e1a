"""`holdfast config`: the settings as a file to start from, and those in force."""

import os
from dataclasses import fields

import click

from holdfast.cli.errors import config_or_exit
from holdfast.redact import redact
from holdfast.settings.layer_table import INDEX, UPSTREAM
from holdfast.settings.loading import variable_of
from holdfast.settings.publishing import PUBLISHING
from holdfast.settings.sign_in import SIGN_IN
from holdfast.settings.table import SCALARS, Setting

_HEAD = """\
# Holdfast's settings, each with its default. Remove the # before a key to change it.
# Found as: HOLDFAST_CONFIG, ./holdfast.toml, or holdfast.toml in the data folder. Environment variables go before it.
# Sizes may have units ("10 GiB", "500 MB"), and so may durations ("30s", "5m", "1h").
"""
_UPSTREAM_HEAD = """\

# An index to pull from. With one only, HOLDFAST_UPSTREAM is its url, or "none" for no upstream at all.
# Another NAME is another layer; then list the names in the index's layers.
#[upstream.upstream]
"""
_INDEX_HEAD = """\

# An index that takes uploads. "main" is the default one, at the root of the URL space; others are at /NAME/.
#[index.main]
"""
_PUBLISHING_HEAD = """\

# An issuer of identity tokens that may be exchanged for publishing (trusted publishing), with examples: there is none
# by default, and may be several.
# [publishing.corporate]
"""

_SIGN_IN_HEAD = """\

# An OpenID Connect provider that people may sign in with, with examples: there is none by default, and may be several.
# At the provider, this instance's redirect URI is /account/sign-in/NAME/callback/ below the public URL.
# [sign_in.acme]
"""


@click.group()
def config() -> None:
    """The settings: all of them with their defaults, or those in force."""


@config.command()
def example() -> None:
    """Print a complete configuration file; every line is commented out, so it changes nothing as it is."""
    click.echo(example_file(), nl=False)


@config.command()
def show() -> None:
    """Print the settings in force, without secrets."""
    found = config_or_exit(os.environ)
    for field in fields(found):
        value = getattr(found, field.name)
        if field.name in ("upstreams", "indexes", "providers", "sign_in"):
            for item in value:
                click.echo(redact(f"{field.name}: {item}"))
        else:
            click.echo(redact(f"{field.name} = {value if value != '' else '(not set)'}"))


def example_file() -> str:
    """The text of `holdfast config example`, made from the table of settings."""
    parts = [_HEAD]
    parts += [_entry(setting, variable_of(setting.key)) for setting in SCALARS]
    parts.append(_UPSTREAM_HEAD)
    parts += [_entry(setting, variable_of(f"upstream_{setting.key}")) for setting in UPSTREAM]
    parts.append(_INDEX_HEAD)
    parts += [_entry(setting, variable_of(f"index_{setting.key}")) for setting in INDEX]
    parts.append(_PUBLISHING_HEAD)
    parts += [f"\n# {setting.why}\n# {setting.key} = {setting.example}\n" for setting in PUBLISHING]
    parts.append(_SIGN_IN_HEAD)
    parts += [f"\n# {setting.why}\n# {setting.key} = {setting.example}\n" for setting in SIGN_IN]
    return "".join(parts)


def _entry(setting: Setting, variable: str) -> str:
    return f"\n# {setting.why}\n# {variable}, for example {setting.example}\n#{setting.key} = {setting.default}\n"


commands: list[click.Command] = [config]
