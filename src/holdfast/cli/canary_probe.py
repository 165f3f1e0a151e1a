"""`holdfast canary probe`: one look of the monitor `canary.publish`, as an order on standard input says.

It is a client and no more: the credential comes with the order, and no database is opened.
"""

import json
import sys

import click

from holdfast.cli.canary_checks import Candidate, Credential, Finding
from holdfast.config import DEFAULT_INDEX
from holdfast.drill.corpus import wheel

ORDER_BYTES_MAX = 64 * 1024
REQUEST_SECONDS = 20.0  # of each; the gate's default
READY_SECONDS = 60.0  # `work` may be up before the front is


@click.command(hidden=True)
def probe() -> None:
    """Publish, find, fetch and install one small file; print what was found as JSON."""
    from holdfast.cli.canary import root_of
    from holdfast.cli.control_tools import command_config

    order = json.loads(sys.stdin.buffer.read(ORDER_BYTES_MAX))
    root, certificate = root_of(command_config(), "")
    path = "" if order["index"] == DEFAULT_INDEX else f"/{order['index']}"
    candidate = Candidate(root, path, REQUEST_SECONDS, certificate, order["token"])
    found = look(candidate, order["project"], order["version"], order["token"])
    click.echo(json.dumps({"checks": [{"check": one.check, "ok": one.ok, "text": one.text} for one in found]}))


def look(candidate: Candidate, project: str, version: str, token: str) -> list[Finding]:
    """What is not ready is not published to, and what was not published is not installed."""
    ready = candidate.wait(READY_SECONDS)
    if not ready.ok:
        return [ready]
    made = wheel(project, version)
    published = candidate.publishes(made, Credential("publish", project, "__token__", token, "the monitor"))
    return [published, *([candidate.installs([made])] if published.ok else [])]
