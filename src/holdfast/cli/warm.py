"""`holdfast warm`: has everything an installation needs fetched in advance, and says whether it would work offline."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from holdfast.cli.errors import config_or_exit, fail
from holdfast.cli.token_file import read_token
from holdfast.config import DEFAULT_INDEX
from holdfast.core.lockfiles import BadLock
from holdfast.readiness.index import Index
from holdfast.readiness.inputs import Inputs, read_inputs
from holdfast.readiness.plan import Plan, Want
from holdfast.readiness.planning import Options, Planner
from holdfast.readiness.target import Target, parse_python
from holdfast.readiness.warming import Presence, Readiness, fetch, judge, look, settled
from holdfast.redact import redact
from holdfast.settings.values import parse_url

LINE_SECONDS = 5.0  # between two lines of progress where there is no terminal
SHOWN_MAX = 20  # of a list of missing things; --json gives all


@dataclass(frozen=True, slots=True)
class Ask:
    """What the command line said."""

    inputs: Inputs
    options: Options
    check: bool
    quiet: bool  # for --json: nothing but the document on standard output


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="LOCKFILE|REQUIREMENTS|'PROJECT==V'...")
@click.option("--index", default=DEFAULT_INDEX, show_default=True, help="The index the installation will use.")
@click.option("--python", default="", metavar="3.12", help="For another Python version than this one's.")
@click.option("--platform", "platforms", multiple=True, metavar="TAG", help="For another platform; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="Every file a lock names, whatever platform it is for.")
@click.option("--no-build", is_flag=True, help="Wheels only: no sdists, and nothing to build them with.")
@click.option("--check", is_flag=True, help="Fetch nothing: say what would fail if the upstreams died now.")
@click.option("--pin", is_flag=True, help="Keep it all, whatever is evicted; the pin is named after folder and file.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@click.option("--url", default="", help="The index's root URL. Default: the instance of this data folder.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A file with a token, for private indexes.",
)
def warm(
    what: tuple[str, ...],
    index: str,
    python: str,
    platforms: tuple[str, ...],
    everything: bool,
    no_build: bool,
    check: bool,
    pin: bool,
    as_json: bool,
    url: str,
    token_file: Path | None,
) -> None:
    """Have what an installation needs kept here, so that it works with every upstream dead.

    A lock file (uv.lock, poetry.lock, pdm.lock, Pipfile.lock, pylock.toml, a requirements file with hashes) says itself
    which files those are; other requirements are worked out by pip, as an installation would, which may run the build
    of an sdist. Exit code 1 when something is missing.
    """
    try:
        target = Target(parse_python(python) if python else "", platforms, everything)
        inputs = read_inputs(what)
    except BadLock as error:
        fail(str(error))
    except ValueError as error:
        fail(f"--python {python} must be {error}")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    if pin and url:
        fail("--pin writes to the instance's store, so it needs the instance's settings and no --url")
    token = read_token(token_file)
    root, certificate = _root(url, index)
    ask = Ask(inputs, Options(target, builds=not no_build, only_kept=check), check, as_json)
    plan, readiness = asyncio.run(_warm(Index(root, token, certificate), ask))
    if pin:
        click.echo(f"pinned as {_pin(plan, Path(what[0]))}", err=as_json)
    if as_json:
        click.echo(json.dumps(_document(plan, readiness), indent=2))
    else:
        _tell(plan, readiness)
    sys.exit(0 if readiness.is_ready else 1)


def _root(url: str, index: str) -> tuple[str, str]:
    """The index's root URL without its last slash, and a certificate to trust for it."""
    certificate = ""
    if url:
        try:
            base = parse_url(url).rstrip("/").removesuffix("/simple")
        except ValueError as error:
            fail(f"--url {redact(url)} must be {error}, for example https://packages.example")
    else:
        config = config_or_exit(os.environ)
        if config.index(index) is None:
            known = ", ".join(one.name for one in config.indexes)
            fail(f"there is no index {index!r} here; there is {known}")
        base, certificate = config.base_url, config.tls_cert
    return base if index == DEFAULT_INDEX else f"{base}/{index}", certificate


def _pin(plan: Plan, file: Path) -> str:
    """Write the pin and answer its name. What is not here yet is kept once it comes."""
    from holdfast.cli.who import who
    from holdfast.core.errors import Outcome
    from holdfast.store.opening import configured_store
    from holdfast.tree.pins import Pin, PinnedProject, pin_name_of, put_pin

    config, name = config_or_exit(os.environ), pin_name_of(file)
    projects = tuple(PinnedProject(one, tuple(sorted(versions))) for one, versions in sorted(plan.releases.items()))
    pin = Pin(name=name, projects=projects, sha256=tuple(plan.sha256s), by=who(), at=datetime.now(UTC))
    try:
        put_pin(configured_store(config), pin)
    except Outcome as error:
        fail(f"the pin was not written: {error}")
    return name


async def _warm(index: Index, ask: Ask) -> tuple[Plan, Readiness]:
    async with index:
        if not ask.quiet:
            click.echo(f"Finding out what is needed for {ask.options.target}, from {redact(index.root)}/")
        plan = await Planner(index, ask.options).make(ask.inputs)
        presence = await look(index, plan.wants.values())
        if not ask.quiet:
            click.echo(_summary(plan, presence))
        if ask.check:
            return plan, judge(plan, presence, {})
        todo = [want for want in plan.wants.values() if want.path not in presence.here]
        with Progress(todo, quiet=ask.quiet) as progress:
            failed = await fetch(index, todo, progress.arrived)
        # Everything is asked again, not only what was fetched: room may have been made for the new at the old's cost.
        return plan, judge(plan, await settled(index, plan.wants.values(), failed), failed)


def _summary(plan: Plan, presence: Presence) -> str:
    files = plan.files
    sizes = [presence.sizes.get(want.path, want.size) for want in files]
    unknown = f" and {_count(sizes.count(None), 'file')} of unknown size" if None in sizes else ""
    here = sum(want.path in presence.here and want.path not in plan.fetched for want in files)
    on_the_way = sum(want.path in plan.fetched for want in files)
    total = _bytes(sum(size or 0 for size in sizes))
    return (
        f"{_count(len(plan.projects), 'project')}, {_count(len(files), 'file')}, {total}{unknown}; {here} here already"
        + (f", {on_the_way} fetched to find out" if on_the_way else "")
    )


class Progress:
    """A bar on a terminal, else a line every few seconds."""

    def __init__(self, todo: list[Want], *, quiet: bool) -> None:
        self._files = sum(want.is_file for want in todo)
        self._total = sum(want.size or 0 for want in todo)
        self._quiet = quiet or not todo
        self._bytes = 0
        self._told_at = time.monotonic()
        self._bar = None
        if not self._quiet and sys.stdout.isatty():
            self._bar = click.progressbar(length=max(self._total, 1), label=f"Fetching {_count(self._files, 'file')}")

    def __enter__(self) -> "Progress":
        if self._bar is not None:
            self._bar.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
        if not self._quiet:
            click.echo(f"Fetched {_count(self._files, 'file')}, {_bytes(self._bytes)}")

    def arrived(self, want: Want, count: int) -> None:
        """Some bytes of one of them came."""
        self._bytes += count
        if self._bar is not None and want.is_file:
            self._bar.update(count)
        elif self._bar is None and not self._quiet and time.monotonic() - self._told_at > LINE_SECONDS:
            self._told_at = time.monotonic()
            click.echo(f"  {_bytes(self._bytes)} of {_bytes(self._total)}")


def _tell(plan: Plan, readiness: Readiness) -> None:
    for note in plan.notes:
        _say(f"note: {note}")
    if readiness.unprotected:
        _say("NOT protected: fetched from other places whatever index is set, so Holdfast cannot help:")
        _list(
            f"{origin}" + (f": {_count(len(names), 'file')}, such as {names[0]}" if names else "")
            for origin, names in readiness.unprotected.items()
        )
        for command in plan.relock:
            _say(f"  to have them come through here: {command}")
    counted = f"{_count(readiness.projects, 'project')}, {_count(readiness.files, 'file')}, {_bytes(readiness.bytes)}"
    if readiness.is_ready:
        _say(f"ready offline: yes ({counted})")
        return
    _list(f"missing: {what}: {redact(why)}" for what, why in readiness.missing.items())
    reasons = []
    if readiness.missing:
        reasons.append(
            f"{_count(len(readiness.missing), 'thing')} {'is' if len(readiness.missing) == 1 else 'are'} missing"
        )
    if readiness.unprotected:
        reasons.append("some come from other places")
    _say(f"ready offline: no ({', and '.join(reasons)}" + (f"; of {counted})" if readiness.files else ")"))


def _list(lines: Iterable[str]) -> None:
    listed = list(lines)
    for line in listed[:SHOWN_MAX]:
        _say(f"  {line}")
    if len(listed) > SHOWN_MAX:
        _say(f"  and {len(listed) - SHOWN_MAX:,} more (--json lists them all)")


def _say(line: str) -> None:
    """Names and addresses come from locks and indexes: what would be an order to the terminal is shown as `?`."""
    click.echo("".join(c if c.isprintable() else "?" for c in line))


def _document(plan: Plan, readiness: Readiness) -> dict[str, object]:
    return {
        "ready": readiness.is_ready,
        "projects": sorted(plan.projects),
        "files": readiness.files,
        "bytes": readiness.bytes,
        "missing": [{"what": what, "why": redact(why)} for what, why in readiness.missing.items()],
        "unprotected": [{"origin": origin, "files": names} for origin, names in readiness.unprotected.items()],
        "relock": plan.relock,
        "notes": plan.notes,
    }


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _bytes(number: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"


commands: list[click.Command] = [warm]
