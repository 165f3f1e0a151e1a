"""The `[upstream.NAME]` and `[index.NAME]` tables, with the environment variables that stand for the usual single one.

HOLDFAST_UPSTREAM is the sole upstream's URL, or `none`, the operator's last word: that switches off the file's, too.
"""

import difflib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.config import DEFAULT_INDEX, DEFAULT_UPSTREAM, IndexConfig, UpstreamConfig
from holdfast.core.names import is_index_name
from holdfast.settings.layer_table import INDEX, UPSTREAM
from holdfast.settings.problems import Complaints, Given, variable_of
from holdfast.settings.table import Setting
from holdfast.settings.values import absolute, parse_path

Tables = dict[str, dict[str, Given]]  # by table name, by key

NAME_RULE = "must be lower-case letters, digits and inner hyphens, and none of the names routes use"


def load_layers(
    document: Mapping[str, Any],
    file: Path | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, object],
    folder: Path,
    complaints: Complaints,
) -> tuple[tuple[UpstreamConfig, ...], tuple[IndexConfig, ...]]:
    """Upstreams and indexes from the file's `document`, variables and overrides laid over it."""
    tables = tables_of("upstream", document, file, complaints) or {DEFAULT_UPSTREAM: {}}
    given = _variables_of("upstream", UPSTREAM, environ, folder)
    if (url := _upstream_url(environ, overrides, folder)) is not None:
        given["url"] = url
    switched_off = _is_none(given["url"] if "url" in given else tables.get(DEFAULT_UPSTREAM, {}).get("url"))
    if switched_off:
        given.pop("url", None)
        for table in tables.values():
            table.pop("url", None)
    _lay_over(tables, "upstream", given, next(iter(tables)) if len(tables) == 1 else "", complaints)
    upstreams = tuple(
        UpstreamConfig(**({"url": ""} | fields_of("upstream", name, table, UPSTREAM, complaints)))
        for name, table in tables.items()
    )
    if not switched_off:
        _check_urls(upstreams, complaints)

    index_tables: Tables = {DEFAULT_INDEX: {}} | tables_of("index", document, file, complaints)
    _lay_over(index_tables, "index", _variables_of("index", INDEX, environ, folder), DEFAULT_INDEX, complaints)
    names = [upstream.name for upstream in upstreams]
    index_tables[DEFAULT_INDEX].setdefault("layers", Given(names, "index.main.layers", folder))
    indexes = tuple(
        IndexConfig(**fields_of("index", name, table, INDEX, complaints)) for name, table in index_tables.items()
    )
    _check_indexes(indexes, names, complaints)
    if switched_off:
        hosted = {index.name for index in indexes}
        return (), tuple(replace(i, layers=tuple(layer for layer in i.layers if layer in hosted)) for i in indexes)
    return upstreams, indexes


def variables() -> set[str]:
    """Every environment variable this module reads."""
    pairs = (("upstream", UPSTREAM), ("index", INDEX))
    return {"HOLDFAST_UPSTREAM"} | {variable_of(f"{kind}_{s.key}") for kind, settings in pairs for s in settings}


def tables_of(kind: str, document: Mapping[str, Any], file: Path | None, complaints: Complaints) -> Tables:
    """The file's `[kind.NAME]` tables; `upstream = "URL"` is short for the default one's url."""
    found = document.get(kind, {})
    base = file.parent if file else Path.cwd()
    if kind == "upstream" and isinstance(found, str):
        return {DEFAULT_UPSTREAM: {"url": Given(found, "upstream", base)}}
    if not isinstance(found, dict) or not all(isinstance(table, dict) for table in found.values()):
        complaints.add(kind, found, f"must be tables with a name each, [{kind}.NAME]", f"[{kind}.corporate]")
        return {}
    return {
        name: {key: Given(raw, f"{kind}.{name}.{key}", base) for key, raw in table.items()}
        for name, table in found.items()
    }


def _variables_of(
    kind: str, settings: tuple[Setting, ...], environ: Mapping[str, str], folder: Path
) -> dict[str, Given]:
    found = {setting.key: variable_of(f"{kind}_{setting.key}") for setting in settings}
    return {key: Given(environ[name], name, folder) for key, name in found.items() if name in environ}


def _upstream_url(environ: Mapping[str, str], overrides: Mapping[str, object], folder: Path) -> Given | None:
    if overrides.get("upstream") is not None:
        return Given(overrides["upstream"], "--upstream", folder)
    if "HOLDFAST_UPSTREAM" in environ:
        return Given(environ["HOLDFAST_UPSTREAM"], "HOLDFAST_UPSTREAM", folder)
    return None


def _is_none(url: Given | None) -> bool:
    return url is not None and str(url.raw).strip().lower() == "none"


def _lay_over(tables: Tables, kind: str, given: dict[str, Given], target: str, complaints: Complaints) -> None:
    """Variables go before the one table they mean; with several tables they mean none."""
    if given and not target:
        where = next(iter(given.values())).where
        rule = f"which of {', '.join(tables)} is meant? Set it in the configuration file instead"
        complaints.add(where, "", rule, f"[{kind}.{next(iter(tables))}]")
    elif given:
        tables[target].update(given)


def fields_of(
    kind: str, name: str, table: dict[str, Given], settings: tuple[Setting, ...], complaints: Complaints
) -> dict[str, Any]:
    """The constructor arguments one table gives."""
    if not is_index_name(name):
        complaints.add(f"{kind}.{name}", "", NAME_RULE, f"[{kind}.corporate]")
    known = {setting.key: setting for setting in settings}
    fields: dict[str, Any] = {"name": name}
    for key, given in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, list(known), n=1)
            complaints.unknown(f"{kind}.{name}.{key}", [f"{kind}.{name}.{near[0]}"] if near else [])
        elif (value := complaints.parse(known[key], given)) is not None:
            field = known[key].config_fields[0]
            fields[field] = absolute(value, given.base) if known[key].parse is parse_path else value
    return fields


def _check_urls(upstreams: tuple[UpstreamConfig, ...], complaints: Complaints) -> None:
    unnamed = [f"upstream.{upstream.name}.url" for upstream in upstreams if not upstream.url]
    if len(unnamed) > 1:
        rule = "only one upstream can be left to pip's configuration; give each a url"
        complaints.add(", ".join(unnamed), "", rule, f"url = {UPSTREAM[0].example}")


def _check_indexes(indexes: tuple[IndexConfig, ...], upstreams: list[str], complaints: Complaints) -> None:
    hosted = {index.name: index for index in indexes}
    for index in indexes:
        if index.name in upstreams:
            complaints.add(f"index.{index.name}", "", "shares its name with an upstream", "[upstream.corporate]")
        for layer in index.layers:
            under = hosted.get(layer)
            if layer not in upstreams and (under is None or under is index):
                others = ", ".join([*upstreams, *(name for name in hosted if name != index.name)])
                rule = f"must be the name of an upstream or another index, one of {others}"
                complaints.add(f"index.{index.name}.layers", layer, rule, f'layers = ["{upstreams[0]}"]')
            elif under is not None and under.private and not index.private:
                rule = "is private: an index that anybody may read must not show what it holds"
                complaints.add(f"index.{index.name}.layers", layer, rule, f"[index.{index.name}] private = true")
        if index.upload_to and (index.upload_to not in hosted or hosted[index.upload_to].upload_to):
            rule = "must be the name of a hosted index that takes its uploads itself"
            complaints.add(f"index.{index.name}.upload_to", index.upload_to, rule, f'upload_to = "{DEFAULT_INDEX}"')
