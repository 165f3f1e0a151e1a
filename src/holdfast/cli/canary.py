"""`holdfast canary`: the gate that a release passes before it serves: small files published with every credential.

`run` asks one running instance, whose data folder this command is given; `tokens` makes credentials with the release
that serves now, so that the gate sees what is in people's hands.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from holdfast import __version__
from holdfast.cli.canary_checks import Candidate, Credential, Failed, Finding, canaries
from holdfast.cli.canary_probe import probe
from holdfast.cli.control_tools import Desk, command_config, open_desk
from holdfast.cli.errors import fail
from holdfast.cli.token_file import read_token
from holdfast.config import DEFAULT_INDEX, Config
from holdfast.core.errors import Outcome

if TYPE_CHECKING:
    from holdfast.control.canary import CanaryToken

INDEX = "canary"
TOKENS_BYTES_MAX = 64 * 1024
IDENTITY = "holdfast-canary-identity"  # the project that a CI's own identity publishes
BEFORE = "release before"  # whose credentials --tokens hands over
_FIELDS = ("kind", "project", "user", "text")


@click.group()
def canary() -> None:
    """The gate of a deploy: publish with every kind of credential before traffic is switched."""


canary.add_command(probe)
index_option = click.option("--index", default=INDEX, show_default=True, help="A private index for canaries alone.")


@canary.command()
@index_option
def tokens(index: str) -> None:
    """Print one credential of each kind, good for an hour, as JSON: run this with the release that serves now."""
    with open_desk() as desk:
        _demand_index(desk.config, index)
        from holdfast.control.canary import make_tokens

        made = make_tokens(desk.publisher, desk.config, index, deadline=desk.deadline)
        click.echo(json.dumps({"release": __version__, "tokens": [one.document() for one in made]}))


@canary.command()
@index_option
@click.option("--url", default="", help="The root URL to ask. Default: where this data folder's instance listens.")
@click.option(
    "--tokens", "token_file", type=click.Path(path_type=Path), help="What `canary tokens` printed; - reads it."
)
@click.option(
    "--identity-token", type=click.Path(path_type=Path), help=f"A CI's identity token, to publish {IDENTITY}."
)
@click.option("--seconds", type=click.FloatRange(1, 300), default=20.0, show_default=True, help="For each request.")
@click.option(
    "--wait", type=click.FloatRange(0, 600), default=60.0, show_default=True, help="Seconds for it to be ready."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def run(
    index: str,
    url: str,
    token_file: Path | None,
    identity_token: Path | None,
    seconds: float,
    wait: float,
    as_json: bool,
) -> None:
    """Publish, fetch and install a small file with every kind of credential; exit code 1 when anything fails.

    What is published lies in the canary's index, which is private: no page, feed or search shows it. It is delisted
    at the end, and its credentials with it.
    """
    handed = _handed(token_file)
    identity = read_token(identity_token)
    config = command_config()
    _demand_index(config, index)
    root, certificate = root_of(config, url)
    candidate = Candidate(root, "" if index == DEFAULT_INDEX else f"/{index}", seconds, certificate)
    findings: list[Finding] = []
    for finding in _findings(candidate, index, wait, handed, identity):
        findings.append(finding)
        if not as_json:
            click.echo(str(finding))
    wrong = [one for one in findings if one.ok is False]
    if as_json:
        click.echo(json.dumps({"release": __version__, "ok": not wrong, "checks": [_facts(one) for one in findings]}))
    elif wrong:
        click.echo(f"no: {len(wrong)} of {len(findings)} checks failed at {root}; traffic must not go there")
    else:
        click.echo(f"yes: the release at {root} publishes and installs")
    sys.exit(1 if wrong else 0)


def _findings(
    candidate: Candidate, index: str, wait: float, handed: list[Credential], identity: str
) -> Iterator[Finding]:
    """Every check, as it is made. The database waits until the release answers: before, that may be migrating it."""
    ready = candidate.wait(wait)
    yield ready
    if not ready.ok:
        return
    with open_desk() as desk:
        from holdfast.control import canary as control

        texts = [one.text for one in handed]
        try:
            made = control.make_tokens(desk.publisher, desk.config, index, deadline=desk.deadline)
            reader = control.reading_token(desk.publisher, index, deadline=desk.deadline)
            texts += [reader, *(one.text for one in made)]
            known = replace(candidate, reader=reader)
            yield from _published(known, [*handed, *map(_ours, made)])
            yield from _by_identity(desk.config, known, index, identity)
        finally:
            yield from _cleaned(desk, index, texts)


def _published(candidate: Candidate, credentials: list[Credential]) -> Iterator[Finding]:
    published = []
    for credential, made in canaries(credentials, datetime.now(UTC).strftime("%Y.%m%d.%H%M%S%f")):
        finding = candidate.publishes(made, credential)
        yield finding
        if finding.ok:
            published.append((made, credential))
    if published:
        yield candidate.keeps(*published[-1])
        newest = {made.project: made for made, _ in published}
        yield candidate.installs(list(newest.values()))


def _by_identity(config: Config, candidate: Candidate, index: str, identity: str) -> Iterator[Finding]:
    """The whole way of a trusted publisher, which only a CI can begin: nobody else has an identity token."""
    name = "identity token"
    if not identity:
        if config.providers:
            yield Finding(name, None, "not checked", next_step="run this in CI with --identity-token FILE")
        return
    began = time.monotonic()
    try:
        text = candidate.exchange(identity, index, config.audience(index))
    except Failed as error:
        yield Finding(name, False, str(error), time.monotonic() - began, "see docs/trusted-publishing.md")
        return
    credential = Credential(name, IDENTITY, "__token__", text, "just exchanged")
    [(_, made)] = canaries([credential], datetime.now(UTC).strftime("%Y.%m%d.%H%M%S%f"))
    yield candidate.publishes(made, credential)


def _cleaned(desk: Desk, index: str, texts: list[str]) -> Iterator[Finding]:
    """A release that could not be left as it was found is told, and is no worse for it."""
    from holdfast.control.canary import clean_up

    try:
        clean_up(desk.publisher, index, texts, deadline=desk.deadline)
    except Outcome as error:
        yield Finding(
            "clean up", None, error.reason, next_step=f"the next run does it; all of it is in index {index!r}"
        )


def _facts(finding: Finding) -> dict[str, object]:
    facts: dict[str, object] = {"check": finding.check, "ok": finding.ok, "text": finding.text}
    facts["seconds"] = round(finding.seconds, 3)
    return facts | ({"next_step": finding.next_step} if finding.next_step else {})


def _ours(made: "CanaryToken") -> Credential:
    return Credential(made.kind, made.project, made.user, made.text)


def _handed(file: Path | None) -> list[Credential]:
    """The credentials of the release before; ends the command when that is not what the file holds."""
    if file is None:
        return []
    try:
        stream = sys.stdin.buffer if str(file) == "-" else file.open("rb")
        with stream:
            found = json.loads(stream.read(TOKENS_BYTES_MAX))
        rows = [[row[name] for name in _FIELDS] for row in found["tokens"]]
        if not rows or not all(isinstance(value, str) and value.isascii() and value for row in rows for value in row):
            raise ValueError
        return [Credential(kind, project, user, text, BEFORE) for kind, project, user, text in rows]
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    except (ValueError, LookupError, TypeError, RecursionError):
        fail(f"{file} does not hold what `holdfast canary tokens` prints; make it with the release that serves now")


def _demand_index(config: Config, name: str) -> None:
    found = config.index(name)
    if found is None:
        fail(
            f"there is no index {name!r} for canaries; it takes two lines of holdfast.toml:\n"
            f"[index.{name}]\nprivate = true"
        )
    if not found.private:
        fail(f"index {name!r} is public, and its feeds would show the canaries: name a private one with --index")


def root_of(config: Config, url: str) -> tuple[str, str]:
    """Where to ask, and a certificate to trust there."""
    if not url:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.listen_host, config.listen_host)  # noqa: S104 - compared
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if config.tls_cert else 'http'}://{shown}:{config.listen_port}", config.tls_cert
    parts = urlsplit(url)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        fail("--url takes a root URL without a credential; a good one: http://127.0.0.1:8001")
    return url.rstrip("/"), config.tls_cert if parts.scheme == "https" else ""


commands: list[click.Command] = [canary]
