"""Loading settings: file, environment and command line to one frozen Config, or every problem at once.

An unknown or wrong setting stops the start: a typo that is silently ignored is found in an outage. Finding the
upstream that pip uses is not done here (upstream_default.py), so loading is pure but for reading the file.
"""

import difflib
import fnmatch
import ipaddress
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from holdfast.config import SQLITE_URL, Config
from holdfast.settings.layers import load_layers
from holdfast.settings.layers import variables as layer_variables
from holdfast.settings.problems import PREFIX, Complaints, Given, Problem, SettingsError, variable_of
from holdfast.settings.publishing import load_providers
from holdfast.settings.sign_in import load_sign_in
from holdfast.settings.table import DATA_HOME, SCALARS, Setting
from holdfast.settings.values import absolute, absolute_breached, absolute_each, absolute_log, absolute_store

__all__ = ["Problem", "SettingsError", "default_data", "discover", "load", "variable_of"]

FILE_NAME = "holdfast.toml"
# Variables of our prefix that are no settings. Kubernetes puts HOLDFAST_PORT... and HOLDFAST_SERVICE_... into every
# container beside a Service named holdfast; refusing those would make that name unusable.
_NOT_SETTINGS = (
    "CONFIG", "RESOLVED", "DRILL", "DRILL_*", "LIVE", "REQUIRE_ALL", "PORT", "PORT_*", "SERVICE_*",
    "TOKEN",  # of commands that are clients of an index
)  # fmt: skip
_TABLES = ("upstream", "index", "publishing", "sign_in")
_ABSOLUTE: dict[str, Callable[[Any, Path], Any]] = {
    "data": absolute,
    "tls_cert": absolute,
    "tls_key": absolute,
    "advisories": absolute,
    "attestations_trust_root": absolute,
    "store": absolute_store,
    "store_pair": absolute_store,
    "store_pair_notes": absolute,
    "access_log": absolute_log,
    "breached_passwords": absolute_breached,
    "secret_key_file": absolute,
    "secret_key_fallback_files": absolute_each,
}


def discover(environ: Mapping[str, str], overrides: Mapping[str, object], folder: Path) -> Path | None:
    """The configuration file: HOLDFAST_CONFIG, else holdfast.toml in `folder`, else in the data folder, else none."""
    if named := environ.get(PREFIX + "CONFIG"):
        return Path(absolute(named, folder))
    data = overrides.get("data") or environ.get(PREFIX + "DATA") or default_data(environ)
    found = (folder / FILE_NAME, Path(absolute(str(data), folder)) / FILE_NAME)
    return next((file for file in found if file.is_file()), None)


def default_data(environ: Mapping[str, str]) -> str:
    """The data folder when nothing names one: `holdfast` in the XDG data folder."""
    home = environ.get("XDG_DATA_HOME", "")
    return f"{home if home.startswith('/') else DATA_HOME}/holdfast"  # XDG: a relative value is to be ignored


def load(
    environ: Mapping[str, str],
    config_file: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    folder: Path | None = None,
) -> Config:
    """Read every setting: `overrides` (by key) go before the environment, that before the file, that before defaults.

    Relative paths start at the file's folder when written in the file, else at `folder` (the working folder).
    Raises SettingsError.
    """
    overrides, folder, complaints = overrides or {}, folder or Path.cwd(), Complaints()
    document = _read(config_file, complaints) if config_file else {}
    _refuse_unknown(document, environ, complaints)
    values: dict[str, Any] = {}
    for setting in SCALARS:
        given = _find(setting, document, config_file, environ, overrides, folder)
        parsed = complaints.parse(setting, given) if given else None
        if given and parsed is not None:
            values |= _as_fields(setting, parsed, given.base)
    upstreams, indexes = load_layers(document, config_file, environ, overrides, folder, complaints)
    providers = load_providers(document, config_file, values.pop("providers", ()), complaints)
    sign_in = load_sign_in(document, config_file, str(values.get("sign_up", "")), complaints)
    tables: dict[str, Any] = {"upstreams": upstreams, "indexes": indexes, "providers": providers, "sign_in": sign_in}
    config = Config(**{"data": Path("/")} | values | tables)
    _check_together(config, complaints)
    if complaints.problems:
        raise SettingsError(complaints.problems)
    return config


def _read(file: Path, complaints: Complaints) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        complaints.add(variable_of("config"), str(file), f"cannot be read: {error.strerror}", FILE_NAME)
    except UnicodeDecodeError:
        complaints.add(variable_of("config"), str(file), "cannot be read: it is not UTF-8 text", FILE_NAME)
    except tomllib.TOMLDecodeError as error:
        complaints.add(str(file), "", f"is not valid TOML: {error}", 'listen = "127.0.0.1:8000"')
    return {}


def _refuse_unknown(document: Mapping[str, Any], environ: Mapping[str, str], complaints: Complaints) -> None:
    keys = [*(setting.key for setting in SCALARS), *_TABLES]
    for key in document:
        if key not in keys:
            complaints.unknown(key, difflib.get_close_matches(key, keys, n=1))
    known = sorted({variable_of(setting.key) for setting in SCALARS} | layer_variables())
    for name in environ:
        ignored = name in known or any(fnmatch.fnmatchcase(name, PREFIX + pattern) for pattern in _NOT_SETTINGS)
        if name.startswith(PREFIX) and not ignored:
            complaints.unknown(name, difflib.get_close_matches(name, known, n=1, cutoff=0.7))


def _find(
    setting: Setting,
    document: Mapping[str, Any],
    file: Path | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, object],
    folder: Path,
) -> Given | None:
    """The value that wins for one setting."""
    variable = variable_of(setting.key)
    if overrides.get(setting.key) is not None:
        return Given(overrides[setting.key], f"--{setting.key.replace('_', '-')}", folder)
    if variable in environ and (environ[variable] or setting.key != "data"):
        return Given(environ[variable], variable, folder)
    if setting.key in document and file:
        return Given(document[setting.key], f"{setting.key} in {file.name}", file.parent)
    return Given(default_data(environ), variable, folder) if setting.key == "data" else None


def _as_fields(setting: Setting, parsed: Any, base: Path) -> dict[str, Any]:
    """The Config fields a parsed setting fills, paths made absolute."""
    if len(setting.fields) > 1:
        return dict(zip(setting.fields, parsed, strict=True))
    value = _ABSOLUTE[setting.key](parsed, base) if setting.key in _ABSOLUTE else parsed
    return {setting.config_fields[0]: Path(value) if setting.key == "data" else value}


def _check_together(config: Config, complaints: Complaints) -> None:
    """Rules between settings."""
    examples = {setting.key: setting.example.strip('"') for setting in SCALARS}
    if not config.public_url and not ipaddress.ip_address(config.listen_host).is_loopback:
        rule = "is required when HOLDFAST_LISTEN is not a loopback address: links for clients are made of it"
        complaints.add(variable_of("public_url"), "", rule, f"{variable_of('public_url')}={examples['public_url']}")
    for given, missing in (("tls_cert", "tls_key"), ("tls_key", "tls_cert")):
        if getattr(config, given) and not getattr(config, missing):
            rule = f"is required together with {variable_of(given)}"
            complaints.add(variable_of(missing), "", rule, f"{variable_of(missing)}={examples[missing]}")
    if config.spool_bytes_max < config.upload_bytes_max:
        rule = f"must hold at least one upload of {variable_of('upload_bytes_max')}, {config.upload_bytes_max} bytes"
        complaints.add(variable_of("spool_bytes_max"), config.spool_bytes_max, rule, 'spool_bytes_max = "50 GiB"')
    if config.store_pair and config.database_url and not config.database_url.startswith(SQLITE_URL):
        rule = "needs SQLite: what a pair is behind with is noted on the one machine that writes"
        complaints.add(variable_of("store_pair"), config.store_pair, rule, 'store_pair = ""')
    elif config.store_pair and bool(config.database_url) != bool(config.store_pair_notes):
        rule = (
            "is set where a release starts beside another one that has a `store_pair`, together with `database_url`"
            " = sqlite:///...: both must note in one place which of the two stores is behind with what"
        )
        example = f"{variable_of('store_pair_notes')}={examples['store_pair_notes']}"
        complaints.add(variable_of("store_pair_notes"), config.store_pair_notes, rule, example)
    if config.store_pair and config.store_pair == (config.store or str(config.store_folder)):
        rule = "must be another place than the store itself"
        complaints.add(variable_of("store_pair"), config.store_pair, rule, examples["store_pair"])
