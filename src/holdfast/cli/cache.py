"""`holdfast cache`: what is kept of upstreams. Asks the running pull process; without one, looks at the store."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from holdfast.cli.control_tools import command_config, outcomes
from holdfast.cli.errors import fail
from holdfast.cli.figures import count_text, share_text, size_text, span_text
from holdfast.cli.pull_status import ask_pull
from holdfast.config import Config
from holdfast.core.names import is_project_name, normalize

if TYPE_CHECKING:
    from holdfast.pull.cache.holdings import Holdings

STATS_SECONDS_MAX = 30.0
EVICT_SECONDS_MAX = 3600.0  # 100,000 files on a slow disk
STARTING_SECONDS_MAX = 10.0


@click.group()
def cache() -> None:
    """What is kept of upstreams: how much, what stays, what leaves, whether it is whole."""


@cache.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def stats(as_json: bool) -> None:
    """Show how much is kept, within which bounds, how lately it was used and checked."""
    config = command_config()
    with outcomes():
        found = _stats(config)
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(_stats_lines(found)))


@cache.command()
@click.argument("what", nargs=-1, metavar="PROJECT|PROJECT==VERSION...")
@click.option("--lock", "locks", multiple=True, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--name", default="", help="What to call the pin of a lock file. Default: by its folder and filename.")
@click.option("--upstream", default="", help="Of this upstream alone.")
def pin(what: tuple[str, ...], locks: tuple[Path, ...], name: str, upstream: str) -> None:
    """Never evict a project, some of its versions, or the files of a lock file.

    A pin keeps what is here; `holdfast warm` fetches what is not. The same name again replaces the pin.
    """
    from holdfast.cli.who import who
    from holdfast.tree.pins import Pin, PinnedProject, is_pin_name, pin_name_of, put_pin

    config = command_config()
    if upstream and config.upstream(upstream) is None:
        fail(f"there is no upstream {upstream}; there is {', '.join(u.name for u in config.upstreams) or 'none'}")
    if not what and not locks:
        raise click.UsageError("name a project, PROJECT==VERSION, or --lock FILE")
    if name and len(locks) != 1:
        raise click.UsageError("--name goes with one --lock")
    made: list[Pin] = []
    known: dict[str, Any] = {"upstream": upstream, "by": who(), "at": datetime.now(UTC)}
    for text in what:
        project, version = _project_version(text)
        versions = (version,) if version else ()
        called = f"{project}=={version}" if version else project
        made.append(Pin(name=called, projects=(PinnedProject(project, versions),), **known))
    for lock in locks:
        made.append(_lock_pin(lock, name or f"lock-{pin_name_of(lock)}", known))
    with outcomes():
        store = _open(config)
        for one in made:
            if not is_pin_name(one.name):
                fail(f"a pin cannot be called {one.name!r}; give another with --name")
            put_pin(store, one)
            click.echo(f"pinned {one.name}: {_pin_text(one)}")


@cache.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def unpin(names: tuple[str, ...]) -> None:
    """Let what a pin kept be evicted again. NAME as `holdfast cache pins` shows it."""
    from holdfast.tree.pins import drop_pin, is_pin_name

    config = command_config()
    with outcomes():
        store = _open(config)
        for name in names:
            if not is_pin_name(name) or not drop_pin(store, name):
                fail(f"there is no pin {name}; `holdfast cache pins` lists them")
            click.echo(f"unpinned {name}")


@cache.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def pins(as_json: bool) -> None:
    """List the pins."""
    import msgspec

    from holdfast.tree.pins import read_pins

    config = command_config()
    with outcomes():
        found = read_pins(_open(config))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    for one in found:
        click.echo(f"{one.name}  {_pin_text(one)}  by {one.by or 'nobody known'}, {one.at:%Y-%m-%d}")
    if not found:
        click.echo("nothing is pinned")


@cache.command()
@click.option("--to", "to", default="", metavar="SIZE", help="Until so much is left, pins not counted (`50 GB`).")
@click.option("--project", default="", metavar="PROJECT[==VERSION]", help="Everything kept of a project.")
@click.option("--unused-for", default="", metavar="30d", help="Files that nobody used for so long.")
@click.option("--dry-run", is_flag=True, help="Only say how much it would be.")
def evict(to: str, project: str, unused_for: str, dry_run: bool) -> None:
    """Evict what is named; without options, what is above the bounds. Pinned files stay.

    Nothing is lost while the upstream is up: what is asked for is fetched again, also by URLs of old lock files.
    """
    if sum(map(bool, (to, project, unused_for))) > 1:
        raise click.UsageError("give one of --to, --project and --unused-for")
    config = command_config()
    order = _evict_order(to, project, unused_for, dry_run)
    with outcomes():
        answer = ask_pull(config.pull_socket, "POST", "/cache/evict", order, seconds_max=EVICT_SECONDS_MAX)
    if answer is not None:
        objects, size = _told(answer)["objects"], _told(answer)["bytes"]
    else:
        objects, size = _evict_here(config, order)
    verb = "would be evicted" if dry_run else "evicted"
    click.echo(f"{count_text(objects, 'object')} {verb}, {size_text(size)}")


@cache.command()
@click.option("--now", "at_once", is_flag=True, help="Go through everything now, whatever the daily budget says.")
def scrub(at_once: bool) -> None:
    """Show how far kept files were hashed again; --now does the rest of the round. Exit code 1 when one was damaged."""
    config = command_config()
    if at_once:
        with outcomes():
            answer = ask_pull(config.pull_socket, "POST", "/cache/scrub", seconds_max=STARTING_SECONDS_MAX)
        if answer is None:
            _scrub_here(config)
            return
        _told(answer)
        click.echo("started, at 64 MiB/s at most; `holdfast cache scrub` shows how far it is")
    with outcomes():
        found = _stats(config)
    click.echo("\n".join(_scrub_lines(found["scrub"])))


def _stats(config: Config) -> dict[str, Any]:
    answer = ask_pull(config.pull_socket, "GET", "/cache", seconds_max=STATS_SECONDS_MAX)
    if answer is not None:
        return _told(answer)
    with _holdings(config) as held:
        return {**held.stats(), "pull": False}


def _evict_here(config: Config, order: dict[str, Any]) -> tuple[int, int]:
    from holdfast.pull.cache.keeper import victims_of

    named = (order["to_bytes"], order["project"], order["versions"], order["unused_minutes"])
    with _holdings(config) as held:
        victims = victims_of(held, datetime.now(UTC), *named)
        if order["dry_run"]:
            return len(victims), sum(victim.size for victim in victims)
        objects, size = held.evict(victims)
        held.note_eviction(objects, size, "an operator asked for it")
        held.save()
        return objects, size


def _scrub_here(config: Config) -> None:
    from holdfast.pull.cache.scrub import Scrub

    with _holdings(config) as held:
        names = [upstream.name for upstream in config.upstreams]
        work = Scrub(held.store, names, held.ledger.scrub, config.scrub_bytes_daily, lambda _seconds: None)
        before, work.rest_of_round = held.ledger.scrub.corrupt, True
        total = sum(found.bytes for (_, kind), found in held.inventory.sums().items() if kind == "file")
        with click.progressbar(length=max(total, 1), label="hashing") as bar:
            done = held.ledger.scrub.bytes
            while work.step(datetime.now(UTC).timestamp()):
                bar.update(held.ledger.scrub.bytes - done)
                done = held.ledger.scrub.bytes
        held.take({})
        held.save()
        damaged = held.ledger.scrub.corrupt - before
        click.echo(f"{count_text(damaged, 'file')} damaged and dropped" if damaged else "every kept file is whole")
    if damaged:
        raise SystemExit(1)


@contextmanager
def _holdings(config: Config) -> Iterator["Holdings"]:
    """What is kept, found out from the store: pull does not run here."""
    from holdfast.clock import SystemClock
    from holdfast.pull.cache.holdings import Holdings
    from holdfast.pull.cache.noted import NotedStore

    with outcomes():
        held = Holdings(config, NotedStore(_open(config)), SystemClock())
        held.load()
        held.compare()
        held.look_at_pins()
        yield held


def _open(config: Config) -> Any:
    from holdfast.store.opening import configured_store

    try:
        return configured_store(config)
    except ValueError as error:
        fail(str(error))


def _told(answer: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    status, found = answer
    if status != 200:
        fail(str(found.get("reason", f"pull answers with status {status}")))
    return found


def _evict_order(to: str, project: str, unused_for: str, dry_run: bool) -> dict[str, Any]:
    from holdfast.settings.values import parse_age, parse_limit

    name, version = _project_version(project) if project else ("", "")
    try:
        size = parse_limit(to) if to else None
    except ValueError as error:
        fail(f"--to must be {error}")
    try:
        unused = parse_age(unused_for) // 60 if unused_for else None
    except ValueError as error:
        fail(f"--unused-for must be {error}")
    named = {"to_bytes": size, "project": name, "unused_minutes": unused}
    return {**named, "versions": [version] if version else [], "dry_run": dry_run}


def _project_version(text: str) -> tuple[str, str]:
    from holdfast.core.filenames import normalized_version

    raw, separator, raw_version = text.partition("==")
    if not is_project_name(raw.strip()):
        fail(f"{text!r} is no project; good ones: flask, flask==3.0.1")
    version = normalized_version(raw_version.strip())
    if separator and not version:
        fail(f"{raw_version!r} is no version; a good one: {normalize(raw.strip())}==3.0.1")
    return normalize(raw.strip()), version


def _lock_pin(path: Path, name: str, known: dict[str, Any]) -> Any:
    from holdfast.core.filenames import normalized_version
    from holdfast.core.lockfiles import BadLock, parse_lock
    from holdfast.tree.pins import Pin, PinnedProject

    try:
        lock = parse_lock(path.name, path.read_text(encoding="utf-8"))
    except (BadLock, OSError, ValueError) as error:
        fail(f"{path}: {error}")
    digests = {file.sha256: None for file in lock.files if file.sha256}
    bare = {(file.project, file.version) for file in lock.files if not file.sha256}
    for requirement in lock.requirements:
        digests |= dict.fromkeys(requirement.sha256s)
        if not requirement.sha256s:
            bare.add((requirement.project, requirement.version))
    projects: dict[str, list[str]] = {}
    for project, version in sorted(bare):
        projects.setdefault(project, []).extend([normalized_version(version) or version] if version else [])
    pages = {one.project for one in lock.files} | {one.project for one in lock.requirements}
    if not digests and not projects:
        fail(f"{path} names no file and no project of an index; there is nothing to pin")
    return Pin(
        name=name,
        projects=tuple(PinnedProject(project, tuple(versions)) for project, versions in projects.items()),
        pages=tuple(sorted(pages)),
        sha256=tuple(digests),
        **known,
    )


def _pin_text(pin: Any) -> str:
    parts = [count_text(len(pin.sha256), "file")] if pin.sha256 else []
    for pinned in pin.projects[:3]:
        versions = f" {', '.join(pinned.versions)}" if pinned.versions else ", every version"
        parts.append(pinned.project + versions)
    if len(pin.projects) > 3:
        parts.append(f"{len(pin.projects) - 3} more projects")
    return "; ".join(parts) + (f"; of upstream {pin.upstream}" if pin.upstream else "")


def _stats_lines(found: dict[str, Any]) -> Iterator[str]:
    if not found.get("pull", True):
        yield "pull does not run on this machine: counted in the store, use as of when it last ran"
    counted = found["bytes"] - found["pinned_bytes"]
    share = share_text(counted / found["bytes_max"]) if found["bytes_max"] else "-"
    limit = f"{size_text(found['bytes_max'])} ({share} used)"
    yield f"kept        {count_text(found['objects'], 'object')}, {size_text(found['bytes'])}"
    yield f"limit       {limit}, pinned not counted"
    yield f"pinned      {size_text(found['pinned_bytes'])} by {count_text(found['pins'], 'pin')}"
    free = f"{size_text(found['free_bytes'])} free, {size_text(found['free_bytes_min'])} are left alone"
    yield f"disk        {free}"
    yield f"oldest use  {found['oldest_use'] or '-'}"
    gone = found["evicted"]
    last = f"{gone['last_at']}: {count_text(gone['last_objects'], 'object')}, {size_text(gone['last_bytes'])}, because "
    yield f"evicted     {last + gone['last_why'] if gone['last_at'] else 'nothing yet'}"
    yield from _scrub_lines(found["scrub"])
    for one in found["by"]:
        pinned = f", {size_text(one['pinned_bytes'])} pinned" if one["pinned_bytes"] else ""
        what = f"{count_text(one['objects'], one['kind'] + ' object')}, {size_text(one['bytes'])}{pinned}"
        yield f"  {one['upstream']}: {what}"


def _scrub_lines(found: dict[str, Any]) -> Iterator[str]:
    done, total = found["round_bytes"], found["round_bytes_total"]
    left = found["round_seconds_left"]
    ends = f", ends in about {span_text(left)}" if left is not None and total else ""
    yield f"scrub       {size_text(done)} of {size_text(total)} hashed in this round{ends}"
    damaged = count_text(found["corrupt"], "file") if found["corrupt"] else "none"
    last = f"; last whole round ended {found['last_round_ended']}" if found["last_round_ended"] else ""
    yield f"            {size_text(found['bytes_daily'])} a day; damaged so far: {damaged}{last}"


commands: list[click.Command] = [cache]
