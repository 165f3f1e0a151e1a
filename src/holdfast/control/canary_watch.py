"""The monitor `canary.publish`: every so often a small file is published, found, fetched and installed, as clients do.

A client of its own does that over HTTP (`holdfast canary probe`); here are its credential, its rhythm and its traces:
what was published is delisted at once, and its rows and objects are forgotten an hour later, so that nothing piles up
but the lines of audit trail and journal. Versions are made of the time, so no filename is ever used again.
"""

import hashlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from holdfast.clock import Clock
from holdfast.config import Config
from holdfast.control import monitors
from holdfast.control.accounts.actions import create_token
from holdfast.control.accounts.actor import Scopes, operator
from holdfast.control.accounts.models import Token
from holdfast.control.canary import NAME as ACCOUNT
from holdfast.control.database import close_connection
from holdfast.control.projects import intents
from holdfast.control.projects.actions import delete_project
from holdfast.control.projects.models import File, FilenameBinding, Release
from holdfast.control.publication.transaction import Publication, unpublished_transaction
from holdfast.control.tasks import Task
from holdfast.core.errors import Absent, Outcome, Unavailable
from holdfast.store.port import Store
from holdfast.tree import addresses

NAME = "canary.publish"
INDEX = "canary"  # a private one, as the gate's (docs/deploying.md)
TOKEN_NAME = "holdfast-monitor"  # noqa: S105 - what tokens are called
TOKEN_SECONDS = 86_400  # a day, so that few are made
TOKEN_SPARE_SECONDS = 3600  # a new one is made so long before the end of the one in use
KEPT_SECONDS = 3600  # rows of what was published: no publication of it can still be under way
HOLD_SECONDS = 8.0
PROBE_SECONDS_MAX = 150.0  # six requests of 20 s, and pip; then it is ended
LOOK_SECONDS = 2.0

Probe = Callable[[Mapping[str, Any]], list[dict[str, Any]]]
"""Publishes and installs as the order says (`token`, `project`, `version`, `index`); what was found, check by check."""


class CanaryWatch:
    """One machine's. The token lives in memory alone."""

    def __init__(self, config: Config, publisher: Publication, store: Store, clock: Clock, probe: Probe) -> None:
        self._config, self._publisher, self._store, self._clock, self._probe = config, publisher, store, clock, probe
        # Two machines over one database must not delist each other's.
        place = hashlib.sha256(f"{socket.gethostname()}\n{config.data}".encode()).hexdigest()[:8]
        self.project = f"holdfast-monitor-{place}"
        self._token, self._expires = "", clock.now()

    def run(self) -> None:
        """Look once, and keep what was found. Raises OSError when that cannot be kept."""
        began = time.monotonic()
        ok, text = self._look()
        monitors.note(self._config, NAME, ok, text, self._clock.now(), round(time.monotonic() - began, 3))

    def _look(self) -> tuple[bool | None, str]:
        try:
            if stopped := self._stopped():
                return None, stopped
            found = self._probe(self._order())
            wrong = next((one for one in found if one["ok"] is False), None)
        except Outcome as error:
            return False, error.reason
        try:
            self._clean_up()
        except Outcome as error:
            return False, f"what was published cannot be delisted: {error.reason}"
        if wrong is not None:
            return False, f"{wrong['check']}: {wrong['text']}"
        return True, "; ".join(str(one["text"]) for one in found)

    def _stopped(self) -> str:
        """What an operator switched off that this needs; "" when nothing."""
        index = self._config.index(INDEX)
        if index is None or not index.private:
            raise Unavailable(f"there is no private index {INDEX!r}, which `canary_every` needs (docs/deploying.md)")
        for capability in ("uploads", "deletions", "token-creation"):
            if refused := self._publisher.switches.refusal(capability, INDEX, self.project):
                return refused.reason
        return ""

    def _order(self) -> dict[str, Any]:
        now = self._clock.now()
        if not self._token or now + timedelta(seconds=TOKEN_SPARE_SECONDS) > self._expires:
            expires = now + timedelta(seconds=TOKEN_SECONDS)
            scopes = Scopes(read=(INDEX,), upload=(INDEX,), create_projects=True)
            who = (TOKEN_NAME, ACCOUNT, scopes, expires, operator(NAME))
            self._token, self._expires = create_token(self._publisher, *who, deadline=self._deadline()).text, expires
        version = f"{now:%Y.%m%d.%H%M%S%f}"
        return {"token": self._token, "project": self.project, "version": version, "index": INDEX}

    def _clean_up(self) -> None:
        with suppress(Absent):  # nothing was published
            delete_project(self._publisher, INDEX, self.project, operator(NAME), deadline=self._deadline())
        for key in forget_published(self._publisher, self.project, self._clock.now(), self._deadline()):
            self._store.delete(key)

    def _deadline(self) -> float:
        return self._clock.monotonic() + HOLD_SECONDS


def forget_published(publisher: Publication, project: str, now: datetime, deadline: float) -> list[str]:
    """Drop the rows of what was delisted an hour ago, and of tokens that are over; the keys of cards left to delete."""
    before = now - timedelta(seconds=KEPT_SECONDS)
    with unpublished_transaction(publisher, operator(NAME), deadline):
        over = File.objects.filter(project__index=INDEX, project__name=project, deleted__lt=before)
        rows = list(over.values_list("filename", "sha256", "metadata_sha256"))
        intents.leave_behind((digest for _, *digests in rows for digest in digests), now)  # the sweep deletes the bytes
        FilenameBinding.objects.filter(index=INDEX, project=project, filename__in=[row[0] for row in rows]).delete()
        over.delete()
        Release.objects.filter(project__index=INDEX, project__name=project, files=None, deleted__lt=before).delete()
        Token.objects.filter(user__username=ACCOUNT, name=TOKEN_NAME, expires__lt=before).delete()
    return [addresses.card(INDEX, sha256, filename) for filename, sha256, _ in rows]


def watch_beside(
    config: Config, publisher: Publication, store: Store, clock: Clock, stop: threading.Event
) -> threading.Thread | None:
    """Start the thread that looks every `canary_every`, until told to stop; None where it is off."""
    if not config.canary_seconds:
        monitors.forget(config, NAME)
        return None
    watch = CanaryWatch(config, publisher, store, clock, lambda order: run_probe(order, stop))
    task = Task(f"the monitor {NAME}", config.canary_seconds, watch.run)

    def work() -> None:
        while not stop.wait(LOOK_SECONDS):
            task.run_when_due(clock.monotonic())
        close_connection()

    thread = threading.Thread(target=work, name="canary", daemon=True)
    thread.start()
    return thread


def run_probe(order: Mapping[str, Any], stop: threading.Event) -> list[dict[str, Any]]:
    """Run the client in a process of its own: whatever hangs or grows there holds up nothing here.

    Raises Unavailable when it says nothing in time.
    """
    command = [sys.executable, "-m", "holdfast.cli.main", "canary", "probe"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        given: bytes | None = json.dumps(order).encode()
        deadline = time.monotonic() + PROBE_SECONDS_MAX
        while True:
            try:
                said, _ = client.communicate(given, timeout=LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                given = None  # it was handed over
                if stop.is_set() or time.monotonic() > deadline:
                    client.kill()
                    raise Unavailable(f"the canary's client was not done after {PROBE_SECONDS_MAX:g} s") from None
    try:
        found = json.loads(said)["checks"]
        return [{"check": str(one["check"]), "ok": one["ok"], "text": str(one["text"])} for one in found]
    except (ValueError, LookupError, TypeError) as error:
        raise Unavailable(f"the canary's client ended with {client.returncode} and said nothing") from error
