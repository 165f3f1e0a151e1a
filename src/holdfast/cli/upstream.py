"""`holdfast upstream`: how the upstreams are doing, and the switch that keeps one from being asked.

A switch is written to the store, so it needs neither the database nor a running instance, and every machine over that
store keeps to it.
"""

import json
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import click

from holdfast.cli.control_tools import one_line
from holdfast.cli.errors import config_or_exit, fail
from holdfast.cli.pull_status import pull_status
from holdfast.config import Config
from holdfast.core.errors import Outcome

IN_FORCE_SECONDS_MAX = 3.0  # how long `off` and `on` wait for pull, which looks each second
POLL_SECONDS = 0.05
OFF_SECONDS_MAX = 366 * 86_400  # far ahead of any outage, and far before the calendar ends
NO_PULL = "pull does not run on this machine: no upstream is asked, what is kept is served"


@click.group()
def upstream() -> None:
    """How upstreams are doing; switch one off and on."""


@upstream.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_(as_json: bool) -> None:
    """Show every upstream: its address, switch, breaker, and how it has answered."""
    config = config_or_exit(os.environ)
    status, trouble = None, ""
    try:
        status = pull_status(config.pull_socket)
    except Outcome as error:
        trouble = error.reason
    known = {found["name"]: found for found in (status or {}).get("upstreams", [])}
    try:
        switches = _switches(config)
    except (Outcome, ValueError) as error:
        click.echo(f"the switches cannot be read: {error}", err=True)
        switches = {}
    shown = [
        {**_settings(config, one.name), **known.get(one.name, {}), **switches.get(one.name, {})}
        for one in config.upstreams
    ]
    if as_json:
        click.echo(json.dumps({"pull": status is not None, "pull_trouble": trouble, "upstreams": shown}, indent=2))
        return
    if status is None:
        click.echo(trouble or NO_PULL)
    if not shown:
        click.echo("no upstream is configured")
    for facts in shown:
        click.echo("\n".join(_lines(facts)))


@upstream.command()
@click.argument("name")
@click.option("--for", "duration", default="", metavar="10m", help="Then it is on again by itself. Else until `on`.")
@click.option("--reason", default="", help="Told to clients whose page or file is not kept.")
def off(name: str, duration: str, reason: str) -> None:
    """Ask the upstream NAME for nothing: what is kept is served, the rest is 503.

    NAME may also be an index: then every upstream among its layers.
    """
    from holdfast.cli.who import who
    from holdfast.settings.values import parse_age

    config, names = _chosen(name)
    try:
        seconds = parse_age(duration) if duration else 0
    except ValueError as error:
        fail(f"--for must be {error}, such as 10m")
    if seconds > OFF_SECONDS_MAX:
        days = OFF_SECONDS_MAX // 86_400
        fail(f"--for must be at most {days} days; without --for it stays off until `holdfast upstream on {name}`")
    if duration and not seconds:
        fail("--for must be longer than nothing, such as 10m")
    now = datetime.now(UTC)
    until = now + timedelta(seconds=seconds) if seconds else None
    ends = f"until {until:%Y-%m-%d %H:%M:%S} UTC" if until else f"until `holdfast upstream on {name}`"
    for one in names:
        _write(config, one, until, reason, who(), now)
        click.echo(f"upstream {one} is off {ends}; {_in_force(config, one, is_off=True)}")


@upstream.command()
@click.argument("name")
def on(name: str) -> None:
    """Ask the upstream NAME again, or every upstream of the index NAME."""
    from holdfast.cli.who import who

    config, names = _chosen(name)
    try:
        switches = _switches(config)
    except (Outcome, ValueError) as error:
        fail(f"the switches cannot be read: {error}")
    for one in names:
        if not switches[one]["off"]:
            click.echo(f"upstream {one} was on already")
            continue
        _write(config, one, None, "", who(), datetime.now(UTC), put_back=True)
        click.echo(f"upstream {one} is on; {_in_force(config, one, is_off=False)}")


def _chosen(name: str) -> tuple[Config, list[str]]:
    """The configuration, and the upstream of that name or those of the index of that name; else the command ends."""
    config = config_or_exit(os.environ)
    if config.upstream(name) is not None:
        return config, [name]
    index = config.index(name)
    found = [layer for layer in index.layers if config.upstream(layer) is not None] if index else []
    if not found:
        known = ", ".join(one.name for one in config.upstreams) or "none is configured"
        fail(f"there is no upstream named {name}; known: {known}")
    return config, found


def _write(
    config: Config, name: str, until: datetime | None, reason: str, by: str, now: datetime, *, put_back: bool = False
) -> None:
    import msgspec

    from holdfast.store.opening import configured_store
    from holdfast.tree.overrides import Overrides, UpstreamOff, change

    reason = one_line(reason)
    switch = UpstreamOff(upstream=name, until=until, reason=reason, by=by, at=now)

    def edit(old: Overrides) -> Overrides:
        others = tuple(one for one in old.upstreams_off if one.upstream != name)
        return msgspec.structs.replace(old, upstreams_off=others if put_back else (*others, switch))

    what = f"upstream {name} switched {'on' if put_back else 'off'}" + (f": {reason}" if reason else "")
    try:
        change(configured_store(config), edit, by=by, what=what, now=now)
    except (Outcome, ValueError) as error:
        fail(f"the switch was not written: {error}")


def _switches(config: Config) -> dict[str, dict[str, Any]]:
    """Each upstream's switch as it is written now. Raises Unavailable, Corrupt."""
    from holdfast.store.opening import configured_store
    from holdfast.tree.overrides import newest

    overrides = newest(configured_store(config))
    found: dict[str, dict[str, Any]] = {}
    for one in config.upstreams:
        switch = overrides.off(one.name, datetime.now(UTC))
        found[one.name] = {
            "off": int(switch is not None),
            "off_until": switch and switch.until and switch.until.isoformat(),
            "off_by": switch and switch.by,
            "off_reason": switch and switch.reason,
        }
    return found


def _settings(config: Config, name: str) -> dict[str, Any]:
    one = config.upstream(name)
    assert one is not None
    mirrors = [{"url": _shown(url)} for url in one.mirrors]
    return {"name": name, "url": _shown(one.url), "mirrors": mirrors, "off": None}


def _shown(url: str) -> str:
    """The URL without user name and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _in_force(config: Config, name: str, *, is_off: bool) -> str:
    """Wait until pull keeps to the switch, and say so."""
    try:
        return _seen_in_force(config, name, is_off=is_off)
    except Outcome as error:
        return f"written, but {error.reason}"


def _seen_in_force(config: Config, name: str, *, is_off: bool) -> str:
    """Raises Unavailable when pull gives no answer."""
    deadline = time.monotonic() + IN_FORCE_SECONDS_MAX
    while (status := pull_status(config.pull_socket)) is not None:
        known: dict[str, Any] = next((found for found in status.get("upstreams", []) if found.get("name") == name), {})
        if bool(known.get("off")) == is_off:
            return "in force now (elsewhere within 1.5 s)"
        if time.monotonic() > deadline:
            return "written, but this machine's pull does not keep to it yet: its log says why"
        time.sleep(POLL_SECONDS)
    return "pull does not run on this machine and will keep to it when it starts (elsewhere within 1.5 s)"


def _lines(facts: dict[str, Any]) -> list[str]:
    """One upstream for people."""
    lines = [f"{facts['name']}  {facts['url']}  {_state(facts)}"]
    for mirror in facts["mirrors"]:
        lines.append(f"  mirror {mirror['url']}" + (f"  breaker {mirror['breaker']}" if "breaker" in mirror else ""))
    if "breaker" in facts:
        rate = facts.get("hit_rate")
        hits = f"hit rate of the last day {rate * 100:.0f} %" if rate is not None else "nothing served yet"
        flying = f"{facts['pages_in_flight']} pages and {facts['files_in_flight']} files in flight"
        lines.append(f"  breaker {facts['breaker']}, {_last(facts, 'success', 'answered')}, {hits}, {flying}")
        if facts.get("last_failure_reason"):
            lines.append(f"  {_last(facts, 'failure', 'failed')}: {facts['last_failure_reason']}")
    return lines


def _state(facts: dict[str, Any]) -> str:
    if facts["off"] is None:
        return "on or off is not known"
    if not facts["off"]:
        return "on"
    until = f" until {facts['off_until'][:19].replace('T', ' ')} UTC" if facts["off_until"] else ""
    reason = f": {facts['off_reason']}" if facts["off_reason"] else ""
    return f"off{until}, by {facts['off_by']}{reason}"


def _last(facts: dict[str, Any], what: str, verb: str) -> str:
    moment = facts.get(f"last_{what}")
    if not moment:
        return f"never {verb}"
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()))
    return f"{verb} {timedelta(seconds=seconds)} ago"


commands: list[click.Command] = [upstream]
