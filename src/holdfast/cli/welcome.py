"""What `serve` tells a person once it is ready: where the data is, where packages come from, lines to paste."""

import shlex
import sys
from pathlib import Path
from urllib.parse import urlsplit

from holdfast.config import Config
from holdfast.redact import redact


def sentences(config: Config, first_token: str, *, show_token: bool, trouble: str = "") -> list[str]:
    """The lines of the welcome. `first_token` is "" except at the first start; `trouble`: why nothing is ready yet."""
    base = config.base_url
    lines = [*_standing(config, trouble), "", f"  data folder  {config.data}"]
    lines += [f"  upstream     {shown}" for shown in _upstreams(config)]
    lines += ["", *_token_lines(config, first_token, show_token=show_token), "", "Install with"]
    lines += [f"  {line}" for line in install_lines(base)]
    lines += ["", "Publish with (user name __token__, the token as password)"]
    lines += [f"  {line}" for line in publish_lines(base)]
    lines += ["", f"In a browser: {base}/    First account: {_command(config)} user create NAME --admin"]
    lines += [f"Settings for good: {_command(config)} use pip|uv|poetry|twine    Stop: Ctrl-C"]
    return lines


def install_lines(base: str) -> list[str]:
    """Ready-to-paste lines for the installers."""
    trusted = trusted_host(base)
    insecure = f" --trusted-host {trusted}" if trusted else ""
    return [
        f"pip install --index-url {base}/simple/{insecure} PACKAGE",
        f"uv pip install --default-index {base}/simple/ PACKAGE",
        f"poetry source add --priority=primary holdfast {base}/simple/",
    ]


def publish_lines(base: str) -> list[str]:
    """Ready-to-paste lines for the publishers."""
    return [
        f"twine upload --repository-url {base}/legacy/ --username __token__ dist/*",
        f"uv publish --publish-url {base}/legacy/ --token TOKEN",
        f"poetry config repositories.holdfast {base}/legacy/",
        "poetry publish --repository holdfast --username __token__",
    ]


def _standing(config: Config, trouble: str) -> list[str]:
    """What is true of the installs now: the front answers in either case."""
    base = config.base_url
    if not trouble:
        return [f"Holdfast is ready at {base}/"]
    return [
        f"Holdfast answers at {base}/ and is NOT READY: {redact(trouble)}",
        f"  -> `{_command(config)} check` says what to do. It goes on trying: {base}/readyz answers 200 once it is",
    ]


def _upstreams(config: Config) -> list[str]:
    if not config.upstreams:
        return ["none: only what is uploaded here can be installed"]
    kept = f" (found at first start, kept in {config.upstream_file}; HOLDFAST_UPSTREAM changes it)"
    recorded = config.upstream_file.exists()
    return [
        redact(upstream.url) + (kept if recorded and len(config.upstreams) == 1 else "")
        for upstream in config.upstreams
    ]


def _token_lines(config: Config, token: str, *, show_token: bool) -> list[str]:
    create = f"{_command(config)} token create NAME"
    if token and show_token:
        return ["First token, may upload to the default index, shown only now:", f"  {token}", f"More: {create}"]
    if token:
        return [f"First token, may upload to the default index: in {config.first_token_file}", f"More: {create}"]
    return [f"A token to upload with: {create}"]


def _command(config: Config) -> str:
    """How to call holdfast for this data folder, from anywhere."""
    beside = Path(sys.executable).with_name("holdfast")
    program = shlex.quote(str(beside)) if beside.exists() else f"{shlex.quote(sys.executable)} -m holdfast.cli.main"
    return f"{program} --data {shlex.quote(str(config.data))}"


def trusted_host(base: str) -> str:
    """HOST:PORT that pip must be told to trust, or "": only plain http to another machine is refused by pip by itself.

    For https it would switch the certificate check off, so it is never given there. uv and poetry need nothing.
    """
    parts = urlsplit(base)
    host = parts.hostname or ""
    is_loopback = host == "localhost" or host.startswith("127.") or host == "::1"
    return "" if parts.scheme == "https" or is_loopback else parts.netloc.rpartition("@")[2]
