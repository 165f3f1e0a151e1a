"""Finds the upstream nobody configured: the index pip itself would install from, with pip's certificate bundle.

This is the one place that asks pip, and no index's host name is written in our code. The answer is found once, at the
first start, and kept in the data folder: a later change of pip's configuration must not silently move an instance to
another source of packages.
"""

import ipaddress
import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from holdfast.config import Config
from holdfast.redact import redact
from holdfast.settings.values import parse_upstream_url

ASK_SECONDS_MAX = 30.0  # pip only reads files and variables, but its first import after an install can be slow

# pip has no command that prints its effective index with credentials and built-in default, so its own option parser is
# asked, as `pip install` would: environment, every configuration file, sections and default are then pip's business.
_QUESTION = """
import json
from pip._internal.commands import create_command
options, _ = create_command("install").parser.parse_args([])
print(json.dumps({
    "url": "" if options.no_index else options.index_url or "",
    "no_index": bool(options.no_index),
    "ca_bundle": options.cert or "",
    "extra": len(options.extra_index_urls or []),
}))
"""


class UpstreamError(Exception):
    """No usable upstream. The message says what to set."""


@dataclass(frozen=True, slots=True)
class Found:
    """What pip is configured to use, or what was recorded at first start."""

    url: str  # may carry credentials: never print it as it is
    ca_bundle: str
    extra_count: int = 0  # further indexes pip reads; Holdfast does not


def resolve(config: Config, environ: Mapping[str, str]) -> Config:
    """`config` with every upstream's URL filled: from the record of the first start, else from pip, then recorded.

    Raises UpstreamError when pip's answer is unusable, or when an upstream is this instance itself.
    """
    if any(not upstream.url for upstream in config.upstreams):
        found = recorded(config)
        if found is None:
            found = ask_pip(environ)
            resolved = fill(config, found)
            refuse_self(resolved)
            record(config, found)
        config = fill(config, found)
    refuse_self(config)
    return config


def ask_pip(environ: Mapping[str, str], python: str = sys.executable) -> Found:
    """What `pip install` of that interpreter would use. Raises UpstreamError."""
    answer = _ask(environ, python)
    if answer["no_index"]:
        raise UpstreamError(_advice("pip is configured to use no index (no-index)"))
    try:
        url = parse_upstream_url(answer["url"])
    except ValueError as error:
        shown = redact(str(answer["url"]))
        raise UpstreamError(_advice(f"pip is configured to use {shown}, and an upstream must be {error}")) from None
    if not url:
        raise UpstreamError(_advice("pip is configured with an empty index URL"))
    return Found(url, str(answer["ca_bundle"]), int(str(answer["extra"])))


def _ask(environ: Mapping[str, str], python: str) -> dict[str, object]:
    # -P keeps a file called pip.py in the working folder from being taken for pip.
    try:
        done = subprocess.run(
            [python, "-P", "-c", _QUESTION],
            env=dict(environ),
            capture_output=True,
            text=True,
            timeout=ASK_SECONDS_MAX,
            check=False,
        )
        if done.returncode == 0:
            answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
            return answer
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError) as error:
        reason = str(error)
    raise UpstreamError(_advice(f"pip could not say which index it is configured to use: {redact(reason)}"))


def fill(config: Config, found: Found) -> Config:
    """`config` with `found` in the place of the URL that was left open."""
    upstreams = tuple(
        upstream if upstream.url else replace(upstream, url=found.url, ca_bundle=upstream.ca_bundle or found.ca_bundle)
        for upstream in config.upstreams
    )
    return replace(config, upstreams=upstreams)


def recorded(config: Config) -> Found | None:
    """What the first start wrote down. Raises UpstreamError when that file is damaged."""
    try:
        document = json.loads(config.upstream_file.read_text(encoding="utf-8"))
        return Found(document["url"], document["ca_bundle"], document.get("extra_count", 0))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"{config.upstream_file}, which records the upstream, cannot be read ({error})"
        raise UpstreamError(_advice(problem + "; delete it to ask pip again")) from error


def record(config: Config, found: Found) -> None:
    """Write `found` down for later starts, readable by the owner only: it may hold credentials."""
    note = "Found in pip's configuration at the first start. HOLDFAST_UPSTREAM goes before this file."
    text = json.dumps({"note": note, **asdict(found)}, indent=2) + "\n"
    replace_file(config.upstream_file, text)


def replace_file(path: Path, text: str) -> None:
    """Put `text` in the place of `path`, whole or not at all, mode 0600."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def refuse_self(config: Config) -> None:
    """Raise UpstreamError when an upstream is this very instance: every miss would ask itself for ever."""
    for upstream in config.upstreams:
        if upstream.url and is_self(config, upstream.url):
            problem = f"the upstream {upstream.name!r} ({redact(upstream.url)}) is this instance itself"
            raise UpstreamError(_advice(problem))


def is_self(config: Config, url: str) -> bool:
    """True when `url` is reached at this instance's listen address or public URL."""
    host, port = host_and_port(url)
    if config.public_url and (host, port) == host_and_port(config.public_url):
        # Beside us under the same host there may be other services: only our own path prefix is us.
        prefix = urlsplit(config.public_url).path.rstrip("/") + "/"
        if urlsplit(url).path.startswith(prefix):
            return True
    return port == config.listen_port and _reaches(config.listen_host, host)


def _reaches(listen_host: str, host: str) -> bool:
    """True when a connection to `host` on this machine ends at a socket bound to `listen_host`. Asks no resolver."""
    listens = ipaddress.ip_address(listen_host)
    try:
        target = ipaddress.ip_address(host)
    except ValueError:
        own_names = {"localhost", "ip6-localhost", "localhost.localdomain"}
        is_own_name = host in own_names or host.endswith(".localhost")
        return (is_own_name and (listens.is_loopback or listens.is_unspecified)) or (
            listens.is_unspecified and host == socket.gethostname().lower()
        )
    if target.is_unspecified:  # connecting to 0.0.0.0 means connecting to this machine
        return listens.is_loopback or listens.is_unspecified
    if listens.is_unspecified:
        return target.is_loopback or _is_local(target)
    return target == listens


def _is_local(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """True when the machine has that address: only then can a socket be bound to it."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def host_and_port(url: str) -> tuple[str, int]:
    """The lower-case host and the effective port of an http(s) URL."""
    parts = urlsplit(url)
    return (parts.hostname or "").lower().rstrip("."), parts.port or (443 if parts.scheme == "https" else 80)


def _advice(problem: str) -> str:
    return f"{problem}. Set HOLDFAST_UPSTREAM to the URL of a Simple API (https://index.example/simple/), or to none."
