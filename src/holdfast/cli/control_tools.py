"""What commands that work on the database share: opening it, waiting a little for it, and telling failures."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from holdfast import log
from holdfast.cli.errors import config_or_exit, fail
from holdfast.config import Config
from holdfast.core.errors import Outcome
from holdfast.core.names import is_project_name, normalize

if TYPE_CHECKING:
    from holdfast.control.publication.publisher import Publisher
    from holdfast.store.port import Store

SHOWN_CHARS_MAX = 200  # of an argument that makes no sense
HOLD_SECONDS = 8.0  # how long a command waits for a database or store that is busy


@dataclass(frozen=True, slots=True)
class Desk:
    """What a command works with."""

    config: Config
    store: "Store"
    publisher: "Publisher"

    @property
    def deadline(self) -> float:
        return time.monotonic() + HOLD_SECONDS


def command_config() -> Config:
    """The settings, with logs that leave standard output alone."""
    config = config_or_exit(os.environ)
    log.setup("warning", "cli")
    return config


@contextmanager
def outcomes() -> Iterator[None]:
    """End the command with one sentence when something cannot be done."""
    try:
        yield
    except (Outcome, OSError) as error:
        fail(error.reason if isinstance(error, Outcome) else str(error))
    except (
        UnicodeEncodeError
    ) as error:  # bytes of the command line that are no UTF-8 (PEP 383), on their way to be kept
        fail(f"an argument is not UTF-8 text: {str(error.object)[:SHOWN_CHARS_MAX]!a}")


@contextmanager
def open_desk() -> Iterator[Desk]:
    """Database, store and publisher of the configured instance, which may be running."""
    config = command_config()
    with outcomes():
        from holdfast.control.database import close_connection, django_setup

        django_setup(config)
        from holdfast.control.instance import check_instance, with_instance
        from holdfast.control.publication.publisher import Publisher
        from holdfast.store.opening import configured_store

        store = configured_store(config)
        known = with_instance(config)
        check_instance(known, store)
        try:
            yield Desk(known, store, Publisher(known, store))
        finally:
            close_connection()


def project_name(text: str) -> str:
    """A project name in any spelling, normalised; ends the command when it is none."""
    if not is_project_name(text):
        fail(f"{text!r} is no project name; letters, digits, '.', '_' and '-', beginning and ending with the former")
    return normalize(text)


def pinned_release(text: str) -> tuple[str, str]:
    """`PROJECT==VERSION`, both parts normalised; ends the command for anything else."""
    from holdfast.core.filenames import normalized_version

    name, _, version = text.partition("==")
    found = project_name(name.strip()), normalized_version(version.strip())
    if not found[1]:
        fail(f"{text[:SHOWN_CHARS_MAX]!r} is no PROJECT==VERSION; a good one: demo==1.2.3")
    return found


def one_line(reason: str) -> str:
    """A reason as it is kept and shown: one line without control characters, some hundred characters."""
    from holdfast.tree.overrides import TEXT_CHARS_MAX

    return "".join(c for c in " ".join(reason.split()) if c.isprintable())[:TEXT_CHARS_MAX]


def index_option(function: click.decorators.FC) -> click.decorators.FC:
    """`--index`, the default index unless told otherwise."""
    from holdfast.config import DEFAULT_INDEX

    return click.option("--index", default=DEFAULT_INDEX, show_default=True, help="The hosted index.")(function)


def known_index(config: Config, name: str) -> str:
    """The index's name; ends the command when no such index is configured."""
    if config.index(name) is None:
        names = ", ".join(index.name for index in config.indexes)
        fail(f"there is no index {name!r}; the configured ones: {names}")
    return name
