"""`holdfast check`: what works, what does not and what to do, whether the server runs or not. Changes nothing."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from holdfast import datafolder
from holdfast.cli.readyz import ask_readyz
from holdfast.cli.store_proof import Proof, proofs
from holdfast.clock import SystemClock
from holdfast.config import Config, UpstreamConfig
from holdfast.core.errors import Absent, Outcome, Unavailable
from holdfast.effective import SNAPSHOT_VARIABLE, configured, effective_config
from holdfast.redact import redact
from holdfast.settings.loading import SettingsError
from holdfast.upstream_default import UpstreamError, ask_pip, refuse_self

if TYPE_CHECKING:
    from holdfast.store.paired import PairedStore

SECONDS_MAX = 10.0
FREE_BYTES_MIN = 1024**3  # below this the next uploads and pulled files are at risk


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    subject: str
    ok: bool
    text: str
    next_step: str = ""

    def __str__(self) -> str:
        line = f"{'ok  ' if self.ok else 'FAIL'}  {self.subject:<12} {redact(self.text)}"
        return line if self.ok or not self.next_step else f"{line}\n      {'':<12} -> {redact(self.next_step)}"


@click.command()
def check() -> None:
    """Say what works, what does not, and what to do about it. Exit code 1 when something does not."""
    healthy = True
    for finding in findings(dict(os.environ)):
        click.echo(str(finding))
        healthy = healthy and finding.ok
    sys.exit(0 if healthy else 1)


def findings(environ: dict[str, str]) -> Iterator[Finding]:
    """Each part of an instance in turn; a part that cannot be judged without an earlier one is left out."""
    try:
        configured(environ)
        config = effective_config(environ)
    except SettingsError as error:
        for problem in error.problems:
            yield Finding("settings", False, f"{problem.setting}: {problem.rule}", f"for example {problem.example}")
        return
    except UpstreamError as error:
        yield Finding("settings", False, str(error))
        return
    yield Finding("settings", True, f"{config.base_url}/, from {_where_from(environ)}")
    running = datafolder.lock_holder(config)
    yield _folder(config)
    yield _server(config, running)
    yield _disk(config)
    proven = proofs(config, environ)
    yield from map(_credential, proven)
    unusable = not config.store_pair and any(proof.refused for proof in proven)
    if config.marker.exists() and not unusable:
        store = list(_tree(config))
        yield from store
        if all(finding.ok for finding in store if finding.subject == "store"):  # else its trouble would be told twice
            yield from _database(environ)
    for upstream in config.upstreams:
        yield _upstream(config, upstream, environ)


def _where_from(environ: dict[str, str]) -> str:
    from pathlib import Path

    from holdfast.settings.loading import discover

    file = discover(environ, {}, Path.cwd())
    return f"{file} and the environment" if file else "the environment and defaults"


def _folder(config: Config) -> Finding:
    if not config.data.is_dir():
        text = f"{config.data} does not exist yet"
        return Finding("data folder", False, text, "`holdfast serve` makes it; or name another with HOLDFAST_DATA")
    if not os.access(config.data, os.W_OK | os.X_OK):
        return Finding("data folder", False, f"{config.data} is not writable for this user", "run as its owner")
    try:
        initialised = datafolder.check_format(config)
    except datafolder.DataFolderError as error:
        return Finding("data folder", False, str(error))
    return Finding("data folder", True, f"{config.data}" + ("" if initialised else ", not initialised yet"))


def _server(config: Config, running: str) -> Finding:
    """A running server must answer; without one its port must be free."""
    if running:
        status, text = ask_readyz(config)
        step = f"see what it says: {text[:300]}" if status else "look at its log; `kill -TERM` and start it again"
        found = f"process {running}, /readyz answers {status}" if status else f"process {running} does not answer"
        return Finding("server", status == 200, found, step)
    family = socket.AF_INET6 if ":" in config.listen_host else socket.AF_INET
    try:
        with socket.socket(family) as proof:
            proof.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            proof.bind((config.listen_host, config.listen_port))
            proof.listen(1)
    except OSError as error:
        where = f"{config.listen_host} port {config.listen_port}"
        return Finding("server", False, f"not running, and {where} cannot be used: {error.strerror}", "HOLDFAST_LISTEN")
    return Finding("server", True, f"not running; port {config.listen_port} is free")


def _disk(config: Config) -> Finding:
    folder = config.data
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    text = f"{free / 1024**3:.1f} GiB free below {folder}"
    return Finding("disk", free >= FREE_BYTES_MIN, text, "make room, or move the data folder (HOLDFAST_DATA)")


def _credential(proof: Proof) -> Finding:
    """A bucket was asked with the credential of this very environment: what a start with it would find."""
    step = "correct it before `holdfast serve` is started with it; the one that runs goes on with its own"
    return Finding("credential", not proof.trouble, f"{redact(proof.where)}, {proof.told}: {proof.said}", step)


def _tree(config: Config) -> Iterator[Finding]:
    from holdfast.store.opening import configured_store
    from holdfast.store.paired import PairedStore
    from holdfast.tree.instance import read_instance
    from holdfast.tree.writer import published_head

    where = redact(config.store) or str(config.store_folder)
    try:
        store = configured_store(config)
        document = read_instance(store)
        if config.instance and document.instance != config.instance:
            text = f"{where} holds the tree of another instance, {document.instance}; this one is {config.instance}"
            yield Finding("store", False, text, "put the right store in its place (HOLDFAST_STORE)")
            return
        yield Finding("store", True, f"{where}, instance {document.instance}")
        yield Finding("tree", True, f"newest published serial {published_head(store)}")
        if isinstance(store, PairedStore):
            yield from _pair(store)
    except (Outcome, ValueError) as error:
        step = "mount or repair it; installs answer 503 until then. `holdfast fsck` looks closer"
        yield Finding("store", False, f"{where}: {error}", step)


def _pair(store: "PairedStore") -> Iterator[Finding]:
    for side in store.sides:
        owed, whole = store.notes.count(side.name), store.notes.is_whole(side.name)
        text = f"behind with {owed} objects" + ("" if whole else ", and not yet compared with the other")
        step = "the work role heals it once it answers; `holdfast fsck --pair` does so at once"
        yield Finding(f"{side.name} store", whole and not owed, text if owed or not whole else "has everything", step)


def _database(environ: dict[str, str]) -> Iterator[Finding]:
    """Asked in a process of its own: this one stays free of Django and cannot hang with the database."""
    step = (
        "installs go on without it. `holdfast restore` puts a backup back, `holdfast rebuild` makes one from the tree"
    )
    kept = {name: value for name, value in environ.items() if name != SNAPSHOT_VARIABLE}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "holdfast.cli.main", "_check-database"],
            env=kept,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX * 2,
            check=False,
        )
        found = json.loads(done.stdout)
        yield Finding("database", bool(found["ok"]), str(found["text"]), step)
        if trouble := str(found["key_trouble"]):
            yield Finding("secret key", False, trouble)
    except subprocess.TimeoutExpired:
        yield Finding("database", False, f"does not answer within {SECONDS_MAX * 2:.0f} s", step)
    except (ValueError, KeyError):
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        yield Finding("database", False, f"could not be asked: {said}", step)


def _upstream(config: Config, upstream: UpstreamConfig, environ: dict[str, str]) -> Finding:
    """Ask for a project's page that any index answers quickly, with 200 or 404: the whole list would be large."""
    subject, step = f"upstream {upstream.name}", "HOLDFAST_UPSTREAM; what was installed before goes on without it"
    try:
        refuse_self(config)
        url, ca_bundle, note = upstream.url, upstream.ca_bundle, ""
        if not url:
            found = ask_pip(environ)
            url, ca_bundle = found.url, ca_bundle or found.ca_bundle
            note = " (what pip uses; kept at the first start)"
    except UpstreamError as error:
        return Finding(subject, False, str(error))
    if switch := _switch(config, upstream.name):
        return Finding(subject, True, f"{url} is not asked: {switch}")
    trouble = _trouble_with(replace(upstream, url=url, ca_bundle=ca_bundle))
    if not trouble:
        return Finding(subject, True, f"{url} answers{note}")
    return Finding(subject, False, f"{url}: {trouble}{note}", step)


def _switch(config: Config, name: str) -> str:
    """Who switched the upstream off, or ""; what cannot be read is another line's business."""
    from holdfast.store.opening import configured_store
    from holdfast.tree.overrides import newest

    try:
        switch = newest(configured_store(config)).off(name, datetime.now(UTC))
    except (Outcome, ValueError):
        return ""
    return f"switched off by {switch.by}, see `holdfast upstream list`" if switch else ""


def _trouble_with(upstream: UpstreamConfig) -> str:
    """Ask exactly as pull would, with its credentials, certificates and proxy; "" when any answer comes."""
    from holdfast.pull.upstream import Upstream

    async def ask() -> str:
        session = Upstream(upstream, "", SystemClock())
        url, accept = f"{session.url}holdfast-check/", "application/vnd.pypi.simple.v1+json, text/html;q=0.1"
        try:
            async with session.get(url, "a check", headers={"Accept": accept}, seconds=SECONDS_MAX):
                return ""
        except Absent:
            return ""
        except Unavailable as error:
            return error.reason
        finally:
            await session.close()

    return asyncio.run(ask())


commands: list[click.Command] = [check]
