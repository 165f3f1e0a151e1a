"""What `holdfast policy` shows: the rules in force as plain facts for programs, and as lines for people."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.cli.pull_status import pull_status
from holdfast.config import Config, IndexConfig
from holdfast.core.advisories import Advisories
from holdfast.core.errors import Absent, Corrupt, Unavailable
from holdfast.core.rules import denied
from holdfast.store.port import Store
from holdfast.tree.advisories import read_advisories
from holdfast.tree.overrides import Overrides, newest, recent

EVERY_INDEX = "*"
DAY_SECONDS = 86_400


def facts_in_force(config: Config, store: Store, index: str, now: datetime) -> dict[str, Any]:
    """Settings, decisions and advisories, of one index or ("") of all. Raises Unavailable, Corrupt."""
    overrides = newest(store)
    shown = [one for one in config.indexes if index in ("", one.name)]
    here = {EVERY_INDEX, *(one.name for one in shown)}
    return {
        "serial": overrides.serial,
        "indexes": [_index_facts(config, one) for one in shown],
        "denials": [
            {"what": one.what, "index": one.index, "reason": one.reason, "by": one.by, "at": _iso(one.at)}
            for one in overrides.denials
            if one.index in here
        ],
        "passes": [
            {
                "project": one.project,
                "version": one.version,
                "index": one.index,
                "until": _iso(one.until),
                "seconds_left": int((one.until - now).total_seconds()),
                "reason": one.reason,
                "by": one.by,
                "at": _iso(one.at),
            }
            for one in overrides.passes
            if one.index in here and now < one.until
        ],
        "advisories": _advisory_facts(config, store, overrides, now),
    }


def obstacle(config: Config, store: Store, index: str, name: str, version: str) -> str:
    """Why a pass would change nothing for that version, or "". Raises Unavailable, Corrupt when nobody can say."""
    overrides = newest(store)
    settings = config.index(index)
    assert settings is not None, index
    made = [(one.what, one.reason) for one in overrides.denials if one.index in (EVERY_INDEX, index)]
    for what, reason in (*settings.deny, *made):
        try:
            rule = denied(what, reason)
        except ValueError:
            continue
        if rule.names(name) and rule.holds(version):
            way = f"`holdfast policy undeny '{what}'`" if (what, reason) in made else "a change of the settings"
            return f"{name} {version} is denied (rule `{what}`: {reason}); {way} would lift that"
    table = table_in_force(store, overrides)
    found = table.find(name, version) if table is not None and settings.advisories != "off" else None
    if found is None or (found.kind != "malware" and settings.advisories != "all"):
        return ""
    what = "known malware" if found.kind == "malware" else "held back for a known vulnerability"
    return f"{name} {version} is {what} ({found.id}: {found.summary}); choose another version"


def table_in_force(store: Store, overrides: Overrides) -> Advisories | None:
    """The advisory table, None without one. Raises Unavailable, Corrupt."""
    if not overrides.advisories:
        return None
    try:
        return read_advisories(store, overrides.advisories)
    except Absent:
        raise Unavailable(
            f"the advisory table {overrides.advisories[:12]} is not in the store; import it again"
        ) from None


def changes(store: Store, last: int) -> list[dict[str, Any]]:
    """The newest changes, newest first. Raises Unavailable, Corrupt."""
    found = recent(store, last)
    return [{"serial": one.serial, "at": _iso(one.at), "by": one.by, "what": one.what} for one in found]


def _index_facts(config: Config, index: IndexConfig) -> dict[str, Any]:
    upstreams = [one for one in config.upstreams if one.name in index.layers]
    return {
        "name": index.name,
        "upstreams": [
            {
                "name": one.name,
                "cooldown_seconds": max(index.cooldown_seconds, one.cooldown_seconds),
                "undated": one.undated,
            }
            for one in upstreams
        ],
        "cooldown_for": [{"pattern": pattern, "seconds": seconds} for pattern, seconds in index.cooldown_for],
        "allow": list(index.allow),
        "deny": [{"what": what, "reason": reason} for what, reason in index.deny],
        "require": list(index.require),
        "licenses_denied": list(index.licenses_denied),
        "file_bytes_max": index.file_bytes_max,
        "advisories": index.advisories,
    }


def _advisory_facts(config: Config, store: Store, overrides: Overrides, now: datetime) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "dump": config.advisories,
        "dump_trouble": _dump_trouble(config),
        "table": overrides.advisories,
        "taken_in": _iso(overrides.advisories_at),
        "trouble": "",
    }
    try:
        table = table_in_force(store, overrides)
    except (Unavailable, Corrupt) as error:
        return {**facts, "trouble": error.reason}
    if table is None:
        return facts
    age = int((now - table.modified).total_seconds()) if table.modified is not None else None
    return {
        **facts,
        "malware": table.malware,
        "vulnerabilities": table.vulnerabilities,
        "projects": len(table.entries),
        "modified": _iso(table.modified),
        "age_seconds": age,
    }


def _dump_trouble(config: Config) -> str:
    """Why this machine's pull process did not take the newest dump in, as far as it runs and says."""
    try:
        told = (pull_status(config.pull_socket) or {}).get("advisories") if config.advisories else None
    except Unavailable as error:
        return error.reason
    return str(told.get("trouble", "")) if isinstance(told, dict) else ""


def lines_in_force(facts: dict[str, Any]) -> Iterator[str]:
    """The same for people."""
    for index in facts["indexes"]:
        yield f"index {index['name']}"
        yield from (f"  {line}" for line in _index_lines(index))
    yield "decided by operators"
    decided = [*map(_denial_line, facts["denials"]), *map(_pass_line, facts["passes"])]
    yield from (f"  {line}" for line in decided or ["nothing"])
    yield "advisories"
    yield from (f"  {line}" for line in _advisory_lines(facts["advisories"]))


def _index_lines(index: dict[str, Any]) -> Iterator[str]:
    if not index["upstreams"]:
        yield "no upstream lies under it: no rule holds anything back"
        return
    for one in index["upstreams"]:
        seconds = one["cooldown_seconds"]
        age = f"files younger than {age_text(seconds)} wait" if seconds else "files of any age"
        yield f"from upstream {one['name']}: {age}; undated files: {one['undated']}"
    for one in index["cooldown_for"]:
        yield f"for {one['pattern']}: " + (f"{age_text(one['seconds'])} instead" if one["seconds"] else "no wait")
    if index["allow"]:
        yield f"lets in only: {', '.join(index['allow'])}"
    for one in index["deny"]:
        yield f"denied by its settings: {one['what']}" + (f": {one['reason']}" if one["reason"] else "")
    for what in index["require"]:
        yield f"requires: {what}"
    if index["licenses_denied"]:
        yield f"licences denied: {', '.join(index['licenses_denied'])}"
    if index["file_bytes_max"]:
        yield f"files up to {index['file_bytes_max']} bytes"
    told = {"off": "are not looked at", "malware": "hold known malware back"}
    yield f"advisories {told.get(index['advisories'], 'hold known malware and vulnerable versions back')}"


def _denial_line(one: dict[str, Any]) -> str:
    return f"{one['what']} is denied in {_place(one['index'])}: {one['reason']} (by {one['by']}, {_day(one['at'])})"


def _pass_line(one: dict[str, Any]) -> str:
    what = f"{one['project']}=={one['version']} passes the cooldown in {_place(one['index'])}"
    until = f"until {_minute(one['until'])}, {age_text(one['seconds_left'])} left"
    return f"{what} {until}: {one['reason']} (by {one['by']}, {_day(one['at'])})"


def _advisory_lines(facts: dict[str, Any]) -> Iterator[str]:
    if facts["trouble"]:
        yield f"cannot be read: {facts['trouble']}"
    elif not facts["table"]:
        yield "none: set `advisories` to an OSV dump, or `holdfast policy advisories import PATH`"
    else:
        counts = f"{facts['malware']} malware and {facts['vulnerabilities']} vulnerabilities"
        yield f"{counts} of {facts['projects']} projects, table {facts['table'][:12]}"
        if facts["modified"]:
            age = age_text(max(0, facts["age_seconds"]))
            yield f"newest record of {_minute(facts['modified'])} ({age} old), taken in {_minute(facts['taken_in'])}"
    if facts["dump"]:
        yield f"followed: {facts['dump']}"
    if facts["dump_trouble"]:
        yield f"but: {facts['dump_trouble']}"


def age_text(seconds: int) -> str:
    """A duration in its largest fitting unit and a half: `3 d 4 h`, `20 min`."""
    days, rest = divmod(seconds, DAY_SECONDS)
    hours, rest = divmod(rest, 3600)
    if days:
        return f"{days} d" + (f" {hours} h" if hours else "")
    if hours:
        return f"{hours} h" + (f" {rest // 60} min" if rest >= 60 else "")
    return f"{rest // 60} min" if rest >= 60 else str(timedelta(seconds=rest).seconds) + " s"


def _place(index: str) -> str:
    return "every index" if index == EVERY_INDEX else f"index {index}"


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment is not None else None


def _day(text: str) -> str:
    return text[:10]


def _minute(text: str | None) -> str:
    return f"{text[:16].replace('T', ' ')} UTC" if text else "an unknown time"
