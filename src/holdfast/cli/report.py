"""`holdfast report`: what was served of upstreams, also while one was off or down, and what keeping it saved."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from holdfast.cli.control_tools import command_config, outcomes
from holdfast.cli.errors import fail
from holdfast.cli.figures import count_text, share_text, size_text, span_text
from holdfast.cli.pull_status import ask_pull
from holdfast.config import Config

SETTLE_SECONDS = 1.5  # fronts tell each second what they served
ANSWER_SECONDS = 10.0
PERIODS_SHOWN_MAX = 20  # the newest; --json gives all


@click.command()
@click.option("--since", default="24h", show_default=True, metavar="24h", help="How far back, up to 400d.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def report(since: str, as_json: bool) -> None:
    """What this machine served of each upstream: from what is kept, fetched, refused, and not at all.

    Counted by the hour, so it begins at a full one. When an upstream was off or down is told to the second.
    """
    from holdfast.settings.values import parse_age

    try:
        seconds = parse_age(since)
    except ValueError as error:
        fail(f"--since must be {error}")
    config = command_config()
    found = _found(config, seconds)
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(_lines(found)))


def _found(config: Config, seconds: int) -> dict[str, Any]:
    target = f"/report?since={seconds}&settle={SETTLE_SECONDS}"
    with outcomes():
        answer = ask_pull(config.pull_socket, "GET", target, seconds_max=ANSWER_SECONDS)
    if answer is not None:
        status, found = answer
        if status != 200:
            fail(str(found.get("reason", f"pull answers with status {status}")))
        return {**found, "pull": True}
    from holdfast.pull.cache.ledger import Ledger, decode_ledger, report
    from holdfast.pull.cache.papers import read_paper

    now = datetime.now(UTC)
    ledger = read_paper(config.cache_folder / "ledger.zst", decode_ledger, Ledger)
    return {**report(ledger, now - timedelta(seconds=seconds), now), "pull": False}


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"Since {_moment(found['since'])} UTC, on this machine:"
    if not found["pull"]:
        yield "Pull does not run here now: as of when it last did."
    if found["known_since"] is None:
        yield "Nothing was recorded yet."
        return
    if found["known_since"] > found["since"]:
        yield f"Nothing is known of the time before {_moment(found['known_since'])}."
    for gap in found["gaps"]:
        span = f"{span_text(gap['seconds'])} from {_moment(gap['from'])}"
        yield f"Pull did not run for {span}: whether an upstream was down then is not known."
    if not any(upstream["served"] or upstream["periods"] for upstream in found["upstreams"]):
        yield "Nothing was asked of any upstream."
    for upstream in found["upstreams"]:
        yield from _upstream_lines(upstream)


def _upstream_lines(upstream: dict[str, Any]) -> Iterator[str]:
    answers, name = upstream["answers"], upstream["name"]
    kept = answers["hit"] + answers["stale"]
    yield ""
    yield (
        f"upstream {name}: {count_text(upstream['served'], 'answer')} served,"
        f" {share_text(upstream['hit_rate'])} from what is kept"
        f" ({kept:,} kept, of them {answers['stale']:,} older than fresh; {answers['miss']:,} fetched first),"
        f" {answers['refused']:,} refused, {answers['unavailable']:,} failed"
    )
    served, fetched = upstream["bytes_served"], upstream["bytes_fetched"]
    yield f"  {size_text(served)} served, {size_text(fetched)} fetched: {size_text(upstream['bytes_saved'])} saved"
    periods = upstream["periods"]
    if len(periods) > PERIODS_SHOWN_MAX:
        yield f"  {len(periods) - PERIODS_SHOWN_MAX} earlier periods are left out; --json has them"
    for period in periods[-PERIODS_SHOWN_MAX:]:
        yield f"  {_period_text(name, period)}"


def _period_text(name: str, period: dict[str, Any]) -> str:
    answers = period["answers"]
    word = "While" if period["ended"] else "So far, while"
    state = "was" if period["ended"] else "is"
    counted = f"{count_text(period['served'], 'answer')} served, {answers['unavailable']:,} failed"
    stale = f", {answers['stale']:,} of them older than fresh" if answers["stale"] else ""
    by = f" by {period['by']}" if period["by"] else ""
    why = f": {period['reason']}" if period["reason"] else ""
    since = f"from {_moment(period['started'])}{by}{why}"
    return (
        f"{word} upstream {name} {state} {period['kind']} ({span_text(period['seconds'])}): {counted}{stale} ({since})."
    )


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S}"


commands: list[click.Command] = [report]
