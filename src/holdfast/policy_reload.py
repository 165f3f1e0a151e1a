"""Taking new policy settings into an instance that runs: read as it was started, judged whole, then put in force.

Only what decides which files of upstreams may come in, which names never come from below, and when reports hide a
project is taken; every other difference is named, and waits for a start. The settings are read as the supervisor would
read them now: its environment, its folder, its configuration file. The snapshot that all roles were started from is
replaced in one step; fronts and pull look for it each second, control when it is asked something that depends on it.
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import msgspec
import structlog

from holdfast.config import Config, IndexConfig, UpstreamConfig
from holdfast.core.errors import Unavailable
from holdfast.datafolder import lock_holder
from holdfast.effective import SNAPSHOT_VARIABLE, read_snapshot, write_snapshot
from holdfast.settings import loading

log = structlog.get_logger()

INDEX_POLICY = (
    "cooldown_seconds", "cooldown_for", "allow", "deny", "require", "licenses_denied", "file_bytes_max", "advisories",
    "reserved", "auto_quarantine",
)  # fmt: skip
UPSTREAM_POLICY = ("cooldown_seconds", "undated")
# Found out or filled in by a start, so that a difference means nothing; and what this very reading was told.
_FILLED = frozenset({"data", "listen_host", "listen_port", "public_url", "instance", "upstreams", "indexes", "url"})
_VALUE_CHARS_MAX = 60

Table = IndexConfig | UpstreamConfig


class NotServed(Exception):  # noqa: N818 - a state of things
    """No supervisor runs on the data folder: each role has settings of its own start."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came into force, as sentences `where: before -> after`; and the settings that wait for a start."""

    config: Config
    changed: tuple[str, ...]
    waiting: tuple[str, ...]


def reload_policy(config: Config, *, apply: bool = True) -> Reloaded:
    """Read the settings anew and put their policy in force; without `apply` only say what would happen.

    Raises SettingsError for settings that are wrong anywhere, NotServed, Unavailable.
    """
    environ, folder = _of_supervisor(config)
    file = loading.discover(environ, {"data": str(config.data)}, folder)
    wanted = loading.load(environ, file, {"data": str(config.data)}, folder)
    try:
        running = read_snapshot(config.resolved_file)
    except (OSError, msgspec.MsgspecError) as error:
        raise Unavailable(f"how the instance was started cannot be read: {error}") from error
    found = compared(running, wanted)
    if apply and found.changed:
        write_snapshot(found.config)
    return found


def compared(running: Config, wanted: Config) -> Reloaded:
    """`running` with the policy of `wanted`, table by table; a table that only one of them has waits for a start."""
    changed: list[str] = []
    waiting = [one.name for one in fields(Config) if _differs(running, wanted, one.name)]
    indexes, upstreams = {one.name: one for one in wanted.indexes}, {one.name: one for one in wanted.upstreams}
    merged = replace(
        running,
        indexes=tuple(_with(one, indexes.get(one.name), "index", INDEX_POLICY, changed) for one in running.indexes),
        upstreams=tuple(
            _with(one, upstreams.get(one.name), "upstream", UPSTREAM_POLICY, changed) for one in running.upstreams
        ),
    )
    waiting += _waiting(merged.indexes, wanted.indexes, "index") + _waiting(
        merged.upstreams, wanted.upstreams, "upstream"
    )
    return Reloaded(merged, tuple(changed), tuple(waiting))


class SnapshotFollower:
    """Notices when the snapshot was replaced. What cannot be read leaves in force what was known."""

    def __init__(self, config: Config) -> None:
        self._file = config.resolved_file
        self._seen = self._state()

    def look(self) -> Config | None:
        """The snapshot when it is another one than at the last look. Raises Unavailable while it cannot be read."""
        state = self._state()
        if state == self._seen or state is None:
            return None
        try:
            found = read_snapshot(self._file)
        except (OSError, msgspec.MsgspecError) as error:
            raise Unavailable(f"the settings in force cannot be read: {error}") from error
        self._seen = state
        return found

    def _state(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._file)
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns


class PolicyInForce:
    """The settings of the start with their policy as it was reloaded last. Safe to call in many threads."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._follower = SnapshotFollower(config)
        self._looking = threading.Lock()

    def __call__(self) -> Config:
        """Look whether the snapshot was replaced, a `stat` as a rule. What cannot be read leaves in force what was."""
        with self._looking:
            try:
                found = self._follower.look()
            except Unavailable as error:
                log.warning("%s; those before stay in force", error.reason)
                found = None
            if found is not None:  # what else is in there was found out by this start, the instance id among it
                self._config = replace(self._config, indexes=found.indexes, upstreams=found.upstreams)
            return self._config


def _of_supervisor(config: Config) -> tuple[Mapping[str, str], Path]:
    """The environment and the folder that the running `serve` was started with. Raises NotServed, Unavailable."""
    holder = lock_holder(config)
    process = Path("/proc") / holder
    if not holder.isdigit():
        raise NotServed(f"no `holdfast serve` runs on {config.data}: a start reads the settings itself")
    try:
        pairs = [item.partition(b"=") for item in (process / "environ").read_bytes().split(b"\0") if b"=" in item]
        folder = Path(os.readlink(process / "cwd"))
    except OSError as error:
        raise Unavailable(f"the environment of `holdfast serve` ({holder}) cannot be read: {error}") from error
    environ = {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}
    environ.pop(SNAPSHOT_VARIABLE, None)
    return environ, folder


def _with(one: Any, wanted: Table | None, kind: str, names: tuple[str, ...], changed: list[str]) -> Any:
    if wanted is None:
        return one
    new = {name: getattr(wanted, name) for name in names if getattr(wanted, name) != getattr(one, name)}
    for name, value in new.items():
        changed.append(f"{kind}.{one.name}.{name}: {_shown(getattr(one, name))} -> {_shown(value)}")
    return replace(one, **new)


def _waiting(merged: tuple[Any, ...], wanted: tuple[Any, ...], kind: str) -> list[str]:
    ours, theirs = {one.name: one for one in merged}, {one.name: one for one in wanted}
    told = [f"{kind}.{name}" for name in sorted(set(ours) ^ set(theirs))]
    for name in sorted(set(ours) & set(theirs)):
        told += [
            f"{kind}.{name}.{one.name}" for one in fields(ours[name]) if _differs(ours[name], theirs[name], one.name)
        ]
    return told


def _differs(ours: Any, theirs: Any, name: str) -> bool:
    return name not in _FILLED and getattr(ours, name) != getattr(theirs, name)


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= _VALUE_CHARS_MAX else text[: _VALUE_CHARS_MAX - 1] + "…"
