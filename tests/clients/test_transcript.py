"""README's transcript, run as it is written: a fresh copy of the tree, `make serve`, and a second terminal.

The one thing not done again is installing Holdfast's own dependencies: the copy's environment borrows this one's.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.drill.corpus import Upstream, wheel
from holdfast.drill.rig import fetch, free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
NOT_COPIED = (".git", ".venv", ".tools", "var", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache")
SECONDS_MAX = 300.0  # what README's reader may need for all of it, set-up included
VERSION = "9999.0"  # newer than anything a find-links folder of this machine may hold
_OF_THE_MACHINE = ("PIP_", "UV_", "HOLDFAST_", "PYTHON", "VIRTUAL_ENV", "XDG_", "MAKE", "MFLAGS", "COV_")


@dataclass(frozen=True)
class Line:
    """One command, and what its output must hold."""

    command: str
    expected: tuple[str, ...]


def transcript(heading: str) -> list[Line]:
    """The lines of the first shell block below that heading of README.md."""
    section = (ROOT / "README.md").read_text().split(f"## {heading}\n", 1)[1]
    block = re.search(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert block is not None, f"README.md has no shell block below {heading!r}"
    lines: list[Line] = []
    for text in filter(None, block[1].splitlines()):
        if text.startswith("#> "):
            lines[-1] = Line(lines[-1].command, (*lines[-1].expected, text.removeprefix("#> ")))
        else:
            lines.append(Line(text, ()))
    return lines


class Terminal:
    """A shell that is given one line after the other, as a person gives them."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )

    def run(self, command: str) -> str:
        """Its output; a failure of the command is the test's."""
        assert self._shell.stdin is not None and self._shell.stdout is not None
        self._shell.stdin.write(f"{command}\necho end-of-line $?\n")
        said: list[str] = []
        for line in self._shell.stdout:
            if line.startswith("end-of-line "):
                assert "end-of-line 0\n" == line, f"{command}\n{''.join(said)}"
                return "".join(said)
            said.append(line)
        raise AssertionError(f"the shell ended in: {command}\n{''.join(said)}")

    def close(self) -> None:
        self._shell.kill()
        self._shell.wait()
        for pipe in (self._shell.stdin, self._shell.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    made = [wheel("flask", VERSION, ["werkzeug>=9000"], filler_bytes=300_000), wheel("werkzeug", VERSION)]
    with Upstream(made) as running:
        yield running


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A fresh copy of this project with an environment that is up to date."""
    copy = tmp_path / "holdfast"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_COPIED), symlinks=True)
    environment = copy / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    packages = next(environment.glob("lib/python3.*/site-packages"))
    borrowed = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (packages / "borrowed.pth").write_text("\n".join([str(copy / "src"), *borrowed]) + "\n")
    program = environment / "bin" / "holdfast"
    program.write_text(f"#!{environment}/bin/python\nfrom holdfast.cli.main import main\n\nmain()\n")
    program.chmod(0o755)
    for profile in ("runtime", "dev"):  # as tools/venv stamps it
        wanted = (copy / f"requirements/{profile}.lock").read_bytes() + (copy / "pyproject.toml").read_bytes()
        (environment / f".holdfast-{profile}").write_text(hashlib.sha256(wanted).hexdigest() + "\n")
    return copy


@pytest.fixture
def environment(tmp_path: Path, upstream: Upstream) -> dict[str, str]:
    """A person's, with nothing of this machine's settings for pip: what it adds comes from an empty folder."""
    home, empty, programs = tmp_path / "home", tmp_path / "empty", tmp_path / "programs"
    for folder in (home, empty, programs):
        folder.mkdir()
    (programs / "python3").symlink_to(sys._base_executable)  # type: ignore[attr-defined]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OF_THE_MACHINE)}
    return kept | {
        "HOME": str(home),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOLDFAST_UPSTREAM": f"{upstream.url}/simple/",
        "HOLDFAST_LISTEN": f"127.0.0.1:{free_port()}",
        "PIP_FIND_LINKS": str(empty),
        "PIP_EXTRA_INDEX_URL": empty.as_uri(),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "NO_PROXY": "*",
    }


@pytest.fixture
def serving(tree: Path, environment: dict[str, str], tmp_path: Path) -> Iterator[Path]:
    """README's first command, left running."""
    log = tmp_path / "serve.log"
    with log.open("wb") as out:
        serve = subprocess.Popen(
            ["make", "serve"], cwd=tree, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    url = f"http://{environment['HOLDFAST_LISTEN']}"
    try:
        wait_until(lambda: fetch(f"{url}/readyz", timeout=1).status == 200, 60, f"ready: {log.read_text()}")
        yield tree
    finally:
        os.killpg(serve.pid, signal.SIGTERM)
        try:
            serve.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(serve.pid, signal.SIGKILL)
            serve.wait()


def test_the_transcript_in_readme_comes_true(
    serving: Path, upstream: Upstream, environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    """Warmed, switched off, installed from nothing but what is kept, switched on, reported."""
    began = time.monotonic()
    terminal = Terminal(serving, environment)
    request.addfinalizer(terminal.close)
    asked = 0
    said = ""
    for line in transcript("Offline on purpose"):
        before = sum(upstream.requests.values())
        said = terminal.run(line.command)
        asked = sum(upstream.requests.values()) - before

        for expected in line.expected:
            assert expected in said, f"{line.command}\n{said}"
        if line.command.startswith("pip install"):
            assert 0 == asked
            assert f"flask-{VERSION}" in said and f"werkzeug-{VERSION}" in said
    assert time.monotonic() - began < SECONDS_MAX


def test_the_first_command_in_readme_is_the_one_that_serves() -> None:
    text = (ROOT / "README.md").read_text()

    assert text.index("make serve") < text.index("## Offline on purpose")
    assert text.index("```sh\nmake serve") < text.index("\nmake test")
