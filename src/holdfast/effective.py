"""The Config this process runs with: the supervisor's snapshot inside `serve`, else the operator's settings.

Every role of one start reads the same snapshot. A typo made in the configuration file while the server runs then
cannot keep a crashed front from coming back, and no two roles ever disagree.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from holdfast import upstream_default
from holdfast.config import Config
from holdfast.datafolder import lock_holder
from holdfast.settings import loading
from holdfast.upstream_default import replace_file

SNAPSHOT_VARIABLE = "HOLDFAST_RESOLVED"


def effective_config(environ: Mapping[str, str], folder: Path | None = None) -> Config:
    """The snapshot that `environ` names, or that of the instance running on the data folder, else the settings.

    A command typed while the server runs means that server, also when some setting was only in its environment.
    Raises SettingsError, UpstreamError.
    """
    if snapshot := environ.get(SNAPSHOT_VARIABLE):
        return with_instance(read_snapshot(Path(snapshot)))
    config = configured(environ, folder)
    if running := running_snapshot(config):
        return with_instance(running)
    found = upstream_default.recorded(config)
    return with_instance(upstream_default.fill(config, found) if found else config)


def configured(environ: Mapping[str, str], folder: Path | None = None) -> Config:
    """The operator's settings alone. Raises SettingsError."""
    folder = folder or Path.cwd()
    return loading.load(environ, loading.discover(environ, {}, folder), folder=folder)


def with_instance(config: Config) -> Config:
    """`config` with the instance id of the data folder's marker, once there is one."""
    try:
        document = json.loads(config.marker.read_text(encoding="utf-8"))
        return replace(config, instance=str(document["instance"]))
    except (OSError, ValueError, KeyError, TypeError):
        return config  # not initialised, or damaged: whoever needs the id says so in its own words


def running_snapshot(config: Config) -> Config | None:
    """How the instance now running on this data folder was started, or None when none runs."""
    try:
        if not lock_holder(config):
            return None
        return read_snapshot(config.resolved_file)
    except (OSError, msgspec.MsgspecError):
        return None


def write_snapshot(config: Config) -> Path:
    """Keep `config` for the roles (0600: URLs in it may hold passwords)."""
    replace_file(config.resolved_file, msgspec.json.encode(config, enc_hook=_encode).decode())
    return config.resolved_file


def read_snapshot(path: Path) -> Config:
    """The Config in a snapshot. Raises OSError, msgspec.MsgspecError."""
    return msgspec.json.decode(path.read_bytes(), type=Config, dec_hook=_decode)


def _encode(value: Any) -> str:
    assert isinstance(value, Path), value
    return str(value)


def _decode(kind: type, value: Any) -> Any:
    assert kind is Path, kind
    return Path(value)
