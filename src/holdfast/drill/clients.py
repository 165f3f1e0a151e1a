"""Real installers as subprocesses, isolated from the machine's own configuration, and a load of raw reads."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.drill.rig import fetch

PIP_INSTALL = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install", "--no-cache-dir"]
PIP_INSTALL += ["--quiet", "--no-input"]
UV_INSTALL = ["pip", "install", "--no-cache", "--quiet", "--python", sys.executable]


def client_environment(home: Path) -> dict[str, str]:
    """This machine's environment without what would change a client's mind; its home is `home`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "TWINE_", "HOLDFAST_", "PYTHON"))}
    return {**kept, "HOME": str(home), "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "NO_PROXY": "*"}


def pip_install(
    index: str, requirement: str, scratch: Path, *options: str, retries: int | None = None
) -> subprocess.CompletedProcess[str]:
    """`pip install` without any cache into a fresh folder below `scratch`; it asks again as it does unless told."""
    target = scratch / f"pip-{time.monotonic_ns()}"
    again = [] if retries is None else ["--retries", str(retries)]
    try:
        return subprocess.run(
            [*PIP_INSTALL, "--target", str(target), "--index-url", index, *again, *options, requirement],
            env=client_environment(scratch),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        shutil.rmtree(target, ignore_errors=True)


def uv_path() -> str | None:
    """The uv executable on this machine, if there is one."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def uv_install(
    index: str, requirement: str, scratch: Path, *options: str, retries: int | None = None
) -> subprocess.CompletedProcess[str]:
    """`uv pip install` without any cache into a fresh folder below `scratch`; it asks again as it does unless told."""
    uv = uv_path()
    assert uv is not None, "uv is not installed"
    target = scratch / f"uv-{time.monotonic_ns()}"
    try:
        return subprocess.run(
            [uv, *UV_INSTALL, "--target", str(target), "--index-url", index, *options, requirement],
            env=client_environment(scratch) | ({} if retries is None else {"UV_HTTP_RETRIES": str(retries)}),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        shutil.rmtree(target, ignore_errors=True)


@dataclass
class Load:
    """Reads of fixed paths and real installs, over and over, until stopped; every failure is kept with its time."""

    url: str
    paths: list[str]
    requirements: list[str]
    scratch: Path
    readers: int = 4
    pause_seconds: float = 0.01
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0

    def __enter__(self) -> "Load":
        self._stop = threading.Event()
        self._started = time.monotonic()
        self._threads = [threading.Thread(target=self._read, args=(n,), daemon=True) for n in range(self.readers)]
        self._threads += [threading.Thread(target=self._install, args=(r,), daemon=True) for r in self.requirements]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(130)

    def _fail(self, text: str) -> None:
        self.failures.append(f"{time.monotonic() - self._started:6.2f} s  {text}")

    def _read(self, number: int) -> None:
        turn = number
        while not self._stop.wait(self.pause_seconds):
            path = self.paths[turn % len(self.paths)]
            turn += 1
            answer = fetch(self.url + path, timeout=15)
            self.counts["reads"] += 1
            self.slowest_seconds = max(self.slowest_seconds, answer.seconds)
            if answer.status != 200:
                self._fail(f"GET {path}: {answer.status} {answer.headers.get('x-error', '')}{answer.body[:150]!r}")

    def _install(self, requirement: str) -> None:
        installers = [pip_install, uv_install] if uv_path() else [pip_install]
        turn = 0
        while not self._stop.is_set():
            install = installers[turn % len(installers)]
            turn += 1
            done = install(f"{self.url}/simple/", requirement, self.scratch)
            self.counts["installs"] += 1
            if done.returncode:
                self._fail(f"{install.__name__} {requirement}: {done.stderr[-300:]}")
