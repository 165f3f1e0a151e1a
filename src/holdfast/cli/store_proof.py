"""No credential of a bucket is used that was never seen to work: the proof before a start, and what it decides.

A credential that the store refuses keeps `serve` from starting, unless it once worked here: then it expired or was
taken away, and installs must go on with what is left (the other store of a pair, local copies). A store that cannot be
reached says nothing of the credential, and is no reason not to start. The environment of a running process never
changes: a new credential comes with a start, and `holdfast check` in its environment proves it beforehand.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import click
import structlog

from holdfast.cli.errors import config_or_exit
from holdfast.config import Config
from holdfast.core.errors import Absent, Unavailable
from holdfast.redact import redact
from holdfast.store.credential import fingerprint, prove
from holdfast.store.opening import is_remote, open_store
from holdfast.store.pair_environment import pair_variables
from holdfast.store.port import StoreRefuses
from holdfast.tree import addresses
from holdfast.upstream_default import replace_file

log = structlog.get_logger(__name__)

PROVE_SECONDS_MAX = 12.0  # a store that swallows everything must not hold up a start for longer
PROVEN_KEPT = 8  # of the credentials that worked here


class StoreNotProven(Exception):  # noqa: N818 - the operator's matter, told as one sentence
    """A bucket refuses a credential that never worked here."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What one bucket said to its credential. `trouble` is empty when it took it."""

    where: str
    fingerprint: str
    trouble: str
    refused: bool

    @property
    def told(self) -> str:
        """Which credential, without telling it."""
        return f"credential with fingerprint {self.fingerprint}" if self.fingerprint else "credential of the machine"

    @property
    def said(self) -> str:
        return self.trouble or "a fresh object was put, read and deleted"


def buckets(config: Config) -> list[str]:
    """The settings of this instance's stores that are buckets."""
    return [setting for setting in (config.store, config.store_pair) if is_remote(setting)]


def proofs(config: Config, environ: Mapping[str, str]) -> list[Proof]:
    """Ask each bucket, in this process and with its environment. Raises nothing that a store does."""
    found = []
    for where in buckets(config):
        own = pair_variables(environ) if where == config.store_pair else {}
        mark = fingerprint(where, {**environ, **own})
        try:
            prove(open_store(where, config.store_folder, own=own), addresses.probe(secrets.token_hex(16)))
        except StoreRefuses as error:
            found.append(Proof(where, mark, error.reason, True))
        except (Unavailable, Absent, ValueError) as error:
            found.append(Proof(where, mark, str(error), False))
        else:
            found.append(Proof(where, mark, "", False))
    return found


def admit(config: Config, environ: Mapping[str, str]) -> None:
    """Let a start go on only with credentials that work, or once worked. Raises StoreNotProven."""
    if not buckets(config):
        return
    proven = _proven(config)
    for proof in _asked(environ):
        mark = f"{proof.where} {proof.fingerprint}"
        if not proof.trouble:
            log.info("the store %s takes the %s", redact(proof.where), proof.told)
            proven = [mark, *(known for known in proven if known != mark)]
        elif proof.refused and mark not in proven:
            last = next((known.rpartition(" ")[2] for known in proven if known.startswith(f"{proof.where} ")), "")
            before = f" The one that worked here last has the fingerprint {last}." if last else ""
            raise StoreNotProven(
                f"the store {redact(proof.where)} refuses the {proof.told}, which never worked here: nothing was"
                f" started with it.{before} `holdfast check` in the same environment says when it is right."
            )
        else:
            log.warning("the store %s: %s (%s)", redact(proof.where), proof.trouble, proof.told)
    _remember(config, proven[:PROVEN_KEPT])


def _asked(environ: Mapping[str, str]) -> list[Proof]:
    """Prove in a process of its own: the supervisor stays small, and a dead network cannot hold it."""
    command = [sys.executable, "-m", "holdfast.cli.main", "_prove-stores"]
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROVE_SECONDS_MAX,
            check=False,
        )
        return [Proof(**proof) for proof in json.loads(done.stdout)]
    except subprocess.TimeoutExpired:
        log.warning("the store did not answer within %.0f s: its credential is not proven", PROVE_SECONDS_MAX)
    except (ValueError, TypeError):
        log.warning("the store's credential could not be proven: %s", redact(done.stderr.strip()[-300:]))
    return []


def _proven(config: Config) -> list[str]:
    try:
        found = json.loads(config.proven_stores_file.read_text())
        return [str(mark) for mark in found]
    except (OSError, ValueError, TypeError):
        return []


def _remember(config: Config, proven: list[str]) -> None:
    try:
        replace_file(config.proven_stores_file, json.dumps(proven) + "\n")
    except OSError as error:  # a full disk must not keep a start: the next one proves again
        log.warning("cannot write %s: %s", config.proven_stores_file, error)


@click.command("_prove-stores")
def prove_stores() -> None:
    """Print what each bucket says to the credential of this environment, as JSON."""
    config = config_or_exit(os.environ)
    click.echo(json.dumps([asdict(proof) for proof in proofs(config, os.environ)]))


commands: list[click.Command] = [prove_stores]
