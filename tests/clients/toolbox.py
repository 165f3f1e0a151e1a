"""The real tools of the clients lane, each in an environment of its own under .tools/, from its hashed lock.

Made once: the stamp inside each environment is its lock's hash. As a program it makes all of them. uv does the
installing (seconds); where it cannot reach the index that pip is set up for, pip does (minutes).
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
LOCKS = ROOT / "requirements" / "clients"
ENGINE_LOCK = ROOT / "requirements" / "fuzz" / "atheris.lock"  # of the fuzz lane; not among NAMES, which it is not for
NAMES = ("uv", "pip-machine", "pip-newest", "twine", "flit", "hatch", "poetry", "pdm", "bandersnatch")
PYTHON_MIN = {"bandersnatch": (3, 12)}  # bandersnatch 8 says so
INSTALL_SECONDS_MAX = 600


class ToolMissing(Exception):  # noqa: N818 - a fact about this machine, told as a skip
    """A tool cannot be set up here; the message says which and why."""


def tool(name: str) -> Path:
    """The folder of that tool's programs, set up if it is not yet. Raises ToolMissing."""
    home = TOOLS / name
    stamp = home / ".lock-sha256"
    wanted = _wanted(name)
    with _alone(name):
        if not (stamp.exists() and stamp.read_text() == wanted):
            _make(name, home)
            stamp.write_text(wanted)
    return home / "bin"


@contextmanager
def _alone(name: str) -> Iterator[None]:
    # Two workers of the tests may want a tool at the same moment: one makes it, the other finds it made.
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / f".{name}.making").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _wanted(name: str) -> str:
    # "pip-machine" is whatever pip this Python brings along: nothing to lock, nothing to download.
    lock = _lock(name)
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.exists() else sys.version


def _lock(name: str) -> Path:
    return ENGINE_LOCK if name == "atheris" else LOCKS / f"{name}.lock"


def _make(name: str, home: Path) -> None:
    python = _python_for(name)
    shutil.rmtree(home, ignore_errors=True)
    if name == "pip-machine":
        _run(name, [python, "-m", "venv", str(home)])
        return
    _run(name, [python, "-m", "venv", "--without-pip", str(home)])
    inside = str(home / "bin" / "python")
    lock = str(_lock(name))
    by_pip = [sys.executable, "-m", "pip", "--python", inside, "install", "-qq", "--no-input"]
    by_pip += ["--require-hashes", "--no-deps", "-r", lock]
    if name == "uv":
        _run(name, by_pip)
        return
    try:
        _run(name, [str(tool("uv") / "uv"), "pip", "install", "-q", "--require-hashes", "--python", inside, "-r", lock])
    except ToolMissing:
        _run(name, by_pip)


def _run(name: str, command: list[str]) -> None:
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX)
    if done.returncode:
        raise ToolMissing(f"{name} cannot be set up ({' '.join(command[:4])} ...): {done.stderr.strip()[-500:]}")


def _python_for(name: str) -> str:
    wanted = PYTHON_MIN.get(name)
    if wanted is None or sys.version_info >= wanted:
        return sys.executable
    for candidate in _other_pythons():
        check = f"import sys, venv, ensurepip; sys.exit(sys.version_info < {wanted})"
        if subprocess.run([candidate, "-c", check], capture_output=True).returncode == 0:
            return str(candidate)
    raise ToolMissing(f"{name} needs Python {'.'.join(map(str, wanted))}, which this machine does not have")


def _other_pythons() -> list[Path]:
    # A version manager's interpreters lie beside its shims, which may refuse to run from here.
    names = ("python3.14", "python3.13", "python3.12", "python3")
    on_path = [Path(found) for found in map(shutil.which, names) if found]
    managed = [p for shim in on_path for p in sorted(shim.parent.parent.glob("versions/3.*/bin/python3"), reverse=True)]
    return [*on_path, *managed]


def main(names: Sequence[str]) -> int:
    """Set up these tools, saying how long each took; a tool that cannot be had is named and does not stop the rest."""
    missing = 0
    for name in names:
        started = time.monotonic()
        try:
            tool(name)
            print(f"{name}: ready in {time.monotonic() - started:.1f} s", flush=True)
        except ToolMissing as problem:
            missing += 1
            print(f"MISSING: {problem}", flush=True)
    return 1 if missing and os.environ.get("HOLDFAST_REQUIRE_ALL") == "1" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or NAMES))
