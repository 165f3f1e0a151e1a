"""`holdfast serve`: the checks and first-start work that come before the supervisor takes over."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from holdfast import datafolder, log, upstream_default
from holdfast.cli import store_proof, welcome
from holdfast.cli.errors import exit_for_settings, fail
from holdfast.cli.readyz import ask_readyz, trouble
from holdfast.config import Config
from holdfast.effective import SNAPSHOT_VARIABLE, configured, write_snapshot
from holdfast.front import child
from holdfast.front.listening import open_listener
from holdfast.front.supervisor import FIRST_ROLES, LATER_ROLES, Supervisor
from holdfast.redact import redact
from holdfast.settings.loading import SettingsError
from holdfast.upstream_default import UpstreamError, replace_file

INITIALISE_SECONDS_MAX = 120.0
LEFTOVER_SECONDS_MAX = 5.0


@click.command()
def serve() -> None:
    """Run everything on this machine: front, pull, control and work, with SQLite and a local folder by default."""
    try:
        config = configured(os.environ)
    except SettingsError as error:
        exit_for_settings(error)
    log.setup(config.log_level, "supervisor")
    try:
        datafolder.prepare(config)
        _held = datafolder.lock(config)  # until this process ends
        is_initialised = datafolder.check_format(config)
        _end_leftovers(config)
        config, reserved = _take_port(config)
        config = upstream_default.resolve(config, os.environ)
        _check_certificate(config)
    except (datafolder.DataFolderError, UpstreamError, StartError) as error:
        fail(str(error))
    snapshot = write_snapshot(config)
    environ = {**os.environ, SNAPSHOT_VARIABLE: str(snapshot)}
    try:
        store_proof.admit(config, environ)
    except store_proof.StoreNotProven as error:
        fail(str(error))
    first_token = "" if is_initialised and not _first_token_due(config).exists() else _first_start(config, environ)
    commands = {role: _holdfast(role) for role in (*FIRST_ROLES, *LATER_ROLES)}
    listener = reserved if config.tls_cert else None  # fronts replace each other there alone
    on_ready = partial(_welcome_beside, config, first_token)
    code = Supervisor(config, commands, environ, on_ready, listener=listener).run()
    reserved.close()
    sys.exit(code)


class StartError(Exception):
    """Something outside the settings' text keeps the server from starting."""


def _holdfast(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "holdfast.cli.main", *arguments]


# Before the first process


def _take_port(config: Config) -> tuple[Config, socket.socket]:
    """Prove that the port is free and keep it ours; 0 becomes the port picked.

    Fronts bind with SO_REUSEPORT, which would let two instances share a port without a word: so the proof binds
    without it. The returned socket keeps strangers off while a front restarts. It is bound but never listens, except
    under TLS: there it is where every front accepts.
    """
    family = socket.AF_INET6 if ":" in config.listen_host else socket.AF_INET
    try:
        if config.tls_cert:
            listener = open_listener(config.listen_host, config.listen_port)
            return replace(config, listen_port=listener.getsockname()[1]), listener
        with socket.socket(family) as proof:
            proof.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT are no obstacle
            proof.bind((config.listen_host, config.listen_port))
            proof.listen(1)
        reserved = socket.socket(family)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind((config.listen_host, config.listen_port))
    except OSError as error:
        raise StartError(_cannot_listen(config, error)) from error
    return replace(config, listen_port=reserved.getsockname()[1]), reserved


def _cannot_listen(config: Config, error: OSError) -> str:
    where = f"{config.listen_host}:{config.listen_port}" if ":" not in config.listen_host else config.base_url
    reasons = {
        errno.EADDRINUSE: f"port {config.listen_port} on {config.listen_host} is taken by another process",
        errno.EACCES: f"listening on port {config.listen_port} needs rights this user does not have",
        errno.EADDRNOTAVAIL: f"this machine has no address {config.listen_host}",
    }
    reason = reasons.get(error.errno or 0, f"cannot listen on {where}: {error.strerror}")
    return (
        f"{reason}. Choose another with HOLDFAST_LISTEN, for example HOLDFAST_LISTEN=127.0.0.1:8001 (port 0 picks one)."
    )


def _check_certificate(config: Config) -> None:
    if not config.tls_cert:
        return
    try:
        child.first_certificate(config.tls_cert, config.tls_key)
    except (OSError, ValueError) as error:
        raise StartError(
            f"HOLDFAST_TLS_CERT {config.tls_cert} with HOLDFAST_TLS_KEY {config.tls_key} cannot be used: {error}. "
            "Both must be PEM files this user can read, and belong together."
        ) from error


def _end_leftovers(config: Config) -> None:
    """End roles of a supervisor that was killed: we hold the lock, so whoever runs on this folder is an orphan."""
    mark = f"{SNAPSHOT_VARIABLE}={config.resolved_file}".encode()
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + LEFTOVER_SECONDS_MAX
        orphans = _marked(mark)
        for pid in orphans:
            _signal(pid, number)
        while orphans and time.monotonic() < deadline:
            time.sleep(0.05)
            orphans = _marked(mark)
        if not orphans:
            return


def _marked(mark: bytes) -> list[int]:
    """Processes with `mark` among their environment variables."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0") and int(folder.name) != os.getpid():
                found.append(int(folder.name))
        except OSError:
            continue  # another user's, or it ended meanwhile
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it ended by itself


# First start


def _first_token_due(config: Config) -> Path:
    """Exists from before the first initialisation until the first token was made, so that a crash does not lose it."""
    return config.run_folder / "first-token-due"


def _first_start(config: Config, environ: dict[str, str]) -> str:
    """Initialise database and tree and make the first token. Ends the command when that fails."""
    _first_token_due(config).touch(mode=0o600)
    done = _run(_holdfast("_initialise", "--token", "first"), environ)  # one process: Django's start is most of it
    token, said = done.stdout.strip(), redact(done.stderr.strip() or f"exit code {done.returncode}")
    if not config.marker.exists():
        fail(f"the data folder {config.data} could not be initialised:\n{said}")
    if done.returncode or not token:
        click.echo(f"holdfast: the first token could not be made; the next start tries again: {said}", err=True)
        return ""
    if not sys.stdout.isatty():
        replace_file(config.first_token_file, token + "\n")
    _first_token_due(config).unlink(missing_ok=True)
    return token


def _run(command: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INITIALISE_SECONDS_MAX,
            check=False,
            preexec_fn=child.dies_with_us(),
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"not done after {INITIALISE_SECONDS_MAX:.0f} s")


def _welcome_beside(config: Config, first_token: str) -> None:
    """Beside the supervisor, which waits for nobody: what is told is asked of the front first."""
    threading.Thread(target=_welcome, args=(config, first_token), name="welcome", daemon=True).start()


def _welcome(config: Config, first_token: str) -> None:
    why = trouble(*ask_readyz(config))
    try:
        lines = welcome.sentences(config, first_token, show_token=sys.stdout.isatty(), trouble=why)
        click.echo("\n".join(lines))
        sys.stdout.flush()
    except OSError:
        pass  # whoever read our output is gone; the server is not


commands: list[click.Command] = [serve]
