"""Asks pip itself what an installation of some requirements would fetch: through a doorway, installing nothing."""

import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.core.names import normalize
from holdfast.readiness.doorway import Doorway
from holdfast.readiness.index import Trouble
from holdfast.readiness.target import Target

RESOLVE_SECONDS_MAX = 1800.0  # pip may have to build sdists to learn what they need
SAID_LINES_MAX = 6
_NO_PIP = re.compile(r"No module named '?pip'?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Resolved:
    """One file pip would install. `path` is below the index's root; "" when it is from elsewhere."""

    project: str
    version: str
    path: str
    url: str
    sha256: str


async def resolve(
    doorway: Doorway,
    requirements: Sequence[str],
    constraints: Sequence[str],
    target: Target,
    *,
    wheels_only: bool,
) -> list[Resolved]:
    """What `pip install` of these would fetch for the target. Raises Trouble with what pip said."""
    with tempfile.TemporaryDirectory(prefix="holdfast-warm-") as name:
        folder = Path(name)
        (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
        (folder / "constraints.txt").write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
        command = _command(doorway.simple_url, folder, target, wheels_only=wheels_only)
        code, said = await _run(command, _environment(folder))
        if code:
            raise Trouble(_what_pip_said(said, doorway.root))
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return [_resolved(entry, doorway) for entry in report["install"]]


def _command(simple_url: str, folder: Path, target: Target, *, wheels_only: bool) -> list[str]:
    """--isolated: what is asked is this index, whatever else pip is set up for on this machine."""
    command = [sys.executable, "-m", "pip", "--isolated", "--no-input", "--disable-pip-version-check", "--no-cache-dir"]
    command += ["--retries", "1", "install", "--dry-run", "--ignore-installed", "--quiet", "--progress-bar", "off"]
    command += ["--report", str(folder / "report.json"), "--index-url", simple_url]
    command += ["-r", str(folder / "requirements.txt"), "-c", str(folder / "constraints.txt")]
    if wheels_only or not target.is_this_machine:
        command += ["--only-binary", ":all:"]
    if target.python:
        command += ["--python-version", target.python]
    for platform_tag in target.all_platforms:
        command += ["--platform", platform_tag]
    return command


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of pip's own settings, for the environments it makes to build in too, and no proxy before loopback."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    return kept | {"PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "*", "no_proxy": "*", "TMPDIR": str(folder)}


async def _run(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(RESOLVE_SECONDS_MAX):
            said, _ = await process.communicate()
    except TimeoutError as error:
        raise Trouble(f"pip was not done after {RESOLVE_SECONDS_MAX:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, said.decode(errors="replace")


def _what_pip_said(said: str, root: str) -> str:
    """Its last errors, without the doorway's address, which holds a secret."""
    if _NO_PIP.search(said):
        return f"{sys.executable} has no pip to work out what requirements need; install it there, or warm a lock file"
    lines = [line.strip() for line in said.replace(root, "").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    return "; ".join(line.removeprefix("ERROR: ") for line in errors[-SAID_LINES_MAX:]) or "pip failed without a word"


def _resolved(entry: Any, doorway: Doorway) -> Resolved:
    url = str(entry["download_info"]["url"])
    hashes = entry["download_info"].get("archive_info", {}).get("hashes", {})
    return Resolved(
        normalize(str(entry["metadata"]["name"])),
        str(entry["metadata"]["version"]),
        doorway.path_of(url) or "",
        url,
        str(hashes.get("sha256", "")),
    )
