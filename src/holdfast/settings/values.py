"""How the text of a setting becomes a value, one function per kind. Each raises ValueError with the rule it broke.

The rule is written so that it reads on after "must be": `HOLDFAST_SPOOL_BYTES_MAX ... must be a size such as 10 GiB`.
"""

import ipaddress
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from holdfast.config import SQLITE_URL, AutoQuarantine, is_loopback_host

Parser = Callable[[object], object]

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?b?)", re.IGNORECASE)
_SIZE_UNITS = {"": 1, "b": 1} | {
    f"{letter}{suffix}": base**power
    for power, letter in enumerate("kmgt", start=1)
    for suffix, base in (("", 1024), ("ib", 1024), ("i", 1024), ("b", 1000))
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?", re.IGNORECASE)
_DURATION_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "": 1}
MINUTE_SECONDS, DAY_SECONDS = 60, 86_400
_DURATION_SECONDS_MAX = 100 * 365 * 86_400  # far more, added to a date, is beyond the calendar
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
LOG_LEVELS = ("debug", "info", "warning", "error")


def parse_text(raw: object) -> str:
    """Any string."""
    if not isinstance(raw, str):
        raise ValueError("text")
    return raw.strip()


def parse_boolean(raw: object) -> bool:
    """A TOML boolean, or the usual words in an environment variable."""
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError("true or false")


def parse_count(least: int, most: int) -> Parser:
    """A whole number from `least` to `most`."""

    def parse(raw: object) -> int:
        text = str(raw).strip()
        if isinstance(raw, bool | float) or not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return parse


def parse_size(raw: object) -> int:
    """Bytes: a whole number, or a number with a unit (`10 GiB`, `500 MB`)."""
    match = None if isinstance(raw, bool) else _SIZE.fullmatch(str(raw).strip())
    unit = _SIZE_UNITS.get(match[2].lower()) if match else None
    size = float(match[1]) * unit if match and unit else 0.0
    if not 0.5 < size < math.inf:
        raise ValueError("a size above zero, in bytes or with a unit such as 10 GiB or 500 MB")
    return round(size)


def parse_seconds(raw: object) -> float:
    """Seconds: a number, or one with a unit (`30s`, `5m`)."""
    match = None if isinstance(raw, bool) else _DURATION.fullmatch(str(raw).strip())
    seconds = float(match[1]) * _DURATION_UNITS[(match[2] or "").lower()] if match else 0.0
    if not 0 < seconds <= _DURATION_SECONDS_MAX:
        raise ValueError("a duration above zero, up to 100 years, in seconds or with a unit such as 30s, 5m or 1h")
    return seconds


def parse_whole_seconds(raw: object) -> int:
    """Seconds, rounded up to whole ones."""
    return math.ceil(parse_seconds(raw))


def parse_age(raw: object) -> int:
    """Whole seconds of an age; 0 is one."""
    text = str(raw).strip().lower()
    return 0 if re.fullmatch(r"0+(ms|s|m|h|d)?", text) and not isinstance(raw, bool) else parse_whole_seconds(raw)


def parse_rhythm(raw: object) -> int:
    """Seconds from a minute to a day, or 0: never."""
    try:
        found = parse_age(raw)
    except ValueError:
        found = -1
    if found and not MINUTE_SECONDS <= found <= DAY_SECONDS:
        raise ValueError("a time from 1m to 1d, or 0")
    return found


def parse_ages(raw: object) -> tuple[tuple[str, int], ...]:
    """`PATTERN=AGE` each."""
    found = []
    for item in parse_list(raw):
        pattern, equals, age = item.partition("=")
        try:
            found.append((pattern.strip(), parse_age(age)))
        except ValueError:
            equals = ""
        if not equals or not pattern.strip():
            raise ValueError("a list of PATTERN=AGE")
    return tuple(found)


def parse_limit(raw: object) -> int:
    """Bytes; 0 means no limit."""
    return 0 if str(raw).strip() == "0" else parse_size(raw)


def parse_choice(*choices: str) -> Parser:
    """One of these words."""

    def parse(raw: object) -> str:
        word = str(raw).strip().lower()
        if word not in choices:
            raise ValueError("one of " + ", ".join(choices))
        return word

    return parse


def parse_choices(*choices: str) -> Parser:
    """Any of these words."""

    def parse(raw: object) -> tuple[str, ...]:
        words = tuple(word.lower() for word in parse_list(raw))
        if not set(words) <= set(choices):
            raise ValueError("a list of " + ", ".join(choices))
        return words

    return parse


def parse_denials(raw: object) -> tuple[tuple[str, str], ...]:
    """`NAME[VERSIONS][: REASON]` each; the name may hold `*`, then without versions."""
    found = []
    for item in parse_list(raw):
        what, _, reason = item.partition(":")
        what = what.strip()
        try:
            valid = re.fullmatch(r"[A-Za-z0-9._*-]+", what) is not None or not _marks(what)
        except InvalidRequirement:
            valid = False
        if not valid:
            raise ValueError("a list of NAME or requirement, each with a reason behind a colon")
        found.append((what, reason.strip()))
    return tuple(found)


def _marks(text: str) -> bool:
    """True when the requirement has more than versions. Raises InvalidRequirement."""
    found = Requirement(text)
    return bool(found.marker or found.url or found.extras)


def parse_list(raw: object) -> tuple[str, ...]:
    """A TOML array of strings, or comma-separated text in an environment variable."""
    items = raw if isinstance(raw, list | tuple) else str(raw).split(",")
    if not all(isinstance(item, str) for item in items):
        raise ValueError("a list of texts")
    return tuple(item.strip() for item in items if item.strip())


def parse_networks(raw: object) -> tuple[str, ...]:
    """IP addresses or networks in their canonical spelling."""
    try:
        return tuple(_network(item) for item in parse_list(raw))
    except ValueError:
        raise ValueError("IP addresses or networks") from None


def _network(text: str) -> str:
    return str(ipaddress.ip_network(text, strict=False)) if "/" in text else str(ipaddress.ip_address(text))


def parse_listen(raw: object) -> tuple[str, int]:
    """`ADDRESS:PORT`, `[v6]:PORT` or a port alone, which means loopback. A host name would need a resolver at boot."""
    rule = "an IP address and a port (0 picks a free one)"
    host, _, port = str(raw).strip().rpartition(":")
    host = {"": "127.0.0.1", "localhost": "127.0.0.1"}.get(host, host)
    try:
        address = ipaddress.ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    except ValueError:
        raise ValueError(rule) from None
    if (address.version == 6) != host.startswith("[") or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(rule)
    return str(address), int(port)


def parse_url(raw: object) -> str:
    """An absolute http(s) URL without query or fragment, no trailing slash; "" stays "": not set."""
    text = str(raw).strip()
    if not text:
        return ""
    rule = "an absolute http:// or https:// URL without query or fragment"
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        raise ValueError(rule) from None
    if not valid or parts.query or parts.fragment or any(c.isspace() for c in text):
        raise ValueError(rule)
    return text.rstrip("/")


def parse_public_url(raw: object) -> str:
    """A URL fit for every client's eyes: no credentials."""
    url = parse_url(raw)
    if "@" in urlsplit(url).netloc:
        raise ValueError("a URL without user name and password: it is printed on every page")
    return url


def parse_upstream_url(raw: object) -> str:
    """A Simple API base; it ends in one slash. Credentials in it are kept."""
    url = parse_url(raw)
    return f"{url}/" if url else ""


def parse_upstream_urls(raw: object) -> tuple[str, ...]:
    """Simple API bases, each ending in one slash."""
    return tuple(parse_upstream_url(item) for item in parse_list(raw))


def parse_issuer(raw: object) -> str:
    """An OpenID Connect issuer as it calls itself, last slash included or not; plain http on this machine alone."""
    text = str(raw).strip()
    url = parse_public_url(text)
    if not url.startswith("https://") and not is_loopback_host(urlsplit(url).hostname or ""):
        raise ValueError("an https:// URL")
    return text


def parse_claims(raw: object) -> tuple[tuple[str, str], ...]:
    """`NAME=VALUE` or `NAME` each."""
    found = []
    for item in parse_list(raw):
        name, _, value = item.partition("=")
        if not re.fullmatch(r"[A-Za-z0-9_.:/-]{1,200}", name.strip()):
            raise ValueError("a list of NAME=VALUE or NAME, where NAME is a claim")
        found.append((name.strip(), value.strip()))
    if len({name for name, _ in found}) != len(found):
        raise ValueError("a list that names each claim once")
    return tuple(found)


_RULE_OF_QUARANTINE = 'rules such as "reports=2 observers=1 age=365d releases=50 bytes=1GiB", "default" or "off"'
_BOUNDS: dict[str, tuple[str, Parser]] = {
    "reports": ("reports", parse_count(1, 1000)),
    "observers": ("observers", parse_count(1, 1000)),
    "age": ("age_seconds", parse_age),
    "releases": ("releases_max", parse_count(1, 1_000_000)),
    "bytes": ("bytes_max", parse_size),
}


def parse_auto_quarantine(raw: object) -> tuple[AutoQuarantine, ...] | None:
    """Rules of auto-quarantine; None for the profile's own, () for none."""
    words = [text.lower() for text in parse_list(raw)]
    if words in ([], ["default"]):
        return None
    return () if words == ["off"] else tuple(_rule_of_quarantine(text) for text in words)


def _rule_of_quarantine(text: str) -> AutoQuarantine:
    found: dict[str, Any] = {}
    try:
        for item in text.split():
            key, _, value = item.partition("=")
            field, parse = _BOUNDS[key]
            if field in found:
                raise ValueError
            found[field] = parse(value)
    except (KeyError, ValueError):
        raise ValueError(_RULE_OF_QUARANTINE) from None
    rule = AutoQuarantine(**found)
    if rule.observers > rule.reports:
        raise ValueError("rules whose observers are some of the reports: observers=1 reports=2")
    return rule


def parse_proxy(raw: object) -> str:
    """A proxy's URL, `none`, or "" for what the environment says."""
    return "none" if str(raw).strip().lower() == "none" else parse_url(raw)


def parse_database_url(raw: object) -> str:
    """`postgresql://...`, `sqlite:///path` of another instance on this machine, or "": SQLite in the data folder."""
    text = str(raw).strip()
    if text and not text.startswith(("postgresql://", "postgres://", f"{SQLITE_URL}/")):
        raise ValueError("a postgresql:// URL, sqlite:// and an absolute path, or empty for SQLite in the data folder")
    return text


def parse_log_level(raw: object) -> str:
    """One of LOG_LEVELS, in any case."""
    level = str(raw).strip().lower()
    if level not in LOG_LEVELS:
        raise ValueError("one of " + ", ".join(LOG_LEVELS))
    return level


def parse_path(raw: object) -> str:
    """A path as written; where it starts from depends on who wrote it (see `absolute`)."""
    if not isinstance(raw, str) or "\0" in raw:
        raise ValueError("a path")
    return raw.strip()


def parse_store(raw: object) -> str:
    """A folder, or a bucket's URL (`s3://bucket/prefix`, gs, az); "" for the data folder's own."""
    text = parse_path(raw)
    if "://" in text and not re.fullmatch(r"(s3|gs|az)://[^/\s]+(/\S*)?", text):
        raise ValueError("a folder or a bucket's URL (s3, gs, az)")
    return text


_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


def parse_sender(raw: object) -> str:
    """One mail address, without a display name."""
    text = str(raw).strip()
    if text and _ADDRESS.fullmatch(text) is None:
        raise ValueError("a mail address such as packages@example.org")
    return text


def parse_mail_servers(raw: object) -> tuple[str, ...]:
    """URLs of mail servers (control/mail/smtp.py); a password never stands in one."""
    servers = parse_list(raw)
    for url in servers:
        try:
            parts = urlsplit(url)
            query = dict(item.partition("=")[::2] for item in parts.query.split("&") if item)
            valid = parts.scheme in ("smtp", "smtps", "smtp+plain") and parts.hostname and parts.path in ("", "/")
            valid = valid and parts.password is None and (parts.port is None or parts.port > 0)
        except ValueError:
            valid = False
        if not valid or not set(query) <= {"password_env", "password_file"}:
            raise ValueError(
                "a list of smtp://, smtps:// or smtp+plain:// URLs, the password by ?password_env= or ?password_file="
            )
    return servers


def parse_breached(raw: object) -> str:
    """A path, or the URL of a k-anonymity range service."""
    text = str(raw).strip()
    return parse_url(text) if "://" in text else parse_path(text)


def absolute(path: str, base: Path) -> str:
    """`path` as an absolute one: from `base` when relative, `~` being the home folder; "" stays ""."""
    return str((base / Path(path).expanduser()).absolute()) if path else ""


def absolute_each(paths: tuple[str, ...], base: Path) -> tuple[str, ...]:
    """Several paths as absolute ones."""
    return tuple(absolute(path, base) for path in paths)


def absolute_breached(where: str, base: Path) -> str:
    """Like `absolute`, except for a URL."""
    return where if "://" in where else absolute(where, base)


def absolute_store(store: str, base: Path) -> str:
    """Like `absolute`, except for stores that are URLs."""
    return store if "://" in store else absolute(store, base)


def absolute_log(path: str, base: Path) -> str:
    """Like `absolute`, except for the words `-` and `off`."""
    return path if path in ("-", "off") else absolute(path, base)
